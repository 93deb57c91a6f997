"""Live Link Face CSV: what Epic's iPhone app records, and Unreal and Blender import.

A row is a timecode `HH:MM:SS:FF.fff` (frame of the second and its fraction, not milliseconds), the number of values,
61, and the values: 52 ARKit blendshapes 0-1, then yaw, pitch and roll of the head and of each eye in radians. In real
recordings an eye's yaw is positive to the person's own right and its pitch positive down: mirrored against
`docs/conventions.md`, so yaw and roll change sign and pitch does not; the head's angles are taken to follow the eyes'.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foundation.errors import InputError
from foundation.files import atomic_path

SHAPES = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft", "MouthFrownRight",
    "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight", "MouthRollLower", "MouthRollUpper",
    "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft",
    "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft", "BrowDownRight", "BrowInnerUp",
    "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft",
    "NoseSneerRight", "TongueOut",
)  # fmt: skip
ANGLES = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch",
    "RightEyeRoll",
)  # fmt: skip
NAMES = (*SHAPES, *ANGLES)
OPTIONAL = {name.lower() for name in (*ANGLES, "TongueOut")}  # what some writers leave out; 0 then
HEADER = ("Timecode", "BlendshapeCount", *NAMES)
TIMECODE_RATES = (24, 25, 30, 48, 50, 60, 100, 120, 240)
DAY_S = 86_400
LARGEST = 1000.0  # a blendshape is 0 to 1, some animators go beyond
LONGEST_S = 4 * 3600  # from first to last frame; a longer gap is a mistake in a timecode
_TIMECODE = re.compile(r"(\d{1,2}):(\d\d):(\d\d)[:;](\d{1,4}(?:\.\d+)?)")


@dataclass(frozen=True)
class LiveLinkCurves:
    """A recording. time_s: `[T]` float64, seconds since midnight of the first frame's day, rising. values: `[T, 61]`
    float64 in the order of `NAMES`. timecode_rate: frames that the timecode counts to a second.
    """

    time_s: np.ndarray
    values: np.ndarray
    timecode_rate: int = 60

    def __len__(self) -> int:
        return len(self.values)

    @property
    def fps(self) -> float:
        """Frames a second: the median over the recording."""
        return float(1 / np.median(np.diff(self.time_s))) if len(self) > 1 else float(self.timecode_rate)

    def curve(self, name: str) -> np.ndarray:
        """`[T]`, by name in any case: `JawOpen`, `jawOpen`."""
        return self.values[:, _INDEX[name.lower()]]

    def even(self, fps: float) -> LiveLinkCurves:
        """The same curves, linearly interpolated at evenly spaced instants."""
        count = max(1, round((self.time_s[-1] - self.time_s[0]) * fps) + 1)
        time_s = self.time_s[0] + np.arange(count) / fps
        values = np.stack([np.interp(time_s, self.time_s, column) for column in self.values.T], axis=1)
        return LiveLinkCurves(time_s, values, self.timecode_rate)


_INDEX = {name.lower(): index for index, name in enumerate(NAMES)}


def write_live_link(curves: LiveLinkCurves, path: Path | str) -> None:
    """Write to the letter: header, timecode of frame and fraction, count 61, ten decimals; whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write(",".join(HEADER) + "\n")
        for time_s, row in zip(curves.time_s, curves.values, strict=True):
            numbers = ",".join(f"{value + 0.0:.10f}" for value in row)  # adding 0 turns -0 into 0
            file.write(f"{_timecode(float(time_s), curves.timecode_rate)},{len(NAMES)},{numbers}\n")


def _timecode(time_s: float, rate: int) -> str:
    thousandths = round(time_s * rate * 1000) % (DAY_S * rate * 1000)
    whole_s, frame = divmod(thousandths, rate * 1000)
    return f"{whole_s // 3600:02d}:{whole_s // 60 % 60:02d}:{whole_s % 60:02d}:{frame // 1000:02d}.{frame % 1000:03d}"


def read_live_link(path: Path | str) -> LiveLinkCurves:
    """Read a recording by its column names, in any case and order; head, eye angles and tongue may be missing.

    Frames in which the app saw no face carry no values and are left out. The rate that the timecode counts at is the
    smallest usual one that its frame numbers fit in.

    Raises:
        InputError: no such file, not a CSV with these columns, or a row that is not as the header says.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(field.strip() for field in row)]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "a Live Link Face CSV") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not text in columns", "a Live Link Face CSV") from error
    columns = _columns(path, rows)
    seen = [(n, row) for n, row in enumerate(rows[1:], start=2) if any(f.strip() not in ("", "0") for f in row[1:])]
    if not seen:
        raise InputError(f"{path} has no frame with values", "at least one", "record again with the face in view")
    clock = [_clock(path, line, row[columns["timecode"]]) for line, row in seen]
    values = np.zeros((len(seen), len(NAMES)))
    for index, (line, row) in enumerate(seen):
        values[index] = _numbers(path, line, row, len(rows[0]), columns)
    rate = next((r for r in TIMECODE_RATES if r > max(frame for _, frame in clock)), 1000)
    time_s = np.array([whole + frame / rate for whole, frame in clock])
    time_s += DAY_S * np.concatenate(([0], np.cumsum(np.diff(time_s) < -DAY_S / 2)))  # past midnight
    if (np.diff(time_s) <= 0).any():
        line = seen[int(np.argmax(np.diff(time_s) <= 0)) + 1][0]
        raise InputError(f"{path} line {line}: the timecode does not rise", "frames in order of time")
    if time_s[-1] - time_s[0] > LONGEST_S:
        spanned = f"{path} spans {(time_s[-1] - time_s[0]) / 3600:.1f} hours"
        raise InputError(spanned, f"{LONGEST_S // 3600} at most", "mend its timecodes, or cut it")
    return LiveLinkCurves(time_s, values, rate)


def _columns(path: Path, rows: list[list[str]]) -> dict[str, int]:
    columns = {name.strip().lower(): index for index, name in enumerate(rows[0])} if rows else {}
    missing = [n for n in ("Timecode", *NAMES) if n.lower() not in columns and n.lower() not in OPTIONAL]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(f"{path} lacks {', '.join(missing[:3])}{more}", "the columns of a Live Link Face CSV")
    return columns


def _clock(path: Path, line: int, text: str) -> tuple[int, float]:
    """Whole seconds since midnight, and the frame in that second."""
    parts = _TIMECODE.fullmatch(text.strip())
    if not parts:
        raise InputError(f"{path} line {line}: timecode '{text}'", "HH:MM:SS:FF.fff")
    hours, minutes, seconds = (int(part) for part in parts.groups()[:3])
    return hours * 3600 + minutes * 60 + seconds, float(parts[4])


def _numbers(path: Path, line: int, row: list[str], width: int, columns: dict[str, int]) -> list[float]:
    if len(row) != width:
        raise InputError(f"{path} line {line} has {len(row)} fields", f"{width}, as the header has")
    try:
        numbers = [float(row[columns[name.lower()]]) if name.lower() in columns else 0.0 for name in NAMES]
    except ValueError as error:
        raise InputError(f"{path} line {line}: {error}", "numbers") from error
    if not all(abs(number) <= LARGEST for number in numbers):  # false of NaN, too
        raise InputError(f"{path} line {line} holds NaN or a huge number", "blendshapes from 0 to 1 and radians")
    return numbers
