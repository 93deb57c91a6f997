"""Decoded frames to RGB pictures of one size: upright, square pixels, BT.709, whole frames instead of fields."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from preprocessing.media.colour import Colours, ToBt709
from preprocessing.media.layout import size_as_shown
from preprocessing.media.source import orientation

UNSPECIFIED_COLOURS = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
HD_HEIGHT_PX = 720  # from here on, untagged video means BT.709 by common custom, below it BT.601
INTERPOLATION = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


class ToRgb:
    """Decoded frames to pictures `[H, W, 3]` uint8. One of another size is fitted in, with black beside it.

    Args:
        pixel_aspect: of the stream.
        width_px, height_px: of the pictures; 0 for the first frame's own.
    """

    def __init__(self, pixel_aspect: Fraction | None, width_px: int = 0, height_px: int = 0) -> None:
        self.pixel_aspect, self.size = pixel_aspect, (width_px, height_px)
        self._reformatter = VideoReformatter()
        self._converters: dict[tuple[Colours, int, int], ToBt709] = {}

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        own = size_as_shown(frame, self.pixel_aspect)
        self.size = self.size if all(self.size) else own
        width_px, height_px = self.size
        zoom = min(width_px / own[0], height_px / own[1])
        fitted = (width_px, height_px) if own == self.size else (round(own[0] * zoom), round(own[1] * zoom))
        transpose, mirror, upend = orientation(frame)
        picture = self._rgb(frame, *(fitted[::-1] if transpose else fitted))
        picture = picture.transpose(1, 0, 2) if transpose else picture
        picture = picture[:, ::-1] if mirror else picture
        picture = picture[::-1] if upend else picture
        if fitted != self.size:
            beside, above = width_px - fitted[0], height_px - fitted[1]
            room = (above // 2, above - above // 2), (beside // 2, beside - beside // 2), (0, 0)
            picture = np.pad(picture, room)
        return np.ascontiguousarray(picture)

    def _rgb(self, frame: av.VideoFrame, width_px: int, height_px: int) -> np.ndarray:
        colours = Colours.of(frame)
        if colours.needs_conversion:
            key = colours, width_px, height_px
            if key not in self._converters:
                self._converters[key] = ToBt709(*key)
            return self._converters[key](frame)
        matrix = None
        if frame.colorspace == UNSPECIFIED_COLOURS:
            matrix = Colorspace.ITU709 if min(frame.width, frame.height) >= HD_HEIGHT_PX else Colorspace.ITU601
        return self._reformatter.reformat(
            frame, width_px, height_px, format="rgb24", src_colorspace=matrix, interpolation=INTERPOLATION, threads=1,
        ).to_ndarray()


def deinterlaced(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same frames, at the same times, with those that consist of two fields made whole (FFmpeg's bwdif)."""
    graph: av.filter.Graph | None = None
    kind: tuple[object, ...] = ()
    for frame in frames:
        this = frame.width, frame.height, frame.format.name
        if graph is not None and this != kind:
            yield from _rest(graph)
            graph = None
        if graph is None:
            graph, kind = _bwdif(frame), this
        graph.push(frame)
        yield from _ready(graph)
    if graph is not None:
        yield from _rest(graph)


def _bwdif(frame: av.VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def _ready(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        yield frame


def _rest(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    graph.push(None)
    yield from _ready(graph)
