"""Video as it comes: sizes and rotations that change, several tracks, high dynamic range, ranges, fields."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from preprocessing.media import frames_at, probe, read_frames
from preprocessing.media.colour import BT2020, HLG, PQ, WHITE_NITS, Colours, ToBt709, to_bt709
from preprocessing.media.layout import layout
from tests.preprocessing.making import grey, write_media

BT709, BT2020_MATRIX, LIMITED, FULL = 1, 9, 1, 2


def encoded(
    path: Path, tracks: Sequence[Sequence[av.VideoFrame]], codec: str = "libx264", defaults: Sequence[bool] = (),
    options: dict[str, str] | None = None, sound: bool = False,
) -> Path:
    """Frames of one or more video tracks as they are, 25 fps."""
    with av.open(str(path), "w") as container:
        streams = []
        for k, frames in enumerate(tracks):
            stream = container.add_stream(codec, rate=25, options={"crf": "4", **(options or {})})
            stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
            context, first = stream.codec_context, frames[0]
            context.colorspace, context.color_range = first.colorspace, first.color_range
            context.color_trc, context.color_primaries = first.color_trc, first.color_primaries
            if defaults:
                stream.disposition = av.stream.Disposition.default if defaults[k] else av.stream.Disposition(0)
            streams.append(stream)
        packets = []
        for stream, frames in zip(streams, tracks, strict=True):
            for index, frame in enumerate(frames):
                frame.pts, frame.time_base = index, Fraction(1, 25)
                packets += stream.encode(frame)
            packets += stream.encode(None)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)
    return path


def plain(level: int, width_px: int, height_px: int) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(grey(level, height_px, width_px), format="rgb24").reformat(format="yuv420p")


def parts(folder: Path, sizes: Sequence[tuple[int, int, int]], rotations: Sequence[int] | None = None) -> Path:
    """One stream of mpegts whose picture is (width, height) for so many frames, part after part: a left half of 200,
    a right half of 60.
    """
    path, offset = folder / "joined.ts", 0
    with open(path, "wb") as goal:
        for k, (width, height, count) in enumerate(sizes):
            picture = grey(60, height, width)
            picture[:, : width // 2] = 200
            piece = folder / f"{k}.ts"
            with av.open(str(piece), "w") as container:
                stream = container.add_stream("libx264", rate=25, options={"crf": "4", "bf": "0"})
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = Fraction(1, 25)
                for index in range(count):
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    frame.pts, frame.time_base = offset + index, Fraction(1, 25)
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
            goal.write(piece.read_bytes())
            offset += count
    return path


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        ([(64, 64, 30), (160, 160, 60)], (160, 160)),
        ([(160, 160, 60), (64, 64, 30)], (160, 160)),
        ([(160, 160, 25), (64, 64, 200)], (64, 64)),
        ([(64, 64, 50), (128, 64, 50)], (128, 64)),
    ],
)
def test_a_size_that_changes_gives_frames_of_one_size_and_is_said(
    sizes: list[tuple[int, int, int]], size: tuple[int, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = parts(tmp_path, sizes)
    info = probe(path)
    assert (info.width_px, info.height_px) == size
    with caplog.at_level(logging.WARNING):
        frames = list(read_frames(path))
    assert len(frames) == sum(count for _, _, count in sizes)
    assert {frame.shape for frame in frames} == {(size[1], size[0], 3)}
    assert "its size changes in mid-stream" in caplog.text and f"{size[0]}x{size[1]} is used" in caplog.text
    for (width, height, _), frame in ((sizes[0], frames[3]), (sizes[-1], frames[-3])):
        shown = round(min(size[0] / width, size[1] / height) * width)  # what is not as wide has black beside it
        beside = (size[0] - shown) // 2
        row = frame[size[1] // 2, :, 0].astype(int)
        assert row[beside + shown // 4] == pytest.approx(200, abs=6)
        assert row[beside + 3 * shown // 4] == pytest.approx(60, abs=6)
        assert beside == 0 or row[: beside - 2].max() == 0


def test_the_default_picture_track_is_seen_else_the_largest(tmp_path: Path) -> None:
    small, large = [plain(90, 64, 48) for _ in range(9)], [plain(200, 128, 96) for _ in range(9)]
    for name, tracks, defaults, width in (
        ("a", [small, large], [True, False], 64), ("b", [small, large], [False, True], 128),
        ("c", [small, large], [False, False], 128), ("d", [large, small], [False, False], 128),
    ):
        path = encoded(tmp_path / f"{name}.mkv", tracks, defaults=defaults)
        info = probe(path)
        assert info.width_px == width and "of 2 is used" in info.notes[0], name
        assert next(read_frames(path)).mean() == pytest.approx(90 if width == 64 else 200, abs=4)


def hdr_codes(light: np.ndarray, transfer: int) -> np.ndarray:
    """Code values of linear BT.2020 light in cd/m2, by the standards' forward formulas (BT.2100, tables 4 and 5)."""
    if transfer == PQ:
        powered = (np.maximum(light, 0) / 10_000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * powered) / (1 + 18.6875 * powered)) ** 78.84375
    luminance = light @ np.array([0.2627, 0.6780, 0.0593]) / 1000
    scene = light / 1000 * np.maximum(luminance, 1e-9)[..., None] ** (1 / 1.2 - 1)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


PATCHES = np.array(
    [(128, 128, 128), (200, 150, 120), (90, 60, 45), (60, 90, 160), (40, 120, 60), (150, 50, 50)], np.float64
)  # of BT.709, none of them brighter than the knee of the highlights
BT709_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # BT.2087


