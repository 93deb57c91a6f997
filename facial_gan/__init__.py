"""FACIAL-GAN, the default motion model."""
