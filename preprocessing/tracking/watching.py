"""Watching a small face through a video in a close-up that moves with it; a large one in the whole frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from preprocessing.tracking.close_up import Detect, Window, find_faces, settled
from preprocessing.tracking.landmarks import FaceObservation

CLOSE_SHARE, WHOLE_SHARE = 0.2, 0.25  # of the frame's longer side: a smaller face is watched close up, a larger one not
SEARCH_EVERY_S, LONGEST_WAIT_S = 0.5, 2.0  # between searches for a face that is nowhere; longer while it stays away
RIVALS_EVERY_S = 3.0  # a close-up hides other faces, which are looked for this often

Watch = Callable[[np.ndarray, int], list[FaceObservation]]


class CloseUpWatch:
    """Faces frame by frame, whatever their size.

    Args:
        watch: the faces in the next picture of a sequence `[H, W, 3]`, given with rising times in ms; it has a memory.
        detect: the faces in a single picture.
        forget: makes `watch` begin anew.
        sure: as `detect`, for close-ups, where it may ask for more; the same when None.
    """

    def __init__(
        self, watch: Watch, detect: Detect, forget: Callable[[], None], sure: Detect | None = None
    ) -> None:
        self._watch, self._detect, self._forget, self._sure = watch, detect, forget, sure or detect
        self._window: Window | None = None
        self._others: list[FaceObservation] = []
        self._last_ms, self._searched_s, self._wait_s = -1, np.inf, SEARCH_EVERY_S

    def restart(self) -> None:
        """Forget where the face was. (When a search was last made is told by the times, which may begin at 0 again.)"""
        self._window, self._others, self._last_ms = None, [], -1
        self._forget()

    def observe(self, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        """Faces in the next frame; in a close-up, other faces are where they were in the last look at the whole."""
        if time_s <= self._searched_s:
            self._searched_s, self._wait_s = -np.inf, SEARCH_EVERY_S
        if self._window is not None:
            faces = self._in_close_up(self._window, frame_rgb, time_s)
            if faces:
                return faces
            self.restart()
        small_px = CLOSE_SHARE * max(frame_rgb.shape[:2])
        faces = sorted(self._next(frame_rgb, time_s), key=lambda face: -face.size_px)
        if not faces and time_s - self._searched_s >= self._wait_s:
            faces = [face for face in self._search(frame_rgb, time_s) if face.size_px < small_px]
        if not faces or faces[0].size_px >= small_px:
            return faces
        first = settled(self._detect, frame_rgb, faces[0])
        self._others = faces[1:]
        return faces if first is None else self._moved_to(first, frame_rgb, time_s) or faces

    def _search(self, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        found = find_faces(self._detect, frame_rgb, self._sure)
        self._searched_s = time_s
        self._wait_s = SEARCH_EVERY_S if found else min(2 * self._wait_s, LONGEST_WAIT_S)
        self._others = found[1:]
        return found

    def _next(self, picture_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        self._last_ms = max(round(time_s * 1000), self._last_ms + 1)
        return self._watch(picture_rgb, self._last_ms)

    def _in_close_up(self, window: Window, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        seen = window.seen_in(lambda view: self._next(view, time_s), frame_rgb)
        if not seen:
            return []
        middle = np.array([window.centre_x_px, window.centre_y_px])
        face = min(seen, key=lambda f: float(np.linalg.norm(f.centre_px - middle)))
        if time_s - self._searched_s >= RIVALS_EVERY_S:
            found = self._search(frame_rgb, time_s)
            self._others = [other for other in found if np.linalg.norm(other.centre_px - face.centre_px) > face.size_px]
        if face.size_px >= WHOLE_SHARE * max(frame_rgb.shape[:2]):
            self.restart()
        elif not window.holds(face):
            return self._moved_to(face, frame_rgb, time_s)
        return [face, *self._others]

    def _moved_to(self, face: FaceObservation, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        """The same frame in the close-up of a face, looked at twice: the second look knows where its landmarks are."""
        others = self._others
        self.restart()
        self._window, self._others = Window.about(face), others
        for _ in range(2):
            seen = self._window.seen_in(lambda view: self._next(view, time_s), frame_rgb)
        middle = face.centre_px
        own = min(seen, key=lambda f: float(np.linalg.norm(f.centre_px - middle)), default=None)
        return [] if own is None else [own, *others]
