"""Frames kept on disk have the colours that they were given, wherever they are asked for."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from preprocessing.media import read_frames
from preprocessing.media.frame_file import FrameFile, write_frame_file
from preprocessing.media.yuv import Planes, packed

COLOURS = [(120, 120, 120), (60, 60, 60), (200, 120, 90), (30, 60, 120), (235, 225, 210)]
SIDE_PX, FPS = 64, 25.0


def test_colours_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "flat.mp4"
    write_frame_file(path, (np.full((SIDE_PX, SIDE_PX, 3), c, np.uint8) for c in COLOURS), FPS, SIDE_PX, SIDE_PX)
    kept = FrameFile(path, SIDE_PX, SIDE_PX)
    for index, colour in enumerate(COLOURS):
        assert np.abs(kept[index].astype(int) - colour).max() <= 1


def test_it_reads_as_any_video_is_read(tmp_path: Path) -> None:
    """FFmpeg's scaler, which takes colours at the rows and columns between, is the truth."""
    generator = np.random.default_rng(0)
    smooth = [cv2.GaussianBlur(generator.integers(0, 256, (62, 94, 3)).astype(np.uint8), (0, 0), 6) for _ in range(3)]
    clear = [np.clip(128 + 6 * (picture.astype(int) - 128), 0, 255).astype(np.uint8) for picture in smooth]
    path = tmp_path / "f.mp4"
    write_frame_file(path, iter(clear), FPS, 94, 62)
    kept = FrameFile(path, 94, 62)
    for index, truth in enumerate(read_frames(path, FPS)):
        away = kept[index].astype(int) - truth
        assert np.abs(away.mean((0, 1))).max() < 0.3 and np.abs(away).mean() < 2


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> FrameFile:
    """Each frame's grey tells its number."""
    path = tmp_path_factory.mktemp("frames") / "f.mp4"
    write_frame_file(path, (np.full((32, 48, 3), 20 + 3 * k, np.uint8) for k in range(60)), FPS, 48, 32)
    return FrameFile(path, 48, 32)


def test_any_order_gives_the_frame_that_is_asked_for(numbered: FrameFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preprocessing.media.frame_file.KEPT_BYTES", 5 * 48 * 32)
    order = [*range(10), 30, 10, 31, 50, 11, 32, 51, 3, 12, 59, 0, *range(33, 20, -1), 58, 57]
    for index in order:
        assert abs(int(numbered.window(index, slice(5, 20), slice(7, 30)).mean()) - (20 + 3 * index)) <= 1


def test_a_window_is_a_part_of_the_frame(numbered: FrameFile) -> None:
    rows, columns = slice(3, 18), slice(5, 40)
    assert np.array_equal(numbered.window(7, rows, columns), numbered[7][rows, columns])


def test_parts_that_are_kept_are_decoded_once_and_are_the_frames_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two frames fit into memory, the middles of all do."""
    generator, path = np.random.default_rng(1), tmp_path / "f.mp4"
    clear = [cv2.GaussianBlur(generator.integers(0, 256, (63, 95, 3)).astype(np.uint8), (0, 0), 2) for _ in range(24)]
    write_frame_file(path, iter(clear), FPS, 95, 63)
    monkeypatch.setattr("preprocessing.media.frame_file.KEPT_BYTES", 2 * 64 * 96 * 3 // 2)
    plain, keeping = FrameFile(path, 95, 63), FrameFile(path, 95, 63)
    keeping.keep_parts(np.array([[9 + k % 3, 21, 50, 95] for k in range(24)]))
    decoded: list[int] = []
    decode = FrameFile._decode
    monkeypatch.setattr(FrameFile, "_decode", lambda kept, index: (decoded.append(index), decode(kept, index)))
    order = generator.permutation(24)
    inside, across = (slice(16, 44), slice(25, 95)), (slice(4, 30), slice(0, 60))
    at_edge = slice(12, 50), slice(20, 95)  # where a part's colours lack their neighbours
    for index in [*map(int, order), *range(24)]:
        for place in (inside, at_edge):
            assert np.array_equal(keeping.window(index, *place), plain.window(index, *place))
    own = len(decoded)
    for index in map(int, order):
        keeping.window(index, *inside)
    assert len(decoded) == own, "all are in memory now"
    assert np.array_equal(keeping.window(5, *across), plain.window(5, *across)), "what lies beyond them is read"
    assert len(decoded) > own


def test_planes_are_those_of_ffmpeg() -> None:
    """Of a clear picture: light to a level, colours about, and all comes back as it was."""
    rough = np.random.default_rng(2).integers(0, 256, (62, 94, 3)).astype(np.uint8)
    picture = np.clip(128 + 3 * (cv2.GaussianBlur(rough, (0, 0), 5).astype(int) - 128), 0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
    )  # fmt: skip
    away = packed(picture).astype(int) - frame.to_ndarray()
    assert np.abs(away[:62]).max() <= 1, "light"
    assert np.abs(away[62:]).mean() < 1 and abs(away[62:].mean()) < 0.1, "colours: the mean of four, or a cubic filter"
    back = Planes.of(packed(picture)).rgb(slice(0, 62), slice(0, 94))
    assert np.abs(back.astype(int) - picture).mean() < 1.5
