"""What passes between the rooms: typed, frozen, documented. Arrays are numpy float32 unless said otherwise.

`Sound` -> `SpeechFeatures` -> `FaceMotion` -> frames; `FaceTrack` is a motion measured from video, with what stays
fixed for the person. `pack`/`unpack` own the flat 71-vector of the paper; nobody else slices it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from face_model.cameras import Camera, camera_from_json
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors

SPEECH_RATE_HZ = 16_000
MOTION_FPS = 30.0  # the paper's rate; video keeps its own and motion is resampled to it
POSE_SIZE, BLINK_SIZE, EXPRESSION_SIZE = 6, 1, 64
MOTION_SIZE = POSE_SIZE + BLINK_SIZE + EXPRESSION_SIZE  # 71 (FACIAL, section 3)
AU45_MAX = 5.0
WINDOW_STEPS = 16  # speech steps a frame sees (FACIAL, section 3)
MIN_FPS, MAX_FPS = 1.0, 1000.0  # of a file's motion: nobody films faces slower or faster
MAX_NUMBER = 1e6  # a km off in mm: a number beyond it is damage, and overflows when squared


def resample(values: np.ndarray, from_hz: float, to_hz: float, count: int) -> np.ndarray:
    """Rows of `values` `[T, ...]` linearly interpolated at `count` instants k / to_hz; the ends are held."""
    if len(values) == 0:
        raise InputError("an empty sequence", "at least one frame")
    position = np.clip(np.arange(count) * (from_hz / to_hz), 0, len(values) - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    weight = (position - low).reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype)
    return values[low] * (1 - weight) + values[high] * weight


def seen_stretches(valid: np.ndarray, bridged: int = 0) -> list[slice]:
    """Stretches of frames that show the face, in order, of a mask `[T]`; gaps of at most `bridged` frames count as
    seen.
    """
    edges = np.flatnonzero(np.diff(np.pad(np.asarray(valid, bool).astype(np.int8), 1))).reshape(-1, 2).tolist()
    found: list[slice] = []
    for start, stop in edges:
        if found and start - found[-1].stop <= bridged:
            start = found.pop().start
        found.append(slice(start, stop))
    return found


@dataclass(frozen=True)
class Sound:
    """Mono sound. samples: `[N]` float32 in -1..1; rate_hz: samples a second."""

    samples: np.ndarray
    rate_hz: int = SPEECH_RATE_HZ

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


def same_encoder(one: str, other: str) -> bool:
    """Whether two encoders' own names agree: one that ends without `model=`, the fingerprint of weights, is of any."""
    bare = {re.sub("[?&]model=[^&]*$", "", name) for name in (one, other)}
    return one == other or (len(bare) == 1 and not bare.isdisjoint((one, other)))


@dataclass(frozen=True)
class SpeechFeatures:
    """Speech as a sequence of vectors.

    values: `[T, F]`, row k at time k / rate_hz. extractor: the encoder's name. lips_closed: the column that tells how
    probable it is that the lips are closed, as for p, b, m (0-1); silent: that nobody speaks. None where the encoder
    does not tell.
    """

    values: np.ndarray
    rate_hz: float
    extractor: str
    duration_s: float
    lips_closed: int | None = None
    silent: int | None = None

    def frame_count(self, fps: float) -> int:
        """Video frames that the sound lasts: at least one."""
        return max(1, round(self.duration_s * fps))

    def told(self, closed: Sequence[tuple[float, float]]) -> SpeechFeatures:
        """The same where somebody tells when the lips are closed, in (start, end) seconds: a synthesiser knows which
        phone it says. What was heard stays; what was not is added. An encoder that does not tell it is told nothing.
        """
        if self.lips_closed is None or not closed:
            return self
        values = self.values.copy()
        for start_s, end_s in closed:
            rows = slice(math.ceil(start_s * self.rate_hz), math.ceil(end_s * self.rate_hz))
            values[rows, self.lips_closed] = 1.0
        return replace(self, values=values)

    def windows(self, fps: float = MOTION_FPS, steps: int = WINDOW_STEPS, frames: int | None = None) -> np.ndarray:
        """Windows `[T, steps, F]`: for each frame the `steps` rows centred on it (FACIAL, section 4.1).

        The features are resampled linearly to one row a frame; `steps / 2` zero rows stand before and after the clip,
        so
        row `steps / 2` of window t is frame t's own.
        """
        count = self.frame_count(fps) if frames is None else frames
        rows = resample(self.values.astype(np.float32), self.rate_hz, fps, count)
        half = steps // 2
        padded = np.pad(rows, ((half, half), (0, 0)))
        return np.lib.stride_tricks.sliding_window_view(padded, steps, axis=0)[:count].transpose(0, 2, 1).copy()


