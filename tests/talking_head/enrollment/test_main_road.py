"""The main road: a video becomes a target, sound becomes a film; repeatable, resumable, marked as generated."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from foundation.errors import InputError
from foundation.files import read_tensors
from preprocessing.media import read_frames, read_sound
from preprocessing.portrait import find_face
from talking_head.enrollment import from_video as enrollment
from talking_head.enrollment.from_video import EnrollResult, enroll
from talking_head.provenance.label import stamp
from talking_head.synth.film import SILENCE_NOTE, Synthesis, synthesize
from talking_head.target.card import (
    APPEARANCE,
    CARD,
    MOTION,
    PREVIEW,
    VIDEO,
    Target,
    TargetCard,
    find_target,
    write_card,
)
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings
from tests.preprocessing.making import counted_opens
from tests.talking_head.media import voice

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def speech_1s(spoken: Path, tmp_path: Path) -> Path:
    """A second and a half of real speech."""
    path = tmp_path / "speech.wav"
    soundfile.write(path, read_sound(spoken).samples[16_000:40_000], 16_000)
    return path


def spoken(
    enrolled: tuple[Home, Target], folder: Path, samples: np.ndarray, name: str = "o.mp4", **how: bool
) -> Synthesis:
    soundfile.write(folder / "a.wav", samples, 16_000)
    return synthesize(folder / "a.wav", "ana", folder / name, home=enrolled[0].path, **how)


def again(
    enrolled: tuple[Home, Target], clip: Path, settings: EnrollSettings, consent: str = "for tests"
) -> EnrollResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enrollment, "SHORTEST_S", 1.0)
        patch.setattr(enrollment, "speaks", lambda track: True)
        return enroll(clip, "ana", consent, settings, home=enrolled[0].path)


def test_a_target_holds_what_the_design_says(enrolled: tuple[Home, Target]) -> None:
    home, target = enrolled
    assert {MOTION, VIDEO, APPEARANCE, PREVIEW, CARD} <= {path.name for path in target.folder.iterdir()}
    card = TargetCard.read(target.folder / CARD)
    assert card.consent.statement == "for tests" and card.origin["video"] == "clip.mp4"
    assert len(card.motion_statistics.mean) == 71 and card.quality["face_share"] == 1.0
    assert card.quality["learned_mouth_psnr_db"] > 20
    assert not list(home.work.iterdir()), "no unfinished work stays"


def test_enrolling_again_says_that_it_is_done(enrolled: tuple[Home, Target], clip: Path) -> None:
    assert again(enrolled, clip, EnrollSettings(steps=2)).already_done
    with pytest.raises(InputError, match="exists, made with steps 2 and not 3;"):
        again(enrolled, clip, EnrollSettings(steps=3))


@pytest.fixture
def copied(enrolled: tuple[Home, Target], tmp_path: Path) -> tuple[Home, Target]:
    """The same person in another home: what changes a card here is not seen by other tests."""
    home = Home.find(shutil.copytree(enrolled[0].path, tmp_path / "home"))
    return home, find_target(home, enrolled[1].id)


def test_after_an_upgrade_the_same_command_still_says_that_it_is_done(copied: tuple[Home, Target], clip: Path) -> None:
    """A card of an earlier version: another key, and no word of settings that came later."""
    target = copied[1]
    earlier = {name: value for name, value in target.card.settings.items() if name not in ("renderer", "epochs")}
    write_card(target.folder, replace(target.card, key="0" * 64, versions={"talking-head": "0.0.1"}, settings=earlier))
    assert again(copied, clip, EnrollSettings(steps=2)).already_done
    for other, words in (({"seed": 4}, "seed 0 and not 4"), ({"speech": "log_mel"}, "speech encoder")):
        with pytest.raises(InputError, match=words):
            again(copied, clip, replace(EnrollSettings(steps=2), **other))


def test_another_consent_alone_changes_the_card_alone(copied: tuple[Home, Target], clip: Path) -> None:
    home, target = copied
    weights = (target.folder / VIDEO).stat()
    made = again(copied, clip, EnrollSettings(steps=2), consent="I agree anew")
    assert made.already_done and made.target.card.consent.statement == "I agree anew"
    assert find_target(home, "ana").card == replace(target.card, consent=made.target.card.consent)
    assert (target.folder / VIDEO).stat() == weights


@pytest.mark.parametrize("duration_s", [0.01, 0.3, 2.0])
def test_sound_of_any_length_gives_the_right_number_of_frames(
    enrolled: tuple[Home, Target], tmp_path: Path, duration_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = counted_opens(monkeypatch, "a.wav")
    made = spoken(enrolled, tmp_path, voice(duration_s))
    fps = enrolled[1].card.fps
    assert len(opened) <= 4, "what is in it, the first picture, the sound to hear, the sound to keep"
    assert made.frames == max(1, round(duration_s * fps)) == len(list(read_frames(made.output)))
    with av.open(str(made.output)) as film:
        assert film.streams.video[0].pix_fmt == "yuv420p" and film.streams.audio[0].codec.name == "aac"
        assert "synthetic" in film.metadata["comment"] and "target=ana" in film.metadata["comment"]


def test_the_same_seed_gives_the_same_film_and_the_label_is_an_option(
    enrolled: tuple[Home, Target], tmp_path: Path
) -> None:
    first, second = (spoken(enrolled, tmp_path, voice(0.4), name) for name in ("a.mp4", "b.mp4"))
    # Each film is signed with a number of its own, so the pictures and the sound are what must not differ.
    frames = zip(read_frames(first.output), read_frames(second.output), strict=True)
    assert all(np.array_equal(one, other) for one, other in frames)
    assert np.array_equal(read_sound(first.output).samples, read_sound(second.output).samples)
    plain = spoken(enrolled, tmp_path, voice(0.4), "plain.mp4", label=False)
    marked, bare = (next(read_frames(made.output)).astype(int) for made in (first, plain))
    where = (stamp(np.full(bare.shape, 128, np.uint8)) != 128).any(-1)
    assert np.abs(marked - bare)[where].mean() > 10 * np.abs(marked - bare)[: len(bare) // 2].mean()


def gaps(film: Path) -> np.ndarray:
    """How far the lips are open in each frame of a film, in widths of the mouth, as a face tracker sees it."""
    found = []
    for frame in read_frames(film):
        upper, lower, right, left = find_face(frame, film.name)[[13, 14, 61, 291], :2]
        found.append(np.linalg.norm(upper - lower) / np.linalg.norm(right - left))
    return np.array(found)


def test_silence_is_spoken_with_lips_at_rest_and_a_note(
    enrolled: tuple[Home, Target], tmp_path: Path, speech_1s: Path
) -> None:
    made = spoken(enrolled, tmp_path, np.zeros(8_000, np.float32))
    assert made.note == SILENCE_NOTE and made.frames == round(0.5 * enrolled[1].card.fps)
    speaks = synthesize(speech_1s, "ana", tmp_path / "speaks.mp4", home=enrolled[0].path)
    silent, aloud = gaps(made.output), gaps(speaks.output)
    assert silent.max() < 0.05 and aloud.max() > silent.max() + 0.05, (silent.max(), aloud.max())


@pytest.mark.slow
def test_killed_at_any_moment_the_same_command_ends_with_the_same_weights(
    enrolled: tuple[Home, Target], clip: Path, tmp_path: Path
) -> None:
    settings = replace(EnrollSettings(steps=30), seed=3)
    code = (
        "import sys; from talking_head.enrollment import from_video as enrollment\n"
        "from talking_head.target.settings import EnrollSettings\n"
        "enrollment.SHORTEST_S, enrollment.speaks = 1.0, lambda track: True\n"
        f"enrollment.enroll({str(clip)!r}, 'ana', 'for tests', {settings!r}, home=sys.argv[1])"
    )

    def start(home: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen([sys.executable, "-c", code, str(home)], env=environment, stderr=subprocess.DEVNULL)

    started_s = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    whole_s = time.monotonic() - started_s
    for moment in np.random.default_rng(0).uniform(0.1, 0.9, 5):
        process = start(tmp_path / "killed")
        time.sleep(moment * whole_s / 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(tmp_path / "killed").wait() == 0
    for name in (MOTION, VIDEO, APPEARANCE):
        first, _ = read_tensors(tmp_path / "whole" / "targets" / "ana" / name)
        second, _ = read_tensors(tmp_path / "killed" / "targets" / "ana" / name)
        assert all(np.array_equal(first[key], second[key]) for key in first), name
