"""Every face of a shot, each followed in a close-up of its own, for as long as it is surely the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from preprocessing.identity import Likeness, face_picture, likeness
from preprocessing.mouth_cover import see_mouth
from preprocessing.tracking.close_up import SAME_FACE_OVERLAP, Window, distinct
from preprocessing.tracking.covering import face_colours
from preprocessing.tracking.following import MOST_MOVED, Confirmation
from preprocessing.tracking.landmarks import FaceObservation, FaceTracker, box_overlap

SEARCH_S, LOST_SEARCH_S = 1.0, 0.32  # between looks for faces that nobody follows; while one is missed
MISSED_S = 4.0  # for so long after it was lost
KEEP_S = 1.0  # a lost face is waited for in its close-up for so long
PICTURE_S = 0.2  # between pictures of a face, by which it is known again
SIZE_RATIO = 1.5  # between frames at most; more is another face
MOST_FACES = 6
LEAST_FRAMES = 3  # a face seen in fewer was none; lost for so many, it is looked at afresh
CHANGED = 1.5  # unlikeness of a face before and after, from which a run is of two people
PICTURES = 4  # before and after that are compared


@dataclass(frozen=True)
class Run:
    """One face in consecutive frames of one shot; frames that are not valid hold zeros.

    start: frame of the film. landmarks_px: `[n, 478, 3]`. arkit: `[n, 52]`. colours: `[n, 478, 3]` uint8
    (`covering.face_colours`). mouths: `[n, 3]`, contrast, redness and tint (`mouth_cover.see_mouth`). valid: `[n]`
    bool; the first and the last frame are. pictures: `[m, 48, 48, 3]` uint8 (`identity.face_picture`), of frames
    picture_frames `[m]` counted from the run's start.
    """

    start: int
    landmarks_px: np.ndarray
    arkit: np.ndarray
    colours: np.ndarray
    mouths: np.ndarray
    valid: np.ndarray
    pictures: np.ndarray
    picture_frames: np.ndarray

    @property
    def end(self) -> int:
        """The frame after its last."""
        return self.start + len(self.valid)

    def part(self, first: int, last: int) -> Run:
        """Frames first to last - 1, counted from the run's start, without lost ones at both ends."""
        known = np.flatnonzero(self.valid[first:last]) + first
        first, last = int(known[0]), int(known[-1]) + 1
        inside = (self.picture_frames >= first) & (self.picture_frames < last)
        names = ("landmarks_px", "arkit", "colours", "mouths", "valid")
        cut = {name: getattr(self, name)[first:last] for name in names}
        frames = self.picture_frames[inside] - first
        return Run(self.start + first, **cut, pictures=self.pictures[inside], picture_frames=frames)

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """For a file."""
        named = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}
        return {f"{prefix}{name}": v.astype(np.uint8) if v.dtype == bool else v for name, v in named.items()}

    @staticmethod
    def from_arrays(arrays: dict[str, np.ndarray], prefix: str) -> Run:
        """What `arrays` gave."""
        values: dict[str, Any] = {f.name: arrays[f"{prefix}{f.name}"] for f in fields(Run)}
        return Run(**values | {"start": int(values["start"]), "valid": values["valid"].astype(bool)})


