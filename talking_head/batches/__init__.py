"""Many films from a list of jobs."""
