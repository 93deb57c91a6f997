"""A motion model judged on people that it did not learn from: what is right scores as right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from face_model.tracks import FaceMotion, SpeechFeatures
from facial_gan.synthesis import FacialGan
from motion_models.examples import MotionExample
from motion_models.interface import MotionModel
from motion_models.judging import judged
from motion_models.learning import BEST_FILE, Held
from motion_models.lips import above_rest
from tests.facial_gan.synthetic import config, example, general
from training.validation import JUDGED, judgements


def on_mp478(one: MotionExample) -> MotionExample:
    motion = one.motion
    blink = np.where(np.arange(len(motion)) % 90 < 5, 4.5, 0.1).astype(np.float32)
    own = FaceMotion(30.0, 3 * motion.expression, motion.rotation, motion.translation, blink, "mp478")
    return replace(one, motion=own)


class Teller(MotionModel):
    """Says what it was told, turned by `change`."""

    id = "teller"
    speech_extractor, face_model = "toy", "mp478"

    def __init__(self, told: Sequence[MotionExample], change: Any) -> None:
        self.told, self.change = {e.features.values.tobytes(): e.motion for e in told}, change

    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        yield self.change(self.told[features.values.tobytes()])

    def _tensors(self) -> dict[str, np.ndarray]:
        return {}

    def _described(self) -> dict[str, Any]:
        return {}

    @classmethod
    def _assembled(cls, *args: Any) -> MotionModel:
        raise NotImplementedError


HELD = [on_mp478(example(12.0, seed, speaker)) for seed, speaker in ((1, "a"), (2, "a"), (3, "b"))]


def test_the_truth_scores_one() -> None:
    found = judged(Teller(HELD, lambda motion: motion), HELD)
    perfect = "score", "lip_gap", "lip_width", "lip_gap_amplitude", "lip_width_amplitude", "closures", "blinks"
    for name in (*perfect, "pose_spread"):
        assert found[name] == pytest.approx(1.0, abs=1e-5), name


def test_faults_are_told_apart() -> None:
    def halved(motion: FaceMotion) -> FaceMotion:
        return replace(motion, expression=0.5 * motion.expression, rotation=0.25 * motion.rotation)

    found = judged(Teller(HELD, halved), HELD)
    assert found["lip_gap"] == pytest.approx(1.0, abs=1e-3)
    assert found["lip_gap_amplitude"] == pytest.approx(0.5, abs=0.01)
    assert found["pose_spread"] == pytest.approx(0.25, abs=0.01)
    backwards = judged(Teller(HELD, lambda m: replace(m, expression=m.expression[::-1].copy())), HELD)
    assert backwards["score"] < 0.6
    still = judged(Teller(HELD, lambda m: replace(m, expression=0 * m.expression, blink=0 * m.blink)), HELD)
    assert np.isnan(still["score"]) and still["blinks"] == 0


def test_a_closure_that_is_missed_is_told() -> None:
    """Lips that open by 6 mm and shut twice for a tenth of a second, once for a second (a pause)."""
    _, wider = above_rest(np.zeros((1, 64), np.float32), np.zeros(64, np.float32))
    opening_mm = np.full(180, 6.0)
    for first, last in ((30, 33), (60, 63), (90, 120)):
        opening_mm[first:last] = 0.0
    opening_mm[-20:] = 0.0

    def saying(opening: np.ndarray) -> FaceMotion:
        expression = (opening[:, None] * wider).astype(np.float32)
        return replace(HELD[0].motion[:180], expression=expression)

    clip = replace(HELD[0], motion=saying(opening_mm), valid=np.ones(180, bool))
    missed = opening_mm.copy()
    missed[60:63] = 2.0
    for said, share in ((opening_mm, 1.0), (missed, 0.5), (np.roll(opening_mm, 2), 1.0), (np.full(180, 3.0), 0.0)):
        assert judged(Teller([clip], lambda _, s=said: saying(s)), [clip])["closures"] == share
    unseen = replace(clip, valid=~np.isin(np.arange(180), np.arange(28, 36)))
    assert judged(Teller([clip], lambda _: saying(missed)), [unseen])["closures"] == 0.0


def test_frames_without_a_face_do_not_count() -> None:
    lost = [replace(e, valid=np.arange(len(e.motion)) < len(e.motion) // 2) for e in HELD]

    def spoilt(motion: FaceMotion) -> FaceMotion:
        expression = motion.expression.copy()
        expression[len(expression) // 2 :] = 0
        return replace(motion, expression=expression)

    assert judged(Teller(HELD, spoilt), lost)["lip_gap"] == pytest.approx(1.0, abs=1e-5)


def test_general_training_judges_itself_and_keeps_the_best(tmp_path: Path) -> None:
    examples = [example(8.0, seed, speaker) for seed, speaker in ((0, "a"), (1, "b"))]
    held = Held([example(6.0, 7, "c")], every_steps=4)
    made = general(examples, tmp_path, config(12), held=held)
    lines = judgements(tmp_path / JUDGED)
    assert [line["step"] for line in lines] == [4, 8, 12]
    assert {"loss_total", "expression", "pose_spread"} <= set(lines[0])
    best = max(lines, key=lambda line: line["score"])
    kept, last = FacialGan.load(tmp_path / BEST_FILE), FacialGan.load(made)
    assert (kept.digest() == last.digest()) == (best["step"] == 12)
    for name in ("score", "pose_spread", "blinks"):  # what is judged on the way is what is kept
        assert lines[-1][name] == pytest.approx(judged(last, held.examples)[name], abs=1e-4), name
    assert judged(kept, held.examples)["score"] >= max(line["score"] for line in lines) - 0.1
    assert general(examples, tmp_path, config(12), held=held) == made  # done is done
