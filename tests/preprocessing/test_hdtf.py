"""HDTF's lists, of the published layout with its oddities, and clips cut out of a video whose content is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foundation.errors import InputError
from preprocessing.datasets.cutting import Cut, cut_clips
from preprocessing.datasets.hdtf import read_lists
from preprocessing.media import VideoWriter, probe, read_frames, read_sound
from preprocessing.media.writing import SoundTrack
from tests.preprocessing.making import beep, onset_s, write_media

FPS, SECONDS, HEIGHT, WIDTH = 20, 6, 72, 128


def write_lists(folder: Path) -> Path:
    """Two subsets as published: a byte-order mark, blanks at line ends, an empty line, clips without a crop."""
    files = {
        "WDA_video_url.txt": "\ufeffAnnaLee0 https://www.youtube.com/watch?v=abc&t=6s\nBen https://youtu.be/x\n",
        "WDA_annotion_time.txt": "AnnaLee0.mp4 00:01-00:02 00:03-00:05 \nBen.mp4 01:00:05-01:00:09\n\n"
        "C.mp4 00:09-00:05",
        "WDA_crop_wh.txt": "AnnaLee0_0.mp4 20 40 10 40\nAnnaLee0_1.mp4 0 72 0 72\nC_0.mp4 0 9 0 9",
        "WDA_resolution.txt": "AnnaLee0.mp4 72\nBen.mp4 720\nC.mp4 720\n",
        "RD_video_url.txt": "Radio1 https://www.youtube.com/watch?v=r1\nRadio24 https://www.youtube.com/watch?v=r24\n",
        "RD_annotion_time.txt": "Radio1.mp4 00:20-01:35\n",
        "RD_crop_wh.txt": "Radio1_0.mp4 483 390 0 390\n", "RD_resolution.txt": "Radio1.mp4 720\n",
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_lists_are_read_and_what_is_incomplete_is_told(tmp_path: Path) -> None:
    found = read_lists(write_lists(tmp_path))
    radio, first, second = found.clips
    assert (radio.name, radio.speaker, radio.start_s, radio.end_s) == ("Radio1_0", "Radio1", 20.0, 95.0)
    assert radio.crop_px == (483, 0, 390, 390) and radio.height_px == 720
    assert (first.name, second.name, second.start_s, second.end_s) == ("AnnaLee0_0", "AnnaLee0_1", 3.0, 5.0)
    assert first.speaker == "AnnaLee" and first.crop_px == (20, 10, 40, 40)
    assert first.file_stems == ("AnnaLee0", "WDA_AnnaLee0", "abc")
    assert sorted(found.skipped) == [
        "RD Radio24: no times", "WDA Ben_0: no crop", "WDA C_0: times '00:09-00:05' run backwards",
    ]  # fmt: skip


def test_a_folder_that_is_something_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="HDTF_dataset"):
        read_lists(tmp_path)
    (tmp_path / "RD_annotion_time.txt").write_text("Radio1.mp4 00:20-01:35\n")
    with pytest.raises(InputError, match="RD_crop_wh.txt"):
        read_lists(tmp_path)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey that rises with time, a white square at x 40-60, y 20-40, and a beep at 3.5 s."""
    frames = []
    for k in range(FPS * SECONDS):
        frame = np.full((HEIGHT, WIDTH, 3), 20 + k, np.uint8)
        frame[20:40, 40:60] = 235
        frames.append(frame)
    path = tmp_path_factory.mktemp("video") / "AnnaLee0.mp4"
    return write_media(path, frames, fps=FPS, sound=beep(SECONDS, 3.5), sound_codec="aac")


def cut(goal: Path, start_s: float, end_s: float, crop_px: tuple[int, int, int, int], height_px: int = HEIGHT) -> Cut:
    return Cut(goal, start_s, end_s, crop_px, height_px, 64)


