"""How well lips are placed in small faces: against the same face at full size, at 20 sizes from 64 pixels up.

    python -m benchmarks.small_faces [PHOTO|VIDEO ...] [--frame 1920x1080] [--json FILE]

Without files, the shipped astronaut. Each face is reduced and laid into a grey frame. Errors are means over the lips'
landmarks and over the faces, as shares of the distance between the eyes. "whole": one look at the whole frame, as it
was done before there were tiles and close-ups. "photo": as a photo is read. "video": followed through 8 frames that
move by a third of a pixel each, the mean of all.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import cv2
import numpy as np

from face_model import mp478
from foundation.shipped import shipped
from preprocessing.media import read_frames
from preprocessing.media.stills import read_still
from preprocessing.tracking import face_tracker, follow_face
from preprocessing.tracking.mediapipe_tracker import MediaPipeTracker

SMALLEST_PX, SIZES = 64, 20
LIPS = [*mp478.INNER_LIPS, *mp478.OUTER_LIPS]
GROUND = (118, 122, 116)
FRAMES, STEP_PX = 8, 1 / 3


def picture_of(path: Path) -> np.ndarray:
    """A photo, or a frame from a video."""
    still = read_still(path)
    if still is not None:
        return still.picture_rgb
    return next(itertools.islice(read_frames(path), 10, None))


def eye_distance(points: np.ndarray) -> float:
    """Between the middles of the eyes."""
    return float(np.linalg.norm(points[[33, 133], :2].mean(0) - points[[362, 263], :2].mean(0)))


def laid(picture: np.ndarray, zoom: float, frame: tuple[int, int], shift_px: float = 0.0) -> tuple[np.ndarray, ...]:
    """A frame `[H, W, 3]` with the reduced picture in it, and the matrix `[2, 3]` from its pixels to the frame's."""
    width, height = frame
    soft = cv2.GaussianBlur(picture, (0, 0), 0.4 / zoom) if zoom < 1 else picture
    size = zoom * np.array(picture.shape[1::-1])
    corner = np.maximum((np.array(frame) - size) * (0.33, 0.5), 0) + shift_px
    matrix = np.array([[zoom, 0, corner[0]], [0, zoom, corner[1]]])
    indices = matrix + np.array([[0, 0, (zoom - 1) / 2], [0, 0, (zoom - 1) / 2]])  # of pixels, whose middles are at .5
    frame_rgb = cv2.warpAffine(soft, indices, (width, height), flags=cv2.INTER_LINEAR, borderValue=GROUND)
    return frame_rgb, matrix


def error(seen: np.ndarray, truth: np.ndarray, matrix: np.ndarray) -> float:
    """Mean distance of the lips, over the distance between the eyes."""
    there = truth[:, :2] * matrix[[0, 1], [0, 1]] + matrix[:, 2]
    return float(np.linalg.norm((seen[:, :2] - there)[LIPS], axis=-1).mean() / eye_distance(there))


def errors(picture: np.ndarray, size_px: float, frame: tuple[int, int], tracker: MediaPipeTracker) -> dict[str, float]:
    """At one size of the face; NaN where it is not found."""
    truth = tracker.confirm(picture)[0]
    zoom = size_px / truth.size_px
    frame_rgb, matrix = laid(picture, zoom, frame)
    whole, close = tracker.detect(frame_rgb), tracker.confirm(frame_rgb)
    moved = [laid(picture, zoom, frame, STEP_PX * k) for k in range(FRAMES)]
    track = follow_face(tracker, [shown for shown, _ in moved], 25)
    followed = [
        error(points, truth.landmarks_px, place) if valid else np.nan
        for points, valid, (_, place) in zip(track.landmarks_px, track.valid, moved, strict=True)
    ]
    return {
        "whole": error(whole[0].landmarks_px, truth.landmarks_px, matrix) if whole else np.nan,
        "photo": error(close[0].landmarks_px, truth.landmarks_px, matrix) if close else np.nan,
        "video": float(np.mean(followed)),
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--frame", default="1280x720", help="size of the frame")
    parser.add_argument("--json", type=Path, help="write the table here too")
    asked = parser.parse_args()
    width, height = (int(side) for side in asked.frame.split("x"))
    pictures = [picture_of(path) for path in asked.files or [shipped("astronaut/preview.jpg")]]
    tracker = face_tracker()
    assert isinstance(tracker, MediaPipeTracker)
    full = [tracker.confirm(picture)[0].size_px for picture in pictures]
    sizes = np.geomspace(SMALLEST_PX, min(max(full), 0.6 * height), SIZES)
    rows = []
    print(f"{len(pictures)} faces of {', '.join(f'{size:.0f}' for size in full)} px in a frame of {asked.frame}")
    print("| face, px | of the frame | whole | photo | photo, worst | video |\n|---|---|---|---|---|---|")
    for size in sizes:
        made = [
            errors(picture, size, (width, height), tracker)
            for picture, own in zip(pictures, full, strict=True) if own >= size - 1
        ]
        found = [row["whole"] for row in made if np.isfinite(row["whole"])]
        whole = f"{np.mean(found):.3f}" if found else "-"
        whole += f" ({len(made) - len(found)} of {len(made)} not found)" if len(found) < len(made) else ""
        photo, video = ([row[kind] for row in made] for kind in ("photo", "video"))
        rows.append({"size_px": float(size), "faces": made})
        print(
            f"| {size:.0f} | {size / max(width, height):.0%} | {whole} | {np.mean(photo):.3f} | {np.max(photo):.3f} "
            f"| {np.mean(video):.3f} |"
        )
    tracker.close()
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
