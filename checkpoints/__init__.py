"""What ships: general weights and built-in targets, found by `foundation.shipped`; the READMEs beside give origins."""
