"""Bad input of every kind: handled as a user would hope, or one line, exit code 2, nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from face_model.tracks import FaceMotion, FaceTrack
from foundation.files import read_tensors, write_tensors
from preprocessing.media import probe
from talking_head.cli import app
from talking_head.enrollment import from_video as enrollment
from talking_head.target.card import MOTION, VIDEO, Target
from talking_head.target.home import Home
from tests.preprocessing.making import write_media
from tests.talking_head.media import nobody, person, voice

runner = CliRunner()


def command(*words: object) -> tuple[int, str, list[str]]:
    """Exit code, standard output, and the lines that tell errors."""
    result = runner.invoke(app, [str(word) for word in words])
    assert "Traceback" not in result.output, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    return result.exit_code, result.stdout, lines


def refused(words: list[object], reason: str) -> None:
    code, out, lines = command(*words)
    assert code == 2 and out == "" and len(lines) == 1, (code, out, lines)
    assert reason in lines[0], lines[0]


def left_behind(home: Path) -> list[str]:
    """Files of targets and work; the locks' empty files may stay."""
    return [str(p.relative_to(home)) for p in home.rglob("*") if p.is_file() and p.suffix != ".lock"]


def no_sound(folder: Path) -> Path:
    return write_media(folder / "mute.mp4", nobody(150))


def silent_sound(folder: Path) -> Path:
    return write_media(folder / "silent.mp4", nobody(150), sound=np.zeros(96_000))


def one_frame(folder: Path) -> Path:
    return write_media(folder / "one.mp4", nobody(1), sound=voice(0.04))


def too_short(folder: Path) -> Path:
    return write_media(folder / "short.mp4", nobody(50), sound=voice(2))


def truncated(folder: Path) -> Path:
    path = write_media(folder / "cut.mp4", nobody(150), sound=voice(6))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def wrong_magic(folder: Path) -> Path:
    (folder / "text.mp4").write_text("this is not a film\n" * 100)
    return folder / "text.mp4"


def empty_file(folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def absent(folder: Path) -> Path:
    return folder / "absent.mp4"


def sound_only(folder: Path) -> Path:
    soundfile.write(folder / "only.wav", voice(6), 16_000)
    return folder / "only.wav"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (one_frame, "lasts 0.04 s"), (too_short, "lasts 2 s"),
        (truncated, "does not open as media"), (wrong_magic, "does not open as media"), (empty_file, "is empty"),
        (absent, "does not exist"), (sound_only, "no pictures"),
    ],
)
def test_videos_that_nobody_can_be_learned_from(make: Callable[[Path], Path], reason: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    refused(["enroll", make(tmp_path), "--id", "ana", "--consent", "yes", "--home", home], reason)
    assert left_behind(home) == []


@pytest.mark.parametrize(("make", "reason"), [(no_sound, "it has no sound"), (silent_sound, "its sound is silent")])
def test_what_learns_from_speech_alone_wants_some(make: Callable[[Path], Path], reason: str, tmp_path: Path) -> None:
    home, words = tmp_path / "home", ["--id", "ana", "--consent", "yes", "--motion", "karras2017"]
    refused(["enroll", make(tmp_path), *words, "--home", home], reason)
    assert left_behind(home) == []


def test_a_video_without_a_face_leaves_nothing(tmp_path: Path, landmarker: None) -> None:
    video, home = write_media(tmp_path / "nobody.mp4", nobody(130), sound=voice(5.2)), tmp_path / "home"
    refused(["enroll", video, "--id", "ana", "--consent", "yes", "--home", home], "no face")
    assert left_behind(home) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [(["--emotion", "happy"], "--emotion with"), (["--motion", "emote", "--style", "x"], "--motion and --style with")],
)
def test_directions_beside_a_whole_motion_are_told(words: list[str], named: str, tmp_path: Path) -> None:
    motion, sound = tmp_path / "m.safetensors", tmp_path / "a.wav"
    FaceMotion.unpack(np.zeros((10, 71))).save(motion)
    soundfile.write(sound, voice(0.3), 16_000)
    home = ["--target", "astronaut", "--home", tmp_path / "home"]
    refused(["export", motion, "--format", "npz", "-o", tmp_path / "o.npz", *words, *home], named)
    refused(["synth", sound, "--driving", motion, "-o", tmp_path / "o.mp4", *words, *home], named)
    assert not (tmp_path / "o.npz").exists() and not (tmp_path / "o.mp4").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--id", "../ana", "--consent", "yes"], "target id"), (["--id", "/tmp/x", "--consent", "yes"], "target id"),
        (["--id", "ana", "--consent", "  "], "empty consent"),
        (["--id", "ana", "--consent", "y", "--size", "300"], "size"),
        (["--id", "ana", "--consent", "y", "--budget", "1s"], "budget"),
        (["--id", "ana", "--consent", "y", "--steps", "0"], "steps"),
        (["--id", "ana", "--consent", "y", "--profile", "best"], "profile"),
    ],
)
def test_options_that_make_no_sense(words: list[str], reason: str, tmp_path: Path) -> None:
    video = write_media(tmp_path / "a.mp4", nobody(3), sound=voice(0.1))
    refused(["enroll", video, *words, "--home", tmp_path / "home"], reason)
    assert left_behind(tmp_path) == ["a.mp4"]


