"""Karras et al. 2017: speech and a learned emotion vector to a face, frame by frame. See README.md."""

from motion_models.karras2017.model import Karras2017

__all__ = ["Karras2017"]
