"""Is this clip good enough to learn a person from? Numbers, and what to record again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from face_model import mp478
from face_model.alignment import similarity
from face_model.blinks import find_blinks, seen_curves
from face_model.rotations import rotation_angles
from face_model.tracks import FaceMotion, Sound
from preprocessing.eyes import au45, calibrate_blink
from preprocessing.media import probe, read_frames, read_sound
from preprocessing.sync import NOTHING, TRUSTED, SyncEstimate, estimate_offset
from preprocessing.tracking.landmarks import LandmarkTrack
from preprocessing.tracking.layouts import layout_of

SHARPNESS_SIZE_PX = 160  # faces are brought to one size, so that sharpness compares between cameras
SHARPNESS_FRAMES, SHEET_FRAMES = 50, 12
SHEET_HEIGHT_PX = 180
LEVEL_WINDOW_S = 0.05
QUIET_BELOW_SPEECH_DB, QUIET_DBFS = 30.0, -60.0


@dataclass(frozen=True)
class QualityLimits:
    """From where on a clip is complained of."""

    short_s: float = 60.0
    too_short_s: float = 10.0
    lost_share: float = 0.02
    several_share: float = 0.02
    small_face_px: float = 120.0
    soft_sharpness: float = 0.03  # a sharp 130 px face has 0.045-0.06, the same blurred by 2 px 0.004-0.01
    late_s: float = 0.04
    fewest_blinks_a_minute: float = 3.0  # people at ease: 8-30
    most_blinks_a_minute: float = 50.0
    least_turn_degrees: float = 3.0
    most_turn_degrees: float = 60.0
    silence_share: float = 0.4


@dataclass(frozen=True)
class Verdict:
    """One thing to know. topic: a word. text: what is wrong and what to do. serious: record again rather than go on."""

    topic: str
    text: str
    serious: bool


@dataclass(frozen=True)
class ClipQuality:
    """What was measured in a clip.

    source: its name. lost_share, several_share: of the frames, those without the face or with more than one.
    face_size_px: median over frames. sharpness: median Laplacian variance of the face at 160 px, divided by the grey
    values' variance. sound_offset_s, sound_offset_confidence: see `SyncEstimate`. turn_degrees: range (5th to 95th
    percentile) of pitch, yaw, roll. silence_share: of the 50 ms stretches of sound, 1 without sound.
    verdicts: what to know, serious things first; empty for a clip with nothing to complain of.
    """

    source: str
    frames: int
    fps: float
    duration_s: float
    width_px: int
    height_px: int
    lost_share: float
    several_share: float
    face_size_px: float
    sharpness: float
    sound_offset_s: float
    sound_offset_confidence: float
    blinks: int
    blinks_a_minute: float
    turn_degrees: tuple[float, float, float]
    has_sound: bool
    silence_share: float
    verdicts: tuple[Verdict, ...] = field(default=())


def head_degrees(landmarks_px: np.ndarray) -> np.ndarray:
    """Pitch, yaw, roll `[T, 3]` in degrees of points `[T, L, 3]`, by the skull's points of the mean face."""
    layout = layout_of(landmarks_px)
    points = np.asarray(landmarks_px, np.float64)[:, list(layout.skull)] * (1, -1, 1)  # pixels run down, ours y up
    mean = mp478.load().mean_mm.numpy().astype(np.float64)[list(layout.skull_mp478)]
    _, rotation, _ = similarity(np.broadcast_to(mean, points.shape), points, np.ones(len(mean)))
    return np.degrees(rotation_angles(torch.from_numpy(rotation)).numpy())


