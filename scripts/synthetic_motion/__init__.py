"""A synthetic corpus of motion: synthesised speech with known phone times, and the face motion that goes with it."""
