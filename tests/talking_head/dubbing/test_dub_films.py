"""Dubbing films as people bring them, made here: cuts, several people, nobody, a hand, odd rates, sizes and sounds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from preprocessing.media import probe, read_frames, read_sound, timed_frames
from preprocessing.sync import lip_opening
from preprocessing.tracking.people import follow_person
from talking_head.dubbing import film as dubbing
from talking_head.dubbing import tracking
from talking_head.dubbing.film import DubResult, DubSettings, dub
from talking_head.synth.film import SILENCE_NOTE
from tests.footage import another
from tests.preprocessing.making import grey, write_media
from tests.preprocessing.test_people import HAND, SIDE_PX, with_hand
from tests.talking_head.media import voice

ROOT = Path(__file__).resolve().parents[3]
MOUTH = np.s_[115:165, 95:165]  # of her in frames of 256 px
ABOVE = np.s_[:90]  # her eyes, and all above
Frames = list[np.ndarray]
Dub = Callable[..., tuple[DubResult, Frames, Frames]]
pytestmark = pytest.mark.usefixtures("landmarker")


@pytest.fixture(scope="module")
def speaker(footage: Path) -> Frames:
    """150 frames of the built-in person."""
    return [cv2.resize(f, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) for f in read_frames(footage)]


@pytest.fixture
def make(tmp_path: Path) -> Dub:
    """Dubs a film: what was made, the film's frames, and the new one's."""

    def run(film: Path, words: np.ndarray, **how: object) -> tuple[DubResult, Frames, Frames]:
        soundfile.write(tmp_path / "words.wav", words, 16_000)
        settings = DubSettings(**({"steps": 2, "label": False, "size_px": 256} | how))  # type: ignore[arg-type]
        made = dub(
            film, tmp_path / "words.wav", tmp_path / "out.mp4", consent="for tests", settings=settings,
            home=tmp_path / "home", force=True,
        )
        return made, list(read_frames(film)), list(read_frames(made.output))

    return run


def off(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference in levels."""
    return float(np.abs(one.astype(int) - other).mean())


def times_s(path: Path) -> np.ndarray:
    return np.array([time_s for time_s, _ in timed_frames(path)])


OPEN = 0.12  # of the eyes' distance: of lips that meet, in so small a film, a tracker says up to 0.1
SAME, PAINTED = 1.5, 2.5  # levels: of frames encoded once more; of a mouth that says something else


def test_cuts_nobody_and_a_hand_are_left_as_they_are(make: Dub, speaker: Frames, tmp_path: Path) -> None:
    """She, a cut to somebody else, nobody for 3 s, and she again with a hand before her mouth."""
    frames = speaker[:25] + [another(f) for f in speaker[25:37]] + [grey(90, SIDE_PX, SIDE_PX)] * 75
    again = range(84, 124)
    frames += [with_hand(f, k) if k in HAND else f for k, f in enumerate(speaker[84:124], start=84)]
    film = write_media(tmp_path / "cuts.mp4", frames)
    made, real, new = make(film, voice(len(frames) / 25))
    assert made.frames == len(real) == len(new) and np.allclose(times_s(made.output), times_s(film), atol=1e-3)
    assert max(off(one, other) for one, other in zip(real[25:112], new[25:112], strict=True)) < SAME
    hand = range(112 + HAND.start + 4 - again.start, 112 + HAND.stop - 4 - again.start)
    assert max(off(real[k][MOUTH], new[k][MOUTH]) for k in hand) < SAME
    assert max(off(one[ABOVE], other[ABOVE]) for one, other in zip(real, new, strict=True)) < SAME
    free = [*range(25), *range(112, 112 + HAND.start - 6 - again.start), *range(112 + HAND.stop + 6 - again.start, 152)]
    assert np.mean([off(real[k][MOUTH], new[k][MOUTH]) for k in free]) > PAINTED
    assert len(free) <= made.painted_frames < 25 + len(again) - len(hand)