def silence_share(sound: Sound | None) -> float:
    """Share of 50 ms stretches 30 dB below the speech level (95th percentile) or below -60 dBFS; 1 for None."""
    size = round(LEVEL_WINDOW_S * sound.rate_hz) if sound is not None else 0
    if sound is None or len(sound.samples) < size:
        return 1.0
    pieces = sound.samples[: len(sound.samples) // size * size].reshape(-1, size).astype(np.float64)
    level_db = 10 * np.log10((pieces**2).mean(axis=1) + 1e-12)
    return float((level_db < max(QUIET_DBFS, np.percentile(level_db, 95) - QUIET_BELOW_SPEECH_DB)).mean())


def face_sharpness(frame: np.ndarray, landmarks_px: np.ndarray) -> float:
    """Laplacian variance of the face in a frame `[H, W, 3]`, at 160 px, relative to the grey values' variance."""
    low = np.clip(landmarks_px[:, :2].min(0), 0, None).astype(int)
    high = np.ceil(landmarks_px[:, :2].max(0)).astype(int)
    face = frame[low[1] : high[1], low[0] : high[0]]
    if face.size == 0:
        return 0.0
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (SHARPNESS_SIZE_PX,) * 2, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey.astype(np.float32), cv2.CV_32F).var() / max(float(grey.std()), 1.0) ** 2)


def _sampled(path: Path | str, track: LandmarkTrack) -> tuple[float, list[np.ndarray]]:
    """(median sharpness, contact-sheet frames), from frames spread evenly over the clip."""
    count = len(track)
    looked = set(np.linspace(0, count - 1, min(count, SHARPNESS_FRAMES)).round().astype(int).tolist())
    shown = set(np.linspace(0, count - 1, min(count, SHEET_FRAMES)).round().astype(int).tolist())
    sharpness, sheet = [], []
    for index, frame in enumerate(itertools.islice(read_frames(path, track.fps), count)):
        if index in looked and track.valid[index]:
            sharpness.append(face_sharpness(frame, track.landmarks_px[index]))
        if index in shown:
            sheet.append(_sheet_frame(frame, track, index))
    return float(np.median(sharpness)) if sharpness else 0.0, sheet