class _Follower:
    """Follows one face from where it was found, in a close-up that moves along."""

    def __init__(self, tracker: FaceTracker, face: FaceObservation, start: int, fps: float) -> None:
        tracker.restart()
        self.tracker, self.start, self.fps = tracker, start, fps
        self.last, self.lost, self.window = face, 0, Window.about(face)
        self.confirmation = Confirmation(tracker, fps)
        self.faces: list[FaceObservation | None] = []
        self.colours: list[np.ndarray] = []
        self.mouths: list[tuple[float, float, float]] = []
        self.pictures: list[tuple[int, np.ndarray]] = []

    def look(self, frame_rgb: np.ndarray, time_s: float) -> FaceObservation | None:
        """The face in the next frame; None when it is not where it can be."""
        seen = self.window.seen_in(lambda view: self.tracker.observe(view, time_s), frame_rgb)
        last = self.last
        near = min(seen, key=lambda f: float(np.linalg.norm(f.centre_px - last.centre_px)), default=None)
        if near is None:
            return None
        moved = float(np.linalg.norm(near.centre_px - last.centre_px)) / last.size_px
        grown = max(near.size_px / last.size_px, last.size_px / near.size_px)
        return near if moved < MOST_MOVED * (1 + min(self.lost, 3)) / 2 and grown < SIZE_RATIO else None

    def note(self, index: int, frame_rgb: np.ndarray, face: FaceObservation | None) -> None:
        """Take up what `look` gave (or None, where it is somebody else's)."""
        self.faces.append(face)
        if face is None:
            self.lost += 1
            self.colours.append(np.zeros((self.tracker.layout.count, 3), np.uint8))
            self.mouths.append((0.0, 0.0, 0.0))
            self._mistaken(self.confirmation.flush())
            return
        back, self.lost, self.last = self.lost > 0, 0, face
        self.colours.append(face_colours(frame_rgb, face.landmarks_px))
        sight = see_mouth(frame_rgb, face.landmarks_px)
        self.mouths.append((sight.contrast, sight.redness, sight.tint))
        if back or not self.pictures or index - self.pictures[-1][0] >= PICTURE_S * self.fps:
            self.pictures.append((index, face_picture(frame_rgb, face.landmarks_px)))
        wrong = self.confirmation.add(index, frame_rgb, face)
        self._mistaken(wrong)
        if wrong and wrong[-1] == index:
            self.tracker.restart()
        if not self.window.holds(face):
            self.window = Window.about(face)
            self.tracker.restart()

    def _mistaken(self, frames: list[int]) -> None:
        for index in frames:
            self.faces[index - self.start] = None

    def unlike(self, frame_rgb: np.ndarray, face: FaceObservation) -> float:
        """How far a face is from how this one looked so far."""
        known = self.pictures[-2 * PICTURES :]
        seen = [(self.faces[index - self.start], picture) for index, picture in known]
        good = [(f.landmarks_px, picture) for f, picture in seen if f is not None]
        if not good:
            return np.inf
        before = likeness(np.array([points for points, _ in good]), np.array([picture for _, picture in good]))
        here = face.landmarks_px
        return before.unlike(likeness(here[None], face_picture(frame_rgb, here)[None]))

    def runs(self) -> list[Run]:
        """What was seen, whole again where it was lost, or became somebody else, in between."""
        self._mistaken(self.confirmation.flush())
        valid = np.array([face is not None for face in self.faces])
        if valid.sum() < LEAST_FRAMES:
            return []
        layout = self.tracker.layout
        points = np.zeros((len(valid), layout.count, 3), np.float32)
        arkit = np.zeros((len(valid), layout.arkit_count), np.float32)
        for index, face in enumerate(self.faces):
            if face is not None:
                points[index], arkit[index] = face.landmarks_px, face.arkit
        kept = [(index - self.start, picture) for index, picture in self.pictures if valid[index - self.start]]
        whole = Run(
            self.start, points, arkit, np.array(self.colours),
            np.array(self.mouths, np.float32), valid, np.array([p for _, p in kept], np.uint8),
            np.array([k for k, _ in kept], np.int64),
        )
        return [part for part in divided(whole) if part.valid.sum() >= LEAST_FRAMES and len(part.pictures)]


def divided(run: Run) -> list[Run]:
    """A run, cut where the face was lost and where its look changes for good."""
    known = np.flatnonzero(run.valid)
    cuts = {int(k) for k in known[1:][np.diff(known) > LEAST_FRAMES]}  # frames where it is back
    for k in range(2, len(run.pictures) - 1):
        before, after = slice(max(0, k - PICTURES), k), slice(k, k + PICTURES)
        if _looks(run, before).unlike(_looks(run, after)) > CHANGED:
            cuts.add(int(run.picture_frames[k]))
    borders = [0, *sorted(cuts), len(run.valid)]
    spans = [(a, b) for a, b in zip(borders, borders[1:], strict=False) if b > a and run.valid[a:b].any()]
    return [run.part(a, b) for a, b in spans]


