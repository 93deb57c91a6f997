"""A tiny person, trained, resumed, fine-tuned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from motion_models.examples import MotionExample
from tests.facial_gan.synthetic import config, example, general, motion_of, person, speech

ROOT = Path(__file__).resolve().parents[2]


def test_general_training_then_one_person(tmp_path: Path) -> None:
    people = [example(6.0, seed, speaker) for seed, speaker in ((0, "a"), (1, "b"))]
    base = general(people, tmp_path / "general", config())
    tuned = person(example(6.0, 2), base, tmp_path / "person", config())
    again = person(example(6.0, 2), base, tmp_path / "person", config())
    other = person(example(6.0, 2), base, tmp_path / "other", config())
    assert tuned == again and FacialGan.load(tuned).digest() == FacialGan.load(other).digest()
    assert len(FacialGan.load(tuned).synthesize(speech(3.0))) == 90


def test_it_learns(tmp_path: Path) -> None:
    """Held-out sound: nearer to the truth than the person's mean is, and than what other sound gives."""
    tuned = person(example(20.0), None, tmp_path, replace(config(250), articulation=1.0, rounding=1.0))
    gan, features = FacialGan.load(tuned), speech(8.0, seed=7)
    truth = motion_of(features).expression

    def error(expression: np.ndarray) -> float:
        return float(((expression - truth)[10:-10] ** 2).mean())

    made = error(gan.synthesize(features).expression)
    assert made < 0.8 * error(example(20.0).motion.expression.mean(0))
    assert made < 0.6 * error(gan.synthesize(speech(8.0, seed=8)).expression)


def test_a_base_for_something_else_is_refused(tmp_path: Path) -> None:
    base = general([example(5.0)], tmp_path / "general", config(2))
    shown = example(5.0)
    wrong = replace(shown, features=replace(shown.features, extractor="other"))
    with pytest.raises(InputError, match="toy features"):
        person(wrong, base, tmp_path / "person", config(2))
    with pytest.raises(InputError, match="2 kinds"):
        general([shown, wrong], tmp_path / "mixed", config(2))
    with pytest.raises(InputError, match="made motion of nobody"):
        general([example(), replace(example(), speaker="nobody", made=True)], tmp_path / "made", config(2))
    with pytest.raises(InputError, match="nothing to learn from"):
        general([], tmp_path / "none", config(2))


def test_a_base_is_for_the_very_weights_that_it_learned_through(tmp_path: Path) -> None:
    def heard(extractor: str) -> MotionExample:
        return replace(example(5.0), features=replace(example(5.0).features, extractor=extractor))

    base = general([heard("toy?model=12345678")], tmp_path / "general", config(2))
    mine = person(heard("toy?model=12345678"), base, tmp_path / "person", config(2))
    assert FacialGan.load(mine).speech_extractor == "toy?model=12345678"
    person(heard("toy"), base, tmp_path / "untold", config(2))
    with pytest.raises(InputError, match=r"for toy\?model=12345678 features.*expected toy\?model=87654321"):
        person(heard("toy?model=87654321"), base, tmp_path / "other", config(2))


def test_made_motion_teaches_the_network_but_says_nothing_of_the_person(tmp_path: Path) -> None:
    shown, other = example(5.0), example(5.0, 3)
    made = replace(other, motion=replace(other.motion, expression=5 * other.motion.expression), made=True)
    bare, more = (
        FacialGan.load(general(examples, tmp_path / name, config(2)))
        for name, examples in (("bare", [shown]), ("more", [shown, made]))
    )
    for name, value in bare.statistics.arrays().items():
        np.testing.assert_array_equal(value, more.statistics.arrays()[name], err_msg=name)
    assert bare.digest() != more.digest()
    never = [replace(config(2).general, **change) for change in ({"made_share": 0.0}, {"made_until": 0.0})]
    runs = [
        general([shown, made], tmp_path / f"never{number}", replace(config(2), general=schedule))
        for number, schedule in enumerate(never)
    ]
    assert FacialGan.load(runs[0]).digest() == FacialGan.load(runs[1]).digest()


def test_one_persons_statistics_come_from_footage(tmp_path: Path) -> None:
    shown, other = example(5.0), example(5.0, 3)
    made = replace(other, motion=replace(other.motion, expression=5 * other.motion.expression), made=True)
    base = general([shown], tmp_path / "general", config(2))
    for start in (None, base):
        bare, more = (
            FacialGan.load(person(examples, start, tmp_path / f"{start is None}{len(examples)}", config(2)))
            for examples in ([shown], [shown, made])
        )
        for name, value in bare.statistics.arrays().items():
            np.testing.assert_array_equal(value, more.statistics.arrays()[name], err_msg=name)
        assert bare.digest() != more.digest(), "the network learned from it"
    with pytest.raises(InputError, match="nothing but made motion of the person; expected footage"):
        person(made, None, tmp_path / "made", config(2))


def test_motion_at_another_rate_is_refused() -> None:
    shown = example(2.0)
    with pytest.raises(InputError, match="30 fps"):
        replace(shown, motion=shown.motion.resampled(25.0), valid=np.ones(50, bool))
