"""Running OpenFace, with a stand-in program that writes a table of the true layout and notes how it was called."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from face_model.tracks import FaceTrack
from foundation.errors import InputError
from preprocessing.media import probe
from preprocessing.tracking import openface_command
from preprocessing.tracking.measuring import Choice, measure
from preprocessing.tracking.openface import read_openface
from preprocessing.tracking.openface_command import find_program, run_openface
from tests.preprocessing.making import grey, write_media
from tests.preprocessing.test_openface import FRAMES, HEIGHT, WIDTH, Recording

STAND_IN = """#!{python}
import json, os, pathlib, shutil, sys, time
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
place, here = pathlib.Path(given["-out_dir"]), pathlib.Path({folder!r})
with open(here / "calls.jsonl", "a") as calls:
    calls.write(json.dumps({{"argv": sys.argv, "cwd": os.getcwd(), "pid": os.getpid()}}) + "\\n")
shutil.copy(given["-f"], here / "seen.mp4")
place.mkdir(parents=True)
text = (here / "table.csv").read_text()
goal = place / (pathlib.Path(given["-f"]).stem + ".csv")
mood = (here / "mood").read_text() if (here / "mood").exists() else ""
if mood == "dies":
    goal.write_text(text[: len(text) // 2])
    print("Reading the landmark detector")
    print("ERROR: Could not load the landmark detector")
    sys.exit(1)
goal.write_text(text)
if mood == "slow":
    time.sleep(100000)
(goal.parent / (goal.stem + "_of_details.txt")).write_text("details")
"""


@pytest.fixture
def openface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in's folder, found by `OPENFACE_BIN`; `table.csv` is what it writes, `mood` how it behaves."""
    folder = tmp_path / "Open Face" / "bin"
    folder.mkdir(parents=True)
    program = folder / "FeatureExtraction"
    program.write_text(STAND_IN.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    Recording().write(folder / "table.csv")
    monkeypatch.setenv("OPENFACE_BIN", str(program))
    return folder


@pytest.fixture
def video(tmp_path: Path) -> Path:
    pictures = [grey(10 * k, HEIGHT, WIDTH) for k in range(FRAMES)]
    return write_media(tmp_path / "my clip.mkv", pictures, fps=25, video_codec="ffv1")


def calls(folder: Path) -> list[dict]:
    path = folder / "calls.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_it_is_run_once_and_its_table_is_the_track(openface: Path, video: Path, tmp_path: Path) -> None:
    expected = read_openface(openface / "table.csv")
    for _ in range(2):
        track = measure(video, tmp_path / "out", Choice("openface")).track
        assert track is not None
        np.testing.assert_array_equal(track.motion.rotation, expected.motion.rotation)
        np.testing.assert_array_equal(track.motion.blink, expected.motion.blink)
        np.testing.assert_allclose(track.landmarks_px, expected.landmarks_px, atol=1e-4)
        assert (track.camera.width_px, track.camera.height_px, track.motion.fps) == (WIDTH, HEIGHT, 25)
    (call,) = calls(openface)
    assert call["argv"][1:3] == ["-f", str(video)] and {"-2Dfp", "-3Dfp", "-pose", "-aus"} <= set(call["argv"])
    assert Path(call["cwd"]) == openface, "it finds its models beside itself"
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".csv"], "nothing else is left behind"


def test_a_run_that_dies_tells_its_last_words_and_leaves_nothing(openface: Path, video: Path, tmp_path: Path) -> None:
    (openface / "mood").write_text("dies")
    with pytest.raises(InputError, match=r"code 1 \(ERROR: Could not load the landmark detector\)") as caught:
        run_openface(video, tmp_path / "out")
    assert "\n" not in str(caught.value) and not list((tmp_path / "out").iterdir())
    (openface / "mood").unlink()
    assert len(read_openface(run_openface(video, tmp_path / "out"))) == FRAMES


def test_stopping_us_stops_it(
    openface: Path, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(folder: Path) -> int:
        if calls(openface):
            raise KeyboardInterrupt
        return 0

    (openface / "mood").write_text("slow")
    monkeypatch.setattr(openface_command, "POLL_S", 0.05)
    monkeypatch.setattr(openface_command, "_lines", stop)
    with pytest.raises(KeyboardInterrupt):
        run_openface(video, tmp_path / "out")
    with pytest.raises(ProcessLookupError):
        os.kill(calls(openface)[0]["pid"], 0)
    assert not list((tmp_path / "out").iterdir())


def test_it_is_found_by_the_variable_in_a_folder_or_on_the_path(
    openface: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (openface / "FeatureExtraction").resolve()
    assert find_program() == program
    monkeypatch.setenv("OPENFACE_BIN", str(openface))
    assert find_program() == program
    monkeypatch.delenv("OPENFACE_BIN")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "FeatureExtraction").symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path / "links"))
    assert find_program() == program, "where it lies, not where the link lies"


def test_absence_is_one_clear_line(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("OPENFACE_BIN", raising=False)
    with pytest.raises(InputError, match=r"not on PATH.*OPENFACE_BIN.*openface:FILE\.csv") as caught:
        run_openface(video, tmp_path / "out")
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("OPENFACE_BIN", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="nowhere, which cannot be run"):
        run_openface(video, tmp_path / "out")


def test_a_turned_video_reaches_it_upright(openface: Path, tmp_path: Path) -> None:
    stored = [np.ascontiguousarray(np.rot90(grey(10 * k, HEIGHT, WIDTH))) for k in range(FRAMES)]
    turned = write_media(tmp_path / "phone.mp4", stored, rotation=-90)
    assert measure(turned, tmp_path / "out", Choice("openface")).track is not None
    seen = probe(openface / "seen.mp4")
    assert (seen.width_px, seen.height_px, seen.rotation_degrees) == (WIDTH, HEIGHT, 0)


def test_a_table_of_another_video_is_refused(openface: Path, tmp_path: Path) -> None:
    table = Choice("openface", openface / "table.csv")
    long = write_media(tmp_path / "long.mkv", [grey(1, HEIGHT, WIDTH)] * 60, fps=25, video_codec="ffv1")
    with pytest.raises(InputError, match=r"holds 0\.5 s of a face, long\.mkv lasts 2\.4 s"):
        measure(long, tmp_path, table)
    tall = write_media(tmp_path / "tall.mkv", [grey(1, WIDTH, HEIGHT)] * FRAMES, fps=25, video_codec="ffv1")
    with pytest.raises(InputError, match=r"picture of 641x361 pixels.*360x640|picture of 640x360 pixels.*360x640"):
        measure(tall, tmp_path, table)
    with pytest.raises(InputError, match="pyfeat:FILE.csv"):
        measure(tall, tmp_path, Choice("pyfeat"))


def test_the_command_line_takes_trackers_by_name(openface: Path, video: Path, tmp_path: Path) -> None:
    from talking_head.cli import app

    run = CliRunner().invoke
    for number, name in enumerate(("openface", f"openface:{openface / 'table.csv'}")):
        result = run(app, ["track", str(video), "-o", str(tmp_path / str(number)), "--tracker", name, "--json"])
        assert result.exit_code == 0, result.stderr
        report = json.loads(result.stdout)
        assert report["frames"] == FRAMES and report["valid_share"] == 1
        assert len(FaceTrack.load(report["track"])) == FRAMES and Path(report["report"]).stat().st_size > 1000
    result = run(app, ["track", str(video), "-o", str(tmp_path / "x"), "--tracker", "openpose"])
    assert result.exit_code == 2 and len(result.stderr.strip().splitlines()) == 1
    assert all(name in result.stderr for name in ("mediapipe", "face_alignment", "openface", "pyfeat"))