@dataclass(frozen=True)
class HeardSpeech:
    """What is known of speech that is still being heard.

    features: the newest rows, as they are known now (later sound may change the last of them); `duration_s` is of all
    that has been heard. first: number of their first row. ended: nothing more comes.
    """

    features: SpeechFeatures
    first: int
    ended: bool

    def told(self, closed: Sequence[tuple[float, float]]) -> HeardSpeech:
        """The same where somebody tells when the lips are closed; see `SpeechFeatures.told`."""
        start_s = self.first / self.features.rate_hz
        known = [(max(0.0, begin_s - start_s), end_s - start_s) for begin_s, end_s in closed if end_s > start_s]
        return replace(self, features=self.features.told(known))

    def rows_at(self, start: int, stop: int, fps: float = MOTION_FPS) -> np.ndarray:
        """Rows `[stop - start, F]` of the instants of frames `start` to `stop`, linear between rows, held at the ends.
        """
        values = self.features.values
        position = np.arange(start, stop) * (self.features.rate_hz / fps) - self.first
        position = np.clip(position, 0, len(values) - 1)
        low = np.floor(position).astype(int)
        weight = (position - low)[:, None].astype(np.float32)
        rows: np.ndarray = values[low] * (1 - weight) + values[np.minimum(low + 1, len(values) - 1)] * weight
        return rows


@dataclass(frozen=True)
class FaceMotion:
    """How a face moves.

    fps: frames a second. expression: `[T, E]`, coefficients of `face_model`. rotation: `[T, 3]` pitch, yaw, roll in
    radians.
    translation: `[T, 3]` mm in the camera frame (z negative: in front of the camera). blink: `[T]`, AU45 intensity 0-5.
    face_model: the id of the model that gives expression its meaning.
    """

    fps: float
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    blink: np.ndarray
    face_model: str = "mp478"

    def __len__(self) -> int:
        return len(self.blink)

    @property
    def duration_s(self) -> float:
        return len(self) / self.fps

    def pack(self) -> np.ndarray:
        """The flat `[T, 71]`: rotation 3, translation 3, AU45 1, expression 64."""
        parts = (self.rotation, self.translation, self.blink[:, None], self.expression)
        return np.concatenate(parts, axis=1).astype(np.float32)

    @staticmethod
    def unpack(values: np.ndarray, fps: float = MOTION_FPS, face_model: str = "mp478") -> FaceMotion:
        """The inverse of `pack`."""
        rotation, translation, blink, expression = np.split(np.asarray(values, np.float32), [3, 6, 7], axis=1)
        return FaceMotion(fps, expression, rotation, translation, blink[:, 0], face_model)

    def resampled(self, fps: float, frames: int | None = None) -> FaceMotion:
        """The same motion at another rate, linearly interpolated; `frames` None keeps the duration."""
        count = max(1, round(self.duration_s * fps)) if frames is None else frames
        return FaceMotion.unpack(resample(self.pack(), self.fps, fps, count), fps, self.face_model)

    def __getitem__(self, frames: slice) -> FaceMotion:
        parts = (self.expression, self.rotation, self.translation, self.blink)
        expression, rotation, translation, blink = (np.asarray(part[frames], np.float32) for part in parts)
        return FaceMotion(self.fps, expression, rotation, translation, blink, self.face_model)

    def checked(self, source: Path | str) -> FaceMotion:
        """The motion itself, which came from a file.

        Raises:
            InputError: no frame, arrays that do not fit together, numbers that no face has, or no frame rate.
        """
        parts = {name: getattr(self, name) for name in ("expression", "rotation", "translation", "blink")}
        shapes = {name: np.shape(part) for name, part in parts.items()}
        count, width = (len(self.blink) if np.ndim(self.blink) == 1 else 0), shapes["expression"][-1:]
        wanted = {"expression": (count, *width), "rotation": (count, 3), "translation": (count, 3), "blink": (count,)}
        if not count or shapes != wanted:
            expected = "the same number of frames, one or more, in each: expression [T, E], rotation and translation "
            raise InputError(f"{source}: arrays of shapes {shapes}", f"{expected}[T, 3], blink [T]")
        if isinstance(self.fps, bool) or not isinstance(self.fps, int | float) or not MIN_FPS <= self.fps <= MAX_FPS:
            raise InputError(f"{source}: {self.fps!r} frames a second", f"{MIN_FPS:g} to {MAX_FPS:g}")
        for name, part in parts.items():
            if not (np.isfinite(part).all() and (np.abs(part) <= MAX_NUMBER).all()):
                raise InputError(f"{source}: its {name} is NaN, infinite or huge", "numbers that a face has")
        return self

    def save(self, path: Path | str) -> None:
        """Write as safetensors."""
        names = ("expression", "rotation", "translation", "blink")
        arrays = {name: np.asarray(getattr(self, name), np.float32) for name in names}
        write_tensors(path, arrays, {"kind": "FaceMotion", "fps": self.fps, "face_model": self.face_model})

    @staticmethod
    def load(path: Path | str) -> FaceMotion:
        """Read what `save` wrote.

        Raises:
            InputError: not such a file.
        """
        arrays, metadata = read_tensors(path)
        if metadata.get("kind") != "FaceMotion":
            raise InputError(f"{path} holds {metadata.get('kind', 'something else')}", "a FaceMotion")
        with _whole(path, "FaceMotion"):
            motion = FaceMotion(fps=metadata["fps"], face_model=str(metadata["face_model"]), **arrays)
        return motion.checked(path)


