"""Make the built-in target: `checkpoints/astronaut/`, from NASA's portrait of Eileen Collins (public domain).

    pip install scikit-image
    python scripts/make_astronaut.py [--voice]

The portrait is `skimage.data.astronaut()`. --voice speaks the text anew with flite (voice slt) into `speech.flac`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np
import soundfile

from talking_head.enrollment.from_video import enroll

GOAL = Path(__file__).parent.parent / "checkpoints" / "astronaut"
LEFT_PX, TOP_PX, SIDE_PX, SIZE_PX = 76, 0, 300, 512  # head and shoulders, enlarged
SHARPENING = 0.35  # against the softness of enlarging
RANGE_OF = np.ones((3, 3), np.uint8)  # the portrait's pixels whose range it stays in: no black specks, no bright rims
CONSENT = "Public-domain portrait by NASA, shipped as the project's test picture; no endorsement is meant."
TEXT = (
    "Hello. This program was given one picture of me, and this sound. It found out how my face should move, "
    "and painted every frame on a plain computer. Now try a voice, and a face, of your own."
)


def enlarged(picture: np.ndarray, size_px: int) -> np.ndarray:
    """A picture `[H, W, 3]` uint8 as `[size, size, 3]`, sharpened without overshoot: an edge gets no rim."""
    large = cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    low, high = (cv2.resize(reach(picture, RANGE_OF), (size_px, size_px)) for reach in (cv2.erode, cv2.dilate))
    sharp = cv2.addWeighted(large, 1 + SHARPENING, cv2.GaussianBlur(large, (0, 0), 2.0), -SHARPENING, 0)
    return np.clip(sharp, low, high)


def portrait(path: Path) -> None:
    """Write head and shoulders of the portrait."""
    from skimage import data

    part = data.astronaut()[TOP_PX : TOP_PX + SIDE_PX, LEFT_PX : LEFT_PX + SIDE_PX]
    cv2.imwrite(str(path), enlarged(part, SIZE_PX)[..., ::-1])


def speak(path: Path) -> None:
    """Write the text as flite says it, with a rest before and after."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", TEXT, "-o", str(raw)], check=True)
        samples, rate_hz = soundfile.read(raw, dtype="float32")
    samples = 0.7 * samples / abs(samples).max()
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", action="store_true", help="speak the text anew")
    asked = parser.parse_args()
    GOAL.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "astronaut.png"
        portrait(picture)
        target = enroll(picture, "astronaut", CONSENT, home=folder).target
        for file in target.folder.iterdir():
            shutil.copyfile(file, GOAL / file.name)
    if asked.voice or not (GOAL / "speech.flac").is_file():
        speak(GOAL / "speech.flac")


if __name__ == "__main__":
    main()