def _sheet_frame(frame: np.ndarray, track: LandmarkTrack, index: int) -> np.ndarray:
    """A small copy with the landmarks drawn, framed in red when the face was lost."""
    scale = SHEET_HEIGHT_PX / frame.shape[0]
    small = cv2.resize(frame, (round(frame.shape[1] * scale), SHEET_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    if not track.valid[index]:
        return cv2.rectangle(small, (0, 0), (small.shape[1] - 1, SHEET_HEIGHT_PX - 1), (220, 40, 40), 4)
    for x, y in (track.landmarks_px[index, :, :2] * scale).round().astype(int):
        if 0 <= y < small.shape[0] and 0 <= x < small.shape[1]:
            small[y, x] = (40, 230, 90)
    return small


def _complaints(q: ClipQuality, limits: QualityLimits) -> Iterator[Verdict]:
    """What is wrong with the picture, then with the sound."""
    if q.duration_s < limits.short_s:
        text = f"{q.duration_s:.0f} s; two to three minutes of speech teach the person's way of moving much better"
        yield Verdict("length", text, q.duration_s < limits.too_short_s)
    if q.lost_share > limits.lost_share:
        text = f"the face is lost in {100 * q.lost_share:.0f}% of the frames; face the camera, keep hands away"
        yield Verdict("face", text, q.lost_share > 5 * limits.lost_share)
    if q.several_share > limits.several_share:
        text = f"several faces in {100 * q.several_share:.0f}% of the frames; record one person, or crop"
        yield Verdict("faces", text, q.several_share > 10 * limits.several_share)
    if q.face_size_px < limits.small_face_px:
        text = f"the face is {q.face_size_px:.0f} px; come closer, or record in a higher resolution"
        yield Verdict("size", text, q.face_size_px < limits.small_face_px / 2)
    if q.sharpness < limits.soft_sharpness:
        text = f"the face is blurred ({q.sharpness:.3f}); focus on the face, use more light and a steady camera"
        yield Verdict("sharpness", text, q.sharpness < limits.soft_sharpness / 3)
    if q.blinks_a_minute < limits.fewest_blinks_a_minute or q.blinks_a_minute > limits.most_blinks_a_minute:
        text = f"{q.blinks} blinks, {q.blinks_a_minute:.0f} a minute; blinking is learned from what is seen"
        yield Verdict("blinks", text, False)
    if max(q.turn_degrees) < limits.least_turn_degrees:
        yield Verdict("pose", f"the head hardly moves ({max(q.turn_degrees):.0f} degrees); speak as to a friend", False)
    if max(q.turn_degrees) > limits.most_turn_degrees:
        yield Verdict("pose", f"the head turns by {max(q.turn_degrees):.0f} degrees; keep facing the camera", True)
    if not q.has_sound:
        yield Verdict("sound", "no sound; record the voice together with the picture", True)
        return
    if q.silence_share > limits.silence_share:
        text = f"{100 * q.silence_share:.0f}% of the sound is silence; keep speaking, and check the microphone"
        yield Verdict("silence", text, q.silence_share > 0.9)
    if q.sound_offset_confidence < TRUSTED:
        yield Verdict("sync", "whether lips and sound are in step cannot be told; check it by eye", False)
    elif abs(q.sound_offset_s) > limits.late_s:
        way = "late" if q.sound_offset_s > 0 else "early"
        yield Verdict("sync", f"the sound is {1000 * abs(q.sound_offset_s):.0f} ms {way}; it can be corrected", False)


@dataclass(frozen=True)
class ClipReport:
    """All that a report page shows. sheet: small frames `[h, w, 3]`; loudness at 20 Hz in dBFS, None without sound."""

    quality: ClipQuality
    track: LandmarkTrack
    blink: np.ndarray
    degrees: np.ndarray
    loudness_db: np.ndarray | None
    sheet: list[np.ndarray]


def inspect_clip(
    path: Path | str, track: LandmarkTrack, sync: SyncEstimate | None = None, limits: QualityLimits | None = None,
    motion: FaceMotion | None = None,
) -> ClipReport:
    """Measure a clip.

    Args:
        path: the video.
        track: its landmarks at `track.fps`, with at least one valid frame.
        sync: the sound offset when it is known already; estimated otherwise.
        limits: from where on to complain.
        motion: pose and blink when they are measured already; taken from the landmarks otherwise.

    Raises:
        InputError: the video cannot be read.
    """
    info = probe(path)
    sound = read_sound(path) if info.has_sound else None
    if sync is None:
        sync = estimate_offset(track, sound) if sound is not None else NOTHING
    points = track.landmarks_px
    blink = au45(points, calibrate_blink(points[track.valid])) if motion is None else motion.blink
    degrees = head_degrees(points) if motion is None else np.degrees(motion.rotation)
    spread = np.subtract(*np.percentile(degrees[track.valid], [95, 5], axis=0))
    lids = seen_curves(blink, track.valid, track.fps)
    blinks = sum(len(find_blinks(curve, track.fps)) for curve in lids)
    sharpness, sheet = _sampled(path, track)
    quality = ClipQuality(
        source=Path(path).name, frames=len(track), fps=track.fps, duration_s=track.duration_s, width_px=track.width_px,
        height_px=track.height_px, lost_share=1 - float(track.valid.mean()),
        several_share=float((track.faces_seen > 1).mean()), face_size_px=float(np.median(track.face_size_px)),
        sharpness=sharpness, sound_offset_s=sync.offset_s, sound_offset_confidence=sync.confidence, blinks=blinks,
        blinks_a_minute=60 * blinks * track.fps / max(1, sum(map(len, lids))),
        turn_degrees=(float(spread[0]), float(spread[1]), float(spread[2])), has_sound=sound is not None,
        silence_share=silence_share(sound),
    )
    found = sorted(_complaints(quality, limits or QualityLimits()), key=lambda verdict: not verdict.serious)
    quality = ClipQuality(**{**vars(quality), "verdicts": tuple(found)})
    loudness = None
    if sound is not None:
        size = round(LEVEL_WINDOW_S * sound.rate_hz)
        pieces = np.pad(sound.samples, (0, -len(sound.samples) % size)).reshape(-1, size).astype(np.float64)
        loudness = 10 * np.log10((pieces**2).mean(axis=1) + 1e-9)
    return ClipReport(quality, track, blink, degrees, loudness, sheet)
