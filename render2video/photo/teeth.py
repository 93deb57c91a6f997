"""Upper teeth as one picture that moves rigidly with the upper jaw and is uncovered by the lips, so it is never
stretched: painted ones, in the colour and at the height of the photo's own and with those over them where it shows any.
And how one jaw's teeth are painted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from render2video.photo.folds import fall
from render2video.photo.light import LUMA, blur_px, enamel_colour
from render2video.photo.warp import LIP_RING, PhotoGeometry, polygon_mask

SHOWN_GAP_SHARE = 0.12  # of the lips' width: a photo whose lips are this far open shows its teeth
REDNESS = 1.5  # how much red beyond green counts against a pixel's light, 0-255: lips and gums are no teeth
BRIGHT, BRIGHT_SHARE = 90.0, 0.8  # what teeth reach in good light, or of what enamel would have in the photo's own
MIN_COLUMNS_SHARE = 0.35  # of the open mouth's width, in which teeth hang from above
MOST_HOLE_SHARE = 0.15  # of the lips' width: a wider hole between bright columns is none in a row of teeth
MIN_TEETH_SHARE = 0.25  # of the open mouth, for bright parts to count as teeth
BITE_DARKER = 0.1  # of the brightest: the line between two rows of teeth
FRONT_MM = 9.0  # to either side of the middle: where the photo's own teeth tell how low they hang
OWN_LONGER_MM, EDGE_ROOM_MM = (-2.5, 2.0), 0.6  # than painted ones; below them nothing is a tooth of that jaw
OWN_QUANTILE = 0.6  # of the photo's teeth: brighter ones face the camera
OWN_LIGHT_MM, OWN_LIGHT, LIGHT_TRUST = 4.0, (0.6, 1.25), 2.0  # how far and how much they tell the light on painted ones
FINE_PX_MM = 5.0  # of pictures of painted teeth
USUAL_HEIGHT_MM = 6.0  # what `PhotoConfig.teeth_height_mm` is for teeth as described here
HALF_MM, GUM_SIDE_MM, BITE_SIDE_MM = 30.0, 14.0, 6.0  # what they show: to either side, above and below the lips' line
GUM = np.array([0.80, 0.44, 0.44], np.float32)  # of the enamel's colour
WARM = np.array([0.0, 0.02, 0.06], np.float32)  # what a tooth's neck lacks of the enamel's colour
NECK, EDGE, SEAM, TURNED, BULGE = 0.20, 0.06, 0.17, 0.03, 0.06  # how much darker than the front of a tooth
SEAM_MM, EDGE_MM, NECK_MM = 0.30, 0.7, 5.0
ARCH_AT_MM, ARCH_LIGHT = (3.0, 9.0, 15.0, 21.0, 27.0), (1.0, 0.98, 0.9, 0.74, 0.54)  # by the distance from the middle


@dataclass(frozen=True)
class Arch:
    """One jaw's teeth as seen from the front, from the middle outwards.

    widths_mm: of each. reach_mm: how far each goes beyond the line where resting lips meet, or, of lower teeth, above
    the lower lip. round_mm, power: how much shorter it is at its sides, and how suddenly. shade: of each. crown_mm:
    from the biting edge to the gum.
    """

    widths_mm: tuple[float, ...]
    reach_mm: tuple[float, ...]
    round_mm: tuple[float, ...]
    power: tuple[float, ...]
    shade: tuple[float, ...]
    crown_mm: float


# No two teeth of a mouth are alike: how much brighter (share), longer (mm) and warmer (share of `WARM`) each is than
# `Arch` says, from the middle outwards, to the left and to the right as seen.
UNEVEN = (
    ((0.015, 0.1, 0.0), (-0.03, -0.25, 0.3), (-0.05, 0.1, 0.8), (-0.02, -0.1, 0.4), (-0.05, 0.0, 0.6)),
    ((0.0, -0.05, 0.1), (-0.01, 0.05, 0.1), (-0.065, -0.15, 1.0), (-0.04, 0.1, 0.3), (-0.03, -0.1, 0.7)),
)
# Of light on a tooth: how much, where (in its half width; mm above its edge), deviations.
GLINT, GLINT_AT, GLINT_MM = 0.07, (-0.3, 4.2), (0.9, 1.6)

UPPER = Arch(
    (8.4, 6.2, 5.9, 4.6, 3.6), (3.1, 2.4, 2.7, 1.7, 1.0), (0.7, 0.8, 1.0, 0.7, 0.5), (5.0, 4.0, 1.7, 2.0, 2.0),
    (1.0, 0.975, 0.94, 0.95, 0.93), 9.5,
)  # fmt: skip
LOWER = Arch(
    (5.2, 5.6, 6.0, 5.0, 4.0), (2.1, 2.1, 2.3, 1.7, 1.2), (0.3, 0.35, 0.9, 0.6, 0.5), (5.0, 5.0, 1.8, 2.0, 2.0),
    (0.98, 0.98, 0.95, 0.93, 0.93), 8.0,
)  # fmt: skip


def lip_width_px(points: np.ndarray) -> float:
    """Distance between the corners of the inner lips."""
    return float(np.linalg.norm(points[LIP_RING[10]] - points[LIP_RING[0]]))


def teeth_of(
    photo: np.ndarray, geometry: PhotoGeometry, scale_px_mm: float, height_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Upper teeth as they lie in the photo `[S, S, 3]` uint8: RGB and coverage `[S // 2, S // 2, 4]` uint8, and where
    that square's corner lies in the photo, (left, top) `[2]` in pixels.

    Args:
        scale_px_mm: pixels a millimetre of the face.
        height_mm: of teeth that have to be painted.
    """
    enamel = enamel_colour(photo, geometry)
    whole, edge_px = _teeth_painted(photo, geometry, enamel, scale_px_mm, height_mm)
    seen = _teeth_seen(photo, geometry, enamel)
    if seen is not None:
        across, down, middle = _mouth_axes(geometry)
        rows, columns = np.mgrid[: len(photo), : len(photo)] + 0.5
        below = (columns - middle[0]) * down[0] + (rows - middle[1]) * down[1] - edge_px
        beside = np.abs((columns - middle[0]) * across[0] + (rows - middle[1]) * across[1])
        front = seen & (beside < FRONT_MM * scale_px_mm)
        seen &= below < _bite_px(photo.astype(np.float32) @ LUMA, front, below)
        front &= seen
        lower = np.quantile(below[front], 0.9) / scale_px_mm if front.any() else 0.0
        longer = float(np.clip(lower, *OWN_LONGER_MM))
        own_colour = _colour_of(photo, seen)
        whole, _ = _teeth_painted(photo, geometry, own_colour, scale_px_mm, height_mm, longer)
        # What goes on below where upper teeth can end are lower ones, or a tongue.
        whole = _with_own(whole, photo, seen & (below < (longer + EDGE_ROOM_MM) * scale_px_mm), scale_px_mm)
    side = len(photo) // 2
    left, top = np.rint(geometry.landmarks_px[LIP_RING].mean(0) - side / 2).astype(int).clip(0, len(photo) - side)
    return whole[top : top + side, left : left + side], np.array([left, top], np.float32)