def test_time_place_and_sound_are_those_of_the_list(video: Path, tmp_path: Path) -> None:
    # The crop begins where the square does and is twice as wide, so the square is the upper left quarter.
    wanted = [
        cut(tmp_path / "late.mp4", 3.0, 5.0, (40, 20, 40, 40)), cut(tmp_path / "early.mp4", 1.0, 1.5, (0, 0, 72, 72)),
        cut(tmp_path / "twice.mp4", 3.0, 5.0, (80, 40, 80, 80), 2 * HEIGHT),
    ]
    assert {c.goal.stem: error for c, error in cut_clips(video, wanted)} == {"late": None, "early": None, "twice": None}
    late, twice = (list(read_frames(tmp_path / name)) for name in ("late.mp4", "twice.mp4"))
    assert len(late) == 2 * FPS and late[0].shape == (64, 64, 3) and probe(tmp_path / "late.mp4").fps == FPS
    for k in (0, 15, 39):
        assert late[k][40:60, 40:60].mean() == pytest.approx(20 + 60 + k, abs=3)
        assert late[k][4:28, 4:28].mean() == pytest.approx(235, abs=5)
    assert np.abs(late[5].astype(int) - twice[5]).max() <= 4, "a crop for pictures twice as high is the same crop"
    assert onset_s(read_sound(tmp_path / "late.mp4").samples) == pytest.approx(0.5, abs=0.03)
    assert len(list(read_frames(tmp_path / "early.mp4"))) == FPS // 2


def test_a_clip_that_could_not_be_written_moves_no_other(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for one clip, half-way; the next one still begins where the list says, with its sound."""
    write = VideoWriter.write

    def full(writer: VideoWriter, frame: np.ndarray) -> None:
        if writer.path.stem == "full" and writer.frames == 3:
            raise InputError("no space left", "free space")
        write(writer, frame)

    monkeypatch.setattr(VideoWriter, "write", full)
    wanted = [cut(tmp_path / f"{name}.mp4", *s, (0, 0, 72, 72)) for name, s in (("full", (1, 2.5)), ("next", (3, 5)))]
    told = {c.goal.stem: error for c, error in cut_clips(video, wanted)}
    assert isinstance(told["full"], InputError) and told["next"] is None
    frames = list(read_frames(tmp_path / "next.mp4"))
    assert len(frames) == 2 * FPS and frames[0][:8, :8].mean() == pytest.approx(20 + 60, abs=3)
    assert onset_s(read_sound(tmp_path / "next.mp4").samples) == pytest.approx(0.5, abs=0.03)


def test_the_sound_is_read_once_however_many_clips(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    class Counted(SoundTrack):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr("preprocessing.datasets.cutting.SoundTrack", Counted)
    wanted = [cut(tmp_path / f"{k}.mp4", k, k + 1.0, (0, 0, 72, 72)) for k in range(5)]
    assert all(error is None for _, error in cut_clips(video, wanted))
    assert len(opened) == 1
    assert onset_s(read_sound(tmp_path / "3.mp4").samples) == pytest.approx(0.5, abs=0.03)


def test_what_the_video_does_not_have_is_told_and_leaves_nothing(video: Path, tmp_path: Path) -> None:
    wanted = [
        cut(tmp_path / "beyond.mp4", 5.0, 9.0, (0, 0, 72, 72)),
        cut(tmp_path / "outside.mp4", 1.0, 2.0, (90, 0, 72, 72)),
        cut(tmp_path / "good.mp4", 0.0, 1.0, (57, 0, 72, 72)),
        cut(tmp_path / "after.mp4", 20.0, 21.0, (0, 0, 72, 72)),
    ]
    told = {c.goal.stem: str(error) for c, error in cut_clips(video, wanted)}
    assert "over before beyond is (3.0 s" in told["beyond"] and "inside of the picture" in told["outside"]
    assert "over before after is (1.0 s" in told["after"] and told["good"] == "None"  # a pixel outside is moved in
    assert [path.name for path in tmp_path.iterdir()] == ["good.mp4"]
    silent = write_media(tmp_path / "silent.mp4", list(read_frames(video))[:5], fps=FPS)
    with pytest.raises(InputError, match="no sound"):
        list(cut_clips(silent, wanted))
