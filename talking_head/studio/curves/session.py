"""A face's curves while they are edited: a folder of the job that made them, and what was changed since."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from face_model.tracks import SPEECH_RATE_HZ, FaceMotion
from foundation.files import read_json, read_tensors, write_json, write_tensors
from preprocessing.media import stream_sound
from talking_head.studio.curves.handles import checked_values, handles_of, read_curves, with_curves

ABOUT, MOTION, SOUND, EDITS = "curves.json", "motion.safetensors", "sound.wav", "edits.safetensors"
_CHANGING = threading.Lock()
PEAKS = 1200  # of the waveform, over all of it


@dataclass(frozen=True)
class CurveSession:
    """Curves in a job's folder. target: whose face it is."""

    folder: Path
    target: str

    @classmethod
    def begun(cls, folder: Path, target: str, motion: FaceMotion) -> CurveSession:
        """Write what the folder needs besides the sound, which lies in it."""
        motion.save(folder / MOTION)
        write_json(folder / ABOUT, {"target": target, "seconds": motion.duration_s, "peaks": peaks(folder / SOUND)})
        return cls(folder, target)

    @classmethod
    def of(cls, folder: Path) -> CurveSession:
        """The curves in a folder."""
        return cls(folder, read_json(folder / ABOUT)["target"])

    @property
    def sound(self) -> Path:
        """What is said."""
        return self.folder / SOUND

    def untouched(self) -> FaceMotion:
        """The motion as the motion model made it."""
        return FaceMotion.load(self.folder / MOTION)

    def edits(self) -> dict[str, np.ndarray]:
        """Curves that were changed, whole `[T]`."""
        path = self.folder / EDITS
        return read_tensors(path)[0] if path.is_file() else {}

    def motion(self) -> FaceMotion:
        """The motion with what was changed."""
        return with_curves(self.untouched(), self.edits())

    def change(self, changes: list[tuple[str, int, np.ndarray]]) -> dict[str, list[int]]:
        """Put values `[N]` into curves from frames on, all or none; returns the first and last frame of each.

        Raises:
            InputError: as `checked_values`.
        """
        with _CHANGING:  # of two at once, none is lost
            motion, edits, touched = self.untouched(), self.edits(), {}
            now = read_curves(motion) | edits
            for name, first, values in changes:
                checked_values(motion, name, values, first)
                curve = np.array(edits.get(name, now[name]), np.float64)
                curve[first : first + len(values)] = values
                edits[name] = curve
                touched[name] = [first, first + len(values) - 1]
            write_tensors(self.folder / EDITS, edits)
            return touched

    def told(self) -> dict[str, Any]:
        """All of it, for clients."""
        about, motion = read_json(self.folder / ABOUT), self.untouched()
        known, values = handles_of(motion), read_curves(motion) | self.edits()
        return {
            "target": self.target, "fps": motion.fps, "seconds": about["seconds"], "peaks": about["peaks"],
            "names": list(known), "labels": {name: one.label for name, one in known.items()},
            "units": {name: one.unit for name, one in known.items()},
            "ranges": {name: _range(values[name], one.low, one.high) for name, one in known.items()},
            "values": {name: [round(float(value), 4) for value in values[name]] for name in known},
        }  # fmt: skip


def _range(values: np.ndarray, low: float, high: float) -> list[float]:
    """What an editor shows: what there is and as much again, within what anybody can mean."""
    least, most = float(values.min()), float(values.max())
    room = max(0.5 * (most - least), 0.1 * (high - low))
    return [round(min(least, max(low, least - room)), 3), round(max(most, min(high, most + room)), 3)]


def peaks(sound: Path) -> list[float]:
    """Loudest sample of each piece of a sound, 0 to 1."""
    pieces = [np.abs(piece) for piece in stream_sound(sound)]
    whole = np.concatenate(pieces) if pieces else np.zeros(1, np.float32)
    parts = np.array_split(whole, min(PEAKS, max(1, len(whole) // (SPEECH_RATE_HZ // 200))))
    return [round(float(part.max()), 3) for part in parts]
