"""A target that speaks while it hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import talking_head
from face_model import mp478
from foundation.errors import InputError
from motion_models.arkit.model import ArkitRegressor
from motion_models.look_ahead import LookAhead
from render2video.painter import load_painter
from talking_head.motion.speaking import speak
from talking_head.provenance.claims import mark_id
from talking_head.provenance.label import Marks
from talking_head.synth.streaming import BoundedMotion, Speaker, Spoken
from talking_head.target.card import find_target
from talking_head.target.home import Home
from tests.talking_head.media import voice

TARGET = "astronaut"  # ships


def pushed(speaker: Speaker, samples: np.ndarray, size: int) -> list[Spoken]:
    """What comes of a sound in pieces of a size."""
    made: list[Spoken] = []
    for start in range(0, len(samples), size):
        made += speaker.hear(samples[start : start + size])
    return made + list(speaker.finish())


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return voice(0.6).astype(np.float32)


def test_pieces_of_any_size_give_the_same_frames(sound: np.ndarray) -> None:
    made = []
    for size in (320, len(sound)):
        with talking_head.open(TARGET) as speaker:
            made.append(pushed(speaker, sound, size))
            fps = speaker.fps
    fine, coarse = made
    assert len(fine) == len(coarse) == round(len(sound) / 16000 * fps)
    for (frame, own), (other, same) in zip(fine, coarse, strict=True):
        np.testing.assert_array_equal(frame.picture, other.picture)
        np.testing.assert_array_equal(own, same)
    assert [frame.time_s for frame, _ in fine] == [index / fps for index in range(len(fine))]
    np.testing.assert_array_equal(np.concatenate([own for _, own in fine]), sound)
    assert np.std([frame.picture.astype(float) for frame, _ in fine], axis=0).max() > 5  # it moves


def test_frames_come_a_moment_after_their_sound(sound: np.ndarray) -> None:
    late: list[float] = []
    with talking_head.open(TARGET, label=False) as speaker:
        for start in range(0, len(sound), 320):
            late += [(start + 320) / 16000 - frame.time_s for frame, _ in speaker.hear(sound[start : start + 320])]
    assert late and max(late) <= 0.1 + 2 / 30 + 1 / 30 + 0.021  # look-ahead, step, between two frames, the piece


def test_an_unlimited_look_ahead_gives_the_films_frames(sound: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    soundfile.write(path, sound, 16000, subtype="FLOAT")
    person = find_target(Home.find(), TARGET)
    painter = load_painter(person.folder, mp478.load())
    marks = Marks(painter.camera.width_px, painter.camera.height_px, mark_id(person.card), label=False)
    film = [marks(frame) for frame in painter.frames(speak(path, person, 3, "cpu"))]
    with talking_head.open(TARGET, look_ahead_s=None, seed=3, label=False) as speaker:
        assert not list(speaker.hear(sound[:5000])) and not list(speaker.hear(sound[5000:]))
        made = [frame.picture for frame, _ in speaker.finish()]
    np.testing.assert_array_equal(np.stack(made), np.stack(film))


def test_other_rates_and_integers(sound: np.ndarray) -> None:
    with talking_head.open(TARGET, rate_hz=48_000) as speaker:
        twice = (np.repeat(sound[:4800], 3) * 32767).astype(np.int16)
        made = pushed(speaker, twice, 960)
    assert len(made) == round(0.3 * speaker.fps) and sum(len(own) for _, own in made) == len(twice)


def test_a_file_is_said(sound: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    soundfile.write(path, sound[:4800], 16000)
    with talking_head.open(TARGET) as speaker:
        assert len(list(speaker.say(path))) == round(0.3 * speaker.fps)


@pytest.mark.parametrize(
    "samples", [np.zeros((2, 5), np.float32), np.array([np.nan]), np.array([1, 2]), np.array(["a"])]
)
def test_what_is_no_sound_is_refused(samples: np.ndarray) -> None:
    with talking_head.open(TARGET) as speaker, pytest.raises(InputError, match="samples"):
        speaker.hear(samples)


def test_what_cannot_be_is_told_at_once() -> None:
    with pytest.raises(InputError, match="look-ahead"):
        talking_head.open(TARGET, look_ahead_s=-1)
    with pytest.raises(InputError, match="Hz"):
        talking_head.open(TARGET, rate_hz=100)
    with talking_head.open(TARGET) as speaker:
        with pytest.raises(InputError, match="without a sample"):
            list(speaker.finish())
        with pytest.raises(InputError, match="finish"):
            speaker.hear(np.zeros(5))


@pytest.mark.parametrize("name", ["arkit", "karras2017", "emote"])
def test_every_motion_model_speaks_while_it_hears(sound: np.ndarray, name: str) -> None:
    """The face by that model, the head by FACIAL-GAN, as in a film."""
    person, ahead = find_target(Home.find(), TARGET), LookAhead(0.1)
    motions = [
        list(BoundedMotion.of(person, talking_head.Directions(model), ahead, 0, "cpu")(iter(np.split(sound, 3))))
        for model in (name, "facial_gan")
    ]
    own, other = (np.concatenate([piece.pack() for piece in pieces]) for pieces in motions)
    assert len(own) == len(other) == round(len(sound) / 16000 * person.card.fps)
    np.testing.assert_array_equal(own[:, :7], other[:, :7])
    assert np.abs(own[:, 7:] - other[:, 7:]).max() > 0.1 and own[:, 7:].std(0).max() > 0.05


def test_a_model_that_needs_the_whole_sound_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ArkitRegressor, "speaks_early", False)
    with pytest.raises(InputError, match="while the sound is made"):
        talking_head.open(TARGET, directions=talking_head.Directions("arkit"))


def test_frames_that_come_too_late_are_skipped_and_the_others_stay_the_same(sound: np.ndarray) -> None:
    pieces = [sound[start : start + 320] for start in range(0, len(sound), 320)]
    with talking_head.open("astronaut") as speaker:
        whole = [spoken for piece in pieces for spoken in speaker.hear(piece)]
    with talking_head.open("astronaut") as speaker:
        some = []
        for number, piece in enumerate(pieces):
            if 12 <= number < 18:
                speaker.skip(piece)
            else:
                some += list(speaker.hear(piece))
    kept = {frame.time_s: frame.picture for frame, _ in some}
    assert 2 <= len(whole) - len(some) <= 4 and len(some) > 3
    for frame, _ in whole:
        if frame.time_s in kept:  # but for the invisible mark, whose strength knows what was shown before
            apart = np.abs(kept[frame.time_s].astype(int) - frame.picture)
            assert apart.max() <= 3 and apart.mean() < 0.25
    np.testing.assert_array_equal(np.concatenate([s for _, s in some]), np.concatenate([s for _, s in whole]))
