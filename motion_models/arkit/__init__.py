"""Speech to the 52 ARKit face values, at any frame rate."""

from motion_models.arkit.config import ArkitConfig
from motion_models.arkit.filters import curve_filter, curve_filters
from motion_models.arkit.model import ArkitRegressor

__all__ = ["ArkitConfig", "ArkitRegressor", "curve_filter", "curve_filters"]
