"""How a target is told to speak: the head's share, and what a file of motion leaves to tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from face_model.tracks import FaceMotion
from foundation.errors import InputError
from talking_head.formats.tables import write_openface
from talking_head.motion.directions import Directions
from talking_head.motion.speaking import follow, speak
from talking_head.target.card import Target, find_target
from talking_head.target.home import Home


@pytest.fixture
def astronaut(tmp_path: Path) -> Target:
    return find_target(Home(tmp_path), "astronaut")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).normal(0, 0.05, 3 * 16000) * np.sin(np.arange(3 * 16000) / 2000)
    soundfile.write(tmp_path / "a.wav", noise, 16000)
    return tmp_path / "a.wav"


def test_a_still_head_rests_and_its_eyes_live(astronaut: Target, sound: Path) -> None:
    natural, same, still, lively = (
        speak(sound, astronaut, 0, "cpu", how)
        for how in (None, *(Directions(head=head) for head in ("natural", "still", 1.5)))
    )
    np.testing.assert_array_equal(natural.pack(), same.pack())
    assert np.ptp(still.rotation, axis=0).max() < 1e-6 and np.ptp(still.translation, axis=0).max() < 1e-3
    np.testing.assert_array_equal(still.blink, natural.blink)
    np.testing.assert_array_equal(still.expression, natural.expression)
    assert natural.blink.max() == pytest.approx(5.0) and np.ptp(natural.rotation, axis=0).min() > 0.001
    away = natural.rotation - still.rotation
    np.testing.assert_allclose(lively.rotation - still.rotation, 1.5 * away, atol=1e-5)


@pytest.mark.parametrize("head", ["wild", "-1", "2.5", "nan", ""])
def test_a_head_that_nobody_has_is_refused(astronaut: Target, sound: Path, head: str) -> None:
    with pytest.raises(InputError, match="--head '.*still, calm, natural, lively, or a number from 0 to 2"):
        speak(sound, astronaut, 0, "cpu", Directions(head=head))


def test_a_file_that_moves_the_head_leaves_no_choice_of_it(astronaut: Target, sound: Path, tmp_path: Path) -> None:
    motion = FaceMotion(25.0, np.zeros((75, 64)), np.zeros((75, 3)), np.zeros((75, 3)), np.zeros(75))
    motion.save(tmp_path / "face.safetensors")
    write_openface(motion, tmp_path / "head.csv")
    for name in ("face.safetensors", "head.csv"):
        with pytest.raises(InputError, match=f"--head with .*{name}, which already says how"):
            follow(tmp_path / name, sound, astronaut, directions=Directions(head="still"))