@pytest.mark.slow
def test_of_two_people_only_the_chosen_one_changes(make: Dub, speaker: Frames, tmp_path: Path) -> None:
    pairs = [np.concatenate([another(speaker[k + 60]), speaker[k]], axis=1) for k in range(32)]
    film = write_media(tmp_path / "pair.mp4", pairs)
    hers, others = np.s_[:, SIDE_PX:], np.s_[:, :SIDE_PX]
    made, real, new = make(film, voice(1.28), face="right")
    assert made.painted_frames == 32 and "person 2 of 2" in made.note
    assert max(off(a[others], b[others]) for a, b in zip(real, new, strict=True)) < SAME
    assert np.mean([off(a[hers][MOUTH], b[hers][MOUTH]) for a, b in zip(real, new, strict=True)]) > PAINTED


@pytest.mark.slow
@pytest.mark.parametrize("fps", [24000 / 1001, 0])
def test_frames_keep_their_times(make: Dub, speaker: Frames, tmp_path: Path, fps: float) -> None:
    """23.976 frames a second, and frames that come unevenly."""
    steps_s = np.random.default_rng(0).choice([1 / 30, 1 / 30, 1 / 15, 1 / 24], 30)
    when = np.arange(30) / fps if fps else np.cumsum(steps_s) - steps_s[0]
    film = write_media(tmp_path / "film.mp4", speaker[:30], when.tolist(), fps=fps or 30)
    made, _, _ = make(film, voice(0.3), length="video")
    assert np.allclose(times_s(made.output), times_s(film), atol=1e-3) and made.frames == 30
    pictures = [f for _, f in timed_frames(film)], [f for _, f in timed_frames(made.output)]
    assert max(off(one[ABOVE], other[ABOVE]) for one, other in zip(*pictures, strict=True)) < SAME


@pytest.mark.slow
def test_a_turned_phones_film_stands_upright(make: Dub, speaker: Frames, tmp_path: Path) -> None:
    tall = [np.pad(frame, ((100, 0), (0, 0), (0, 0)), mode="edge") for frame in speaker[:28]]
    stored = [np.ascontiguousarray(np.rot90(frame)) for frame in tall]
    made, real, new = make(write_media(tmp_path / "phone.mp4", stored, rotation=-90), voice(1.1))
    assert (made.width_px, made.height_px) == (256, 356) and new[0].shape == real[0].shape == (356, 256, 3)
    assert probe(made.output).rotation_degrees == 0
    assert max(off(a[: 100 + 90], b[: 100 + 90]) for a, b in zip(real, new, strict=False)) < SAME
    assert np.mean([off(a[100:][MOUTH], b[100:][MOUTH]) for a, b in zip(real, new, strict=False)]) > PAINTED


@pytest.mark.slow
def test_silence_over_a_speaking_film_closes_its_lips(make: Dub, speaker: Frames, tmp_path: Path) -> None:
    film = write_media(tmp_path / "film.mp4", speaker[:50])
    made, _, _ = make(film, np.zeros(32_000, np.float32), length="longest")
    assert SILENCE_NOTE in made.note and made.frames == 50
    before, after = (lip_opening(follow_person(path).track.landmarks_px) for path in (film, made.output))
    assert np.median(before) > OPEN, "she speaks"
    assert (after > OPEN).mean() <= 0.02 and np.median(after) < 0.05, np.percentile(after, [50, 90, 100])


