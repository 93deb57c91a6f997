"""Measures that need a pretrained network: optional, built only when asked, from weight files that the user brings.

Nothing is downloaded. Every loader takes a local path and says in one line what is missing and where it comes from.
"""
