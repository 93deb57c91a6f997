"""Controls: a real video with one planted fault each, so that a metric can show that it tells the fault from the truth.

Faults of the picture are built from the real frames and tracked again by the same tracker, so that a metric sees what
it would see in a video with that fault; faults of the sound keep the picture. Recompression is no fault: faults are
planted in a recompressed video, since no generated one equals its reference to the bit, and a stronger recompression
says how far a metric moves without a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from evaluation.clips import Clip
from evaluation.head_frame import HeadFrame, pose
from evaluation.mouth import LIPS, lip_gap
from evaluation.network_registry import SOUND_SHIFTS
from evaluation.regions import corner_mask, eye_distance_px, face_mask
from evaluation.warps import warp_by_landmarks
from face_model.mp478 import LEFT_BROW, LEFT_EYE, LEFT_IRIS, RIGHT_BROW, RIGHT_EYE, RIGHT_IRIS
from face_model.tracks import Sound

Frames = Iterable[np.ndarray]
_QUALITY, _LOWER_QUALITY = 90, 75  # of JPEG
_BLUR = 0.04  # standard deviation in interocular distances
_JITTER = 0.03  # standard deviation of the shift of each frame, interocular distances
_DROP_EVERY = 5  # of so many frames one shows its predecessor again
_FLICKER_LEVELS = 6  # every second frame is brighter by so much
_NOISE_LEVELS = 8  # standard deviation
_SMALL = 0.5  # of its size at which a picture was painted before it was enlarged
_SEAM_LEVELS = 10  # the pasted face is brighter by so much
_STRETCH = 0.08  # the face is that much longer at the clip's end
_LATE_S = 0.12  # delay of the late picture
_REACH = 0.6  # interocular distances beyond which frozen features leave the face alone
FACE_POINTS = 468


@dataclass(frozen=True)
class Fault:
    """A planted fault. change: the faulty clip of a real one. retrack: its pictures changed, so its face is tracked
    anew. of_sound: only its sound changed.
    """

    name: str
    title: str
    change: Callable[[Clip], Clip]
    retrack: bool = False
    of_sound: bool = False


def wrong_sound(clip: Clip) -> Clip:
    """The same speaker saying something else: the sound turned round by half the clip."""
    sound = _sound(clip)
    return replace(clip, sound=Sound(np.roll(sound.samples, len(sound.samples) // 2), sound.rate_hz))


def muted(clip: Clip) -> Clip:
    """The same picture over digital silence: all that the lips say leaks."""
    sound = _sound(clip)
    return replace(clip, sound=Sound(np.zeros_like(sound.samples), sound.rate_hz))


def shift_sound(clip: Clip, late_s: float) -> Clip:
    """The sound later by `late_s` (negative: earlier), silence where none is left."""
    sound = _sound(clip)
    steps = round(late_s * sound.rate_hz)
    samples = np.roll(sound.samples, steps)
    if steps > 0:
        samples[:steps] = 0
    elif steps < 0:
        samples[steps:] = 0
    return replace(clip, sound=Sound(samples, sound.rate_hz))


def late_picture(clip: Clip) -> Clip:
    """The picture later by 0.12 s: the first frame is held."""
    steps = max(1, round(_LATE_S * clip.fps))
    return _retimed(clip, np.maximum(np.arange(len(clip)) - steps, 0))


def slowed(clip: Clip) -> Clip:
    """The picture at half its speed: each frame twice, the second half of the clip left out."""
    return _retimed(clip, np.arange(len(clip)) // 2)


def frozen(clip: Clip, indices: np.ndarray) -> Clip:
    """Some landmarks held, in the head frame, where they are in a frame with nearly shut lips and open eyes; pose goes
    on.
    """
    head = clip.head
    points = np.repeat(head.points[_calm_frame(clip)][None], len(clip), axis=0)
    weight = _falloff(head, indices)[None, :, None]
    held = weight * points + (1 - weight) * head.points
    return _bent(clip, pose(held, head.rotation, _position_px(head), head.scale_px))


def frozen_pose(clip: Clip) -> Clip:
    """The head held at its mean rotation, place and size; the face goes on."""
    head = clip.head
    count = len(clip)
    rotation = np.repeat(np.median(head.rotation[head.valid], axis=0)[None], count, axis=0)
    position = np.repeat(np.median(_position_px(head)[head.valid], axis=0)[None], count, axis=0)
    return _bent(clip, pose(head.points, rotation, position, np.full(count, np.median(head.scale_px[head.valid]))))


def stretched(clip: Clip) -> Clip:
    """A face that grows longer, by 8% at the end."""
    head = clip.head
    factor = 1 + _STRETCH * np.linspace(0, 1, len(clip))[:, None]
    points = head.points.copy()
    points[..., 1] *= factor
    return _bent(clip, pose(points, head.rotation, _position_px(head), head.scale_px))


def by_frame(clip: Clip, change: Callable[[int, np.ndarray, Clip], np.ndarray]) -> Clip:
    """Each frame changed on its own: `change(index, frame, clip)`."""
    return replace(clip, frames=lambda: (change(k, frame, clip) for k, frame in enumerate(_frames(clip))))


def dropped(clip: Clip) -> Clip:
    """Every fifth frame is missing and its predecessor shown again."""
    return replace(clip, frames=lambda: _dropping(_frames(clip)))


def recompress(_: int, frame: np.ndarray, __: Clip, quality: int = _QUALITY) -> np.ndarray:
    """JPEG and back."""
    packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    unpacked = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    assert unpacked is not None
    return unpacked


def blur(k: int, frame: np.ndarray, clip: Clip) -> np.ndarray:
    """Gaussian blur of 4% of the interocular distance."""
    return cv2.GaussianBlur(frame, (0, 0), _BLUR * float(eye_distance_px(clip.landmarks_px[k])))


def resize(_: int, frame: np.ndarray, __: Clip) -> np.ndarray:
    """Shrunk to half its size and enlarged again."""
    small = cv2.resize(frame, None, fx=_SMALL, fy=_SMALL, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, frame.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def noise(k: int, frame: np.ndarray, _: Clip) -> np.ndarray:
    """Gaussian noise of 8 grey levels on every pixel, another in each frame."""
    grain = np.random.default_rng(k).normal(0, _NOISE_LEVELS, frame.shape).astype(np.float32)
    return np.rint(frame + grain).clip(0, 255).astype(np.uint8)


def frozen_background(clip: Clip) -> Clip:
    """What no head reaches is the first frame's for ever."""

    def frames() -> Iterator[np.ndarray]:
        first, still = None, np.zeros((0, 0), bool)
        for frame in _frames(clip):
            if first is None:
                first, still = frame, corner_mask(clip.landmarks_px, clip.valid, *frame.shape[:2])
            yield np.where(still[..., None], first, frame)

    return replace(clip, frames=frames)


