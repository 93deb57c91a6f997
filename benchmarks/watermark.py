"""What the invisible mark costs, what it outlives, and how often it is seen where it is not.

    python -m benchmarks.watermark VIDEO... [--pieces 2] [--seconds 3] [--draws 1] [--searches 0] [--result FILE.json]

Each video is cut into pieces; each is marked with a key and an id of its own (as often as there are draws), written as
films are, and attacked. A piece counts as found when the search's best place is above the threshold; it is looked for
at those of the whole search's scales that are within 1.5% of the true one. False alarms: so many whole searches of each
unmarked piece, each with a key of its own, sharing what does not depend on the key. Figures are added to those that
FILE has, of runs with other videos or seeds. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.result_files import Measure, added, command_line, part_table, read_results, write_results
from foundation.files import sha256
from preprocessing.media import VideoWriter, probe, read_frames
from preprocessing.media.writing import FILM_CRF
from talking_head.provenance.reading import CELL_PX, FRAMES, THRESHOLD, Search, scales
from talking_head.provenance.watermark import CELLS, ID_BITS, Code, Watermark, cell_px

Frames = list[np.ndarray]
SMALL_PX = 400  # shorter side below which pictures are told apart
NEAR = 1.015
WHOLE = 0.9  # of a piece's length; a shorter rest is left out
TILES_AT_ONCE = 1  # of a search by many keys: what a processor's cache holds


def scaled(share: float) -> Callable[[Frames], Frames]:
    return lambda frames: [cv2.resize(f, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) for f in frames]


def cropped(frames: Frames) -> Frames:
    """A tenth off, more at some sides than at others."""
    high, wide = frames[0].shape[:2]
    return [f[int(0.03 * high) : int(0.93 * high), int(0.06 * wide) : int(0.96 * wide)] for f in frames]


def shot(suffix: str, quality: int = 85) -> Callable[[Frames], Frames]:
    """A screenshot of one frame: shown at 1.3 times its size, a little brighter, as PNG or JPEG."""

    def take(frames: Frames) -> Frames:
        shown = cv2.resize(frames[len(frames) // 2], None, fx=1.3, fy=1.3, interpolation=cv2.INTER_LINEAR)
        bright = cv2.convertScaleAbs(shown, alpha=1.04, beta=3)
        how = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
        coded = cv2.imencode(suffix, bright[..., ::-1], how)[1]
        return [cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]]

    return take


def at_most(shorter_px: int) -> Callable[[Frames], Frames]:
    """As platforms offer it: the shorter side no longer than so much, both even."""

    def scale(frames: Frames) -> Frames:
        high, wide = frames[0].shape[:2]
        share = min(1.0, shorter_px / min(high, wide))
        size = 2 * round(wide * share / 2), 2 * round(high * share / 2)
        return [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]

    return scale


# Name: what is done to the pictures, x264's crf afterwards (None: not coded), and the part of the shorter side left.
# What platforms do is coded fast.
ATTACKS: dict[str, tuple[Callable[[Frames], Frames], int | None, float]] = {
    "as written": (lambda frames: frames, None, 1.0),
    "H.264 crf 28": (lambda frames: frames, 28, 1.0),
    "cropped by 10%, crf 23": (cropped, 23, 0.9),
    "scaled to 50%, crf 18": (scaled(0.5), 18, 1.0),
    "scaled to 50%, crf 23": (scaled(0.5), 23, 1.0),
    "platform: 720p, crf 28": (at_most(720), 28, 1.0),
    "platform: 480p, crf 28": (at_most(480), 28, 1.0),
    "one frame, PNG of a screen": (shot(".png"), None, 1.0),
    "one frame, JPEG 85 of a screen": (shot(".jpg"), None, 1.0),
}


def pieces(video: Path, count: int, seconds: float) -> Iterator[Frames]:
    fps = probe(video).fps
    frames = read_frames(video)
    for _ in range(count):
        piece = list(islice(frames, round(seconds * fps)))
        if len(piece) >= WHOLE * seconds * fps:
            yield piece


def encoded(frames: Frames, crf: int, preset: str = "medium") -> Frames:
    high, wide = frames[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        with VideoWriter(film, 25, wide, high, crf=crf, preset=preset) as writer:
            for frame in frames:
                writer.write(np.ascontiguousarray(frame))
        return list(read_frames(film))


def looked_at(frames: Frames) -> Frames:
    return frames[:: max(1, len(frames) // FRAMES)][:FRAMES]


def psnr_db(frames: Frames, truth: Frames) -> float:
    error = np.mean([np.square(a.astype(np.float32) - b).mean() for a, b in zip(frames, truth, strict=True)])
    return float(10 * np.log10(255**2 / error))


def cost_db(plain: Frames, marked: Frames) -> tuple[float, float]:
    """What the mark takes from a film at about 40 dB: such a film's PSNR, and by how much the marked one's is lower."""
    crf = 16
    while crf < 36 and psnr_db(encoded(plain, crf), plain) > 40.2:
        crf += 3
    without = psnr_db(encoded(plain, crf), plain)
    return without, without - psnr_db(encoded(marked, crf), plain)


def searched(frames: Frames, keys: Iterable[int], shares: np.ndarray | None = None) -> Iterator[float]:
    """The best z of a search of unmarked frames for each key, as `Search.best` finds it; None: a whole one.

    What a search folds does not depend on the key. Its signs lie every `CELL_PX` pixels of a tile alone, so that the
    correlation falls apart into ones of `[24, 24]`, with key and energy as real and imaginary part of one transform.
    """
    search, tried = Search(frames), scales() if shares is None else shares
    tiles = np.stack([search.at(float(share), mirrored).tile for share in tried for mirrored in (False, True)])
    parts = tiles.reshape(-1, CELLS, CELL_PX, CELLS, CELL_PX).transpose(0, 2, 4, 1, 3).reshape(-1, CELLS, CELLS)
    strength = torch.fft.fft2(torch.from_numpy(np.ascontiguousarray(parts)))
    energy = torch.fft.fft2(torch.from_numpy(parts * parts))
    at_once = TILES_AT_ONCE * CELL_PX**2
    for key in keys:
        code = Code.of_key(key)
        signs, used = np.zeros((2, CELLS * CELLS), np.float32)
        signs[code.sync], used[code.sync] = code.signs[code.sync], 1
        own, all_own = (
            torch.fft.fft2(torch.from_numpy(grid.reshape(CELLS, CELLS))).conj().resolve_conj() for grid in (signs, used)
        )
        best = 0.0
        for first in range(0, len(strength), at_once):
            both = strength[first : first + at_once] * own + 1j * (energy[first : first + at_once] * all_own)
            found = torch.fft.ifft2(both)
            best = max(best, float((found.real * found.real.abs() / found.imag.clamp(min=1)).max()))
        yield float(np.sqrt(best))


def kind(frames: Frames) -> str:
    return "small pictures" if min(frames[0].shape[:2]) < SMALL_PX else "pictures"


def marked_and_attacked(piece: Frames, key: int, mark: int) -> Iterator[Measure]:
    """Write a piece with a mark as films are written, do everything to it, and look for the mark."""
    high, wide = piece[0].shape[:2]
    code, part = Code.of_key(key), f"{kind(piece)}: what happened"
    watermark = Watermark(wide, high, mark, key=code)
    film = encoded([watermark(frame) for frame in piece], FILM_CRF, "veryfast")
    for name, (change, crf, left) in ATTACKS.items():
        preset = "veryfast" if name.startswith("platform") else "medium"
        attacked = change(film) if crf is None else encoded(change(film), crf, preset)
        search, true = Search(looked_at(attacked), code), cell_px(wide, high) / min(high, wide) / left
        share, _, best = search.best(scales()[np.abs(np.log(scales() / true)) < np.log(NEAR)])
        read, found = search.read(best), best.z >= THRESHOLD
        values = {
            "pieces": 1, "found": found, "id read": found and read == mark,
            "id read wrongly": found and read not in (mark, None), "z, sum": best.z, "z, least": best.z,
        }
        yield from (Measure(part, name, what, float(value)) for what, value in values.items())


def costs(piece: Frames, mark: int) -> Iterator[Measure]:
    """What the mark takes from a piece."""
    high, wide = piece[0].shape[:2]
    watermark = Watermark(wide, high, mark)
    without, less = cost_db(piece, [watermark(frame) for frame in piece])
    values = {"pieces": 1.0, "without the mark, sum": without, "less, sum": less, "less, largest": less}
    yield from (Measure("cost", "PSNR, dB", what, value) for what, value in values.items())


def false_alarms(piece: Frames, keys: Iterable[int]) -> Iterator[Measure]:
    """Whole searches of a piece without a mark."""
    best = np.array(list(searched(looked_at(piece), keys)))
    values = {"searches": len(best), **{f"z of {z:g} and more": (best >= z).sum() for z in (5, 5.5, 6, 6.5, THRESHOLD)},
              "z, sum": best.sum(), "z, largest": best.max()}  # fmt: skip
    yield from (Measure("without a mark", "whole searches", what, float(value)) for what, value in values.items())


def shared(rows: list[Measure]) -> list[Measure]:
    """Figures with each sum as a mean, and what is a count of pieces also as a share."""
    counts = {(row.part, row.name): row.value for row in rows if row.system in ("pieces", "searches")}
    means = []
    for row in rows:
        count = counts[row.part, row.name]
        if row.system.endswith("sum"):
            row = Measure(row.part, row.name, row.system.replace("sum", "mean"), row.value / count)
        elif row.system in ("found", "id read"):
            row = Measure(row.part, row.name, f"{row.system}, %", 100 * row.value / count)
        means.append(row)
    return means


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--pieces", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--searches", type=int, default=0)
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    rows = read_results(given.result)[1] if given.result is not None and given.result.exists() else []
    for video in given.videos:
        for number, piece in enumerate(pieces(video, given.pieces, given.seconds)):
            draw = np.random.default_rng([given.seed, number, int(sha256(video)[:8], 16)])
            for _ in range(given.draws):
                rows += marked_and_attacked(piece, int(draw.integers(1 << 40)), int(draw.integers(1 << ID_BITS)))
            if given.costs:
                rows += costs(piece, int(draw.integers(1 << ID_BITS)))
            if given.searches:
                rows += false_alarms(piece, map(int, draw.integers(1 << 40, size=given.searches)))
            rows = added(rows)
            if given.result is not None:
                write_results(given.result, command_line("benchmarks.watermark"), "videos that were given", rows)
    for part in dict.fromkeys(row.part for row in rows):
        print("\n" + part_table(shared(rows), part, {}, ""))


if __name__ == "__main__":
    main()
