"""Published data sets: what their lists say, and their clips cut from the videos that a user has."""
