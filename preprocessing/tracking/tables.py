"""Tables of numbers that other trackers write: columns by name, one face, every frame of the clip once."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_model.cameras import Camera
from face_model.tracks import FaceIdentity, FaceMotion, FaceTrack
from foundation.errors import InputError
from preprocessing.tracking.following import fill_gaps

FACE_MODEL = "landmarks68"  # a track that holds no expression coefficients, so none of any model
LANDMARKS = 68
MOST_FRAMES = 10_000_000


@dataclass(frozen=True)
class Table:
    """Columns of equal length. names: stripped of blanks, case kept (`x_0` and `X_0` differ). values: `[R, C]`, NaN if
    empty."""

    path: Path
    names: tuple[str, ...]
    values: np.ndarray

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def column(self, name: str) -> np.ndarray:
        """`[R]`.

        Raises:
            InputError: no such column.
        """
        if name not in self.names:
            remedy = "run the tracker with all outputs on"
            raise InputError(f"{self.path} has no column '{name}'", "it among the columns", remedy)
        return self.values[:, self.names.index(name)]

    def columns(self, *names: str) -> np.ndarray:
        """`[R, len(names)]`."""
        return np.stack([self.column(name) for name in names], axis=1)

    def points(self, *prefixes: str) -> np.ndarray:
        """`[R, 68, len(prefixes)]` of the columns `<prefix>_0` to `<prefix>_67`."""
        return np.stack([self.columns(*(f"{p}_{i}" for i in range(LANDMARKS))) for p in prefixes], axis=2)

    def rows(self, index: np.ndarray) -> Table:
        """Some of the rows; -1 gives a row of NaN."""
        values = self.values[index]
        return Table(self.path, self.names, np.where((index < 0)[:, None], np.nan, values))


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def read_table(path: Path | str) -> Table:
    """Read a comma-separated file whose first line names the columns; blanks around names and numbers do not matter.

    Raises:
        InputError: no such file, not text, no rows, or rows that are longer or shorter than the header (a cut file).
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist", "a CSV file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not readable as CSV ({error})", "comma-separated text") from error
    if len(lines) < 2:
        raise InputError(f"{path} has {len(lines)} lines", "a header and at least one row")
    names = tuple(name.strip() for name in lines[0])
    wrong = [number for number, line in enumerate(lines, start=1) if len(line) != len(names)]
    if wrong:
        raise InputError(f"{path}: line {wrong[0]} has another number of cells than the header", f"{len(names)} cells")
    return Table(path, names, np.array([[_number(cell) for cell in line] for line in lines[1:]]))


def one_row_per_frame(table: Table, frame: np.ndarray, rank: np.ndarray) -> tuple[Table, int]:
    """The table with one row for each frame, in order, and how many frames of the video lie between two of its rows.

    Of several rows of a frame (several faces) the one of highest `rank` `[R]` stays; a frame without a row becomes NaN.

    Raises:
        InputError: a number that no frame has.
    """
    if not (np.abs(frame) <= MOST_FRAMES).all():  # false of NaN, too
        raise InputError(f"{table.path}: a frame's number that no video has", f"0 to {MOST_FRAMES}")
    order = np.lexsort((rank, frame))
    frames, last = np.unique(frame[order][::-1], return_index=True)
    chosen = order[::-1][last]
    step = int(np.gcd.reduce(np.diff(frames).astype(int))) if len(frames) > 1 else 1
    place = ((frames - frames[0]) / step).astype(int)
    index = np.full(place[-1] + 1, -1)
    index[place] = chosen
    return table.rows(index), step


def track_of_landmarks(
    path: Path, fps: float, camera: Camera, landmarks_px: np.ndarray, rotation: np.ndarray, translation_mm: np.ndarray,
    blink: np.ndarray, confidence: np.ndarray, valid: np.ndarray, extra: dict[str, object],
) -> FaceTrack:
    """A `FaceTrack` of what a landmark tracker knows: pose, blink and points, but no coefficients of a face model.

    Expression, identity, texture, illumination and ARKit values are empty (`[T, 0]`, `[0]`), not zeros. Frames that
    are not valid are interpolated.

    Raises:
        InputError: no valid frame.
    """
    if not valid.any():
        raise InputError(f"{path} has no frame with a face", "at least one", "check the tracker's confidence")
    count = len(valid)
    empty, none = np.zeros((count, 0), np.float32), np.zeros(0, np.float32)

    def filled(values: np.ndarray) -> np.ndarray:
        return fill_gaps(np.asarray(values, np.float32), valid)

    motion = FaceMotion(fps, empty, filled(rotation), filled(translation_mm), filled(blink), FACE_MODEL)
    return FaceTrack(
        motion=motion, person=FaceIdentity(none, none, none), camera=camera, landmarks_px=filled(landmarks_px),
        arkit=empty, illumination=empty, confidence=np.nan_to_num(confidence).clip(0, 1).astype(np.float32),
        valid=valid, source=path.name, extra=extra,
    )
