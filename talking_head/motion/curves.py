"""Curves of a face, to be edited: what directions become, on top of what the motion model makes of the sound.

A file of them is a CSV: `time_s,curve,value`, a key a row; between two keys a curve goes smoothly, outside of them it
holds. `smile`, `brows` (negative: frowning), `gaze_x` and `gaze_y` (of the eyes, x to the person's left, y up) and
`blink` are 1 when somebody means it; `pitch_deg`, `yaw_deg` and `roll_deg` are degrees of the head, with the signs of
docs/conventions.md. All are added to what the face does anyway.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from face_model import mp478
from face_model.arkit import ARKIT_NAMES, maps
from face_model.tracks import AU45_MAX, EXPRESSION_SIZE, FaceMotion
from foundation.easing import smoothstep
from foundation.errors import InputError, unreadable
from foundation.files import atomic_path
from motion_models.brows import raise_direction

HEAD = ("pitch_deg", "yaw_deg", "roll_deg")
FACE = ("smile", "brows", "gaze_x", "gaze_y", "blink")
HEADER = ["time_s", "curve", "value"]
LIMITS = {**dict.fromkeys(FACE, 2.0), **dict.fromkeys(HEAD, 30.0)}
BROWS_UP_MM = 3.0
SMILE = {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7, "cheekSquintLeft": 0.2, "cheekSquintRight": 0.2}
FROWN = {"browDownLeft": 0.8, "browDownRight": 0.8}
TO_LEFT = {"eyeLookOutLeft": 0.7, "eyeLookInRight": 0.7, "eyeLookInLeft": -0.7, "eyeLookOutRight": -0.7}
UP = {"eyeLookUpLeft": 0.6, "eyeLookUpRight": 0.6, "eyeLookDownLeft": -0.6, "eyeLookDownRight": -0.6}
Key = tuple[float, float]
"""(second, value)."""


class Acting(Protocol):
    """What is added to a motion: `Curves`, or some that are still being drawn."""

    def on(self, motion: FaceMotion, start_s: float = 0.0) -> FaceMotion:
        """A motion with it added; its first frame shows the instant `start_s`."""
        ...


def acted(pieces: Iterable[FaceMotion], acting: Acting) -> Iterator[FaceMotion]:
    """Consecutive pieces of a motion, each with what is added to it."""
    frames = 0
    for piece in pieces:
        yield acting.on(piece, frames / piece.fps)
        frames += len(piece)


@dataclass(frozen=True)
class Curves:
    """Keys of each curve, rising in time."""

    keys: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.keys.values())

    def at(self, name: str, times_s: np.ndarray) -> np.ndarray:
        """Values `[T]` of a curve at instants `[T]`; 0 for one without keys."""
        keys = self.keys.get(name, ())
        if not keys:
            return np.zeros(len(times_s))
        time, value = (np.array(column, np.float64) for column in zip(*keys, strict=True))
        after = np.clip(np.searchsorted(time, times_s, side="right"), 1, max(1, len(time) - 1))
        if len(time) == 1:
            return np.full(len(times_s), value[0])
        span = np.maximum(time[after] - time[after - 1], 1e-9)
        share = smoothstep(np.clip((times_s - time[after - 1]) / span, 0, 1))
        return value[after - 1] * (1 - share) + value[after] * share

    def on(self, motion: FaceMotion, start_s: float = 0.0) -> FaceMotion:
        """A motion with these curves added; its first frame shows the instant `start_s`.

        Raises:
            InputError: curves of the face for a face model whose expressions these are not.
        """
        if any(self.keys.get(name) for name in FACE[:-1]) and motion.face_model != mp478.ID:
            received = f"directions for a face of model '{motion.face_model}'"
            raise InputError(received, f"one of {mp478.ID}", "leave smiles, brows and glances out")
        times_s = start_s + np.arange(len(motion)) / motion.fps
        turned = np.radians(np.stack([self.at(name, times_s) for name in HEAD], axis=1)).astype(np.float32)
        closed = np.clip(self.at("blink", times_s), 0, 1).astype(np.float32)
        made = replace(
            motion, rotation=motion.rotation + turned, blink=motion.blink + closed * (AU45_MAX - motion.blink)
        )
        if motion.face_model != mp478.ID:
            return made
        moved = motion.expression.astype(np.float32)
        for name, direction in _directions().items():
            moved = moved + self.at(name, times_s).astype(np.float32)[:, None] * direction
        frown = np.minimum(self.at("brows", times_s), 0).astype(np.float32)[:, None]
        raised = np.maximum(self.at("brows", times_s), 0).astype(np.float32)[:, None]
        moved = moved + raised * BROWS_UP_MM * raise_direction() - frown * _of_arkit(FROWN)
        return replace(made, expression=moved)

    def to_csv(self) -> str:
        """The file's text."""
        keys = [(time_s, name, value) for name, points in self.keys.items() for time_s, value in points]
        rows = [(round(time_s, 3), name, round(value, 4)) for time_s, name, value in sorted(keys)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([HEADER, *rows])
        return text.getvalue()

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all."""
        with atomic_path(path) as temporary:
            temporary.write_text(self.to_csv(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path | str) -> Curves:
        """Read what `save` wrote, or somebody edited.

        Raises:
            InputError: no such file, or not of this kind.
        """
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            if isinstance(error, FileNotFoundError | UnicodeDecodeError):
                raise InputError(f"{path} is no file of curves", ",".join(HEADER)) from error
            assert isinstance(error, OSError)
            raise unreadable(path, error) from error
        rows = list(csv.reader(io.StringIO(text)))
        if not rows or [cell.strip() for cell in rows[0]] != HEADER:
            raise InputError(f"{path} is no file of curves", f"a CSV whose first line is {','.join(HEADER)}")
        return cls.of(_row(f"{path}, line {n}", row) for n, row in enumerate(rows[1:], 2) if row)

    @classmethod
    def of(cls, rows: Iterable[tuple[float, str, float]]) -> Curves:
        """Curves of (second, name, value) in any order."""
        keys: dict[str, list[Key]] = {}
        for time_s, name, value in rows:
            keys.setdefault(name, []).append((time_s, value))
        return cls({name: tuple(sorted(points)) for name, points in keys.items()})


def _row(where: str, row: list[str]) -> tuple[float, str, float]:
    name = row[1].strip() if len(row) == len(HEADER) else ""
    if name not in LIMITS:
        raise InputError(f"{where}: {','.join(row)[:60]}", f"a second, one of {', '.join(LIMITS)}, and a value")
    try:
        time_s, value = float(row[0]), float(row[2])
    except ValueError as error:
        raise InputError(f"{where}: {','.join(row)[:60]}", "numbers") from error
    if not (math.isfinite(time_s) and time_s >= 0 and abs(value) <= LIMITS[name]):
        raise InputError(f"{where}: {','.join(row)[:60]}", f"a second from 0 on, and a value up to {LIMITS[name]:g}")
    return time_s, name, value


@lru_cache(maxsize=1)
def _directions() -> dict[str, np.ndarray]:
    """Curve -> what 1 of it adds to an expression `[64]`. A smile leaves the lips as far open as they are."""
    from motion_models.lips import gap_columns_mm

    mean = gap_columns_mm(mp478.load())[1].mean(1)
    smile = _of_arkit(SMILE)
    smile = smile - (smile @ mean) * mean / (mean**2).sum()
    return {"smile": smile.astype(np.float32), "gaze_x": _of_arkit(TO_LEFT), "gaze_y": _of_arkit(UP)}


def _of_arkit(values: Mapping[str, float]) -> np.ndarray:
    """What ARKit values add to an expression `[64]`."""
    wanted = np.array([values.get(name, 0.0) for name in ARKIT_NAMES])
    return (wanted @ maps().from_arkit[:, :EXPRESSION_SIZE]).astype(np.float32)
