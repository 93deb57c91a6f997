"""Where a film goes from one stretch of footage to another: is that seen, and does it ever come round again?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import soundfile

from benchmarks.pixels.person import Measured, Telling
from benchmarks.result_files import Measure
from face_model.tracks import FaceMotion
from foundation.files import atomic_path
from preprocessing.media import read_frames, read_sound
from render2video.footage.painter import MORPH_S
from talking_head.motion.speaking import speak
from talking_head.target.card import Target

PART = "transitions"
BLOCK_PX = 32
LONG_S = 600.0
PIECE_S = (1.0, 3.0)  # of the sound, in random order, that a long one is made of: it must not repeat by itself
LONGEST_PERIOD_S, PERIODIC = 20.0, 0.5  # an autocorrelation from so much on, at a lag below, is a visible loop


def transitions(person: Measured, target: Target, film: Path, driving: FaceMotion, sound: Path) -> list[Measure]:
    """Residual of the optical flow at jumps against the footage's own, and loops in ten minutes of film."""
    painter = Telling(person.painter(target))
    chosen = painter.chosen(driving)
    jumps = jumped(chosen, painter.footage.breaks)
    length = max(2, round(MORPH_S * person.fps))
    within = np.zeros(len(chosen), bool)
    for jump in np.flatnonzero(jumps):
        within[jump : jump + length + 1] = True
    own, worst_own = residuals(read_frames(person.out / "encoded_real.mp4"))
    made, worst_made = residuals(read_frames(film))
    within = within[1 : len(made) + 1]
    found = {
        "jumps a second": jumps.sum() / len(chosen) * driving.fps,
        "wanted head off the chosen frame's, hundredths of the eyes' distance": _away(painter, driving, chosen),
    }
    for name, real, ours in (("whole frame", own, made), ("worst block", worst_own, worst_made)):
        limit = float(np.percentile(real, 99))
        at = ours[within] if within.any() else np.zeros(1)
        found[f"residual at jumps over the footage's 99th percentile, highest, {name}"] = float(at.max()) / limit
        found[f"residual at jumps over the footage's 99th percentile, median, {name}"] = float(np.median(at)) / limit
        found[f"residual elsewhere over the footage's 99th percentile, highest, {name}"] = (
            float(ours[~within].max()) / limit
        )
    found |= loops(painter, person, target, sound)
    write_jump_strip(film, np.flatnonzero(jumps), person.out / f"{target.id}_jumps.png")
    return [Measure(PART, name, target.id, float(value)) for name, value in found.items()]


def jumped(chosen: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """`[T]` bool: frames of a film whose real frame is not next to the one before."""
    jumps = np.zeros(len(chosen), bool)
    for k in range(1, len(chosen)):
        low, high = sorted(chosen[k - 1 : k + 1])
        jumps[k] = high - low > 2 or breaks[low + 1 : high + 1].any()
    return jumps


def residuals(frames: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """`[T - 1]` each: what optical flow leaves of the change to each frame, mean over it, and of its worst block.

    Levels of luma. The flow is DIS, from each frame to the one before, which is bent along it.
    """
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    whole, worst, before = [], [], None
    for frame in frames:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if before is not None:
            flow = finder.calc(grey, before, np.zeros((*grey.shape, 2), np.float32))
            rows, columns = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32)
            bent = cv2.remap(
                before, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            left = np.abs(bent.astype(np.float32) - grey)
            size = max(1, grey.shape[1] // BLOCK_PX), max(1, grey.shape[0] // BLOCK_PX)
            whole.append(left.mean())
            worst.append(cv2.resize(left, size, interpolation=cv2.INTER_AREA).max())
        before = grey
    return np.array(whole), np.array(worst)


def _away(painter: Telling, motion: FaceMotion, chosen: np.ndarray) -> float:
    wanted = zip(painter.wanted([motion]), chosen, strict=True)
    return float(np.mean([painter.footage.head_distance(want.points_px)[index] for want, index in wanted]))


def loops(painter: Telling, person: Measured, target: Target, sound: Path) -> dict[str, float]:
    """Ten minutes of chosen frames: how long the footage is played on, and the strongest loop."""
    heard = person.out / "ten_minutes.wav"
    write_shuffled(sound, heard, LONG_S)
    motion = speak(heard, target, 0, "cpu")
    chosen = painter.chosen(motion)
    steps = np.diff(chosen)
    onward = _longest(steps == 1) / motion.fps
    period_s, strength = strongest_period(chosen, motion.fps)
    return {
        "10 minutes: longest stretch played on, of the footage's length": onward * motion.fps / len(painter.footage),
        "10 minutes: longest standing still, s": _longest(steps == 0) / motion.fps,
        "10 minutes: footage that is used, %": 100 * len(np.unique(chosen)) / int(painter.footage.usable.sum()),
        "10 minutes: strongest autocorrelation below 20 s": strength,
        "10 minutes: at a lag of, s": period_s,
    }


def _longest(mask: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def strongest_period(chosen: np.ndarray, fps: float) -> tuple[float, float]:
    """Lag in seconds, and height, of the highest peak of the indices' autocorrelation below 20 s.

    Lags before it first falls under half of `PERIODIC` are the same stretch, not its return; NaN and 0 without a peak.
    """
    values = chosen - chosen.mean()
    spectrum = np.abs(np.fft.rfft(values, 2 * len(values))) ** 2
    scores = np.fft.irfft(spectrum)[: len(values)]
    scores = scores / max(scores[0], 1e-9)
    low = np.flatnonzero(scores < PERIODIC / 2)
    stop = min(len(scores) - 1, round(LONGEST_PERIOD_S * fps))
    if len(low) == 0 or low[0] >= stop:
        return float("nan"), 0.0
    peak = low[0] + int(scores[low[0] : stop].argmax())
    return peak / fps, float(scores[peak])


def write_shuffled(sound: Path, path: Path, seconds: float) -> None:
    """A long sound: pieces of a short one in random order, always the same for one sound."""
    heard, dice = read_sound(sound), np.random.default_rng(0)
    pieces, count = [], 0
    while count < seconds * heard.rate_hz:
        length = min(round(dice.uniform(*PIECE_S) * heard.rate_hz), len(heard.samples))
        start = int(dice.integers(0, len(heard.samples) - length + 1))
        pieces.append(heard.samples[start : start + length])
        count += length
    with atomic_path(path) as temporary:
        whole = np.concatenate(pieces)[: round(seconds * heard.rate_hz)]
        soundfile.write(temporary, whole, heard.rate_hz, format="WAV")


def write_jump_strip(film: Path, jumps: np.ndarray, path: Path, shown: int = 8, side_px: int = 240) -> None:
    """Frames around each of the first jumps, a row each, to be looked at."""
    wanted = {int(j) + k: (row, k + 2) for row, j in enumerate(jumps[:shown]) for k in range(-2, 8)}
    rows: dict[int, dict[int, np.ndarray]] = {}
    for index, frame in enumerate(read_frames(film)):
        if index in wanted:
            row, column = wanted[index]
            zoom = side_px / frame.shape[0]
            small = cv2.resize(frame, (round(frame.shape[1] * zoom), side_px), interpolation=cv2.INTER_AREA)
            rows.setdefault(row, {})[column] = small
    whole = [np.concatenate([r[c] for c in sorted(r)], axis=1) for r in rows.values() if len(r) == 10]
    if whole:
        cv2.imwrite(str(path), np.concatenate(whole)[..., ::-1])
