"""Identity by geometry: do the bones stay the person's? Without a face-recognition network."""

from __future__ import annotations

import numpy as np

from evaluation.head_frame import RIGID, HeadFrame

_WINDOW_S = 1.0


def bone_distances(points: np.ndarray) -> np.ndarray:
    """Pairwise distances `[..., P]` between the rigid landmarks of shapes `[..., 478, 3]`, frontal plane, in
    interocular distances.
    """
    first, second = np.triu_indices(len(RIGID), k=1)
    rigid = points[..., RIGID, :2]
    return np.linalg.norm(rigid[..., first, :] - rigid[..., second, :], axis=-1)


def identity_drift(head: HeadFrame) -> float:
    """How much the bones change within a clip. Lower is better (target: the truth's tracker noise); share of the
    distance, 0 and up.

    Definition: distances between rigid landmarks, averaged over one-second windows; mean absolute deviation of the
    windows from the clip's mean, relative. Region: skull, nose ridge, eye corners. Normalisation: interocular distance.
    Source: ours, after geometric identity tests. Cannot see: texture, a constant wrong face (see `identity_error`), jaw
    and lips. NaN under two seconds.
    """
    windows = _window_means(head)
    if len(windows) < 2:
        return float("nan")
    mean = windows.mean(0)
    return float((np.abs(windows - mean) / mean).mean())


def identity_error(generated: HeadFrame, reference: HeadFrame) -> float:
    """How far the bones are from the person's. Lower is better; share of the distance, 0 and up.

    Definition: mean relative difference of the clip-mean distances between rigid landmarks. As `identity_drift`
    otherwise. Cannot see: look-alikes of other complexion.
    """
    if not generated.valid.any() or not reference.valid.any():
        return float("nan")
    own = bone_distances(generated.points[generated.valid]).mean(0)
    truth = bone_distances(reference.points[reference.valid]).mean(0)
    return float((np.abs(own - truth) / truth).mean())


def _window_means(head: HeadFrame) -> np.ndarray:
    size = max(1, round(_WINDOW_S * head.fps))
    starts = range(0, len(head) - size + 1, size)
    kept = [(head.points[s : s + size], head.valid[s : s + size]) for s in starts]
    means = [bone_distances(points[valid]).mean(0) for points, valid in kept if valid.sum() >= size / 2]
    return np.array(means)
