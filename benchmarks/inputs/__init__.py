"""What people really bring: over 150 variants of photos, sounds and videos, and for each what is right."""
