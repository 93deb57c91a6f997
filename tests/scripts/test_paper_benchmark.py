"""The benchmark of the paper's picture road runs at any size: what a graphics card is lent for must not fail there."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from benchmarks.paper_profile import main
from foundation.files import read_json
from tests.preprocessing.making import write_media
from tests.render2video.drawn_person import filmed, talking_track

TINY = ["--size", "64", "--width", "2", "--window", "3", "--steps", "10"]


def test_it_trains_paints_and_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    track = talking_track()
    track.save(tmp_path / "track.safetensors")
    write_media(tmp_path / "film.mp4", filmed(track))
    out = tmp_path / "out"
    main([
        str(tmp_path / "film.mp4"), "--track", str(tmp_path / "track.safetensors"), "--out", str(out), *TINY,
        "--json", str(out / "a.json"),
    ])  # fmt: skip
    told = read_json(out / "a.json")
    assert set(told["ways"]) == {"paper, no perceptual term", "paper, random VGG19", "fast"}
    for one in told["ways"].values():
        assert one["steps"] == 10 and one["held_out_face_psnr_db"] > 3 and one["ms_a_step"] > 0
        assert len(one["curve"]) >= 1
    assert cv2.imread(str(out / "sheet.png")).shape == (64 * 5, 64 * 4, 3)
    assert "| fast | 10 |" in capsys.readouterr().out
