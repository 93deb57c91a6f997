"""The other motion models, one folder each, behind `facial_gan.interface.MotionModel`."""
