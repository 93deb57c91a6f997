"""Following one face through a video: which of several, when it is lost, when the tracker only thinks it is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from face_model.alignment import similarity
from foundation.errors import InputError
from preprocessing.tracking.close_up import SAME_FACE_OVERLAP, distinct
from preprocessing.tracking.landmarks import FaceObservation, FaceTracker, LandmarkTrack, box_overlap
from preprocessing.tracking.layouts import layout_of

CONFIRM_EVERY_S = 0.5  # a fresh detection must agree at least this often
MOST_MOVED = 0.75  # of its size, between frames; what is further away is somebody else
FORGET_S = 1.0  # lost for so long, the face may come back anywhere (a cut, a person who walked)
SKULL_TOLERANCE = 0.06  # of the distance between the eyes; see LandmarkTrack.confidence


@dataclass
class FollowState:
    """Where the followed face was last, so that the next stretch of video goes on with it."""

    centre_px: np.ndarray | None = None
    size_px: float = 0.0
    lost_s: float = 0.0


@dataclass(frozen=True)
class Stretch:
    """What was seen of one face in consecutive frames; numbers of frames without it are 0 and mean nothing yet."""

    landmarks_px: np.ndarray
    arkit: np.ndarray
    valid: np.ndarray
    faces_seen: np.ndarray
    rival: np.ndarray


def _choose(faces: list[FaceObservation], state: FollowState) -> FaceObservation | None:
    """The largest face at first, then the nearest to where it was, unless that is too far to be the same one."""
    if not faces:
        return None
    if state.centre_px is None:
        return faces[0]
    last = state.centre_px
    nearest = min(faces, key=lambda face: float(np.linalg.norm(face.centre_px - last)))
    moved = float(np.linalg.norm(nearest.centre_px - last)) / state.size_px
    return nearest if moved < MOST_MOVED or state.lost_s >= FORGET_S else None


class Confirmation:
    """Checks now and then, with a fresh detection, that what is followed is a face at all.

    A tracker in video mode looks for the face where it was; it can go on seeing one after it left or was covered.
    When a check fails, the frames since the last good one are checked one by one, and then each new one until the
    face is back.
    """

    def __init__(self, tracker: FaceTracker, fps: float) -> None:
        self.tracker, self.every = tracker, max(1, round(CONFIRM_EVERY_S * fps))
        self.waiting: list[tuple[int, np.ndarray, FaceObservation]] = []
        self.doubtful = False  # the last frame looked at was mistaken

    def _agrees(self, frame: np.ndarray, face: FaceObservation) -> bool:
        return any(box_overlap(face, found) >= SAME_FACE_OVERLAP for found in self.tracker.confirm(frame, face))

    def add(self, index: int, frame: np.ndarray, face: FaceObservation) -> list[int]:
        """Note a frame in which the face was seen; returns the frames now known to be mistaken."""
        self.waiting.append((index, frame, face))
        return self.flush() if self.doubtful or len(self.waiting) >= self.every else []

    def flush(self) -> list[int]:
        """Check what waits; returns the mistaken frames."""
        waiting, self.waiting = self.waiting, []
        self.doubtful = bool(waiting) and not self._agrees(*waiting[-1][1:])
        if not self.doubtful:
            return []
        return [index for index, frame, face in waiting if not self._agrees(frame, face)]


def follow_stretch(
    tracker: FaceTracker, frames: Iterable[np.ndarray], fps: float, state: FollowState | None = None
) -> Stretch:
    """Follow one face through consecutive frames `[H, W, 3]`; `state` is brought up to date."""
    state = FollowState() if state is None else state
    tracker.restart()
    confirmation, layout = Confirmation(tracker, fps), tracker.layout
    landmarks, arkit, seen, rivals = [], [], [], []
    valid: list[bool] = []
    for index, frame in enumerate(frames):
        faces = distinct(tracker.observe(frame, index / fps))
        face = _choose(faces, state)
        landmarks.append(np.zeros((layout.count, 3), np.float32) if face is None else face.landmarks_px)
        arkit.append(np.zeros(layout.arkit_count, np.float32) if face is None else face.arkit)
        valid.append(face is not None)
        seen.append(len(faces))
        rivals.append(max((f.size_px / face.size_px for f in faces if f is not face), default=0.0) if face else 0.0)
        if face is None:
            mistaken = confirmation.flush()
            state.lost_s += 1 / fps
        else:
            mistaken = confirmation.add(index, frame, face)
            state.centre_px, state.size_px, state.lost_s = face.centre_px, face.size_px, 0.0
        for wrong in mistaken:
            valid[wrong] = False
            seen[wrong] = max(0, seen[wrong] - 1)
        if mistaken and mistaken[-1] == index:
            tracker.restart()  # it sees what is not there: begin with a fresh detection
            state.lost_s = len(mistaken) / fps
    for wrong in confirmation.flush():
        valid[wrong] = False
    count = len(valid)
    return Stretch(
        np.reshape(landmarks, (count, layout.count, 3)), np.reshape(arkit, (count, layout.arkit_count)),
        np.array(valid, bool), np.array(seen, np.int32), np.array(rivals, np.float32),
    )


def fill_gaps(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Rows of frames that are not valid, linear between their valid neighbours and held at the ends."""
    known = np.flatnonzero(valid)
    if len(known) == 0 or len(known) == len(valid):
        return values
    after = np.searchsorted(known, np.arange(len(valid))).clip(0, len(known) - 1)
    before = np.maximum(after - (known[after] > np.arange(len(valid))), 0)
    low, high = known[before], known[after]
    weight = np.clip((np.arange(len(valid)) - low) / np.maximum(high - low, 1), 0, 1)
    weight = weight.reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype)
    return values[low] * (1 - weight) + values[high] * weight