# Where each part of the flat vector lies, for losses that weigh parts apart; the only other place that knows the
# layout.
POSE = slice(0, POSE_SIZE)
BLINK = slice(POSE_SIZE, POSE_SIZE + BLINK_SIZE)
EXPRESSION = slice(POSE_SIZE + BLINK_SIZE, MOTION_SIZE)


@dataclass(frozen=True)
class FaceIdentity:
    """What stays fixed for a person.

    identity: `[80]`. texture: `[80]`. illumination: `[27]`, 3 x 9 spherical-harmonics coefficients, mean over the clip.
    blink_gain: how far this person's lids travel, as a multiple of the model's blink offsets, when AU45 is 5.
    """

    identity: np.ndarray
    texture: np.ndarray
    illumination: np.ndarray
    blink_gain: float = 1.0


@dataclass(frozen=True)
class FaceTrack:
    """A `FaceMotion` measured from video (at the video's own rate), with all that was measured beside it.

    person: the fixed part. camera: of the full video frame. landmarks_px: `[T, L, 3]` (x, y in pixels, z in the same
    scale, larger is nearer). arkit: `[T, 52]` ARKit blendshape values 0-1, or `[T, 0]`. illumination: `[T, 27]`.
    confidence: `[T]` 0-1. valid: `[T]` bool: a frame without a face is invalid, and its numbers are interpolated from
    its neighbours, never zeros.
    sound_offset_s: how late the sound came in the file (positive: late) and was corrected for;
    sound_offset_confidence: see preprocessing.
    source: name of the video, for people.
    """

    motion: FaceMotion
    person: FaceIdentity
    camera: Camera
    landmarks_px: np.ndarray
    arkit: np.ndarray
    illumination: np.ndarray
    confidence: np.ndarray
    valid: np.ndarray
    sound_offset_s: float = 0.0
    sound_offset_confidence: float = 0.0
    source: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.motion)

    def __getitem__(self, frames: slice) -> FaceTrack:
        """The same track over some of its frames."""
        cut = ("landmarks_px", "arkit", "illumination", "confidence", "valid")
        return replace(self, motion=self.motion[frames], **{name: getattr(self, name)[frames] for name in cut})

    def save(self, path: Path | str) -> None:
        """Write as safetensors."""
        arrays = {f"motion.{k}": getattr(self.motion, k) for k in ("expression", "rotation", "translation", "blink")}
        arrays |= {f"person.{k}": getattr(self.person, k) for k in ("identity", "texture", "illumination")}
        arrays |= {k: getattr(self, k) for k in ("landmarks_px", "arkit", "illumination", "confidence")}
        arrays = {k: np.asarray(v, np.float32) for k, v in arrays.items()}
        arrays["valid"] = self.valid.astype(np.uint8)
        metadata = {
            "kind": "FaceTrack", "fps": self.motion.fps, "face_model": self.motion.face_model,
            "blink_gain": float(self.person.blink_gain), "camera": self.camera.to_json(),
            "sound_offset_s": float(self.sound_offset_s),
            "sound_offset_confidence": float(self.sound_offset_confidence),
            "source": self.source, "extra": self.extra,
        }
        write_tensors(path, arrays, metadata)

    @staticmethod
    def load(path: Path | str) -> FaceTrack:
        """Read what `save` wrote.

        Raises:
            InputError: not such a file.
        """
        arrays, metadata = read_tensors(path)
        if metadata.get("kind") != "FaceTrack":
            raise InputError(f"{path} holds {metadata.get('kind', 'something else')}", "a FaceTrack")
        parts: dict[str, dict[str, np.ndarray]] = {
            start: {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            for start in ("motion.", "person.")
        }
        with _whole(path, "FaceTrack"):
            track = FaceTrack(
                motion=FaceMotion(fps=metadata["fps"], face_model=str(metadata["face_model"]), **parts["motion."]),
                person=FaceIdentity(blink_gain=metadata["blink_gain"], **parts["person."]),
                camera=camera_from_json(metadata["camera"]),
                landmarks_px=arrays["landmarks_px"], arkit=arrays["arkit"], illumination=arrays["illumination"],
                confidence=arrays["confidence"], valid=arrays["valid"].astype(bool),
                sound_offset_s=metadata["sound_offset_s"], sound_offset_confidence=metadata["sound_offset_confidence"],
                source=metadata["source"], extra=metadata["extra"],
            )
        track.motion.checked(path)
        lengths = {len(getattr(track, n)) for n in ("landmarks_px", "arkit", "illumination", "confidence", "valid")}
        if lengths != {len(track)}:
            raise InputError(f"{path}: parts of {sorted(lengths)} frames", f"{len(track)}, as the motion has")
        return track


@contextmanager
def _whole(path: Path | str, kind: str) -> Iterator[None]:
    """Tell what a file lacks, or has too much.

    Raises:
        InputError: building its content did not work.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is no whole {kind} ({error})", f"a file of a {kind}", "make it again") from error