def _teeth_seen(photo: np.ndarray, geometry: PhotoGeometry, enamel: np.ndarray) -> np.ndarray | None:
    """Where the photo shows teeth `[S, S]` bool; None when it shows none. enamel: `[3]`, from `enamel_colour`."""
    points = geometry.landmarks_px
    width = lip_width_px(points)
    if np.linalg.norm(points[13] - points[14]) < SHOWN_GAP_SHARE * width:
        return None
    inside = polygon_mask(points[LIP_RING], photo.shape[:2], 0.0)
    colour = photo.astype(np.float32)
    light = colour @ LUMA
    redness = np.clip(colour[..., 0] - colour[..., 1], 0, None)
    score = light - REDNESS * redness
    opening = score[inside > 0.9]
    if len(opening) < 20:
        return None
    bright, dark = np.percentile(opening, 85), np.percentile(opening, 3)
    middle = dark + 0.45 * (bright - dark)
    teeth = inside * np.clip((score - middle) / max(0.2 * (bright - dark), 1.0) + 0.5, 0, 1)
    least = min(BRIGHT, BRIGHT_SHARE * float(enamel @ LUMA - REDNESS * max(enamel[0] - enamel[1], 0.0)))
    if bright < least or teeth.sum() < MIN_TEETH_SHARE * inside.sum():
        return None
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    solid = cv2.morphologyEx((teeth > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, kernel, iterations=2)
    solid = without_holes(hanging(inside > 0.5, cv2.erode(solid, kernel).astype(bool)), round(MOST_HOLE_SHARE * width))
    if solid.any(0).sum() < MIN_COLUMNS_SHARE * (inside > 0.5).any(0).sum():
        return None
    return solid


def _bite_px(light: np.ndarray, front: np.ndarray, below: np.ndarray) -> float:
    """How far below `[S, S]` upper teeth end where lower ones touch them: the dark line between two rows of front teeth
    `[S, S]` bool, infinity where there is none.
    """
    if not front.any():
        return np.inf
    steps = np.arange(np.floor(below[front].min()), np.ceil(below[front].max()))
    rows = [light[front & (below >= step) & (below < step + 1)] for step in steps]
    bright = np.array([np.median(row) if len(row) else 0.0 for row in rows])
    if len(bright) < 3:
        return np.inf
    above, under = np.maximum.accumulate(bright), np.maximum.accumulate(bright[::-1])[::-1]
    depth = np.minimum(above, under) - bright
    deepest = int(np.argmax(depth))
    return float(steps[deepest]) if depth[deepest] > BITE_DARKER * bright.max() else np.inf


def _colour_of(photo: np.ndarray, teeth: np.ndarray) -> np.ndarray:
    """Colour `[3]` of the front of a tooth where a photo shows teeth."""
    seen = photo[teeth].astype(np.float32)
    light = seen @ LUMA
    colour: np.ndarray = seen[light >= np.quantile(light, OWN_QUANTILE)].mean(0)
    return colour


def _with_own(painted: np.ndarray, photo: np.ndarray, seen: np.ndarray, scale_px_mm: float) -> np.ndarray:
    """Painted teeth `[S, S, 4]` in the light of those that a photo shows `[S, S]` bool, which lie over them."""
    share = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), 0.8)
    picture, own = painted.astype(np.float32), photo.astype(np.float32)
    both = (seen & (painted[..., 3] > 200)).astype(np.float32)
    sigma = OWN_LIGHT_MM * scale_px_mm

    def mean(values: np.ndarray) -> np.ndarray:
        spread: np.ndarray = cv2.GaussianBlur(values * both, (0, 0), sigma)
        return spread

    weight = LIGHT_TRUST
    ratio = (mean(own @ LUMA) + weight) / (mean(picture[..., :3] @ LUMA) + weight)
    picture[..., :3] *= np.clip(ratio, *OWN_LIGHT)[..., None]
    picture[..., :3] += share[..., None] * (own - picture[..., :3])
    picture[..., 3] = np.maximum(picture[..., 3], 255 * share)
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def hanging(inside: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """Of what is bright between the lips `[S, S]` bool, what hangs from above: no tongue, no lower teeth."""
    teeth = np.zeros_like(bright)
    for column in np.flatnonzero(bright.any(0)):
        between, rows = np.flatnonzero(inside[:, column]), np.flatnonzero(bright[:, column])
        if len(between) and rows[0] <= between.mean():
            gaps = np.flatnonzero(np.diff(rows) > 1)
            teeth[rows[0] : (rows[gaps[0]] if len(gaps) else rows[-1]) + 1, column] = True
    return teeth


def without_holes(teeth: np.ndarray, most_px: int) -> np.ndarray:
    """Teeth `[S, S]` bool, columns without any between such that have some filled, where at most so many lie side by
    side: a seam, a glint or a dark gap is the photo's too, and through a hole the mouth's inside would show.
    """
    whole, columns = teeth.copy(), np.flatnonzero(teeth.any(0))
    ends = np.array([np.flatnonzero(teeth[:, column])[[0, -1]] for column in columns]).reshape(-1, 2)
    for k in np.flatnonzero(np.diff(columns) > 1):
        left, right = columns[k], columns[k + 1]
        if right - left - 1 > most_px:
            continue
        for column in range(left + 1, right):
            share = (column - left) / (right - left)
            first, last = np.rint(ends[k] + share * (ends[k + 1] - ends[k])).astype(int)
            whole[first : last + 1, column] = True
    return whole


def _mouth_axes(geometry: PhotoGeometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along the mouth and down across it `[2]`, and the middle of where its lips would meet at rest `[2]`, pixels."""
    points = geometry.landmarks_px
    left, right = points[LIP_RING[0]], points[LIP_RING[10]]
    across = (right - left) / np.linalg.norm(right - left)
    down = np.array([-across[1], across[0]])
    middle = (left + right) / 2
    # Teeth hang from the skull: where lips at rest would meet, however far an open mouth's upper lip is drawn up.
    to_photo = geometry.rigid_map(geometry.fitted_px)
    rest_px = to_photo @ np.append(geometry.neutral_mm[[13, 14]].mean(0), 1.0)
    return across, down, middle + ((points[13] + rest_px - geometry.fitted_px[13] - middle) @ down) * down


def _teeth_painted(
    photo: np.ndarray, geometry: PhotoGeometry, enamel: np.ndarray, scale_px_mm: float, height_mm: float,
    lower_mm: float = 0.0,
) -> tuple[np.ndarray, float]:
    """Plausible upper teeth `[S, S, 4]`, so much lower than usual, lit as the white of the eyes is, and no sharper than
    the photo; and how far below the lips' line their edge is, pixels.
    """
    across, down, lips = _mouth_axes(geometry)
    size, longer = len(photo), height_mm / USUAL_HEIGHT_MM
    picture = arch_picture(UPPER, blur_px(photo, geometry) / scale_px_mm, longer)
    picture[..., :3] *= enamel
    from_photo = to_arch(np.stack((across, down)) / scale_px_mm, lips + lower_mm * scale_px_mm * down)
    whole = cv2.warpAffine(picture, from_photo, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    edge_px = longer * UPPER.reach_mm[0] * scale_px_mm
    return np.rint(np.clip(whole * (1, 1, 1, 255), 0, 255)).astype(np.uint8), edge_px


def to_arch(turn_mm: np.ndarray, lips_px: np.ndarray) -> np.ndarray:
    """`[2, 3]`: indices of a picture to those of `arch_picture`, whose axes are `turn_mm` `[2, 2]` (mm a pixel) and
    whose lips' line passes through `lips_px` `[2]`.
    """
    linear = FINE_PX_MM * turn_mm
    shift = FINE_PX_MM * np.array([HALF_MM, GUM_SIDE_MM]) - 0.5 - linear @ (np.asarray(lips_px) - 0.5)
    return np.concatenate((linear, shift[:, None]), axis=1)


def arch_picture(arch: Arch, blur_mm: float, longer: float = 1.0) -> np.ndarray:
    """A jaw's teeth and gum `[h, w, 4]` float32: colour as a share of the enamel's, and coverage 0-1; 5 pixels a mm.

    Args:
        blur_mm: deviation of the blur that the picture they are for has.
        longer: times the teeth's reach.
    """
    x_mm = (np.arange(round(2 * HALF_MM * FINE_PX_MM), dtype=np.float32) + 0.5) / FINE_PX_MM - HALF_MM
    y_mm = (np.arange(round((GUM_SIDE_MM + BITE_SIDE_MM) * FINE_PX_MM)) + 0.5) / FINE_PX_MM - GUM_SIDE_MM
    away, y = np.abs(x_mm), y_mm.astype(np.float32)[:, None]
    borders = np.concatenate(([0.0], np.cumsum(arch.widths_mm)))
    tooth = np.clip(np.searchsorted(borders, away) - 1, 0, len(arch.widths_mm) - 1)
    half = np.array(arch.widths_mm)[tooth] / 2
    outward = np.clip((away - borders[tooth]) / half - 1, -1, 1)
    rounding, power, reach = (np.array(values)[tooth] for values in (arch.round_mm, arch.power, arch.reach_mm))
    brighter, further, warmer = np.where(x_mm < 0, *np.array(UNEVEN).transpose(0, 2, 1)[:, :, tooth])
    edge = longer * reach + further - rounding * np.abs(outward) ** power
    neck = fall(y, longer * reach - NECK_MM + 1, longer * reach - arch.crown_mm)
    seam = np.exp(-np.square((1 - np.abs(outward)) * half / (SEAM_MM * (1 + fall(y, edge - 3, edge)))))
    tone = 1 - BULGE * outward**2 - TURNED * outward - NECK * neck - SEAM * seam
    tone = (tone - EDGE * np.exp(-np.square((edge - y) / EDGE_MM))) * (np.array(arch.shade)[tooth] + brighter)
    glint = np.square((outward - GLINT_AT[0]) * half / GLINT_MM[0]) + np.square((edge - y - GLINT_AT[1]) / GLINT_MM[1])
    tone += GLINT * np.exp(-glint) * np.array(arch.shade)[tooth]
    colour = tone[..., None] * (1 - WARM * (neck + warmer)[..., None])
    gum = fall(y, longer * reach - arch.crown_mm + 0.9 + outward**2, longer * reach - arch.crown_mm + outward**2)
    colour += gum[..., None] * (GUM - colour)
    colour *= np.interp(away, ARCH_AT_MM, ARCH_LIGHT)[:, None]
    covered = ((y < edge) & (away < borders[-1])).astype(np.float32)[..., None]
    sigma = FINE_PX_MM * blur_mm
    soft = cv2.GaussianBlur(np.concatenate((colour * covered, covered), axis=-1).astype(np.float32), (0, 0), sigma)
    share: np.ndarray = soft[..., 3:]
    return np.concatenate((soft[..., :3] / np.maximum(share, 1e-3), share), axis=-1)