def _confidence(landmarks_px: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """exp(-(residual / 6% of the eye distance)^2) of the skull's points against their mean shape over the clip."""
    confidence = np.zeros(len(valid), np.float32)
    if valid.any():
        steady = list(layout_of(landmarks_px).skull)
        skull = landmarks_px[valid][:, steady, :].astype(np.float64)
        weights = np.ones(len(steady))
        mean = skull[0]
        for _ in range(3):
            scale, rotation, shift = similarity(skull, np.broadcast_to(mean, skull.shape), weights)
            aligned = scale[:, None, None] * np.einsum("tab,tvb->tva", rotation, skull) + shift[:, None]
            mean = np.median(aligned, axis=0)
        residual = np.sqrt(((aligned - mean) ** 2).sum(-1).mean(-1))
        eyes = np.linalg.norm(mean[[0, 1]].mean(0) - mean[[2, 3]].mean(0))
        confidence[valid] = np.exp(-((residual / (SKULL_TOLERANCE * eyes)) ** 2))
    return confidence


def assemble(
    stretches: list[Stretch], fps: float, size_px: tuple[int, int], source: str = "", tracker: str = ""
) -> LandmarkTrack:
    """One track of consecutive stretches; frames without the face are filled from their neighbours."""
    names = ("landmarks_px", "arkit", "valid", "faces_seen", "rival")
    whole = {name: np.concatenate([getattr(stretch, name) for stretch in stretches]) for name in names}
    valid = whole["valid"]
    confidence = _confidence(whole["landmarks_px"], valid)
    whole["landmarks_px"], whole["arkit"] = (fill_gaps(whole[name], valid) for name in ("landmarks_px", "arkit"))
    return LandmarkTrack(
        fps=float(fps), width_px=size_px[0], height_px=size_px[1], confidence=confidence, source=source,
        tracker=tracker, **whole,
    )


def without(track: LandmarkTrack, wrong: np.ndarray) -> LandmarkTrack:
    """The track without some of its frames `[T]` bool; they are filled from their neighbours, as are those without a
    face.
    """
    if not (track.valid & wrong).any():
        return track
    valid = track.valid & ~wrong
    landmarks_px, arkit = (fill_gaps(values, valid) for values in (track.landmarks_px, track.arkit))
    return replace(
        track, landmarks_px=landmarks_px, arkit=arkit, valid=valid, confidence=_confidence(landmarks_px, valid),
        rival=np.where(valid, track.rival, 0).astype(track.rival.dtype),
    )


def follow_face(tracker: FaceTracker, frames: Iterable[np.ndarray], fps: float, source: str = "") -> LandmarkTrack:
    """The track of one face through frames `[H, W, 3]` uint8 RGB at `fps`: at first the largest, then the same one.

    Raises:
        InputError: not one frame.
    """
    size: list[tuple[int, int]] = []

    def sized() -> Iterable[np.ndarray]:
        for frame in frames:
            size[:] = [(frame.shape[1], frame.shape[0])]
            yield frame

    stretch = follow_stretch(tracker, sized(), fps)
    if not size:
        raise InputError("no frame to track", "at least one")
    return assemble([stretch], fps, size[0], source, f"{tracker.name} {tracker.version}")
