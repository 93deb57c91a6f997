"""A motion model judged on clips that it did not learn from: lips, head, blinks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from face_model import mp478
from face_model.blinks import find_blinks, seen_curves
from face_model.tracks import MOTION_FPS, FaceMotion
from motion_models.examples import MotionExample
from motion_models.interface import MotionModel
from motion_models.lips import lip_gap_mm, width_column_mm

SCORE = "score"  # the mean of the lips' correlations: by it the best is kept
FLAT = 1e-6  # deviation below which a curve, in mm or coefficients, says nothing


def judged(model: MotionModel, held: Sequence[MotionExample], seed: int = 0) -> dict[str, float]:
    """Measures of a model on clips, averaged over them; NaN where none can tell.

    lip_gap, lip_width: correlation with the truth; *_amplitude: deviation over the truth's (1 is right); score: the
    mean of the two correlations. Without known lips, `expression`, the mean correlation of the coefficients, is the
    score. pose_spread: deviation of the rotation over the truth's; blinks: made over the truth's, of all clips. A model
    that keeps a person's habits speaks with each speaker's own, as after enrollment.
    """
    rows, blinks = [], np.zeros(2)
    for _, group in groupby(held, lambda example: example.speaker):
        clips = list(group)
        speaker = model.as_person_of(clips)
        for clip in clips:
            made = speaker.synthesize(clip.features, seed=seed, frames=len(clip.motion))
            rows.append(_compared(made, clip))
            blinks += [
                sum(len(find_blinks(part, MOTION_FPS)) for part in seen_curves(motion.blink, clip.valid, MOTION_FPS))
                for motion in (made, clip.motion)
            ]
    names = rows[0] if rows else ()
    measures = {name: _mean([row[name] for row in rows]) for name in names}
    return measures | {"blinks": float(blinks[0] / blinks[1]) if blinks[1] else float("nan")}


def _compared(made: FaceMotion, clip: MotionExample) -> dict[str, float]:
    seen = clip.valid.astype(bool)
    own, truth = made.expression[seen], clip.motion.expression[seen]
    spread = made.rotation[seen].std(0).mean() / max(float(clip.motion.rotation[seen].std(0).mean()), 1e-6)
    head = {"pose_spread": float(spread)}
    if clip.motion.face_model != mp478.ID:
        told = _mean([correlation(a, b) for a, b in zip(own.T, truth.T, strict=True)])
        return {SCORE: told, "expression": told} | head
    model = mp478.load()
    column = width_column_mm(model)
    gaps, widths = ([lip_gap_mm(model, e) for e in (own, truth)], [e @ column for e in (own, truth)])
    lips = {"lip_gap": correlation(*gaps), "lip_width": correlation(*widths)}
    sizes = {f"{name}_amplitude": _ratio(*pair) for name, pair in (("lip_gap", gaps), ("lip_width", widths))}
    return {SCORE: _mean(list(lips.values()))} | lips | sizes | head


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's, of two curves `[T]`; NaN when one of them is flat."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    if len(one) < 2 or min(one.std(), other.std()) < FLAT:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def _ratio(made: np.ndarray, truth: np.ndarray) -> float:
    return float(made.std() / truth.std()) if len(truth) > 1 and truth.std() > 1e-9 else float("nan")


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
