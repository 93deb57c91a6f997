"""Readers of files that come from anywhere, given files that were broken on purpose."""
