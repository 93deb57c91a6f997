"""Frames of edited curves: painted when they are looked at, and again only where the motion about them changed."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_model.tracks import FaceMotion, Sound
from preprocessing.media import VideoWriter, read_sound
from render2video.painter import Painter, load_painter
from talking_head.heads.face_models import model_of
from talking_head.provenance.claims import mark_id
from talking_head.provenance.label import Marks
from talking_head.studio.answers import StudioError
from talking_head.studio.curves.session import CurveSession
from talking_head.target.card import Target, find_target
from talking_head.target.home import Home
from talking_head.voices.film import write_wav

LONGEST_S = 30.0  # of a stretch that is played
KEPT_FRAMES = 3000
ABOUT_FRAMES = 8  # on each side: what a painter may look at for one
JPEG_QUALITY = 90
PLAYED = "played-"


@dataclass
class Easel:
    """One painter at a time, and the frames that it painted. painted: by what they were painted from."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    person: Target | None = None
    painter: Painter | None = None
    marks: Marks | None = None
    painted: OrderedDict[bytes, bytes] = field(default_factory=OrderedDict)

    def frame(self, home: Home, session: CurveSession, at: int) -> bytes:
        """A frame as a JPEG.

        Raises:
            StudioError: there is no such frame.
        """
        motion = session.motion()
        if not 0 <= at < len(motion):
            raise StudioError(404, f"frame {at}", f"0 to {len(motion) - 1}")
        with self.lock:
            return next(self._frames(home, session, motion, at, at + 1))

    def stretch(self, home: Home, session: CurveSession, from_s: float, to_s: float) -> Path:
        """A film of a stretch, with its sound, in the session's folder.

        Raises:
            StudioError: a stretch that is empty or too long.
        """
        motion = session.motion()
        first, last = max(0, int(from_s * motion.fps)), min(len(motion), int(np.ceil(to_s * motion.fps)))
        if not 0 < last - first <= LONGEST_S * motion.fps:
            raise StudioError(400, f"a stretch from {from_s:g} to {to_s:g} s", f"one of up to {LONGEST_S:g} s")
        with self.lock:
            return self._film(session, motion, first, list(self._frames(home, session, motion, first, last)))

    def _frames(
        self, home: Home, session: CurveSession, motion: FaceMotion, first: int, last: int
    ) -> Iterator[bytes]:
        """JPEGs of frames; those that are missing are painted on the way through the motion, so as a film has them."""
        keys = [self._key(session, motion, at) for at in range(first, last)]
        missing = {first + k for k, key in enumerate(keys) if key not in self.painted}
        for at, picture in self._paint(home, session, motion, missing):
            self.painted[keys[at - first]] = cv2.imencode(
                ".jpg", self._marked(picture)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
            )[1].tobytes()
        for key in keys:
            self.painted.move_to_end(key)
            yield self.painted[key]
        while len(self.painted) > KEPT_FRAMES:
            self.painted.popitem(last=False)

    def _key(self, session: CurveSession, motion: FaceMotion, at: int) -> bytes:
        about = motion[max(0, at - ABOUT_FRAMES) : at + ABOUT_FRAMES + 1].pack().tobytes()
        return hashlib.sha256(session.folder.name.encode() + at.to_bytes(4, "big") + about).digest()

    def _paint(
        self, home: Home, session: CurveSession, motion: FaceMotion, wanted: set[int]
    ) -> Iterator[tuple[int, np.ndarray]]:
        if not wanted:
            return
        painter, asked = self._painter(home, session.target), iter(range(len(motion)))
        frames: Any = painter.begun([motion], lambda: next(asked, -1) in wanted)
        with closing(frames):
            for at, frame in enumerate(frames):
                if frame is not None and at in wanted:
                    yield at, frame.result()
                if at >= max(wanted):
                    return

    def _painter(self, home: Home, target: str) -> Painter:
        person = find_target(home, target)
        if self.painter is None or self.person != person:
            self.painter, self.person = None, person
            self.painter = load_painter(person.folder, model_of(person.card))
            self.marks = None
            self.painted.clear()
        return self.painter

    def _marked(self, picture: np.ndarray) -> np.ndarray:
        """With the marks of every film; each picture by itself, since they are looked at in any order."""
        assert self.person is not None
        if self.marks is None:
            height, width = picture.shape[:2]
            self.marks = Marks(width, height, mark_id(self.person.card), label=True)
        return self.marks.alone(picture)

    def _film(self, session: CurveSession, motion: FaceMotion, first: int, frames: list[bytes]) -> Path:
        name = hashlib.sha256(b"".join(frames)).hexdigest()[:16]
        film, heard = session.folder / f"{PLAYED}{name}.mp4", session.folder / f"{PLAYED}{name}.wav"
        if film.is_file():
            return film
        for old in session.folder.glob(f"{PLAYED}*"):
            with suppress(OSError):
                old.unlink()
        sound = read_sound(session.sound)
        begin, end = (round(at / motion.fps * sound.rate_hz) for at in (first, first + len(frames)))
        write_wav(heard, Sound(sound.samples[begin:end], sound.rate_hz))
        height, width = decoded(frames[0]).shape[:2]
        with VideoWriter(film, motion.fps, width, height, sound_source=heard) as writer:
            for frame in frames:
                writer.write(decoded(frame))
        heard.unlink()
        return film


def decoded(jpeg: bytes) -> np.ndarray:
    """The picture `[H, W, 3]` of a JPEG of ours."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1])
