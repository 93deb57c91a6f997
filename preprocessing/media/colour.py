"""High dynamic range and wide colours brought to what films and screens share: BT.709, standard range.

Sources: ITU-R BT.2100 (HLG, PQ), BT.2408 (reference white at 203 cd/m2), BT.1886 (the screen's curve).
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

PQ, HLG = 16, 18  # FFmpeg's AVCOL_TRC_SMPTE2084 and AVCOL_TRC_ARIB_STD_B67
BT2020, P3, UNSPECIFIED = 9, 12, 2  # FFmpeg's AVCOL_PRI_BT2020, AVCOL_PRI_SMPTE432 and AVCOL_PRI_UNSPECIFIED
NAMES = {PQ: "PQ", HLG: "HLG"}
WHITE_NITS = 203.0  # of high dynamic range that becomes the white of standard range
HLG_PEAK_NITS, HLG_GAMMA = 1000.0, 1.2
KNEE = 0.85  # of white, in linear light: what is brighter is compressed
SCREEN_GAMMA = 2.4
GRID = 33  # of the table, a side; code values are about even steps for the eye

# Linear light of primaries to that of BT.709, white D65 in all three.
TO_BT709 = {
    BT2020: np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]),
    P3: np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]),
}


@dataclass(frozen=True)
class Colours:
    """What code values mean, as FFmpeg numbers it. transfer: the curve. primaries: of red, green and blue."""

    transfer: int
    primaries: int

    @staticmethod
    def of(frame: av.VideoFrame) -> Colours:
        """A decoded frame's; high dynamic range without primaries means those of BT.2020."""
        transfer, primaries = int(frame.color_trc), int(frame.color_primaries)
        return Colours(transfer, BT2020 if transfer in NAMES and primaries == UNSPECIFIED else primaries)

    @property
    def is_hdr(self) -> bool:
        """Whether whites and highlights lie where standard range has none."""
        return self.transfer in NAMES

    @property
    def needs_conversion(self) -> bool:
        """Whether they would look wrong, taken for BT.709."""
        return self.is_hdr or self.primaries in TO_BT709

    @property
    def name(self) -> str:
        """For people."""
        wide = {BT2020: "BT.2020 colours", P3: "P3 colours"}.get(self.primaries, "")
        return ", ".join(word for word in (f"HDR ({NAMES[self.transfer]})" if self.is_hdr else "", wide) if word)


def _pq_nits(codes: np.ndarray) -> np.ndarray:
    powered = np.clip(codes, 0, 1) ** (1 / 78.84375)
    return 10_000 * (np.maximum(powered - 0.8359375, 0) / (18.8515625 - 18.6875 * powered)) ** (1 / 0.1593017578125)


def _hlg_nits(codes: np.ndarray) -> np.ndarray:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    codes = np.clip(codes, 0, 1)
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return HLG_PEAK_NITS * scene * np.maximum(luminance, 1e-9)[..., None] ** (HLG_GAMMA - 1)


def _shoulder(light: np.ndarray) -> np.ndarray:
    """Linear light, white at 1: the same up to the knee, then bent without a corner, so that all stays below 1."""
    over = np.maximum(light - KNEE, 0) / (1 - KNEE)
    return np.where(light <= KNEE, light, KNEE + (1 - KNEE) * over / (1 + over))


def to_bt709(codes: np.ndarray, colours: Colours) -> np.ndarray:
    """Code values `[..., 3]` 0-1 of R, G, B as BT.709 for a screen, 0-1. The plain reference of `ToBt709`."""
    if colours.transfer == PQ:
        light = _pq_nits(codes) / WHITE_NITS
    elif colours.transfer == HLG:
        light = _hlg_nits(codes) / WHITE_NITS
    else:
        light = np.clip(codes, 0, 1) ** SCREEN_GAMMA
    if colours.primaries in TO_BT709:
        light = np.maximum(light @ TO_BT709[colours.primaries].T, 0)
    if colours.is_hdr:
        brightest = light.max(-1, keepdims=True)  # one factor for all three keeps the hue
        light = light * (_shoulder(brightest) / np.maximum(brightest, 1e-9))
    return np.clip(light, 0, 1) ** (1 / SCREEN_GAMMA)


@cache
def conversion_table(colours: Colours) -> str:
    """`to_bt709` as a table in the .cube format, that FFmpeg's `lut3d` applies."""
    steps = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")  # red runs fastest
    values = to_bt709(np.stack([red, green, blue], -1).reshape(-1, 3), colours)
    rows = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in values)
    return f"LUT_3D_SIZE {GRID}\n{rows}\n"


class ToBt709:
    """Decoded frames of such colours to RGB pictures in BT.709, of one size, by FFmpeg's `scale` and `lut3d`."""

    def __init__(self, colours: Colours, width_px: int, height_px: int) -> None:
        self._colours, self._size = colours, (width_px, height_px)
        self._graph: av.filter.Graph | None = None
        self._kind: tuple[object, ...] = ()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """`[H, W, 3]` uint8."""
        kind = frame.width, frame.height, frame.format.name
        if self._graph is None or kind != self._kind:
            self._graph, self._kind = self._built(frame), kind
        self._graph.push(frame)
        picture = self._graph.pull()
        assert isinstance(picture, av.VideoFrame)
        return picture.to_ndarray()

    def _built(self, frame: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
        )
        width_px, height_px = self._size
        scale = graph.add("scale", f"{width_px}:{height_px}:flags=bicubic+accurate_rnd+full_chroma_int")
        deep = graph.add("format", "gbrp16le")
        with tempfile.NamedTemporaryFile("w", suffix=".cube", delete=False) as file:
            file.write(conversion_table(self._colours))
        try:
            table = graph.add("lut3d", file=file.name, interp="tetrahedral")
        finally:
            Path(file.name).unlink()
        graph.link_nodes(source, scale, deep, table, graph.add("format", "rgb24"), graph.add("buffersink"))
        graph.configure()
        return graph
