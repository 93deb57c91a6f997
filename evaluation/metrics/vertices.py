"""Errors of vertices: a driven mesh against the same mesh driven by the truth, as work on speech-driven meshes reports.

Vertices `[T, V, 3]` in mm, in the head frame (no pose), of one topology and one neutral face.
"""

from __future__ import annotations

import numpy as np


def lip_vertex_error_mm(generated: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Mean and maximal lip vertex error. Lower is better; mm, 0 and up.

    Definition: distance of each lip vertex to the truth's; the mean over vertices and frames, and the mean over frames
    of the largest (LVE of Richard et al. 2021, there of squares). Give lip vertices only. Cannot see: whether it
    follows the sound (still lips half open do well).
    """
    distance = np.linalg.norm(generated - reference, axis=-1)
    return float(distance.mean()), float(distance.max(axis=1).mean())


def dynamics_deviation_mm(generated: np.ndarray, reference: np.ndarray, neutral: np.ndarray) -> float:
    """How unlike in liveliness two regions are. 0 is best; mm, 0 and up.

    Definition: standard deviation over time of each vertex' distance from the neutral `[V, 3]`, generated against
    truth, absolute difference, mean over vertices (FDD of Xing et al. 2023, there with its sign). Give the upper face,
    which no sound decides frame by frame. Cannot see: when it moves.
    """
    made, real = (np.linalg.norm(part - neutral, axis=-1).std(axis=0) for part in (generated, reference))
    return float(np.abs(made - real).mean())


def jitter_mm(vertices: np.ndarray) -> float:
    """Trembling. Target: the truth's; mm, 0 and up.

    Definition: root mean square of the second difference of the vertices' positions, at the frame rate given (so
    compare at one rate). Cannot see: slow faults; fast speech counts as well.
    """
    return float(np.sqrt(np.square(np.linalg.norm(np.diff(vertices, n=2, axis=0), axis=-1)).mean()))
