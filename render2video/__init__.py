"""From motion to frames: the mesh renderer, the eye-attention map, generators, discriminators and losses."""