def jitter(k: int, frame: np.ndarray, clip: Clip) -> np.ndarray:
    """The whole picture moved at random (seeded by the frame's number) by 3% of the interocular distance."""
    x, y = np.random.default_rng(k).normal(0, _JITTER * float(eye_distance_px(clip.landmarks_px[k])), 2)
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return cv2.warpAffine(frame, matrix, frame.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def flicker(k: int, frame: np.ndarray, _: Clip) -> np.ndarray:
    """Every second frame brighter by 6 grey levels."""
    return cv2.add(frame, np.full_like(frame, _FLICKER_LEVELS)) if k % 2 else frame


def seam(k: int, frame: np.ndarray, clip: Clip) -> np.ndarray:
    """The face brighter by 10 grey levels up to a hard border: a bad paste."""
    if not clip.valid[k]:
        return frame
    mask = face_mask(clip.landmarks_px[k], *frame.shape[:2])
    return np.where(mask[..., None], cv2.add(frame, np.full_like(frame, _SEAM_LEVELS)), frame)


_EYES = np.array(RIGHT_EYE + LEFT_EYE + RIGHT_IRIS + LEFT_IRIS)
_BROWS = np.array(RIGHT_BROW + LEFT_BROW)


def shift_s(name: str) -> float:
    """How late the sound is in the fault of that name (`sound_late_40ms`: 0.04)."""
    _, way, size = name.split("_")
    return int(size.removesuffix("ms")) / 1000 * (1 if way == "late" else -1)


def _shift_fault(name: str) -> Fault:
    late_s = shift_s(name)
    title = f"sound {abs(1000 * late_s):.0f} ms {'late' if late_s > 0 else 'early'}"
    return Fault(name, title, partial(shift_sound, late_s=late_s), of_sound=True)


BASE = Fault("recompressed", "recompressed (no fault)", partial(by_frame, change=recompress), retrack=True)
NOISE = Fault(
    "recompressed_more", "recompressed more (no fault)",
    partial(by_frame, change=partial(recompress, quality=_LOWER_QUALITY)), retrack=True,
)
FAULTS: dict[str, Fault] = {f.name: f for f in (
    Fault("wrong_sound", "wrong sound", wrong_sound, of_sound=True),
    Fault("muted", "sound muted", muted, of_sound=True),
    *(_shift_fault(name) for name in SOUND_SHIFTS),
    Fault("picture_late", "picture 120 ms late", late_picture),
    Fault("slowed", "picture at half speed", slowed),
    Fault("lips_frozen", "lips frozen", partial(frozen, indices=LIPS), retrack=True),
    Fault("eyes_frozen", "eyes frozen", partial(frozen, indices=_EYES), retrack=True),
    Fault("brows_frozen", "brows frozen", partial(frozen, indices=_BROWS), retrack=True),
    Fault("pose_frozen", "pose frozen", frozen_pose, retrack=True),
    Fault("face_stretched", "face stretched in time", stretched, retrack=True),
    Fault("blurred", "blurred", partial(by_frame, change=blur), retrack=True),
    Fault("resized", "painted at half size", partial(by_frame, change=resize), retrack=True),
    Fault("noisy", "noisy", partial(by_frame, change=noise), retrack=True),
    Fault("background_frozen", "background frozen", frozen_background),
    Fault("jittered", "jittered", partial(by_frame, change=jitter), retrack=True),
    Fault("dropped", "frames dropped", dropped, retrack=True),
    Fault("flickering", "flickering", partial(by_frame, change=flicker), retrack=True),
    Fault("seam", "face pasted with a seam", partial(by_frame, change=seam), retrack=True),
)}


def _sound(clip: Clip) -> Sound:
    assert clip.sound is not None
    return clip.sound


def _frames(clip: Clip) -> Frames:
    assert clip.frames is not None
    return clip.frames()


def _retimed(clip: Clip, index: np.ndarray) -> Clip:
    """The clip that shows frame `index[k]` at frame k; `index` rises."""

    def frames() -> Iterator[np.ndarray]:
        source = enumerate(_frames(clip))
        at, frame = next(source)
        for goal in index:
            while at < goal:
                at, frame = next(source)
            yield frame

    return replace(
        clip, landmarks_px=clip.landmarks_px[index], valid=clip.valid[index], blink=clip.blink[index], frames=frames
    )


def _dropping(frames: Frames) -> Iterator[np.ndarray]:
    shown: np.ndarray | None = None
    for k, frame in enumerate(frames):
        if shown is None or k % _DROP_EVERY != _DROP_EVERY - 1:
            shown = frame
        yield shown


def _bent(clip: Clip, goal_px: np.ndarray) -> Clip:
    """The clip with its pictures bent from its own landmarks to `goal_px` `[T, 478, 3]`."""
    source = clip.landmarks_px[:, :FACE_POINTS, :2]
    goal = goal_px[:, :FACE_POINTS, :2]

    def bend() -> Iterator[np.ndarray]:
        for k, frame in enumerate(_frames(clip)):
            yield warp_by_landmarks(frame, source[k], goal[k]) if clip.valid[k] else frame

    return replace(clip, landmarks_px=goal_px, frames=bend)


def _calm_frame(clip: Clip) -> int:
    """A frame with a lip gap in the lowest tenth and the eyes as open as they come there."""
    gap = np.where(clip.valid, lip_gap(clip.head), np.inf)
    closed = np.flatnonzero(gap <= np.quantile(gap[clip.valid], 0.1))
    return int(closed[np.argmin(clip.blink[closed])])


def _falloff(head: HeadFrame, indices: np.ndarray) -> np.ndarray:
    """`[478]`: 1 at the held landmarks, falling to 0 at `_REACH` from them."""
    mean = head.points[head.valid].mean(0)[:, :2]
    nearest = np.linalg.norm(mean[:, None] - mean[indices][None], axis=-1).min(1)
    return np.clip(1 - nearest / _REACH, 0, 1) ** 2


def _position_px(head: HeadFrame) -> np.ndarray:
    return head.position * np.median(head.scale_px[head.valid])