def side_by_side(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.concatenate([first, second], axis=1))


def tracked(video: Path, folder: Path) -> FaceTrack:
    home = folder.parent / "home"
    code, out, lines = command("track", video, "-o", folder, "--json", "--home", home)
    assert code == 0, lines
    assert {path.name for path in folder.iterdir()} == {"track.safetensors", "report.html"}
    assert {path.suffix for path in (home / "cache" / "tracks").iterdir()} == {".safetensors"}, "so that it resumes"
    track = FaceTrack.load(json.loads(out)["track"])
    for values in (track.motion.pack(), track.landmarks_px, track.illumination):
        assert np.isfinite(values).all()
    return track


def test_two_faces_that_could_be_meant_are_refused(footage: Path, tmp_path: Path, landmarker: None) -> None:
    frames = person(footage, 20)
    video = write_media(tmp_path / "two.mp4", [side_by_side(f, f[:, ::-1]) for f in frames], sound=voice(0.8))
    refused(["track", video, "-o", tmp_path / "out"], "two faces")


def test_of_a_large_and_a_small_face_the_large_one_is_followed(
    footage: Path, tmp_path: Path, landmarker: None
) -> None:
    frames = person(footage, 20)
    small = [np.pad(cv2.resize(f, None, fx=0.5, fy=0.5), ((0, len(f) - len(f) // 2), (0, 0), (0, 0))) for f in frames]
    both = [side_by_side(s, f) for s, f in zip(small, frames, strict=True)]
    track = tracked(write_media(tmp_path / "both.mp4", both, sound=voice(0.8)), tmp_path / "out")
    assert track.valid.all()
    assert (track.landmarks_px[..., 0].mean(axis=1) > small[0].shape[1]).all(), "the face on the right"


def test_a_face_lost_for_a_while_is_marked_and_bridged(footage: Path, tmp_path: Path, landmarker: None) -> None:
    frames = person(footage, 30)
    frames[10:16] = [np.full_like(frames[0], 90)] * 6
    track = tracked(write_media(tmp_path / "lost.mp4", frames, sound=voice(1.2)), tmp_path / "out")
    assert not track.valid[10:16].any() and track.valid[:9].all() and track.valid[18:].all()
    neighbours = track.motion.translation[[8, 19]]
    assert (np.abs(track.motion.translation[10:16] - neighbours.mean(0)) < 40).all(), "bridged, not zero"


def test_a_rotated_phone_video_stands_upright(footage: Path, tmp_path: Path, landmarker: None) -> None:
    lying = [np.ascontiguousarray(np.rot90(f)) for f in person(footage, 20)]
    track = tracked(write_media(tmp_path / "phone.mp4", lying, rotation=-90, sound=voice(0.8)), tmp_path / "out")
    assert track.valid.all() and np.abs(np.degrees(track.motion.rotation[:, 2])).max() < 30


def test_variable_and_odd_rates_become_constant(footage: Path, tmp_path: Path, landmarker: None) -> None:
    frames = person(footage, 24)
    times_s = np.cumsum([0.0, *([1 / 30, 1 / 30, 1 / 15] * 8)])[:24]
    varying = write_media(tmp_path / "vfr.mp4", frames, times_s=list(times_s), sound=voice(1.1))
    track = tracked(varying, tmp_path / "vfr")
    assert track.valid.all() and abs(track.motion.duration_s - probe(varying).duration_s) < 0.1
    slow = {"sound": voice(1.0, 11_025), "rate_hz": 11_025, "sound_codec": "libmp3lame"}
    odd = write_media(tmp_path / "odd.mkv", frames, fps=24000 / 1001, **slow)
    track = tracked(odd, tmp_path / "odd")
    assert track.valid.all() and len(track) == 24 and abs(track.motion.fps - 24000 / 1001) < 1e-3


def copy_of(enrolled: tuple[Home, Target], folder: Path) -> Home:
    home = Home.find(folder / "home")
    shutil.copytree(enrolled[1].folder, home.targets / "ana")
    return home


@pytest.mark.parametrize("name", [MOTION, VIDEO])
@pytest.mark.parametrize("damage", ["nan", "cut", "magic", "empty", "gone"])
def test_damaged_checkpoints_are_told(
    enrolled: tuple[Home, Target], tmp_path: Path, name: str, damage: str
) -> None:
    home = copy_of(enrolled, tmp_path)
    path = home.targets / "ana" / name
    if damage == "nan":
        tensors, metadata = read_tensors(path)
        chosen = next(k for k, v in tensors.items() if np.issubdtype(v.dtype, np.floating) and v.size)
        tensors[chosen] = np.full_like(tensors[chosen], np.nan)
        write_tensors(path, tensors, metadata)
    elif damage == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes({"cut": content[: len(content) // 2], "magic": b"PK\3\4" + content[4:], "empty": b""}[damage])
    soundfile.write(tmp_path / "a.wav", voice(0.3), 16_000)
    refused(["synth", tmp_path / "a.wav", "--target", "ana", "-o", tmp_path / "o.mp4", "--home", home.path], name)
    assert not list(tmp_path.glob("*o.mp4*")) and not list(tmp_path.glob(".o*"))


@pytest.mark.parametrize(
    ("target", "reason"), [("anna", "did you mean 'ana'"), ("../ana", "target id"), ("", "target id")]
)
def test_targets_that_are_not_there(enrolled: tuple[Home, Target], tmp_path: Path, target: str, reason: str) -> None:
    soundfile.write(tmp_path / "a.wav", voice(0.3), 16_000)
    words = ["synth", tmp_path / "a.wav", "--target", target, "-o", tmp_path / "o.mp4", "--home", enrolled[0].path]
    refused(words, reason)
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (no_sound, "has no sound"), (truncated, "does not open"), (wrong_magic, "does not open"),
        (empty_file, "is empty"),
    ],
)
def test_sounds_that_cannot_be_heard(
    enrolled: tuple[Home, Target], tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    source = make(tmp_path)
    refused(["synth", source, "--target", "ana", "-o", tmp_path / "o.mp4", "--home", enrolled[0].path], reason)
    assert [p for p in tmp_path.iterdir() if p != source] == []


@pytest.mark.parametrize(
    ("output", "reason"), [("out.avi", "try out.mp4"), ("out", "try out.mp4"), (".", "ends in .mp4")]
)
def test_outputs_that_cannot_be_written(
    enrolled: tuple[Home, Target], tmp_path: Path, output: str, reason: str
) -> None:
    soundfile.write(tmp_path / "a.wav", voice(0.3), 16_000)
    words = ["synth", tmp_path / "a.wav", "--target", "ana", "-o", tmp_path / output, "--home", enrolled[0].path]
    refused(words, reason)


def test_a_place_that_cannot_be_written_is_told_with_the_option_that_chose_it(tmp_path: Path) -> None:
    video, sound = write_media(tmp_path / "a.mp4", nobody(3), sound=voice(0.1)), tmp_path / "a.wav"
    soundfile.write(sound, voice(0.3), 16_000)
    (tmp_path / "file").touch()
    under, home = tmp_path / "file" / "under", tmp_path / "home"
    motion = tmp_path / "m.safetensors"
    FaceMotion.unpack(np.zeros((10, 71))).save(motion)
    asked: list[tuple[list[object], str]] = [
        (["track", video, "-o", under, "--home", home], "-o"),
        (["synth", sound, "--target", "astronaut", "-o", under / "o.mp4", "--home", home], "-o"),
        (["export", sound, "--target", "astronaut", "--format", "npz", "-o", under / "o.npz", "--home", home], "-o"),
        (["transfer", motion, "--to", "mp478", "-o", under / "o.npz"], "-o"),
        (["evaluate", video, "--html", under / "o.html"], "--html"),
        (["evaluate", video, "-o", under / "o.json"], "-o"),
        (["assets", "get", "ict-facekit", "--to", under, "--home", home], "--to"),
        (["assets", "get", "ict-facekit", "--home", under], "--home or TALKING_HEAD_HOME"),
    ]
    for words, option in asked:
        refused(words, f"choose another with {option}")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that is too small for a film."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_under_the_film(enrolled: tuple[Home, Target], tmp_path: Path, full_disk: Path) -> None:
    soundfile.write(tmp_path / "a.wav", voice(2), 16_000)
    goal = full_disk / "o.mp4"
    refused(["synth", tmp_path / "a.wav", "--target", "ana", "-o", goal, "--home", enrolled[0].path], "no space left")
    assert list(full_disk.iterdir()) == []


def test_a_full_disk_under_the_home(
    clip: Path, landmarker: None, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrollment, "SHORTEST_S", 1.0)
    home = full_disk / "home"
    refused(["enroll", clip, "--id", "ana", "--consent", "yes", "--steps", "1", "--home", home], "no space left")
    assert left_behind(home) == []


def test_a_full_disk_without_a_small_one_at_hand(
    enrolled: tuple[Home, Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from preprocessing.media.writing import VideoWriter

    def full(self: VideoWriter, frame: np.ndarray) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(VideoWriter, "write", full)
    soundfile.write(tmp_path / "a.wav", voice(0.3), 16_000)
    words = ["synth", tmp_path / "a.wav", "--target", "ana", "-o", tmp_path / "o.mp4", "--home", enrolled[0].path]
    refused(words, "no space left")
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]
