"""The process that looks at pictures while somebody records, and says what to do better.

    python -m talking_head.studio.coaching

Standard input is a socket: a JPEG comes after its length (4 bytes, big-endian), JSON goes back in the same way.
"""

from __future__ import annotations

import json
import signal
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np

from foundation.errors import InputError
from preprocessing.report import QualityLimits, face_sharpness, head_degrees
from preprocessing.tracking.landmarks import FaceObservation
from preprocessing.tracking.mediapipe_tracker import MediaPipeTracker
from talking_head.studio.coach_line import exactly

LIMITS = QualityLimits()
MOST_PIXELS = 4096 * 2304
LOOKED_AT_PX = 640  # of the longer side: faces are found as well, in a third of the time
NEAREST, FARTHEST = 0.75, 0.2  # height of the face in the picture's
ASIDE = 0.22  # of the picture's width, by which the face may be off its middle
DARK, BRIGHT, FLAT = 0.22, 0.88, 0.6  # grey of the face; the darker half of it against the lighter
MOST_TURN_DEG = LIMITS.most_turn_degrees / 2


@dataclass(frozen=True)
class View:
    """What a picture shows. face: whether one is seen. faces: how many. Shares are of the picture's height and width.

    sharpness: 0 to 1; from 0.5 on it is good enough. light: mean grey of the face, 0 to 1. yaw_deg: more than 0 where
    the person turns to their own left. pitch_deg: more than 0 where they look down. advice: in words, first things
    first; empty where all is well.
    """

    face: bool
    faces: int = 0
    face_height_share: float = 0.0
    face_size_px: float = 0.0
    sharpness: float = 0.0
    light: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    advice: list[str] = field(default_factory=list)


def look_at(picture_rgb: np.ndarray, tracker: MediaPipeTracker) -> View:
    """What a picture `[H, W, 3]` uint8 shows."""
    height, width = picture_rgb.shape[:2]
    scale = min(1.0, LOOKED_AT_PX / max(height, width))
    small = picture_rgb
    if scale < 1:
        small = cv2.resize(picture_rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = tracker.detect(small) or tracker.confirm(small)  # one who sits far away is found in a part of the picture
    seen = sorted(found, key=lambda face: -face.size_px)
    if not seen:
        return View(False, advice=["No face is seen: sit before the camera, with light on the face."])
    face = FaceObservation(seen[0].landmarks_px / scale, seen[0].arkit)
    left, top, right, bottom = face.box_px
    grey = cv2.cvtColor(_inside(picture_rgb, face), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    pitch, yaw, roll = (float(angle) for angle in head_degrees(face.landmarks_px[None])[0])
    sharpness = face_sharpness(picture_rgb, face.landmarks_px)
    view = View(
        True, len(seen), (bottom - top) / height, face.size_px, min(1.0, sharpness / LIMITS.soft_sharpness / 2),
        float(grey.mean()), yaw, pitch, roll,
    )
    aside = ((left + right) / 2 - width / 2) / width
    return View(**asdict(view) | {"advice": _advice(view, aside, _evenness(grey))})


def _inside(picture_rgb: np.ndarray, face: FaceObservation) -> np.ndarray:
    """The face's box, as far as it is in the picture; never empty."""
    height, width = picture_rgb.shape[:2]
    left, top, right, bottom = (round(edge) for edge in face.box_px)
    rows = slice(max(0, min(top, height - 1)), max(1, min(bottom, height)))
    return picture_rgb[rows, max(0, min(left, width - 1)) : max(1, min(right, width))]


def _evenness(grey: np.ndarray) -> float:
    """The darker half of a face against the lighter, 0 to 1."""
    middle = max(1, grey.shape[1] // 2)
    one, other = float(grey[:, :middle].mean()), float(grey[:, middle:].mean()) if grey.shape[1] > 1 else 0.0
    return min(one, other) / max(one, other, 1e-6)


def _advice(view: View, aside: float, evenness: float) -> list[str]:
    """What to do better, first things first. aside: of the face from the middle, to the right of the picture."""
    said = []
    if view.faces > 1:
        said.append("Somebody else is in the picture: be alone in it.")
    if view.face_height_share < FARTHEST or view.face_size_px < LIMITS.small_face_px:
        said.append("Come closer.")
    elif view.face_height_share > NEAREST:
        said.append("Go back a little.")
    if view.light < DARK:
        said.append("It is too dark: bring light before the face.")
    elif view.light > BRIGHT:
        said.append("It is too bright: turn the light down or away.")
    elif evenness < FLAT:
        said.append("One side of the face is dark: turn towards the light.")
    if view.sharpness < 0.5:
        said.append("The face is blurred: hold still, clean the lens, give more light.")
    if abs(aside) > ASIDE:
        said.append("Sit in the middle of the picture.")
    if max(abs(view.yaw_deg), abs(view.pitch_deg)) > MOST_TURN_DEG:
        said.append("Look towards the camera.")
    return said


def seen_in(picture: bytes, tracker: MediaPipeTracker) -> dict[str, Any]:
    """A `View` of a JPEG, or an error's parts.

    Raises:
        InputError: no picture, or too large a one.
    """
    size = _declared(picture)
    if size is None or size[0] * size[1] > MOST_PIXELS:
        most = f"a JPEG of at most {MOST_PIXELS / 1e6:.0f} megapixels"
        raise InputError("a picture that is no JPEG, or too large", most)
    decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise InputError("a JPEG that does not decode", "a whole one")
    return asdict(look_at(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), tracker))


def _declared(picture: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG's header says; None for anything else."""
    import io

    from PIL import Image

    with suppress(Exception), Image.open(io.BytesIO(picture), formats=["JPEG"]) as opened:
        return opened.size
    return None


def main() -> None:
    """Entry point."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the studio's
    line, tracker = socket.socket(fileno=0), None
    while (size := exactly(line, 4)) is not None:
        picture = exactly(line, int.from_bytes(size, "big")) or b""
        try:
            tracker = tracker or MediaPipeTracker()
            told: dict[str, Any] = {"view": seen_in(picture, tracker)}
        except InputError as error:
            told = {"error": [error.received, error.expected, error.remedy]}
        said = json.dumps(told).encode()
        line.sendall(len(said).to_bytes(4, "big") + said)


if __name__ == "__main__":
    main()
