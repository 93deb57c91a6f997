"""Refusals of what a picture shows, with the picture: what was found where, for people to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from foundation.errors import InputError
from foundation.files import atomic_path

LONGEST_PX = 960  # of an explanation
GOOD_RGB, BAD_RGB = (60, 200, 90), (235, 60, 50)
TEXT_SCALE = 0.5


@dataclass(frozen=True)
class Mark:
    """A box in a picture, with a word. box_px: left, top, right, bottom. points_px: `[N, 2]`, dots, may be empty.
    good: whether it is what was wanted.
    """

    box_px: tuple[float, float, float, float]
    label: str
    good: bool = False
    points_px: np.ndarray | None = None


@dataclass(frozen=True)
class Sight:
    """A picture `[H, W, 3]` uint8 and what was found in it."""

    picture_rgb: np.ndarray
    marks: tuple[Mark, ...] = ()

    def drawn(self, title: str) -> np.ndarray:
        """It with boxes and words, `[H, W, 3]` uint8, under a title."""
        zoom = min(1.0, LONGEST_PX / max(self.picture_rgb.shape[:2]))
        size = tuple(max(1, round(side * zoom)) for side in self.picture_rgb.shape[1::-1])
        page = cv2.resize(self.picture_rgb, size, interpolation=cv2.INTER_AREA)
        page = cv2.copyMakeBorder(page, 0, 0, 0, max(0, 360 - page.shape[1]), cv2.BORDER_CONSTANT, value=(24, 24, 24))
        for mark in self.marks:
            colour = GOOD_RGB if mark.good else BAD_RGB
            left, top, right, bottom = (round(side * zoom) for side in mark.box_px)
            cv2.rectangle(page, (left, top), (right, bottom), colour, 2)
            for x, y in np.round(np.zeros((0, 2)) if mark.points_px is None else mark.points_px[:, :2] * zoom):
                cv2.circle(page, (int(x), int(y)), 1, colour, -1)
            _write(page, mark.label, (max(2, left), max(14, top - 5)), colour)
        lines = _wrapped(title, page.shape[1])
        page = cv2.copyMakeBorder(page, 8 + 20 * len(lines), 0, 0, 0, cv2.BORDER_CONSTANT, value=(24, 24, 24))
        for row, line in enumerate(lines):
            _write(page, line, (6, 20 + 20 * row), (240, 240, 240))
        return page

    def save(self, path: Path, title: str) -> None:
        """Write it as png, whole or not at all."""
        done, content = cv2.imencode(".png", self.drawn(title)[..., ::-1])
        assert done
        with atomic_path(path) as temporary:
            temporary.write_bytes(content.tobytes())


class UnfitError(InputError):
    """What a photo or video shows cannot be used.

    Args:
        sight: what was seen, or what finds it out when somebody asks.
    """

    def __init__(self, received: str, expected: str, remedy: str, sight: Sight | Callable[[], Sight]) -> None:
        super().__init__(received, expected, remedy)
        self._sight = sight

    @property
    def sight(self) -> Sight:
        """What was seen."""
        return self._sight if isinstance(self._sight, Sight) else self._sight()


@contextmanager
def showing(sight: Sight | Callable[[], Sight]) -> Iterator[None]:
    """Give errors of what is looked at within a picture, unless they have one.

    Raises:
        UnfitError: for any `InputError` within.
    """
    try:
        yield
    except UnfitError:
        raise
    except InputError as error:
        raise UnfitError(error.received, error.expected, error.remedy, sight) from error


@contextmanager
def explained(path: Path | None) -> Iterator[None]:
    """Write the picture of what is refused within to a png file, and name it in the error; None writes nothing.

    Raises:
        InputError: another kind of file.
    """
    if path is not None and path.suffix.lower() != ".png":
        raise InputError(f"--explain '{path}'", "a name that ends in .png", f"try {path.stem or 'why'}.png")
    try:
        yield
    except UnfitError as error:
        if path is None:
            raise
        error.sight.save(path, str(error))
        remedy = f"{error.remedy}; {path} shows what was found".removeprefix("; ")
        raise UnfitError(error.received, error.expected, remedy, error.sight) from error


def _write(page: np.ndarray, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    plain = text.encode("ascii", "replace").decode()  # OpenCV's letters
    for shade, width in (((0, 0, 0), 3), (colour, 1)):
        cv2.putText(page, plain, at, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, shade, width, cv2.LINE_AA)


def _wrapped(text: str, width_px: int) -> Sequence[str]:
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and cv2.getTextSize(longer, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, 1)[0][0] > width_px - 12:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]
