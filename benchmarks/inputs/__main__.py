"""Make over 150 variants of what people bring, read them as the product does, and count what came out as expected.

    python -m benchmarks.inputs [--photo FILE] [--video FILE] [--sound FILE] [--only WORD] [--json FILE]

Without files, the shipped astronaut: her portrait, a film of her and the shipped speech. What is right for each variant
stands beside it in the code. Photos and videos are judged by where their lips are found, sounds by their loudness.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from benchmarks.inputs import photos, sounds, videos
from benchmarks.inputs.faces import Portrait
from benchmarks.inputs.outcome import Variant, tried
from benchmarks.inputs.videos import Film
from foundation.shipped import shipped
from preprocessing.media import read_frames, read_sound
from preprocessing.media.stills import read_still
from preprocessing.portrait import find_portrait
from preprocessing.tracking import FaceTracker, face_tracker, follow_face
from talking_head.synth.film import synthesize

FRAMES, FRAME_PX = 16, 288


def portrait_in(path: Path, tracker: FaceTracker) -> Portrait:
    """A photo of one person and its landmarks."""
    still = read_still(path)
    assert still is not None, f"{path} is no photo"
    found = find_portrait(still.picture_rgb, path.name, tracker)
    return Portrait(found.picture_rgb, found.landmarks_px)


def film_in(path: Path, tracker: FaceTracker) -> Film:
    """Some frames of a video of one person, and their landmarks as they are seen at full size."""
    frames = list(itertools.islice(read_frames(path), FRAMES))
    seen = follow_face(tracker, frames, 25)
    zoom = FRAME_PX / frames[0].shape[0]
    width = round(frames[0].shape[1] * zoom / 2) * 2
    matrix = np.array([[zoom, 0, 0], [0, zoom, 0]])
    return Film([
        Portrait(frame, points).moved(matrix, width, FRAME_PX, cv2.BORDER_REPLICATE)
        for frame, points in zip(frames, seen.landmarks_px, strict=True)
    ])  # fmt: skip


def astronaut_film(folder: Path) -> Path:
    """A film of the shipped person, a second long."""
    sound = read_sound(shipped("astronaut/speech.flac")).samples[8000:24_000]
    import soundfile

    soundfile.write(folder / "said.wav", sound, 16_000)
    return synthesize(folder / "said.wav", "astronaut", folder / "film.mp4", label=False, home=folder).output


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("photo", "video", "sound", "json"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--only", default="", help="variants with this word in their name")
    asked = parser.parse_args()
    started_s, tracker = time.monotonic(), face_tracker()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        portrait = portrait_in(asked.photo or shipped("astronaut/preview.jpg"), tracker)
        film = film_in(asked.video or astronaut_film(folder), tracker)
        voice = read_sound(asked.sound or shipped("astronaut/speech.flac")).samples[8000:56_000]
        every: list[Variant] = [
            *photos.variants(portrait), *sounds.variants(voice), *videos.variants(film, tracker),
        ]
        chosen = [variant for variant in every if asked.only in variant.name]
        outcomes = [tried(variant, folder / str(k)) for k, variant in enumerate(chosen)]
    tracker.close()
    kinds = Counter(outcome.variant.name.split(":")[0] for outcome in outcomes)
    good = Counter(outcome.variant.name.split(":")[0] for outcome in outcomes if outcome.as_expected)
    for outcome in outcomes:
        if not outcome.as_expected:
            right = outcome.variant.right
            wanted = f"refused: {right.refused}" if right.refused else f"accepted, error under {right.most}"
            said = f", saying '{right.said}'" if right.said else ", nothing said" if right.quiet else ""
            print(f"NOT AS EXPECTED {outcome.variant.name}\n    wanted {wanted}{said}\n    became {outcome.became}")
    for kind, count in kinds.items():
        print(f"{kind}: {good[kind]} of {count} as expected")
    print(f"{sum(good.values())} of {len(outcomes)} as expected, in {time.monotonic() - started_s:.0f} s")
    if asked.json:
        rows = [{"name": o.variant.name, "as_expected": o.as_expected, "became": o.became} for o in outcomes]
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
