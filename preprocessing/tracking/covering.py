"""Whether something stands before a mouth: how it looks against the same mouth in other frames.

Colours are taken where landmarks are, so that turns of the head and speech hardly change them; light that changes is
read from the upper face. A microphone or a cup changes colours; a hand, of the colour of skin, takes the lips away
(`mouth_cover`). A beard or a scar is there in all frames, and so is no cover.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter

from face_model import mp478
from foundation.easing import smoothstep
from preprocessing.fitting import sample_colours
from preprocessing.mouth_cover import MouthSight

DARK_LEVELS = 16.0  # added before taking logarithms: differences in deep shadow count less
LEAST_CHANGE, SPREADS = 0.2, 4.0  # of a landmark's log colour: at least, and in robust deviations of its own
ALL_SHARE = 0.3  # of the lower face's landmarks whose colour changed: evidence of 1
LIPS_FAINT, LIPS_GONE = 0.7, 0.35  # of the usual contrast of the lips: no evidence above, evidence of 1 below
# Lips of nearly the skin's colour come and go with the light. They count where so much of the lower face changed too.
SOME_SHARE, ENOUGH_SHARE = 0.04, 0.1
FREE, COVERED = 0.8, 1.15  # evidence; of 3,369 frames of speech of 16 people none has more
# Heights of the mean face's landmarks: the nose ends at -20, eyes are at 22, brows at 48, the chin ends at -89.
LOWER_BELOW_MM, CHEEKS_MM, FOREHEAD_ABOVE_MM = -22.0, (-15.0, 8.0), 50.0
ASIDE_MM = 38.0  # from the middle; farther out a turn shows something else
LEAST_FRAMES = 10
BLIP_FRAMES, AROUND_S = 3, 0.08  # a cover lasts longer; it comes and goes over so much time on either side


@lru_cache(maxsize=1)
def _zones() -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of the lower face without what opens, and of the upper face without eyes and brows."""
    mean = mp478.load().mean_mm.numpy()
    height, middle = mean[:, 1], np.abs(mean[:, 0]) < ASIDE_MM
    lips = np.isin(np.arange(len(mean)), mp478.INNER_LIPS)
    cheeks = (height > CHEEKS_MM[0]) & (height < CHEEKS_MM[1])
    upper = middle & (cheeks | (height > FOREHEAD_ABOVE_MM))
    return np.flatnonzero(middle & (height < LOWER_BELOW_MM) & ~lips), np.flatnonzero(upper)


def face_colours(frame_rgb: np.ndarray, landmarks_px: np.ndarray) -> np.ndarray:
    """Colours `[478, 3]` uint8 at a face's landmarks `[478, 3]` in a frame `[H, W, 3]`."""
    points = landmarks_px[:, :2].astype(np.float32)
    size = np.array(frame_rgb.shape[1::-1])
    low = np.clip(np.floor(points.min(0)) - 8, 0, size - 1).astype(int)
    high = np.clip(np.ceil(points.max(0)) + 8, low + 1, size).astype(int)
    part = frame_rgb[low[1] : high[1], low[0] : high[0]]
    colours, _ = sample_colours([part], (points - low)[None], np.ones((1, len(points)), np.float32))
    return np.rint(255 * colours[0]).astype(np.uint8)


def mouth_covered(colours: np.ndarray, mouths: np.ndarray, valid: np.ndarray, fps: float) -> np.ndarray:
    """How surely a mouth is covered `[T]` float32, 0 (free) to 1; 0 in frames that are not valid.

    Args:
        colours: `[T, 478, 3]` uint8 at the landmarks of one person in one shot. mouths: `[T, 3]`, contrast, redness and
            tint of `see_mouth`. valid: `[T]` bool, frames with a face. In most of them the mouth has to be free, unless
            what covers it is of another colour than skin.
    """
    covered = np.zeros(len(valid), np.float32)
    if valid.sum() < LEAST_FRAMES:
        return covered
    lower, upper = _zones()
    logs = np.log(colours[valid].astype(np.float32) + DARK_LEVELS)
    change = logs - np.median(logs, axis=0)
    light = np.median(change[:, upper], axis=1)
    change = np.abs(change[:, lower] - light[:, None])
    spread = 1.4826 * np.median(change, axis=0)
    changed = (change > np.maximum(LEAST_CHANGE, SPREADS * spread)).any(-1).mean(-1)
    contrast = mouths[valid, 0]
    faint = contrast / max(float(np.median(contrast)), 1e-3)
    gone = np.clip((LIPS_FAINT - faint) / (LIPS_FAINT - LIPS_GONE), 0, 1)
    evidence = changed / ALL_SHARE + gone * np.clip((changed - SOME_SHARE) / (ENOUGH_SHARE - SOME_SHARE), 0, 1)
    surely = median_filter(np.clip((evidence - FREE) / (COVERED - FREE), 0, 1), BLIP_FRAMES, mode="nearest")
    told = np.array([MouthSight(*map(float, mouth)).covered for mouth in mouths[valid]])
    if told.mean() > 0.5:  # all through the shot: there is nothing to compare with
        surely = np.maximum(surely, told)
    full = np.zeros(len(valid), np.float32)
    full[valid] = smoothstep(surely)
    wide = maximum_filter1d(full, 2 * round(AROUND_S * fps) + 1, mode="nearest")
    covered[valid] = wide[valid]
    return covered
