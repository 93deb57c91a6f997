"""Curves of a face that is to speak: read from its motion, changed by hand, put back, painted where they changed."""
