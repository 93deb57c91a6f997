"""FACIAL-GAN, the default motion model, and the `MotionModel` interface and registry."""
