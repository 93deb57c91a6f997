"""A motion model judged on clips that it did not learn from: lips, head, blinks, and the losses of its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import torch
from torch import nn

from face_model import mp478
from face_model.blinks import find_blinks, seen_curves
from face_model.tracks import EXPRESSION, MOTION_FPS, FaceMotion
from facial_gan.config import Augmentation
from facial_gan.data import Batch, WindowSet
from facial_gan.losses import LossWeights, regression_losses, weighted_sum
from facial_gan.synthesis import FacialGan
from motion_models.examples import MotionExample
from motion_models.interface import MotionModel
from motion_models.lips import Lips, lip_gap_mm, width_column_mm
from motion_models.people import person_statistics

SCORE = "score"  # the mean of the lips' correlations: by it the best is kept
LOSS_WINDOWS, WINDOW_STEP = 64, 64
FLAT = 1e-6  # deviation below which a curve, in mm or coefficients, says nothing
STILL = Augmentation(0.0, 0.0, 0.0, 0, 0.0, [0.3, 2.5], 0.0)


def judged(model: MotionModel, held: Sequence[MotionExample], seed: int = 0) -> dict[str, float]:
    """Measures of a model on clips, averaged over them; NaN where none can tell.

    lip_gap, lip_width: correlation with the truth; *_amplitude: deviation over the truth's (1 is right); score: the
    mean of the two correlations. Without known lips, `expression`, the mean correlation of the coefficients, is the
    score. pose_spread: deviation of the rotation over the truth's; blinks: made over the truth's, of all clips. A
    FACIAL-GAN speaks with each speaker's own statistics, as after enrolment.
    """
    rows, blinks = [], np.zeros(2)
    for _, group in groupby(held, lambda example: example.speaker):
        clips = list(group)
        speaker = as_person(model, clips)
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


def as_person(model: MotionModel, clips: list[MotionExample]) -> MotionModel:
    """The model with the statistics of the speaker of some clips, where it has such."""
    if not isinstance(model, FacialGan):
        return model
    return model.for_person(person_statistics(clips, float(model.statistics.scale[EXPRESSION][0])), model.blinks)


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


class HeldOut:
    """Judges networks in training: `judged`, and the losses over whole windows as they were filmed.

    Args:
        held: clips of people that are not learned from.
        assembled: makes the model of networks.
        weights, lips: of the losses.
    """

    def __init__(
        self, held: Sequence[MotionExample], assembled: Callable[[nn.Module], FacialGan], weights: LossWeights,
        lips: Lips | None,
    ) -> None:
        self.held, self.assembled, self.weights, self.lips = list(held), assembled, weights, lips
        self._batch: Batch | None = None

    def __call__(self, networks: nn.Module) -> dict[str, float]:
        """Measures by name."""
        model = self.assembled(networks)
        return judged(model, self.held) | self._losses(model)

    @torch.no_grad()
    def _losses(self, model: FacialGan) -> dict[str, float]:
        device = next(model.generator.parameters()).device
        batch = self._batch = self._batch or self._windows(model)
        windows, real, initial, mask = (part.to(device) for part in vars(batch).values())
        named = regression_losses(model.generator(windows, initial), real, initial, mask, self.lips)
        total = weighted_sum(named, replace(self.weights, adversarial=0.0))
        return {f"loss_{name}": float(value) for name, value in ({"total": total} | named).items()}

    def _windows(self, model: FacialGan) -> Batch:
        scale = float(model.statistics.scale[EXPRESSION][0])
        speakers = {example.speaker for example in self.held}
        people = {s: person_statistics([e for e in self.held if e.speaker == s], scale) for s in speakers}
        windows = WindowSet(self.held, people, model.features, STILL, WINDOW_STEP)
        return windows.batch(0, min(LOSS_WINDOWS, len(windows.windows)), 0, np.random.default_rng(0))
