"""How real the pictures of a person learned from video are: `python -m benchmarks.pixels`."""
