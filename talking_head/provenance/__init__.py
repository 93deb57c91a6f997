"""What a film says of itself: claims, signed manifests, the visible label."""
