"""Deng et al. 2019's coefficient regressor: a face brought to 224 x 224 by five points, ResNet-50, 257 coefficients.

Weights and Basel Face Model are the user's own; nothing of theirs ships. Meaning and files of the coefficients are
`face_model.deng`'s.
"""

from preprocessing.deng.alignment import Crop, align, cut, standard_points
from preprocessing.deng.network import DengRegressor, load_regressor
from preprocessing.deng.video import DengFiles, DengMeasurement, regress_video

__all__ = [
    "Crop", "DengFiles", "DengMeasurement", "DengRegressor", "align", "cut", "load_regressor", "regress_video",
    "standard_points",
]
