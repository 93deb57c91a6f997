"""The picture of a film: its shape and height, framed on the face, and what is behind the person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from face_model.tracks import FaceMotion
from foundation.errors import InputError
from render2video.painter import Painter
from talking_head.target.card import TargetCard

ASPECTS = {"9:16": 9 / 16, "1:1": 1.0, "16:9": 16 / 9}
HEIGHT_LIMITS_PX = 64, 2160
TRANSPARENT = "transparent"
COLOURS = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "gray": (128, 128, 128),
    "green": (0, 177, 64), "blue": (0, 71, 187),  # as screens to key out are
}
# Beyond the face's mesh, in its widths and heights: hair, ears and the room that a head moves in.
ROOM_BESIDE, ROOM_ABOVE, ROOM_BELOW = 0.3, 0.55, 0.25
FACE_AT = 0.44  # of the picture's height, from the top: where the middle of the head is placed if it can be
ENLARGED = 1.25  # times: from here on it is told
BLUR_SHARE, BLUR_LIGHT, BLUR_COARSER = 0.05, 0.7, 8  # of the blurred continuation beside a picture that is too narrow


@dataclass(frozen=True)
class Framing:
    """How a film is framed. aspect: a name of `ASPECTS`; None: the target's. height_px: None: as painted. background: a
    colour, a picture file, or `transparent`; None: the target's own.
    """

    aspect: str | None = None
    height_px: int | None = None
    background: str | Path | None = None

    @property
    def transparent(self) -> bool:
        return self.background == TRANSPARENT

    def checked(self) -> Framing:
        """The framing itself.

        Raises:
            InputError: a shape, a height or a background that there is not.
        """
        low, high = HEIGHT_LIMITS_PX
        if self.aspect is not None and self.aspect not in ASPECTS:
            raise InputError(f"--aspect '{self.aspect}'", f"one of {', '.join(ASPECTS)}")
        if self.height_px is not None and not (low <= self.height_px <= high and self.height_px % 2 == 0):
            raise InputError(f"--height {self.height_px}", f"an even number from {low} to {high}")
        if self.background is not None and not self.transparent:
            backdrop(self.background, 2, 2)
        return self

    def checked_for(self, target_id: str, card: TargetCard) -> None:
        """Tell what a target cannot be.

        Raises:
            InputError: another background for a person who is not known as a layer.
        """
        if self.background is not None and card.settings.get("profile") != "photo":
            raise InputError(
                f"--background for target '{target_id}', which was made from a video", "a target made from a photo",
                "enroll a photo of the person",
            )


@dataclass(frozen=True)
class Shot:
    """A window of a target's full frames and the film's picture that it becomes.

    left_px, top_px, wide_px, high_px: the window, which may leave the frame. width_px, height_px: of the film.
    full_px: (width, height) of the frame. framing: as asked for. note: for people.
    """

    left_px: int
    top_px: int
    wide_px: int
    high_px: int
    width_px: int
    height_px: int
    full_px: tuple[int, int]
    framing: Framing
    note: str = ""

    @classmethod
    def of(cls, painter: Painter, card: TargetCard, framing: Framing) -> Shot:
        """The shot that a framing makes of a target."""
        full = card.width_px, card.height_px
        if framing.aspect is None:
            left, top, wide, high = 0, 0, *full
        else:
            left, top, wide, high = window(*full, ASPECTS[framing.aspect], head_box_px(painter, card))
        height = framing.height_px or high
        shape = wide / high if framing.aspect is None else ASPECTS[framing.aspect]
        unchanged = framing.aspect is None and framing.height_px is None and framing.background is None
        size = full if unchanged else (2 * round(height * shape / 2), 2 * round(height / 2))
        said = []
        if height > ENLARGED * high:
            said.append(f"enlarged {height / high:.1f} times, from {high} pixels")
        if (wide > full[0] or high > full[1]) and framing.background is None:
            said.append("what the target's picture lacks for this shape is a blur")
        return cls(left, top, wide, high, *size, full, framing, "; ".join(said))

    def frames(self, painter: Painter, motion: FaceMotion) -> Iterator[np.ndarray]:
        """The film's pictures `[H, W, 3]` uint8, or `[H, W, 4]` where the background is transparent."""
        if self.framing.background is None:
            return self._plain(painter.frames(motion))
        from render2video.photo.cutout import cutout_frames

        cut = map(self.framed, cutout_frames(painter, motion))
        if self.framing.transparent:
            return cut
        behind = backdrop(self.framing.background, self.width_px, self.height_px).astype(np.float32)
        return (_before(person, behind) for person in cut)

    def _plain(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        if (self.width_px, self.height_px) == self.full_px == (self.wide_px, self.high_px):
            return frames
        first = next(frames)
        if self.wide_px <= self.full_px[0] and self.high_px <= self.full_px[1]:
            return map(self.framed, chain([first], frames))
        beside = _blurred(first, self.width_px, self.height_px).astype(np.float32)
        whole = np.full((*first.shape[:2], 1), 255, np.uint8)
        return (_before(self.framed(np.dstack((frame, whole))), beside) for frame in chain([first], frames))

    def framed(self, frame: np.ndarray) -> np.ndarray:
        """The window of a full frame `[H, W, C]` uint8 in the film's size; zero outside of the frame."""
        full_wide, full_high = self.full_px
        bottom, right = self.top_px + self.high_px, self.left_px + self.wide_px
        inside = frame[max(0, self.top_px) : bottom, max(0, self.left_px) : right]
        before = max(0, -self.top_px), max(0, -self.left_px)
        after = max(0, bottom - full_high), max(0, right - full_wide)
        if any((*before, *after)):
            inside = np.pad(inside, (*zip(before, after, strict=True), (0, 0)))
        if inside.shape[1::-1] == (self.width_px, self.height_px):
            return np.ascontiguousarray(inside)
        smaller = self.height_px < self.high_px
        way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        return cv2.resize(inside, (self.width_px, self.height_px), interpolation=way)


def window(
    width_px: int, height_px: int, aspect: float, head_px: tuple[float, float, float, float]
) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the part of a frame that has an aspect and shows the whole head.

    The largest that lies in the frame, centred on the head; where that would cut the head, one that leaves the frame.

    Args:
        aspect: width over height.
        head_px: left, top, right, bottom of the head with the room that it moves in.
    """
    wide = min(float(width_px), height_px * aspect)
    head_wide = min(head_px[2], width_px) - max(head_px[0], 0.0)
    head_high = min(head_px[3], height_px) - max(head_px[1], 0.0)
    wide = max(wide, head_wide, head_high * aspect)
    high = wide / aspect
    middle_x, middle_y = (head_px[0] + head_px[2]) / 2, (head_px[1] + head_px[3]) / 2
    left, top = _placed(middle_x - wide / 2, wide, width_px), _placed(middle_y - FACE_AT * high, high, height_px)
    # Where the head is nearly as high as the picture, all of it rather than its middle where middles look best.
    if high <= height_px:
        top = _placed(min(max(top, head_px[3] - high), head_px[1]), high, height_px)
    return round(left), round(top), round(wide), round(high)


def _placed(start: float, length: float, whole: float) -> float:
    """The start of a stretch, moved into the whole; in its middle where it does not fit."""
    return (whole - length) / 2 if length > whole else min(max(start, 0.0), whole - length)


def head_box_px(painter: Painter, card: TargetCard) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of a target's head at rest in its full frame, with hair and the room it moves in."""
    rest = FaceMotion.unpack(np.array([card.motion_statistics.mean]))
    face = painter.face_px(rest)[0]
    (left, top), (right, bottom) = face.min(0), face.max(0)
    beside, high = ROOM_BESIDE * (right - left), bottom - top
    return left - beside, top - ROOM_ABOVE * high, right + beside, bottom + ROOM_BELOW * high


def backdrop(background: str | Path, width_px: int, height_px: int) -> np.ndarray:
    """`[H, W, 3]` uint8 of a colour (`#rrggbb` or a name of `COLOURS`), or a picture file that covers it.

    Raises:
        InputError: neither.
    """
    named = str(background).lower()
    digits = re.fullmatch(r"#([0-9a-f]{6})", named)
    if named in COLOURS or digits:
        colour = tuple(bytes.fromhex(digits[1])) if digits else COLOURS[named]
        return np.full((height_px, width_px, 3), colour, np.uint8)
    if not Path(background).is_file():
        names = ", ".join(sorted(set(COLOURS) - {"gray"}))
        raise InputError(f"--background '{background}'", f"{TRANSPARENT}, a picture file, #rrggbb or {names}")
    from preprocessing.media.stills import read_still  # with what other films have no use for

    still = read_still(background)
    if still is None:
        raise InputError(f"--background {background} is no picture", "a picture (png, jpg, webp)")
    return _covering(still.picture_rgb, width_px, height_px)


def _covering(picture: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """A picture `[h, w, 3]` uint8 as large as fills `[H, W, 3]`, what is too much cut evenly."""
    zoom = max(width_px / picture.shape[1], height_px / picture.shape[0])
    size = max(width_px, round(picture.shape[1] * zoom)), max(height_px, round(picture.shape[0] * zoom))
    large = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - width_px) // 2, (size[1] - height_px) // 2
    return large[top : top + height_px, left : left + width_px]


def _blurred(frame: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """What a frame's surroundings might be like `[H, W, 3]` uint8: itself, large, out of focus and darker."""
    coarse = max(2, width_px // BLUR_COARSER), max(2, height_px // BLUR_COARSER)
    small = cv2.GaussianBlur(_covering(frame, *coarse), (0, 0), BLUR_SHARE * max(coarse))
    large = cv2.resize(small, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    return np.rint(BLUR_LIGHT * large).astype(np.uint8)


def _before(person: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """The picture `[H, W, 3]` uint8 of a layer `[H, W, 4]` uint8 before another `[H, W, 3]` float32."""
    share = person[..., 3:].astype(np.float32) / 255
    return np.rint(behind + share * (person[..., :3] - behind)).astype(np.uint8)
