"""The inside of the mouth: a dark cavity, a tongue, upper teeth that stay with the skull, and, when it opens wide, a
hint of lower teeth that stay with the jaw; all inside the inner lips.
"""

from __future__ import annotations

import cv2
import numpy as np

from foundation.easing import smoothstep
from render2video.photo.folds import fall
from render2video.photo.light import LUMA, blur_px
from render2video.photo.teeth import LOWER, arch_picture, lip_width_px, to_arch
from render2video.photo.warp import LIP_RING, LOWER_LIP, UPPER_LIP, PhotoGeometry, polygon_mask

CAVITY, TONGUE = np.array([0.16, 0.070, 0.066]), np.array([0.58, 0.28, 0.28])  # of the enamel's colour
SEAM = 0.42
# All lengths in widths of the lips. The teeth's brightness that is left just under the upper lip, and how far down its
# shadow reaches; that is left between lips that hardly open, and the gap from which all is; from which gap on lower
# teeth are seen at all, and from which as much as they ever are, and their brightness, of the upper ones'. How much
# darker it is at the corners, and how far inwards.
SHADOW, SHADOW_SHARE = 0.7, 0.07
DIM, DIM_GAP_SHARE = 0.78, 0.10
CORNER, CORNER_WIDE = 0.45, 0.2
LOWER_GAPS, LOWER_LIGHT = (0.2, 0.36), 0.78
WARMER = np.array([0.85, 1.0, 1.12], np.float32)  # powers of the light on teeth: in a mouth it comes from red walls
BRIGHT_QUANTILE, FRONT = 0.75, 0.94  # teeth brighter than this quantile are on average so much of the enamel's colour


class Mouth:
    """Paints the inside of the mouth over warped pictures.

    Args:
        teeth, corner: `[T, T, 4]` uint8 and `[2]` from `teeth_of`.
        photo: `[S, S, 3]` uint8, which the pictures are warped from.
        geometry: of it.
        scale_px_mm: pixels a millimetre of its face.
    """

    def __init__(
        self, teeth: np.ndarray, corner: np.ndarray, photo: np.ndarray, geometry: PhotoGeometry, scale_px_mm: float
    ) -> None:
        self.size_px, self.corner = len(photo), corner
        self.colour = np.ascontiguousarray(teeth[..., :3])
        self.coverage = np.ascontiguousarray(teeth[..., 3])
        enamel = _enamel(teeth)
        self.cavity, self.tongue = (enamel * CAVITY).astype(np.float32), (enamel * TONGUE).astype(np.float32)
        lower = arch_picture(LOWER, blur_px(photo, geometry) / scale_px_mm)
        self.lower = np.ascontiguousarray(lower * np.array([*(LOWER_LIGHT * enamel), 1], np.float32))
        across = geometry.landmarks_px[LIP_RING[10]] - geometry.landmarks_px[LIP_RING[0]]
        across = across / np.linalg.norm(across)
        self.to_jaw_mm = np.array([across, [across[1], -across[0]]]) / scale_px_mm  # x right, y up

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
        inside = polygon_mask(tapered, view.shape[:2], soft)[..., None] * smoothstep(openness)
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
        ring = ring.astype(np.float32)
        rows, columns = (np.arange(side, dtype=np.float32) + np.float32(0.5) for side in shape)
        rows = rows[:, None]
        across = (ring[10] - ring[0]) / max(width, 1e-6)
        middle = (ring[0] + ring[10]) / 2
        x = ((columns - middle[0]) * across[0] + (rows - middle[1]) * across[1]) / width
        down = (rows - middle[1]) * across[0] - (columns - middle[0]) * across[1]
        upper = ((ring[1:10] - middle) @ (-across[1], across[0])).min()
        lower = ((ring[11:] - middle) @ (-across[1], across[0])).max()
        depth = np.clip((down - upper) / max(lower - upper, 1e-3), 0, 1)
        content = np.broadcast_to(self.cavity, (*shape, 3)).copy()
        tongue = np.clip((depth - 0.5) / 0.4, 0, 1) * np.exp(-np.square(x / 0.3) / 2)
        tongue = tongue * np.clip((gap / width - 0.1) / 0.15, 0, 1) * 0.8
        content += tongue[..., None] * (self.tongue - content)
        corner = 1 - CORNER * np.clip((np.abs(x) - 0.5 + CORNER_WIDE) / CORNER_WIDE, 0, 1)
        seen = float(fall(np.array(gap / width), *LOWER_GAPS))
        if seen > 0:
            from_arch = to_arch(self.to_jaw_mm @ to_photo[:, :2], ring[15])
            row = cv2.warpAffine(self.lower, from_arch, shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            content += (seen * row[..., 3] * corner)[..., None] * (row[..., :3] * corner[..., None] - content)
        teeth = cv2.warpAffine(
            self.colour, to_photo, shape[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32)
        coverage = cv2.warpAffine(
            self.coverage, to_photo, shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        ).astype(np.float32) / 255
        lip = np.interp(columns, ring[:11, 0], ring[:11, 1]).astype(np.float32)
        lit = np.clip((rows - lip) / (SHADOW_SHARE * width), 0, 1) * np.clip(gap / (DIM_GAP_SHARE * width), DIM, 1)
        shade = (SHADOW + (1 - SHADOW) * lit) * corner
        return content + coverage[..., None] * (teeth * np.power(shade[..., None], WARMER) - content)

    def _seam(self, view: np.ndarray, ring: np.ndarray, width: float) -> None:
        """The shadow where the lips meet: a soft line that hides what the photo had between them."""
        line = np.zeros(view.shape[:2], np.uint8)
        middle = (ring[1:10] + ring[:10:-1]) / 2
        path = np.concatenate((ring[:1], middle, ring[10:11]))
        thick = max(1, round(0.022 * width))
        cv2.polylines(line, [np.rint((path - 0.5) * 16).astype(np.int32)], False, 255, thick, cv2.LINE_AA, shift=4)
        strength = cv2.GaussianBlur(line.astype(np.float32) / 255, (0, 0), 0.5 + 0.008 * width)[..., None] * 0.6
        view *= 1 - strength * (1 - SEAM * np.array([1.1, 0.9, 0.9], np.float32))


def _enamel(teeth: np.ndarray) -> np.ndarray:
    """Colour `[3]` of the front of a tooth in a picture of teeth `[T, T, 4]` uint8."""
    seen = teeth[teeth[..., 3] > 200][:, :3].astype(np.float32)
    light = seen @ LUMA
    colour: np.ndarray = seen[light >= np.quantile(light, BRIGHT_QUANTILE)].mean(0) / FRONT
    return colour
