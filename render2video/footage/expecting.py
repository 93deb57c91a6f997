"""Learns from a person's frames what their face is expected to look like for a motion."""

from __future__ import annotations

import cv2
import numpy as np

from face_model.tracks import FaceMotion
from render2video.footage.bend import Bend
from render2video.footage.expected import PARTS, Part, Spots, Told, apart, kernel, parts_weights
from render2video.footage.frames import Frames
from render2video.footage.registering import FOLDS, LEAST_TOLD, Registrar
from render2video.footage.registration import Registration

MOST_FRAMES = 600  # that are looked at
LOOKS = 16  # principal components of a part: as good as all, in dB of held-out frames
REACHES = (0.25, 0.5, 1.0, 2.0)  # squared, over the median distance of two frames
RIDGES = (0.1, 0.3, 1.0)  # the best of both is taken
LEAST_WEIGHT = 0.01  # of a part's mask: beyond it the part ends


def expected_looks(
    frames: Frames, bend: Bend, points_px: np.ndarray, laid: Registration, motion: FaceMotion, usable: np.ndarray
) -> dict[str, Told]:
    """What is told of each part of the face, by its name; nothing of parts that other stretches of the footage tell no
    better than their mean does.

    Args:
        points_px: `[T, V + S, 2]`, lids open, registered. usable: `[T]` bool.
    """
    seen = np.flatnonzero(usable)
    seen = seen[:: -(-len(seen) // MOST_FRAMES)]
    if len(seen) < LEAST_TOLD:
        return {}
    registrar = Registrar(bend, laid.places)
    faces = np.stack([registrar.canonical(frames[int(k)], points_px[k]) for k in seen])
    masks = parts_weights(laid.canonical, bend.oval)
    shown = FaceMotion.unpack(motion.pack()[seen], motion.fps, motion.face_model)
    spots = Spots(bend.head.model)(shown)
    told = {part.name: _told(part, faces, masks[part.name], spots[part.name]) for part in PARTS}
    return {name: found for name, found in told.items() if found is not None}


def _told(part: Part, faces: np.ndarray, mask: np.ndarray, spots: np.ndarray) -> Told | None:
    """What faces `[N, h, w, 3]` tell of a part, each at its spot `[N, D]`."""
    if part.zoom == 1:
        rows, columns = (np.flatnonzero((mask > LEAST_WEIGHT).any(axis)) for axis in (1, 0))
        top, left = int(rows[0]), int(columns[0])
        pictures = faces[:, top : rows[-1] + 1, left : columns[-1] + 1]
    else:
        top, left, height, width = 0, 0, *(round(part.zoom * side) for side in mask.shape)
        pictures = np.stack([cv2.resize(face, (width, height), interpolation=cv2.INTER_AREA) for face in faces])
    values = pictures.reshape(len(faces), -1).astype(np.float32)
    mean = values.mean(0)
    values -= mean
    strength, turned = np.linalg.eigh(values @ values.T)
    count = min(LOOKS, len(faces) - 1)
    basis = turned[:, -count:].T @ values / np.sqrt(np.maximum(strength[-count:], 1e-6))[:, None]
    looks = values @ basis.T
    usual = max(float(np.median(apart(spots, spots))), 1e-6)
    best, error = None, float(np.square(looks).sum())
    for reach in REACHES:
        like = kernel(spots, spots, reach * usual)
        for ridge in RIDGES:
            missed = _missed(like, looks, ridge)
            if missed < error:
                best, error = (reach * usual, ridge), missed
    if best is None:
        return None
    like = kernel(spots, spots, best[0]) + best[1] * np.eye(len(spots), dtype=np.float32)
    shape = pictures.shape[1:]
    return Told(
        spots, np.array(best[:1], np.float32), np.linalg.solve(like, looks).astype(np.float32),
        basis.reshape(-1, *shape).astype(np.float16), mean.reshape(shape), np.array((top, left), np.int32),
    )


def _missed(like: np.ndarray, looks: np.ndarray, ridge: float) -> float:
    """The squared error of each stretch of the footage, told by the others."""
    fold = np.arange(len(looks)) * FOLDS // len(looks)
    missed = 0.0
    for k in range(FOLDS):
        out = fold == k
        kept = like[~out][:, ~out] + ridge * np.eye(int((~out).sum()), dtype=np.float32)
        guessed = like[out][:, ~out] @ np.linalg.solve(kept, looks[~out])
        missed += float(np.square(looks[out] - guessed).sum())
    return missed
