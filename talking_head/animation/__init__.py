"""Curves for animators: into a file, or live to Unreal."""
