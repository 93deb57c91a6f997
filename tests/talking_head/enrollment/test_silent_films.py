"""Enrolling people whose own speech nobody recorded: silent films, and films with somebody else's sound."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from face_model import mp478
from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from foundation.shipped import shipped
from preprocessing.fitting import fit_clip
from preprocessing.media import read_frames, read_sound
from preprocessing.sync import TRUSTED, estimate_offset
from preprocessing.tracking import LandmarkTrack, track_landmarks
from render2video.footage.store import read_footage
from talking_head.enrollment import from_video as enrollment
from talking_head.enrollment.learning import prepare_look
from talking_head.motion.people import PEOPLE, motion_of_film, speaks, told_unheard
from talking_head.synth.film import synthesize
from talking_head.target.card import MOTION
from talking_head.target.settings import EnrollSettings
from tests.preprocessing.making import write_media
from tests.talking_head.media import person, voice

GENERAL = "facial_gan/phonetic_mel.safetensors"


def test_a_silent_film_is_enrolled_with_the_motion_of_people(
    footage: Path, landmarker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(enrollment, "SHORTEST_S", 1.0)
    small = [cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA) for frame in person(footage, 30)]
    film = write_media(tmp_path / "film.mp4", small)
    with caplog.at_level(logging.WARNING):
        made = enrollment.enroll(film, "ana", "for tests", EnrollSettings(steps=2, size_px=256), home=tmp_path / "home")
    told = [record.getMessage() for record in caplog.records if "sound" in record.getMessage()]
    (line,) = told
    assert line.startswith(f"{film}: it has no sound; lips and head will move as people's do")
    card, own = made.target.card, FacialGan.load(made.target.folder / MOTION).statistics
    assert card.origin["motion"] == PEOPLE and card.quality["face_share"] == 1
    assert np.allclose(own.mean[:6], card.motion_statistics.mean[:6], atol=1e-3)
    assert np.array_equal(own.rest, FacialGan.load(shipped(GENERAL)).statistics.rest)
    soundfile.write(tmp_path / "words.wav", voice(0.4), 16_000)
    assert synthesize(tmp_path / "words.wav", "ana", tmp_path / "o.mp4", home=tmp_path / "home").frames == 10


def test_films_do_not_play_on_across_a_cut(footage: Path, landmarker: None, tmp_path: Path) -> None:
    """She, and from frame 20 on she again, nearer."""
    small = [cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA) for frame in person(footage, 40)]
    near = [cv2.resize(f[10:210, 28:228], (256, 256), interpolation=cv2.INTER_LINEAR) for f in small[20:]]
    film = write_media(tmp_path / "film.mp4", small[:20] + near)
    measured = fit_clip(track_landmarks(film, tmp_path), read_frames(film))
    prepare_look(film, measured, 36, tmp_path, EnrollSettings())
    assert np.flatnonzero(read_footage(tmp_path, mp478.load()).breaks).tolist() == [0, 20]


def test_only_sound_that_goes_with_the_lips_teaches(film_track: LandmarkTrack, footage: Path) -> None:
    """Her own, her own backwards, and music of other people's making."""
    fitted = fit_clip(film_track, read_frames(footage))
    own = read_sound(footage)
    beats = replace(own, samples=voice(6.0))
    backwards = replace(own, samples=own.samples[::-1].copy())
    confidences = [estimate_offset(film_track, sound).confidence for sound in (own, backwards, beats)]
    assert [speaks(replace(fitted, sound_offset_confidence=sure)) for sure in confidences] == [True, False, False]
    few = np.arange(len(fitted)) < 4.9 * 25
    assert not speaks(replace(fitted, sound_offset_confidence=TRUSTED), few)


def test_the_head_is_as_wide_and_as_quick_as_in_the_film(film_track: LandmarkTrack, footage: Path) -> None:
    """Nobody's motion is made beyond what the film has of it."""
    fitted = fit_clip(film_track, read_frames(footage))
    model, people = motion_of_film(fitted, shipped(GENERAL), "phonetic_mel"), FacialGan.load(shipped(GENERAL))
    pose = fitted.motion.pack()[:, :6]
    assert np.allclose(model.statistics.scale[:6], pose.std(0), rtol=0.01)
    assert np.array_equal(model.statistics.scale[7:], people.statistics.scale[7:])
    with pytest.raises(InputError, match="no general motion weights"):
        motion_of_film(fitted, None, "deepspeech")


def test_what_is_learned_from_speech_alone_is_refused_without_it(tmp_path: Path) -> None:
    film = write_media(tmp_path / "film.mp4", [np.zeros((32, 32, 3), np.uint8)] * 3)
    with pytest.raises(InputError, match="--motion karras2017 from .*: it has no sound"):
        told_unheard(film, ("facial_gan", "karras2017"))
