"""Eyes that lids pass over: the eyeball keeps still in the skull and is covered, not squeezed. The lids: `lids`."""

from __future__ import annotations

import numpy as np

from render2video.photo.warp import EYES, PhotoGeometry, plane_map, polygon_mask

EYE_DEPTH_MM = 2.0  # behind the lids' edge


def eye_planes_mm(geometry: PhotoGeometry) -> np.ndarray:
    """`[2, 3, 3]`: three points of the plane that each eye is painted on, head frame."""
    planes = []
    for ring in EYES:
        corners = geometry.neutral_mm[ring[[0, 8]]] - (0, 0, EYE_DEPTH_MM)
        planes.append(np.stack((*corners, corners.mean(0) + (0, 10.0, 0))))
    return np.stack(planes)


def hold_eyes(
    places: np.ndarray, targets: np.ndarray, blink: float, to_source: np.ndarray, to_driven: np.ndarray,
    planes_mm: np.ndarray,
) -> None:
    """In a map of places `[S, S, 2]`, let what shows between closing lids come from where the eyeball is."""
    share = float(np.clip(blink / 1.0, 0, 1))  # eyes that are open follow the mesh, so that nothing shows at their rim
    if share == 0:
        return
    size = len(places)
    for ring, plane in zip(EYES, planes_mm, strict=True):
        low = np.floor(targets[ring].min(0) - 4).astype(int).clip(0, size - 8)
        high = np.ceil(targets[ring].max(0) + 4).astype(int).clip(low + 8, size)
        view = places[low[1] : high[1], low[0] : high[0]]
        opening = np.linalg.norm(targets[ring[1:8]] - targets[ring[:8:-1]], axis=1).max()
        visible = share * float(np.clip(opening / 3 - 0.3, 0, 1))
        soft = polygon_mask(targets[ring] - low, view.shape[:2], 0.6)[..., None] * visible
        rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
        here = np.stack((columns, rows, np.ones_like(rows)), axis=-1)
        view += soft * ((here @ plane_map(to_source, to_driven, plane).T).astype(np.float32) - view)
