"""Somebody else's motion on a person: brought into their range, and what that took away is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from face_model.arkit import ARKIT_NAMES, values_of_motion
from face_model.tracks import EXPRESSION, FaceMotion
from foundation.errors import InputError
from talking_head.formats.driving import read_motion
from talking_head.formats.retargeting import FREE, MOST, bent, is_foreign, not_shown, retargeted
from tests.talking_head.parts import published_rows

RNG = np.random.default_rng(0)
DEVIATION = np.concatenate([np.full(3, 0.05), np.full(3, 3.0), [1.0], np.linspace(1.5, 0.6, 64)])
MEAN = np.concatenate([np.zeros(7), RNG.normal(0, 0.5, 64)])
REST = MEAN[EXPRESSION] - 0.4 * DEVIATION[EXPRESSION]


def person(frames: int = 900, swing: float = 1.0, offset: float = 0.0) -> FaceMotion:
    """Motion with the person's own statistics, or wider and elsewhere."""
    smooth = np.stack([np.convolve(RNG.standard_normal(frames + 8), np.hanning(9), "valid") for _ in range(71)], 1)
    flat = MEAN + offset * DEVIATION + swing * DEVIATION * smooth / smooth.std(0)
    return FaceMotion.unpack(flat.astype(np.float32), 30.0)


def of(motion: FaceMotion):  # type: ignore[no-untyped-def]
    return retargeted(motion, MEAN, DEVIATION, REST)


def test_the_persons_own_motion_is_left_as_it_is() -> None:
    own = person()
    assert not is_foreign(own, MEAN, DEVIATION)
    made = of(own)
    assert made.motion is own and made.note == ""


def test_a_foreign_motion_is_brought_into_the_range_and_keeps_its_course() -> None:
    wild = person(swing=5.0, offset=1.0)
    made = of(wild).motion
    distance = np.abs(made.expression - MEAN[EXPRESSION]) / DEVIATION[EXPRESSION]
    assert distance.max() < MOST + 1e-4 and np.abs(made.rotation).max() < MOST * 0.05 + 1e-4
    assert (distance < FREE).mean() > 0.9
    for one, other in zip(wild.expression.T, made.expression.T, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.97  # what moves, moves; only less
    assert np.abs(np.diff(made.expression, axis=0)).max() < np.abs(np.diff(wild.expression, axis=0)).max()
    assert np.array_equal(made.blink, wild.blink) and np.array_equal(made.translation, wild.translation)


def test_bending_has_no_corner() -> None:
    line = np.linspace(-10, 10, 2001)
    curve = bent(line, np.zeros(1), np.ones(1))
    inside = np.abs(line) <= FREE
    assert np.allclose(curve[inside], line[inside]) and np.abs(curve).max() < MOST
    slope = np.diff(curve) / np.diff(line)
    assert slope.min() >= 0 and np.abs(np.diff(slope)).max() < 0.02


def test_what_is_shown_less_is_told_least_first() -> None:
    own = person()
    wide = replace(own, expression=(MEAN[EXPRESSION] + 6 * (own.expression - MEAN[EXPRESSION])).astype(np.float32))
    made = of(wide)
    asked, shown = (np.percentile(values_of_motion(m), 99, axis=0) for m in (wide, made.motion))
    assert made.note.startswith("brought into the person's range")
    for name in ARKIT_NAMES:
        if f"{name} to" in made.note:
            index = ARKIT_NAMES.index(name)
            assert shown[index] < asked[index]


def test_another_face_model_is_none_of_ours() -> None:
    other = replace(person(swing=9.0), face_model="deng_bfm")
    assert of(other).motion is other


def test_what_no_face_of_ours_shows_is_told() -> None:
    values = np.zeros((10, 52))
    values[:, ARKIT_NAMES.index("tongueOut")] = 0.9
    told = not_shown(values, Path("rom.csv"))
    assert told.startswith("rom.csv: the face model cannot show") and "tongueOut" in told
    assert not_shown(np.zeros((10, 52)), Path("rom.csv")) == ""


def test_the_published_systems_motion_is_sent_to_transfer(tmp_path: Path) -> None:
    np.savez(tmp_path / "made.npz", face=published_rows(10))
    with pytest.raises(InputError, match="of the published FACIAL code.*talking-head transfer .*made.npz -o"):
        read_motion(tmp_path / "made.npz")
