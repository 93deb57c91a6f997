"""3D morphable models, cameras, rotations, and the typed tracks that pass between stages."""
