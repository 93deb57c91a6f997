"""Eyes that lids pass over: the eyeball keeps still in the skull and is covered, not squeezed."""

from __future__ import annotations

import cv2
import numpy as np

from render2video.photo.warp import EYES, PhotoGeometry, plane_map

EYE_DEPTH_MM = 2.0  # behind the lids' edge
LASH_REACH = 0.05  # of the eye's width: how far above the lid lashes are seen in a photo
LID_SHARE = 0.8  # of a closed lid's colour that comes from the skin above it
LASH = 0.42  # of the skin's brightness that is left on the closed lids' line


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
        mask = np.zeros(view.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.rint((targets[ring] - low - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        opening = np.linalg.norm(targets[ring[1:8]] - targets[ring[:8:-1]], axis=1).max()
        visible = share * float(np.clip(opening / 3 - 0.3, 0, 1))
        soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.6)[..., None] * visible
        rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
        here = np.stack((columns, rows, np.ones_like(rows)), axis=-1)
        view += soft * ((here @ plane_map(to_source, to_driven, plane).T).astype(np.float32) - view)


def lid_skin(picture: np.ndarray, targets: np.ndarray, blink: float, geometry: PhotoGeometry) -> None:
    """Give a lid that comes down the skin above it, in a picture `[S, S, 3]` float32: stretched lashes are no lid."""
    closed = float(np.clip(blink / 5.0, 0, 1))
    if closed < 0.1:
        return
    size = len(picture)
    for ring in EYES:
        upper, lower = ring[1:8], ring[:8:-1]
        edge = targets[ring[:9]]
        width = float(np.linalg.norm(edge[-1] - edge[0]))
        raised = edge.copy()
        raised[1:8] = targets[lower] + geometry.landmarks_px[upper] - geometry.landmarks_px[lower]
        raised[1:8, 1] -= LASH_REACH * width
        low = np.floor(np.minimum(raised, edge).min(0) - 5).astype(int).clip(0, size - 8)
        high = np.ceil(np.maximum(raised, edge).max(0) + 5).astype(int).clip(low + 8, size)
        view = picture[low[1] : high[1], low[0] : high[0]]
        outline = np.concatenate((raised, edge[::-1]))
        mask = np.zeros(view.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.rint((outline - low - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.5 + 0.02 * width)[..., None]
        at = np.rint(raised - (0, 0.05 * width)).astype(int).clip(0, size - 1)
        samples = cv2.GaussianBlur(picture[at[:, 1], at[:, 0]][None], (0, 0), 1.0)[0]
        columns = np.arange(low[0], high[0]) + 0.5
        skin = np.stack([np.interp(columns, raised[:, 0], samples[:, c]) for c in range(3)], axis=-1)
        view += soft * LID_SHARE * min(1.0, 1.6 * closed) * (skin[None].astype(np.float32) - view)


def lash_lines(picture: np.ndarray, targets: np.ndarray, blink: float) -> None:
    """Darken the line where closing lids meet, in a picture `[S, S, 3]` float32."""
    strength = float(np.clip((blink - 0.8) / 3.0, 0, 1))
    if strength == 0:
        return
    size = len(picture)
    for ring in EYES:
        path = np.concatenate((ring[:1], ring[1:8], ring[8:9]))
        points = targets[path]
        width = float(np.linalg.norm(points[-1] - points[0]))
        low = np.floor(points.min(0) - 6).astype(int).clip(0, size - 8)
        high = np.ceil(points.max(0) + 6).astype(int).clip(low + 8, size)
        view = picture[low[1] : high[1], low[0] : high[0]]
        line = np.zeros(view.shape[:2], np.uint8)
        thick = max(1, round(0.045 * width))
        shifted = np.rint((points - low - 0.5) * 16).astype(np.int32)
        cv2.polylines(line, [shifted], False, 255, thick, cv2.LINE_AA, shift=4)
        soft = cv2.GaussianBlur(line.astype(np.float32) / 255, (0, 0), 0.5 + 0.01 * width)[..., None]
        view *= 1 - soft * strength * (1 - LASH)
