"""Speech to the 52 ARKit face values."""
