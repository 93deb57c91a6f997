"""Live Link Face CSV against real recordings of the app, and its variants in the wild."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foundation.errors import InputError
from talking_head.formats.livelink import HEADER, NAMES, LiveLinkCurves, read_live_link, write_live_link


@pytest.fixture
def curves() -> LiveLinkCurves:
    values = np.round(np.random.default_rng(0).uniform(-1, 1, (5, 61)), 10)
    return LiveLinkCurves(69389 + (35.273 + 2 * np.arange(5)) / 60, values)


@pytest.mark.parametrize("name", ["alex_rom_3.csv", "alex_rom_4.csv"])
def test_a_real_recording_comes_back_byte_for_byte(data_dir: Path, tmp_path: Path, name: str) -> None:
    original = data_dir / "livelink" / name
    recording = read_live_link(original)
    write_live_link(recording, tmp_path / name)
    old, new = original.read_bytes().split(b"\n"), (tmp_path / name).read_bytes().split(b"\n")
    assert old[0].lower() == new[0].lower() and old[1:] == new[1:]
    assert recording.timecode_rate == 60 and recording.fps == pytest.approx(30, abs=0.01)


def test_a_row_is_written_to_the_letter(tmp_path: Path) -> None:
    values = np.zeros((2, 61))
    values[0, 0], values[1, -1] = 0.0041966378, -0.25
    write_live_link(LiveLinkCurves(np.array([69389 + 35.273 / 60, 69389 + 59.9996 / 60]), values), tmp_path / "a.csv")
    header, first, second, end = (tmp_path / "a.csv").read_text().split("\n")
    assert header.startswith("Timecode,BlendshapeCount,EyeBlinkLeft,EyeLookDownLeft,") and end == ""
    assert header.endswith(",TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,"
                           "RightEyeYaw,RightEyePitch,RightEyeRoll")  # fmt: skip
    assert first == "19:16:29:35.273,61,0.0041966378" + ",0.0000000000" * 60
    assert second == "19:16:30:00.000,61" + ",0.0000000000" * 60 + ",-0.2500000000"  # rounds up into the next second


def test_columns_are_found_by_name(curves: LiveLinkCurves, tmp_path: Path) -> None:
    write_live_link(curves, tmp_path / "a.csv")
    rows = [line.split(",") for line in (tmp_path / "a.csv").read_text().splitlines()]
    order = np.random.default_rng(1).permutation(len(HEADER))
    rows[0] = [name[0].lower() + name[1:] for name in HEADER]
    rows[0][1] = "BlendShapeCount"
    text = "\r\n".join(",".join(row[i] for i in order) for row in rows)
    (tmp_path / "b.csv").write_text("\ufeff" + text + "\r\n\r\n", encoding="utf-8")
    again = read_live_link(tmp_path / "b.csv")
    assert np.array_equal(again.values, curves.values) and np.allclose(again.time_s, curves.time_s, atol=1e-5)
    assert np.array_equal(again.curve("jawopen"), curves.values[:, NAMES.index("JawOpen")])


def test_lost_frames_are_left_out_and_midnight_is_passed(curves: LiveLinkCurves, tmp_path: Path) -> None:
    late = LiveLinkCurves(86_400 - 2 / 60 + np.arange(5) / 60, curves.values)
    write_live_link(late, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    lines[2] = lines[2].split(",")[0] + ",0" + "," * 61
    (tmp_path / "a.csv").write_text("\n".join(lines))
    again = read_live_link(tmp_path / "a.csv")
    assert len(again) == 4 and np.allclose(again.time_s, late.time_s[[0, 2, 3, 4]], atol=1e-5)
    assert np.allclose(again.even(60).values[1], curves.values[[0, 2]].mean(0), atol=1e-6)


@pytest.mark.parametrize(("line", "edit", "words"), [
    (0, lambda row: row.replace("JawOpen", "Jaw"), "JawOpen"),
    (2, lambda row: row.rsplit(",", 1)[0], "line 3 has 62 fields"),
    (2, lambda row: row.rsplit(",", 1)[0] + ",much", "line 3"),
    (2, lambda row: row.rsplit(",", 1)[0] + ",nan", "line 3"),
    (2, lambda row: row.rsplit(",", 1)[0] + ",1e300", "line 3 holds"),
    (2, lambda row: "noon" + row, "timecode"), (2, lambda row: "9" * 400 + row, "timecode"),
    (2, lambda row: row.replace(".", "9" * 400 + ".", 1), "timecode"), (-1, lambda row: "23" + row[2:], "hours"),
    (3, lambda row: "18" + row[2:], "does not rise"),
])  # fmt: skip
def test_a_broken_file_is_told_with_its_line(curves, tmp_path, line, edit, words) -> None:  # type: ignore[no-untyped-def]
    write_live_link(curves, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    lines[line] = edit(lines[line])
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=words):
        read_live_link(tmp_path / "a.csv")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\x00\xff\xfe binary")
    (tmp_path / "b.csv").write_text("")
    for name in ("a.csv", "b.csv", "none.csv"):
        with pytest.raises(InputError):
            read_live_link(tmp_path / name)