def hdr_video(path: Path, transfer: int) -> Path:
    """The patches side by side, 32 pixels each, as 10-bit HEVC."""
    light = (PATCHES / 255) ** 2.4 @ BT709_TO_BT2020.T * WHITE_NITS
    codes = np.repeat(np.repeat(hdr_codes(light, transfer)[None], 32, axis=1), 64, axis=0)
    frames = []
    for _ in range(8):
        picture = av.VideoFrame.from_ndarray(np.round(codes * 65535).astype(np.uint16), format="rgb48le")
        frame = VideoReformatter().reformat(
            picture, format="yuv420p10le", dst_colorspace=BT2020_MATRIX, dst_color_range=LIMITED
        )
        frame.colorspace, frame.color_range = BT2020_MATRIX, LIMITED
        frame.color_trc, frame.color_primaries = transfer, BT2020
        frames.append(frame)
    curve = {HLG: "arib-std-b67", PQ: "smpte2084"}[transfer]
    told = f"colorprim=bt2020:transfer={curve}:colormatrix=bt2020nc"
    return encoded(path, [frames], "libx265", options={"x265-params": f"log-level=none:{told}"})


@pytest.mark.parametrize("transfer", [HLG, PQ])
def test_high_dynamic_range_shows_the_colours_it_was_made_from(
    transfer: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = hdr_video(tmp_path / "a.mov", transfer)
    with caplog.at_level(logging.WARNING):
        frame = next(read_frames(path))
    seen = frame[32, 16::32].astype(float)
    assert np.abs(seen - PATCHES).max() < 8, seen.round()
    assert "HDR" in caplog.text and "BT.709" in caplog.text and "HDR" in probe(path).notes[0]


def test_highlights_keep_their_order_and_their_hue() -> None:
    nits = np.array([50, 150, 203, 400, 700, 990.0])
    warm = nits[:, None] * np.array([1.0, 0.8, 0.6])
    shown = to_bt709(hdr_codes(warm, PQ), Colours(PQ, BT2020))
    assert (np.diff(shown[:, 0]) > 0).all() and shown.max() <= 1
    ratios = shown[:, 1] / shown[:, 0]
    assert np.ptp(ratios) < 0.02, "bright skin does not turn yellow or white"
    white = to_bt709(hdr_codes(np.full((1, 3), 203.0), PQ), Colours(PQ, BT2020))
    assert 0.93 < white.min() <= white.max() <= 1


@pytest.mark.parametrize("colours", [Colours(HLG, BT2020), Colours(PQ, BT2020), Colours(1, BT2020)])
def test_the_table_agrees_with_the_formulas(colours: Colours) -> None:
    codes = np.random.default_rng(0).integers(0, 65535, (24, 32, 3)).astype(np.uint16)
    picture = av.VideoFrame.from_ndarray(codes, format="rgb48le")
    shown = ToBt709(colours, 32, 24)(picture)
    wanted = to_bt709(codes / 65535, colours) * 255
    assert np.abs(shown - wanted).mean() < 1.5 and np.percentile(np.abs(shown - wanted), 99) < 9


@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
def test_full_and_limited_range_show_the_same(colour_range: int, tmp_path: Path) -> None:
    ramp = np.repeat(np.repeat(np.array([[0, 40, 90, 160, 220, 255]], np.uint8), 32, axis=1), 64, axis=0)
    frames = []
    for _ in range(4):
        picture = av.VideoFrame.from_ndarray(np.repeat(ramp[..., None], 3, axis=2), format="rgb24")
        frame = picture.reformat(
            format="yuv420p", dst_colorspace=BT709, dst_color_range=colour_range
        )
        frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = BT709, colour_range, 1, 1
        frames.append(frame)
    shown = next(read_frames(encoded(tmp_path / "a.mp4", [frames])))
    assert np.abs(shown[32, 16::32, 0].astype(int) - [0, 40, 90, 160, 220, 255]).max() <= 3


def comb(picture: np.ndarray) -> float:
    """How much neighbouring rows differ more than rows of one field do."""
    rows = picture[..., 0].astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean() - np.abs(rows[2:] - rows[:-2]).mean() / 2)


def test_fields_are_taken_apart_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A bar that moves 4 pixels a field: combed when both fields are shown at once."""
    frames = []
    for k in range(12):
        woven = np.full((96, 128, 3), 40, np.uint8)
        for field in (0, 1):
            woven[field::2, 10 + 8 * k + 4 * field : 30 + 8 * k + 4 * field] = 220
        frames.append(av.VideoFrame.from_ndarray(woven, format="rgb24").reformat(format="yuv422p"))
    flags = {"x264-params": "tff=1:log-level=none", "crf": "4"}
    path = encoded(tmp_path / "a.mp4", [frames], options=flags)
    found = layout(path)
    assert found is not None and found.interlaced
    with caplog.at_level(logging.WARNING):
        shown = list(read_frames(path))
    assert len(shown) == 12 and "interlaced" in caplog.text
    whole = encoded(tmp_path / "b.mp4", [frames], options={})
    assert np.mean([comb(frame) for frame in shown[2:-2]]) < 0.35 * np.mean([comb(f) for f in read_frames(whole)])
    for k, frame in enumerate(shown[1:-1], start=1):
        bar = np.flatnonzero(frame[48, :, 0] > 130)
        assert abs(bar.mean() - (10 + 8 * k + 9.5)) < 5, "each frame at its own time"


def test_some_frames_only(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4", [grey(20 + 10 * k) for k in range(20)])
    some = dict(frames_at(path, {0, 3, 19, 25}))
    assert sorted(some) == [0, 3, 19] and some[3].mean() == pytest.approx(50, abs=3)
    assert [k for k, _ in frames_at(path, range(5), fps=50)] == [0, 1, 2, 3, 4]
