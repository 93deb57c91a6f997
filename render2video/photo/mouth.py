"""The inside of the mouth: a dark cavity, upper teeth that stay with the skull, a tongue; all inside the inner lips.

Teeth come from the photo where it shows them, else they are painted. Either way they are one picture that moves
rigidly with the upper jaw and is uncovered by the lips, so it is never stretched.
"""

from __future__ import annotations

import cv2
import numpy as np

from foundation.easing import smoothstep
from render2video.photo.warp import LIP_RING, LOWER_LIP, UPPER_LIP, PhotoGeometry

SHOWN_GAP_SHARE = 0.12  # of the lips' width: a photo whose lips are this far open shows its teeth
MIN_TEETH_SHARE = 0.25  # of the open mouth, for bright parts to count as teeth
ENAMEL = np.array([226.0, 216.0, 200.0])
CAVITY, TONGUE, SEAM = np.array([34.0, 14.0, 13.0]), np.array([128.0, 58.0, 56.0]), 0.42
SHADOW = 0.72  # of the teeth's brightness that is left just under the upper lip, and with lips nearly closed


def lip_width_px(points: np.ndarray) -> float:
    """Distance between the corners of the inner lips."""
    return float(np.linalg.norm(points[LIP_RING[10]] - points[LIP_RING[0]]))


