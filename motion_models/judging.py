"""A motion model judged on clips that it did not learn from: lips, head, blinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
from torch import nn

from face_model import mp478
from face_model.blinks import find_blinks, seen_curves
from face_model.tracks import MOTION_FPS, FaceMotion, seen_stretches
from motion_models.examples import MotionExample
from motion_models.interface import MotionModel
from motion_models.learning import Held
from motion_models.lips import above_rest, lip_gap_mm, rest_expression, width_column_mm
from training import Validation

SCORE = "score"  # the mean of the lips' correlations: by it the best is kept
FLAT = 1e-6  # deviation below which a curve, in mm or coefficients, says nothing
# Lips are shut below this share of what the person opens them in speech (the 90% quantile above rest); between two
# openings they are for as long as a p, b or m lasts, or a little longer. What stays shut is a pause.
SHUT_SHARE, LONGEST_CLOSURE = 0.15, 9


def judged(model: MotionModel, held: Sequence[MotionExample], seed: int = 0) -> dict[str, float]:
    """Measures of a model on clips, averaged over them; NaN where none can tell.

    lip_gap, lip_width: correlation with the truth; *_amplitude: deviation over the truth's (1 is right); score: the
    mean of the two correlations. Without known lips, `expression`, the mean correlation of the coefficients, is the
    score. closures: of the moments at which the speaker's lips meet between two openings (p, b, m), the share at which
    the made ones do, of all clips. face_spread: deviation of the face's vertices over the truth's. Of models that move
    the head, pose_spread: deviation of the rotation over the truth's; blinks: made over the truth's, of all clips. A
    model that keeps a person's habits speaks with each speaker's own, as after enrollment.
    """
    rows, blinks, closures = [], np.zeros(2), np.zeros(2)
    for _, group in groupby(held, lambda example: example.speaker):
        clips = list(group)
        speaker = model.as_person_of(clips)
        lips = _Closing(clips) if clips[0].motion.face_model == mp478.ID else None
        for clip in clips:
            made = speaker.synthesize(clip.features, seed=seed, frames=len(clip.motion))
            rows.append(_compared(made, clip) | (_head(made, clip) if model.moves_head else {}))
            closures += (0, 0) if lips is None else lips.met(made, clip)
            blinks += [
                sum(len(find_blinks(part, MOTION_FPS)) for part in seen_curves(motion.blink, clip.valid, MOTION_FPS))
                for motion in (made, clip.motion)
            ]
    names = rows[0] if rows else ()
    measures = {name: _mean([row[name] for row in rows]) for name in names}
    shares = {"closures": closures} if "lip_gap" in measures else {}
    shares |= {"blinks": blinks} if model.moves_head else {}
    return measures | {name: float(made / true) if true else float("nan") for name, (made, true) in shares.items()}


def judging(
    held: Held | None, assembled: Callable[[nn.Module], MotionModel],
    more: Callable[[MotionModel], dict[str, float]] | None = None,
) -> Validation | None:
    """How a training judges itself; None where there is nothing to judge on. Its best networks then lie in the run's
    folder (`training.validation.best_networks`), and `learn` makes `BEST_FILE` of them.

    Args:
        held: clips of people that are not learned from.
        assembled: makes the model of the networks in training.
        more: measures of a model's own, such as its losses.
    """
    if held is None:
        return None
    clips = held.examples

    def judge(networks: nn.Module) -> dict[str, float]:
        model = assembled(networks)
        return judged(model, clips) | ({} if more is None else more(model))

    return Validation(judge, SCORE, held.every_steps, held.patience)


class _Closing:
    """When a speaker's lips are shut, of what all their clips show."""

    def __init__(self, clips: Sequence[MotionExample]) -> None:
        seen = np.concatenate([clip.motion.expression[clip.valid.astype(bool)] for clip in clips])
        self.rest = rest_expression(mp478.load(), seen)
        self.limit_mm = SHUT_SHARE * float(np.quantile(above_rest(seen, self.rest)[0], 0.9))

    def met(self, made: FaceMotion, clip: MotionExample) -> tuple[int, int]:
        """(closures of the clip's lips at which the made ones are shut too, to a frame; closures)."""
        own = above_rest(made.expression, self.rest)[0]
        shut = above_rest(clip.motion.expression, self.rest)[0] < self.limit_mm
        closures = [
            slice(part.start + run.start, part.start + run.stop)
            for part in seen_stretches(clip.valid)
            for run in seen_stretches(shut[part])
            if run.start > 0 and run.stop < part.stop - part.start
            and run.stop - run.start <= LONGEST_CLOSURE
        ]  # fmt: skip
        met = [own[run.start - 1 : run.stop + 1].min() < self.limit_mm for run in closures]
        return sum(map(int, met)), len(met)


def _compared(made: FaceMotion, clip: MotionExample) -> dict[str, float]:
    seen = clip.valid.astype(bool)
    own, truth = made.expression[seen], clip.motion.expression[seen]
    if clip.motion.face_model != mp478.ID:
        told = _mean([correlation(a, b) for a, b in zip(own.T, truth.T, strict=True)])
        return {SCORE: told, "expression": told}
    model = mp478.load()
    column = width_column_mm(model)
    gaps, widths = ([lip_gap_mm(model, e) for e in (own, truth)], [e @ column for e in (own, truth)])
    lips = {"lip_gap": correlation(*gaps), "lip_width": correlation(*widths)}
    sizes = {f"{name}_amplitude": _ratio(*pair) for name, pair in (("lip_gap", gaps), ("lip_width", widths))}
    basis = model.expression_mm.flatten(1).numpy()
    spread = {"face_spread": _ratio(*(((e - e.mean(0)) @ basis).ravel() for e in (own, truth)))}
    return {SCORE: _mean(list(lips.values()))} | lips | sizes | spread


def _head(made: FaceMotion, clip: MotionExample) -> dict[str, float]:
    seen = clip.valid.astype(bool)
    spread = made.rotation[seen].std(0).mean() / max(float(clip.motion.rotation[seen].std(0).mean()), 1e-6)
    return {"pose_spread": float(spread)}


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
