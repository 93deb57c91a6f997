"""The main road on a real video: enroll on its first 85%, speak, and lay frames side by side for people to look at.

    python -m benchmarks.smoke --data DATA --out out --budget 20m

Prints a table; leaves target, films and contact sheets in the output folder.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

import talking_head
from benchmarks.lips import HOLD_OUT
from face_model import mp478
from face_model.tracks import FaceTrack
from preprocessing.media import read_frames
from render2video.painter import load_painter
from talking_head.target.card import Target
from talking_head.target.settings import EnrollSettings, duration_s

VIDEO, SPEECH = "reference_video/weekly_address_20s.mp4", "speech/jfk.wav"
COLUMNS, TILE_PX = 6, 240


def tile(frame_rgb: np.ndarray) -> np.ndarray:
    """A frame at the sheet's tile size, its sides in proportion."""
    zoom = TILE_PX / frame_rgb.shape[0]
    return cv2.resize(frame_rgb, (round(frame_rgb.shape[1] * zoom), TILE_PX), interpolation=cv2.INTER_AREA)


def write_sheet(rows: list[list[np.ndarray]], path: Path) -> None:
    """Rows of frames as one picture."""
    sheet = np.concatenate([np.concatenate([tile(frame) for frame in row], axis=1) for row in rows])
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


def held_out_sheet(video: Path, target: Target, folder: Path) -> Path:
    """Truth above, own motion painted below, over the part that was not learned from."""
    tracked = talking_head.track(video, folder / "track").track
    first = round(len(tracked) * (1 - HOLD_OUT))
    chosen = np.linspace(first, len(tracked) - 1, COLUMNS).round().astype(int).tolist()
    truth = [frame for k, frame in enumerate(read_frames(video, tracked.motion.fps)) if k in chosen]
    path = folder / "held_out.jpg"
    write_sheet([truth, painted(target, tracked, chosen)], path)
    return path


def painted(target: Target, tracked: FaceTrack, chosen: list[int]) -> list[np.ndarray]:
    """The chosen frames, painted from their own tracked motion."""
    renderer = load_painter(target.folder, mp478.load())
    return [next(renderer.frames(tracked.motion[k : k + 1])) for k in chosen]


def film_sheet(film: Path, path: Path, rows: int = 4) -> Path:
    """Frames spread evenly over a film."""
    frames = list(read_frames(film))
    chosen = [frames[k] for k in np.linspace(0, len(frames) - 1, rows * COLUMNS).round().astype(int)]
    write_sheet([chosen[start : start + COLUMNS] for start in range(0, len(chosen), COLUMNS)], path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--size", type=int, default=256)
    given = parser.parse_args()
    video, home = given.data / VIDEO, given.out / "home"
    settings = EnrollSettings(size_px=given.size, budget_s=duration_s(given.budget, "--budget"), hold_out=HOLD_OUT)
    started_s = time.monotonic()
    consent = "public domain: a work of the United States federal government"
    target = talking_head.enroll(video, "smoke", consent, settings, home=home, replace=True).target
    enrolled_s = time.monotonic() - started_s
    film = given.out / "jfk.mp4"
    spoken = talking_head.synthesize(given.data / SPEECH, "smoke", film, home=home, force=True)
    sheets = [held_out_sheet(video, target, given.out), film_sheet(film, given.out / "jfk.jpg")]
    rows = {
        "enrollment, s": enrolled_s, "synthesis, s": spoken.seconds, "film, s": spoken.duration_s,
        "times real time": spoken.duration_s / spoken.seconds, **target.card.quality,
    }
    print("| measured | value |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value:.4g} |")
    print(f"\n{film}, {', '.join(map(str, sheets))}")


if __name__ == "__main__":
    main()
