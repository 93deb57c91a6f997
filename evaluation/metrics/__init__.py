"""Metrics, one topic a file; `registry` names them all with their direction and the faults that they are meant to see.

A metric that cannot be measured on a clip (no silence, no blink, no sound) is NaN, never zero.
"""