def polygon_mask(points: np.ndarray, size_px: int, blur_px: float) -> np.ndarray:
    """`[S, S]` float32 0-1: inside of a polygon `[N, 2]`, with soft edges."""
    mask = np.zeros((size_px, size_px), np.uint8)
    cv2.fillPoly(mask, [np.rint((points - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    soft = mask.astype(np.float32) / 255
    return cv2.GaussianBlur(soft, (0, 0), blur_px) if blur_px > 0 else soft


def teeth_of(
    photo: np.ndarray, geometry: PhotoGeometry, scale_px_mm: float, height_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Upper teeth as they lie in the photo `[S, S, 3]` uint8: RGB and coverage `[S // 2, S // 2, 4]` uint8, and where
    that square's corner lies in the photo, (left, top) `[2]` in pixels.

    Args:
        scale_px_mm: pixels a millimetre of the face.
        height_mm: of teeth that have to be painted.
    """
    found = _teeth_seen(photo, geometry)
    whole = found if found is not None else _teeth_painted(photo, geometry, scale_px_mm, height_mm)
    side = len(photo) // 2
    left, top = np.rint(geometry.landmarks_px[LIP_RING].mean(0) - side / 2).astype(int).clip(0, len(photo) - side)
    return whole[top : top + side, left : left + side], np.array([left, top], np.float32)


def _teeth_seen(photo: np.ndarray, geometry: PhotoGeometry) -> np.ndarray | None:
    """The photo's own teeth; None when it shows none."""
    points = geometry.landmarks_px
    width = lip_width_px(points)
    if np.linalg.norm(points[13] - points[14]) < SHOWN_GAP_SHARE * width:
        return None
    inside = polygon_mask(points[LIP_RING], len(photo), 0.0)
    colour = photo.astype(np.float32)
    light = colour @ (0.3, 0.59, 0.11)
    redness = np.clip(colour[..., 0] - colour[..., 1], 0, None)
    score = light - 1.5 * redness
    opening = score[inside > 0.9]
    if len(opening) < 20:
        return None
    bright, dark = np.percentile(opening, 85), np.percentile(opening, 3)
    middle = dark + 0.45 * (bright - dark)
    teeth = inside * np.clip((score - middle) / max(0.2 * (bright - dark), 1.0) + 0.5, 0, 1)
    if bright < 90 or teeth.sum() < MIN_TEETH_SHARE * inside.sum():
        return None
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    solid = cv2.morphologyEx((teeth > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, kernel, iterations=2)
    solid = cv2.erode(solid, kernel)
    return _with_gums(photo, inside > 0.5, solid.astype(bool), round(0.16 * width))


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


def _teeth_painted(photo: np.ndarray, geometry: PhotoGeometry, scale_px_mm: float, height_mm: float) -> np.ndarray:
    """Plausible upper teeth: eight of a dental arch seen from the front, narrower and darker to the sides."""
    points, size = geometry.landmarks_px, len(photo)
    left, right = points[LIP_RING[0]], points[LIP_RING[10]]
    across = (right - left) / np.linalg.norm(right - left)
    down = np.array([-across[1], across[0]])
    middle = (left + right) / 2
    lip = float((points[13] - middle) @ down)
    rows, columns = np.mgrid[:size, :size] + 0.5
    x = ((columns - middle[0]) * across[0] + (rows - middle[1]) * across[1]) / scale_px_mm
    y = ((columns - middle[0]) * down[0] + (rows - middle[1]) * down[1] - lip) / scale_px_mm
    edges = np.array([0.0, 8.2, 14.4, 20.0, 24.5])  # mm from the middle: central, lateral, canine, premolar
    index = np.clip(np.searchsorted(edges, np.abs(x)) - 1, 0, 3)
    inside_tooth = (np.abs(x) - edges[index]) / np.diff(edges)[index]
    length = height_mm * np.array([0.62, 0.5, 0.56, 0.4])[index] - 0.05 * np.square(inside_tooth * 2 - 1) * height_mm
    coverage = np.clip((length - y) * scale_px_mm + 0.5, 0, 1) * (np.abs(x) < edges[-1]) * (y > -height_mm)
    groove = 1 - 0.16 * np.exp(-np.square(np.minimum(inside_tooth, 1 - inside_tooth) * 8))
    shade = groove * (1 - 0.5 * np.square(x / edges[-1])) * skin_light(photo, geometry)
    picture = np.concatenate((ENAMEL * _tint(photo, geometry) * shade[..., None], coverage[..., None] * 255), axis=-1)
    picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.6)
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def skin_light(photo: np.ndarray, geometry: PhotoGeometry) -> float:
    """How bright the face is lit, about 0.5-1: the cheeks' brightness against a well exposed one."""
    return float(np.clip(_cheek(photo, geometry).mean() / 190, 0.62, 1.0))


def _cheek(photo: np.ndarray, geometry: PhotoGeometry) -> np.ndarray:
    places = np.rint(geometry.landmarks_px[[50, 280, 205, 425]]).astype(int).clip(0, len(photo) - 1)
    colour: np.ndarray = photo[places[:, 1], places[:, 0]].mean(0)
    return colour


def _tint(photo: np.ndarray, geometry: PhotoGeometry) -> np.ndarray:
    """The light's colour, as far as skin tells it: white enamel looks blue in a warm picture."""
    cheek = np.maximum(_cheek(photo, geometry), 1)
    tint: np.ndarray = (cheek / cheek.max()) ** 0.35
    return tint


class Mouth:
    """Paints the inside of the mouth over warped pictures.

    Args:
        teeth, corner: `[T, T, 4]` uint8 and `[2]` from `teeth_of`.
        size_px: side of the pictures.
        light: from `skin_light`.
    """

    def __init__(self, teeth: np.ndarray, corner: np.ndarray, size_px: int, light: float) -> None:
        self.size_px, self.corner = size_px, corner
        self.colour = np.ascontiguousarray(teeth[..., :3])
        self.coverage = np.ascontiguousarray(teeth[..., 3])
        self.light = light

    def paint(self, picture: np.ndarray, targets: np.ndarray, to_photo: np.ndarray) -> None:
        """Paint into a picture `[S, S, 3]` float32 0-255.

        Args:
            targets: vertices in it, pixels.
            to_photo: `[2, 3]`, affine from its pixels to the photo's, for what moves with the upper jaw.
        """
        ring = targets[LIP_RING]
        width = lip_width_px(targets)
        gaps = np.linalg.norm(targets[UPPER_LIP] - targets[LOWER_LIP], axis=1)
        soft = 0.008 * width + 0.45
        box = self._box(ring, width)
        view = picture[box]
        origin = np.array([box[1].start, box[0].start])
        self._seam(view, ring - origin, width)
        openness = float(np.clip(gaps.max() / (0.035 * width), 0, 1))
        if openness == 0:
            return
        local, shift = ring - origin, to_photo.copy()
        shift[:, 2] += to_photo[:, :2] @ origin - self.corner
        tapered = local.copy()
        tapered[[0, 10]] += 0.06 * (local[[10, 0]] - local[[0, 10]])  # skin joins the lips at their corners
        inside = _inside(tapered, view.shape[:2], soft)[..., None] * smoothstep(openness)
        view += inside * (self._content(view.shape[:2], local, width, float(gaps.max()), shift) - view)

    def _box(self, ring: np.ndarray, width: float) -> tuple[slice, slice]:
        margin = 0.12 * width + 4
        low = np.floor(ring.min(0) - margin).astype(int).clip(0, self.size_px - 8)
        high = np.ceil(ring.max(0) + margin).astype(int).clip(low + 8, self.size_px)
        return slice(low[1], high[1]), slice(low[0], high[0])

    def _content(
        self, shape: tuple[int, int], ring: np.ndarray, width: float, gap: float, to_photo: np.ndarray
    ) -> np.ndarray:
        """Cavity, tongue and teeth `[h, w, 3]`, as if there were no lips."""
        rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32) + 0.5
        across = (ring[10] - ring[0]) / max(width, 1e-6)
        middle = (ring[0] + ring[10]) / 2
        x = ((columns - middle[0]) * across[0] + (rows - middle[1]) * across[1]) / width
        down = (rows - middle[1]) * across[0] - (columns - middle[0]) * across[1]
        upper = ((ring[1:10] - middle) @ (-across[1], across[0])).min()
        lower = ((ring[11:] - middle) @ (-across[1], across[0])).max()
        depth = np.clip((down - upper) / max(lower - upper, 1e-3), 0, 1)
        content = np.broadcast_to(CAVITY * self.light, (*shape, 3)).astype(np.float32).copy()
        tongue = np.clip((depth - 0.5) / 0.4, 0, 1) * np.exp(-np.square(x / 0.3) / 2)
        tongue = tongue * np.clip((gap / width - 0.1) / 0.15, 0, 1) * 0.8
        content += tongue[..., None] * (TONGUE * self.light - content)
        teeth = cv2.warpAffine(
            self.colour, to_photo, shape[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32)
        coverage = cv2.warpAffine(
            self.coverage, to_photo, shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        ).astype(np.float32) / 255
        lit = np.clip((down - upper) / (0.09 * width), 0, 1) * np.clip(gap / (0.12 * width), 0.5, 1)
        corner = 1 - 0.6 * np.clip((np.abs(x) - 0.25) / 0.25, 0, 1)
        shade = (SHADOW + (1 - SHADOW) * lit) * corner
        return content + coverage[..., None] * (teeth * shade[..., None] - content)

    def _seam(self, view: np.ndarray, ring: np.ndarray, width: float) -> None:
        """The shadow where the lips meet: a soft line that hides what the photo had between them."""
        line = np.zeros(view.shape[:2], np.uint8)
        middle = (ring[1:10] + ring[:10:-1]) / 2
        path = np.concatenate((ring[:1], middle, ring[10:11]))
        thick = max(1, round(0.022 * width))
        cv2.polylines(line, [np.rint((path - 0.5) * 16).astype(np.int32)], False, 255, thick, cv2.LINE_AA, shift=4)
        strength = cv2.GaussianBlur(line.astype(np.float32) / 255, (0, 0), 0.5 + 0.008 * width)[..., None] * 0.6
        view *= 1 - strength * (1 - SEAM * np.array([1.1, 0.9, 0.9], np.float32))


def _inside(ring: np.ndarray, shape: tuple[int, int], soft_px: float) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint((ring - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), soft_px)
