"""Upper teeth as one picture that moves rigidly with the upper jaw and is uncovered by the lips, so it is never
stretched: the photo's own teeth where it shows them, else painted ones. And how one jaw's teeth are painted.
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
FINE_PX_MM = 5.0  # of pictures of painted teeth
USUAL_HEIGHT_MM = 6.0  # what `PhotoConfig.teeth_height_mm` is for teeth as described here
HALF_MM, GUM_SIDE_MM, BITE_SIDE_MM = 30.0, 14.0, 6.0  # what they show: to either side, above and below the lips' line
GUM = np.array([0.80, 0.44, 0.44], np.float32)  # of the enamel's colour
WARM = np.array([0.0, 0.02, 0.06], np.float32)  # what a tooth's neck lacks of the enamel's colour
NECK, EDGE, SEAM, TURNED, BULGE = 0.20, 0.06, 0.17, 0.03, 0.06  # how much darker than the front of a tooth
SEAM_MM, EDGE_MM, NECK_MM = 0.30, 0.7, 5.0
ARCH_AT_MM, ARCH_LIGHT = (3.0, 9.0, 15.0, 21.0, 27.0), (1.0, 0.97, 0.86, 0.64, 0.4)  # by the distance from the middle


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
    found = _teeth_seen(photo, geometry, enamel)
    whole = found if found is not None else _teeth_painted(photo, geometry, enamel, scale_px_mm, height_mm)
    side = len(photo) // 2
    left, top = np.rint(geometry.landmarks_px[LIP_RING].mean(0) - side / 2).astype(int).clip(0, len(photo) - side)
    return whole[top : top + side, left : left + side], np.array([left, top], np.float32)


def _teeth_seen(photo: np.ndarray, geometry: PhotoGeometry, enamel: np.ndarray) -> np.ndarray | None:
    """The photo's own teeth; None when it shows none. enamel: `[3]`, from `enamel_colour`."""
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
    return _with_gums(photo, inside > 0.5, solid, round(0.16 * width))


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


def _with_gums(photo: np.ndarray, inside: np.ndarray, solid: np.ndarray, rise_px: int) -> np.ndarray:
    """Teeth `[S, S, 4]`: in each column what the photo shows from the upper lip to the teeth's lower edge, and above
    it, where a lip may go up further, the colour of the gums.

    inside: `[S, S]` bool, between the lips. solid: `[S, S]` bool, teeth.
    """
    picture = np.zeros((*solid.shape, 4), np.float32)
    picture[..., :3] = photo
    columns = np.flatnonzero(solid.any(0))
    tops = {column: int(np.flatnonzero(inside[:, column])[0]) + 1 for column in columns}
    gums = np.median([photo[tops[column], column] for column in columns], axis=0) * 0.92
    for column in columns:
        last, top = np.flatnonzero(solid[:, column])[-1], tops[column]
        start = max(0, top - rise_px)
        picture[start : last + 1, column, 3] = 255
        share = np.linspace(0, 1, top - start + 2)[2:, None] ** 2
        picture[start:top, column, :3] = gums + share * (photo[top, column] - gums)
    covered = picture[..., 3:] / 255
    spread = cv2.GaussianBlur(picture[..., :3] * covered, (0, 0), 2.0)
    weight = cv2.GaussianBlur(covered[..., 0], (0, 0), 2.0)[..., None]
    picture[..., :3] = np.where(covered > 0, picture[..., :3], spread / np.maximum(weight, 1e-3))
    picture[..., 3] = cv2.GaussianBlur(picture[..., 3], (0, 0), 0.8)
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def _teeth_painted(
    photo: np.ndarray, geometry: PhotoGeometry, enamel: np.ndarray, scale_px_mm: float, height_mm: float
) -> np.ndarray:
    """Plausible upper teeth `[S, S, 4]`: lit as the white of the eyes is, and no sharper than the photo."""
    points, size = geometry.landmarks_px, len(photo)
    left, right = points[LIP_RING[0]], points[LIP_RING[10]]
    across = (right - left) / np.linalg.norm(right - left)
    down = np.array([-across[1], across[0]])
    middle = (left + right) / 2
    # Teeth hang from the skull: where lips at rest would meet, however far an open mouth's upper lip is drawn up.
    to_photo = geometry.rigid_map(geometry.fitted_px)
    rest_px = to_photo @ np.append(geometry.neutral_mm[[13, 14]].mean(0), 1.0)
    lips = middle + ((points[13] + rest_px - geometry.fitted_px[13] - middle) @ down) * down
    picture = arch_picture(UPPER, blur_px(photo, geometry) / scale_px_mm, height_mm / USUAL_HEIGHT_MM)
    picture[..., :3] *= enamel
    from_photo = to_arch(np.stack((across, down)) / scale_px_mm, lips)
    whole = cv2.warpAffine(picture, from_photo, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.rint(np.clip(whole * (1, 1, 1, 255), 0, 255)).astype(np.uint8)


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
    edge = longer * reach - rounding * np.abs(outward) ** power
    neck = fall(y, longer * reach - NECK_MM + 1, longer * reach - arch.crown_mm)
    seam = np.exp(-np.square((1 - np.abs(outward)) * half / (SEAM_MM * (1 + fall(y, edge - 3, edge)))))
    tone = 1 - BULGE * outward**2 - TURNED * outward - NECK * neck - SEAM * seam
    tone = (tone - EDGE * np.exp(-np.square((edge - y) / EDGE_MM))) * np.array(arch.shade)[tooth]
    colour = tone[..., None] * (1 - WARM * neck[..., None])
    gum = fall(y, longer * reach - arch.crown_mm + 0.9 + outward**2, longer * reach - arch.crown_mm + outward**2)
    colour += gum[..., None] * (GUM - colour)
    colour *= np.interp(away, ARCH_AT_MM, ARCH_LIGHT)[:, None]
    covered = ((y < edge) & (away < borders[-1])).astype(np.float32)[..., None]
    sigma = FINE_PX_MM * blur_mm
    soft = cv2.GaussianBlur(np.concatenate((colour * covered, covered), axis=-1).astype(np.float32), (0, 0), sigma)
    share: np.ndarray = soft[..., 3:]
    return np.concatenate((soft[..., :3] / np.maximum(share, 1e-3), share), axis=-1)
