"""A tiny person, trained, resumed, fine-tuned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facial_gan.config import FacialGanConfig, published
from facial_gan.synthesis import FacialGan
from facial_gan.train import fine_tune, train_general
from foundation.config import configure, load_yaml
from foundation.errors import InputError
from motion_models.examples import MotionExample
from tests.facial_gan.synthetic import config, example, motion_of, speech

ROOT = Path(__file__).resolve().parents[2]


def test_general_training_then_one_person(tmp_path: Path) -> None:
    people = [example(6.0, seed, speaker) for seed, speaker in ((0, "a"), (1, "b"))]
    base = train_general(people, config(), tmp_path / "general", "cpu")
    tuned = fine_tune(example(6.0, 2), base, config(), tmp_path / "person", "cpu")
    again = fine_tune(example(6.0, 2), base, config(), tmp_path / "person", "cpu")
    other = fine_tune(example(6.0, 2), base, config(), tmp_path / "other", "cpu")
    assert tuned == again and FacialGan.load(tuned).digest() == FacialGan.load(other).digest()
    assert len(FacialGan.load(tuned).synthesize(speech(3.0))) == 90


def test_it_learns(tmp_path: Path) -> None:
    """Held-out sound: nearer to the truth than the person's mean is, and than what other sound gives."""
    tuned = fine_tune(example(20.0), None, replace(config(250), articulation=1.0, rounding=1.0), tmp_path, "cpu")
    gan, features = FacialGan.load(tuned), speech(8.0, seed=7)
    truth = motion_of(features).expression

    def error(expression: np.ndarray) -> float:
        return float(((expression - truth)[10:-10] ** 2).mean())

    made = error(gan.synthesize(features).expression)
    assert made < 0.8 * error(example(20.0).motion.expression.mean(0))
    assert made < 0.6 * error(gan.synthesize(speech(8.0, seed=8)).expression)


def test_a_base_for_something_else_is_refused(tmp_path: Path) -> None:
    base = train_general([example(5.0)], config(2), tmp_path / "general", "cpu")
    shown = example(5.0)
    wrong = replace(shown, features=replace(shown.features, extractor="other"))
    with pytest.raises(InputError, match="toy features"):
        fine_tune(wrong, base, config(2), tmp_path / "person", "cpu")
    with pytest.raises(InputError, match="2 kinds"):
        train_general([shown, wrong], config(2), tmp_path / "mixed", "cpu")
    with pytest.raises(InputError, match="made motion of nobody"):
        train_general([example(), replace(example(), speaker="nobody", made=True)], config(2), tmp_path / "made")
    with pytest.raises(InputError, match="nothing to learn from"):
        train_general([], config(2), tmp_path / "none", "cpu")


def test_a_base_is_for_the_very_weights_that_it_learned_through(tmp_path: Path) -> None:
    def heard(extractor: str) -> MotionExample:
        return replace(example(5.0), features=replace(example(5.0).features, extractor=extractor))

    base = train_general([heard("toy?model=12345678")], config(2), tmp_path / "general", "cpu")
    person = fine_tune(heard("toy?model=12345678"), base, config(2), tmp_path / "person", "cpu")
    assert FacialGan.load(person).speech_extractor == "toy?model=12345678"
    fine_tune(heard("toy"), base, config(2), tmp_path / "untold", "cpu")
    with pytest.raises(InputError, match=r"for toy\?model=12345678 features.*expected toy\?model=87654321"):
        fine_tune(heard("toy?model=87654321"), base, config(2), tmp_path / "other", "cpu")


def test_made_motion_teaches_the_network_but_says_nothing_of_the_person(tmp_path: Path) -> None:
    shown, other = example(5.0), example(5.0, 3)
    made = replace(other, motion=replace(other.motion, expression=5 * other.motion.expression), made=True)
    bare, more = (
        FacialGan.load(train_general(examples, config(2), tmp_path / name, "cpu"))
        for name, examples in (("bare", [shown]), ("more", [shown, made]))
    )
    for name, value in bare.statistics.arrays().items():
        np.testing.assert_array_equal(value, more.statistics.arrays()[name], err_msg=name)
    assert bare.digest() != more.digest()
    never = [replace(config(2).general, **change) for change in ({"made_share": 0.0}, {"made_until": 0.0})]
    runs = [
        train_general([shown, made], replace(config(2), general=schedule), tmp_path / f"never{number}", "cpu")
        for number, schedule in enumerate(never)
    ]
    assert FacialGan.load(runs[0]).digest() == FacialGan.load(runs[1]).digest()


def test_one_persons_statistics_come_from_footage(tmp_path: Path) -> None:
    shown, other = example(5.0), example(5.0, 3)
    made = replace(other, motion=replace(other.motion, expression=5 * other.motion.expression), made=True)
    base = train_general([shown], config(2), tmp_path / "general", "cpu")
    for start in (None, base):
        bare, more = (
            FacialGan.load(fine_tune(examples, start, config(2), tmp_path / f"{start is None}{len(examples)}", "cpu"))
            for examples in ([shown], [shown, made])
        )
        for name, value in bare.statistics.arrays().items():
            np.testing.assert_array_equal(value, more.statistics.arrays()[name], err_msg=name)
        assert bare.digest() != more.digest(), "the network learned from it"
    with pytest.raises(InputError, match="nothing but made motion of the person; expected footage"):
        fine_tune(made, None, config(2), tmp_path / "made", "cpu")


def test_motion_at_another_rate_is_refused() -> None:
    shown = example(2.0)
    with pytest.raises(InputError, match="30 fps"):
        replace(shown, motion=shown.motion.resampled(25.0), valid=np.ones(50, bool))


def test_the_shipped_yaml_overrides_known_keys() -> None:
    given = configure(FacialGanConfig, load_yaml(ROOT / "configs" / "facial_gan.yaml")["model"])
    assert given.architecture == published()