def test_a_film_longer_than_its_words_closes_its_lips(make: Dub, speaker: Frames, spoken: Path, tmp_path: Path) -> None:
    """Words of 0.3 s that end in the middle of a vowel."""
    said = read_sound(spoken).samples
    loudest = int(np.convolve(np.abs(said), np.ones(1600), "same").argmax())
    film = write_media(tmp_path / "film.mp4", speaker[:40])
    made, _, new = make(film, said[loudest - 4_000 : loudest + 800], length="video")
    heard = read_sound(made.output).samples
    assert made.frames == len(new) == 40 and len(heard) / 16_000 == pytest.approx(1.6, abs=0.05)
    assert np.abs(heard[:4_800]).max() > 0.1 and np.abs(heard[8_000:]).max() < 0.02
    gaps = lip_opening(follow_person(made.output).track.landmarks_px)
    assert gaps[:8].max() > 0.15 and gaps[20:].max() < OPEN, gaps


@pytest.mark.slow
def test_how_long_it_is(make: Dub, speaker: Frames, tmp_path: Path) -> None:
    film = write_media(tmp_path / "film.mp4", speaker[:30], sound=voice(1.2))
    for length, words_s, frames in (("sound", 0.3, 8), ("longest", 0.3, 30), ("video", 1.6, 30), ("longest", 1.6, 40)):
        made, _, new = make(film, voice(words_s), length=length)
        assert made.frames == len(new) == frames, length
        assert len(read_sound(made.output).samples) / 16_000 == pytest.approx(frames / 25, abs=0.05)


@pytest.mark.slow
def test_a_large_film_stays_large(make: Dub, footage: Path, tmp_path: Path) -> None:
    large = []
    for frame in islice(read_frames(footage), 30):
        picture = np.full((1080, 1920, 3), (70, 90, 110), np.uint8)
        picture[200:712, 1100:1612] = frame
        large.append(picture)
    made, real, new = make(write_media(tmp_path / "hd.mp4", large), voice(1.2), size_px=512)
    assert (made.width_px, made.height_px) == (1920, 1080) and made.painted_frames == 30
    assert max(off(a[:, :1100], b[:, :1100]) for a, b in zip(real, new, strict=True)) < SAME
    mouth = np.s_[430:530, 1290:1430]
    assert np.mean([off(a[mouth], b[mouth]) for a, b in zip(real, new, strict=True)]) > PAINTED


def test_a_killed_dub_goes_on_where_it_was(
    make: Dub, speaker: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_media(tmp_path / "film.mp4", speaker[:30])

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    read: list[Path] = []

    def noted(path: Path, fps: float) -> Iterator[np.ndarray]:
        read.append(path)
        return read_frames(path, fps)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(dubbing, "learn_look", killed)
        patch.setattr(dubbing, "read_frames", noted)
        patch.setattr(tracking, "read_frames", noted)
        make(film, voice(1.0))
    assert read == [film], "after its faces have been followed, a film is read once"
    assert not (tmp_path / "out.mp4").exists() and len(list((tmp_path / "home" / "work").iterdir())) == 1
    with monkeypatch.context() as patch:
        patch.setattr(dubbing, "steadied", killed)
        patch.setattr(dubbing, "FootageWriter", killed)
        patch.setattr(dubbing, "read_frames", killed)
        made, _, new = make(film, voice(1.0))
    assert made.frames == len(new) == 25 and not list((tmp_path / "home" / "work").iterdir())


@pytest.mark.slow
def test_killed_at_any_moment_the_same_command_ends_with_a_film(speaker: Frames, tmp_path: Path) -> None:
    film, words = write_media(tmp_path / "film.mp4", speaker[:40]), tmp_path / "words.wav"
    soundfile.write(words, voice(1.2), 16_000)
    command = [sys.executable, "-m", "talking_head", "dub", str(film), str(words), "--consent", "for tests"]
    command += ["--steps", "2", "--size", "256", "-o", str(tmp_path / "out.mp4"), "--home", str(tmp_path / "home")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    for moment_s in (3.0, 4.5, 6.0):
        process = start()
        time.sleep(moment_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (tmp_path / "out.mp4").exists():
            break
    else:
        assert start().wait() == 0
    assert len(list(read_frames(tmp_path / "out.mp4"))) == 30
