"""What the invisible mark costs, what it outlives, and how often it is seen where it is not.

    python -m benchmarks.watermark VIDEO... [--pieces 2] [--seconds 3] [--keys 20]

Each video is cut into pieces, each marked with an id of its own, written as films are, and attacked. A piece counts
as found when the search's best place is above the threshold; it is looked for at five scales about the true one, which
the whole search has among its own. False alarms: the whole search, over unmarked pieces, with keys of nobody. Prints
Markdown tables.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from preprocessing.media import VideoWriter, probe, read_frames
from preprocessing.media.writing import FILM_CRF
from talking_head.provenance.reading import FRAMES, THRESHOLD, Search
from talking_head.provenance.watermark import Code, Watermark, cell_px

Frames = list[np.ndarray]
COSTS = 4  # pieces of which what the mark costs a film at 40 dB is measured: many encodings
NEAR = np.linspace(0.992, 1.008, 5)


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
        coded = cv2.imencode(suffix, bright[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return [cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]]

    return take


# Name: what is done to the pictures, x264's crf afterwards (None: not coded), and the part of the shorter side left.
ATTACKS: dict[str, tuple[Callable[[Frames], Frames], int | None, float]] = {
    "as written": (lambda frames: frames, None, 1.0),
    "H.264 crf 23": (lambda frames: frames, 23, 1.0),
    "H.264 crf 28": (lambda frames: frames, 28, 1.0),
    "cropped by 10%, crf 23": (cropped, 23, 0.9),
    "scaled to 75%, crf 23": (scaled(0.75), 23, 1.0),
    "scaled to 50%, crf 18": (scaled(0.5), 18, 1.0),
    "scaled to 50%, crf 23": (scaled(0.5), 23, 1.0),
    "scaled to 50%, crf 28": (scaled(0.5), 28, 1.0),
    "one frame, PNG of a screen": (shot(".png"), None, 1.0),
    "one frame, JPEG 85 of a screen": (shot(".jpg"), None, 1.0),
    "one frame, JPEG 60 of a screen": (shot(".jpg", 60), None, 1.0),
}


def pieces(video: Path, count: int, seconds: float) -> Iterator[Frames]:
    fps = probe(video).fps
    frames = read_frames(video)
    for _ in range(count):
        piece = list(islice(frames, round(seconds * fps)))
        if len(piece) >= 25:
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


def false_alarms(videos: list[Path], keys: int, seconds: float) -> list[float]:
    """The best z of the whole search over each unmarked piece, for each key."""
    best = []
    for video in videos:
        piece = looked_at(next(pieces(video, 1, seconds)))
        best += [Search(piece, Code.of_key(1000 + key)).best()[2].z for key in range(keys)]
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--pieces", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--keys", type=int, default=0)
    given = parser.parse_args()
    draw = np.random.default_rng(0)
    strengths: dict[str, list[float]] = {name: [] for name in ATTACKS}
    read: dict[str, list[int]] = {name: [] for name in ATTACKS}
    costs, whole, took_ms = [], [], []
    for video in given.videos:
        for piece in pieces(video, given.pieces, given.seconds):
            high, wide = piece[0].shape[:2]
            mark = int(draw.integers(1 << 20))
            watermark = Watermark(wide, high, mark)
            started_s = time.process_time()
            marked = [watermark(frame) for frame in piece]
            took_ms.append((time.process_time() - started_s) / len(piece) * 1e3 / (wide * high) * 512**2)
            whole.append(psnr_db(marked, piece))
            if len(costs) < COSTS:
                costs.append(cost_db(piece, marked))
            film = encoded(marked, FILM_CRF, "veryfast")
            for name, (change, crf, left) in ATTACKS.items():
                attacked = change(film) if crf is None else encoded(change(film), crf)
                search = Search(looked_at(attacked))
                share, _, best = search.best(cell_px(wide, high) / min(high, wide) / left * NEAR)
                strengths[name].append(best.z)
                read[name].append({mark: 1, None: 0}.get(search.read(best), -1))
    print(f"\n{len(took_ms)} pieces of {len(given.videos)} videos; threshold {THRESHOLD}; a frame of 512 x 512 takes "
          f"{np.median(took_ms):.2f} ms of processor time; the mark alone is {np.mean(whole):.1f} dB\n")
    print(f"A film at {np.mean([c[0] for c in costs]):.1f} dB loses {np.mean([c[1] for c in costs]):.2f} dB, "
          f"{max(c[1] for c in costs):.2f} at most\n")
    print("| what happened | found | z, least | z, median | id read | id read wrongly |\n|---|---|---|---|---|---|")
    for name, found in strengths.items():
        share, right = np.mean(np.array(found) >= THRESHOLD), np.mean(np.array(read[name]) == 1)
        wrong = sum(z >= THRESHOLD and told == -1 for z, told in zip(found, read[name], strict=True))
        row = f"{share:.1%} | {min(found):.1f} | {np.median(found):.1f} | {right:.1%} | {wrong}"
        print(f"| {name} | {row} |")
    if given.keys:
        best = np.array(false_alarms(given.videos, given.keys, given.seconds))
        print(f"\nunmarked, {len(best)} whole searches: best z {best.max():.2f}, median {np.median(best):.2f}, "
              f"above the threshold {int((best >= THRESHOLD).sum())}")


if __name__ == "__main__":
    main()
