"""The other motion models, one folder each, behind `motion_models.interface.MotionModel`."""
