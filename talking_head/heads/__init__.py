"""Face models that a person can be enrolled in, and motion of one as motion of another."""