def _looks(run: Run, pictures: slice) -> Likeness:
    return likeness(run.landmarks_px[run.picture_frames[pictures]], run.pictures[pictures])


class RunFinder:
    """Finds and follows all faces through stretches of one shot.

    Args:
        spawn: makes a tracker with the Face Landmarker's layout: one to search, and one for each face at a time.
    """

    def __init__(self, spawn: Callable[[], FaceTracker]) -> None:
        self._spawn, self._finder, self._free = spawn, spawn(), list[FaceTracker]()
        self._all = [self._finder]

    def __enter__(self) -> RunFinder:
        return self

    def __exit__(self, *_: object) -> None:
        for tracker in self._all:
            tracker.close()

    @property
    def label(self) -> str:
        """Name and version of the tracker."""
        return f"{self._finder.name} {self._finder.version}"

    def follow(self, frames: Iterable[np.ndarray], start: int, fps: float) -> list[Run]:
        """The runs of all faces in consecutive frames `[H, W, 3]` of one shot, the first of them frame `start`."""
        followers: list[_Follower] = []
        runs: list[Run] = []
        searched, lost = -np.inf, -np.inf
        for index, frame in enumerate(frames, start=start):
            missed = not followers or (index - lost) / fps < MISSED_S
            wait_s = LOST_SEARCH_S if missed else SEARCH_S
            if (index - searched) / fps >= wait_s and len(followers) < MOST_FACES:
                searched = index
                followers += self._new(followers, frame, index, fps)
            self._step(followers, frame, index, index / fps)
            ended = [f for f in followers if f.lost > KEEP_S * fps]
            followers = [f for f in followers if f not in ended]
            runs += self._finished(ended)
            lost = index if any(f.lost for f in followers) else lost
        return runs + self._finished(followers)

    def _finished(self, followers: list[_Follower]) -> list[Run]:
        self._free += [follower.tracker for follower in followers]
        return [run for follower in followers for run in follower.runs()]

    def _new(self, followers: list[_Follower], frame: np.ndarray, index: int, fps: float) -> list[_Follower]:
        known = [follower.last for follower in followers if not follower.lost]
        found = distinct(self._finder.confirm(frame))
        new = [face for face in found if all(not _same(face, other) for other in known)]
        # A face that is back takes the place of the follower that waits for it.
        back = [f for f in followers if f.lost and any(_same(face, f.last) for face in new)]
        new = [face for face in new if not any(_same(face, f.last) for f in back)]
        return [_Follower(self._tracker(), face, index, fps) for face in new[: MOST_FACES - len(followers)]]

    def _tracker(self) -> FaceTracker:
        if self._free:
            return self._free.pop()
        self._all.append(self._spawn())
        return self._all[-1]

    def _step(self, followers: list[_Follower], frame: np.ndarray, index: int, time_s: float) -> None:
        """One frame for all; where two see the same face, it goes to the one that it looks like."""
        seen = [follower.look(frame, time_s) for follower in followers]
        for i, one in enumerate(seen):
            for j in range(i):
                other = seen[j]
                if one is None or other is None or not _same(one, other):
                    continue
                stranger = i if followers[i].unlike(frame, one) > followers[j].unlike(frame, one) else j
                seen[stranger] = None
                one = seen[i]
        for follower, face in zip(followers, seen, strict=True):
            follower.note(index, frame, face)


def _same(face: FaceObservation, other: FaceObservation) -> bool:
    return box_overlap(face, other) >= SAME_FACE_OVERLAP or len(distinct([face, other])) == 1
