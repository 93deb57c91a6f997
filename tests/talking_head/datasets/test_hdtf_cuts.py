"""`talking-head data hdtf`: clips cut where the videos are at hand, the rest told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foundation.errors import InputError
from preprocessing.media import probe
from talking_head.cli import app
from talking_head.datasets.hdtf import cut_hdtf
from talking_head.datasets.workers import Place
from tests.preprocessing.making import beep, grey, write_media
from tests.preprocessing.test_hdtf import write_lists


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video under its YouTube id, in a sub-folder; that of the radio is missing."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "more").mkdir()
    frames = [grey(3 * k, 72, 128) for k in range(60)]
    write_media(folder / "more" / "abc.mp4", frames, fps=12, sound=beep(5, 1.0))
    return folder


def test_clips_are_cut_once_and_again_when_their_video_changes(videos: Path, tmp_path: Path) -> None:
    lists, out = write_lists(tmp_path / "lists"), tmp_path / "out"
    first = cut_hdtf(lists, videos, out, 64, Place(1))
    clips = [out / "AnnaLee" / f"AnnaLee0_{k}.mp4" for k in range(2)]
    assert first.made == 2 and all(probe(clip).width_px == 64 for clip in clips)
    assert [round(probe(clip).duration_s) for clip in clips] == [1, 2]
    assert len(first.skipped) == 4
    assert any(line.startswith("Radio1_0: no video Radio1 (https:") for line in first.skipped)
    clips[0].unlink()
    again = cut_hdtf(lists, videos, out, 64, Place(1))
    assert (again.made, again.present) == (1, 1)
    assert cut_hdtf(lists, videos, out, 48, Place(1)).made == 2, "another size is another clip"
    other = tmp_path / "other"
    shutil.copytree(videos / "more", other)
    (other / "abc.mp4").write_bytes((other / "abc.mp4").read_bytes()[:3000])
    spoilt = cut_hdtf(lists, other, out, 48, Place(1))
    assert spoilt.made == 0 and sum("AnnaLee0_" in line and "abc.mp4" in line for line in spoilt.skipped) == 2


def test_the_command_tells_what_it_skips_and_sums_up(videos: Path, tmp_path: Path) -> None:
    lists = write_lists(tmp_path / "lists")
    command = ["data", "hdtf", "--lists", str(lists), "--videos", str(videos), "-o", str(tmp_path / "out")]
    told = CliRunner().invoke(app, [*command, "--size", "64", "--workers", "1"])
    assert told.exit_code == 0, told.output
    assert "2 clips cut, 0 were there, 4 skipped" in told.stdout
    assert "skipped: WDA Ben_0: no crop: the lists are incomplete" in told.stderr
    again = CliRunner().invoke(app, [*command, "--size", "64", "--workers", "1", "--json"])
    assert json.loads(again.stdout)["present"] == 2


def test_wrong_folders_are_told(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="HDTF_dataset"):
        cut_hdtf(videos, videos, tmp_path)
    with pytest.raises(InputError, match="nowhere is no folder"):
        cut_hdtf(write_lists(tmp_path / "lists"), tmp_path / "nowhere", tmp_path)
    with pytest.raises(InputError, match="clips of 33 px"):
        cut_hdtf(tmp_path / "lists", videos, tmp_path, 33)
