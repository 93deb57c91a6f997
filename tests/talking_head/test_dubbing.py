"""Dubbing: new words on a film's own frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from foundation.errors import InputError
from preprocessing.media import probe, read_frames
from render2video.footage.dub import RAMP_FRAMES, painted_shares
from talking_head.dubbing import DubSettings, dub
from tests.talking_head.media import voice

SETTINGS = DubSettings(steps=2, label=False, size_px=256)


@pytest.fixture(scope="module")
def dubbed(clip: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory):
    """The clip with other words, longer than it is."""
    folder = tmp_path_factory.mktemp("dub")
    sound = folder / "words.wav"
    soundfile.write(sound, voice(2.2), 16_000)
    made = dub(clip, sound, folder / "out.mp4", consent="for tests", settings=SETTINGS, home=folder / "home")
    return folder, sound, made


def test_what_is_not_the_lower_face_stays_the_films(dubbed, clip):
    folder, _, made = dubbed
    real, film = list(read_frames(clip)), list(read_frames(folder / "out.mp4"))
    assert film[0].shape == real[0].shape and made.painted_frames == made.frames
    upper = slice(0, real[0].shape[0] // 3)
    for one, other in zip(real, film, strict=False):
        error = np.square(one[upper].astype(float) - other[upper]).mean()
        assert -10 * np.log10(error / 255**2) > 36
    assert any(np.abs(one.astype(int) - other).max() > 60 for one, other in zip(real, film, strict=False))


def test_a_film_goes_on_as_long_as_the_words(dubbed, clip):
    folder, _, made = dubbed
    assert probe(clip).duration_s < 2 < made.duration_s
    assert made.duration_s == pytest.approx(2.2, abs=0.1)
    assert probe(folder / "out.mp4").has_sound


def test_nothing_is_kept_but_the_film(dubbed):
    folder, _, _ = dubbed
    work = folder / "home" / "work"
    assert not work.is_dir() or not list(work.iterdir())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"consent": ""}, "consent"), ({"settings": DubSettings(length="loop")}, "--length"),
        ({"settings": DubSettings(face="middle")}, "face 'middle'"), ({"target": "nobody"}, "unknown target"),
        ({"settings": DubSettings(budget_s=3)}, "budget"),
    ],
)
def test_mistakes_are_told_before_any_work(dubbed, clip, tmp_path, change, told):
    _, sound, _ = dubbed
    given = {"consent": "for tests", "settings": SETTINGS, "home": tmp_path / "home"} | change
    with pytest.raises(InputError, match=told):
        dub(clip, sound, tmp_path / "out.mp4", **given)
    assert not (tmp_path / "out.mp4").exists()


def test_painting_begins_and_ends_softly_but_not_at_cuts():
    painted = np.ones(30, bool)
    painted[10:14] = False
    breaks = np.zeros(30, bool)
    breaks[[0, 20]] = True
    shares = painted_shares(painted, breaks)
    assert (shares[10:14] == 0).all() and shares[9] == pytest.approx(1 / (RAMP_FRAMES + 1))
    assert shares[0] == 1 and shares[19] == 1 and shares[20] == 1 and shares[29] == 1
    assert (np.diff(shares[14:18]) > 0).all()
