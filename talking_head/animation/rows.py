"""What a target does while it says a sound, as rows of Live Link values, piece by piece as the motion becomes known.

A motion model that makes ARKit values itself gives them as they are; the others' expressions are mapped to them. One
that makes no head takes it, and the blinks, from the target's FACIAL-GAN, whose seed is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from face_model.arkit import values_of_motion, with_lids
from face_model.tracks import FaceMotion, SpeechFeatures
from motion_models.arkit.filters import TRUNCATE, gaussian
from motion_models.arkit.statistics import curves_at
from motion_models.interface import MotionModel
from preprocessing.speech import encode_file
from talking_head.formats.arkit import live_link_of_values
from talking_head.motion.speaking import encoder_for
from talking_head.target.card import Target

VALUES, ROTATION, BLINK = slice(0, 52), slice(52, 55), 55
SPLINE_FRAMES = 4
LIGHT_S = 0.0234  # deviation of the Gaussian that halves what swings 8 times a second, as the export of a motion does
REACH_S = TRUNCATE * LIGHT_S
FeaturesOf = Callable[[str], SpeechFeatures]  # by the name of a speech encoder


def spoken_rows(
    audio: Path, person: Target, model: MotionModel, head: MotionModel, fps: float, seed: int
) -> Iterator[np.ndarray]:
    """`live_rows` of a target saying what a file says."""
    known: dict[str, SpeechFeatures] = {}

    def features_of(name: str) -> SpeechFeatures:
        if name not in known:
            known[name] = encode_file(encoder_for(name, person), audio)
        return known[name]

    return live_rows(model, head, features_of, fps, seed)


def live_rows(
    model: MotionModel, head: MotionModel, features_of: FeaturesOf, fps: float, seed: int
) -> Iterator[np.ndarray]:
    """Rows `[N, 61]` in the order of `livelink.NAMES`, `fps` a second, as many as the sound lasts.

    Args:
        model: that speaks. head: that moves the head where `model` does not; may be `model`.
        features_of: what the named encoder makes of the sound.
        seed: of all that is random.
    """
    features = features_of(model.speech_extractor)
    count = features.frame_count(fps)
    moving = model if model.moves_head else head
    body = motion_curves(moving.stream(features_of(moving.speech_extractor), seed=seed), fps, count)
    for values, pose in _side_by_side(_values(model, features, fps, count, seed), body):
        own = pose[:, VALUES] if values is None else with_lids(values, pose[:, BLINK])
        yield live_link_of_values(np.clip(own, 0.0, 1.0), pose[:, ROTATION], fps).values


def first(pieces: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """The first `count` rows of pieces; what comes after is not made."""
    for piece in pieces:
        yield piece[:count]
        count -= len(piece)
        if count <= 0:
            return


def _values(
    model: MotionModel, features: SpeechFeatures, fps: float, count: int, seed: int
) -> Iterator[np.ndarray] | None:
    """The model's own ARKit values, without blinks; None when the motion curves tell everything."""
    own = model.stream_values(features, fps=fps, frames=count)
    if own is not None or model.moves_head:
        return own
    return (part[:, VALUES] for part in motion_curves(model.stream(features, seed=seed), fps, count))


def motion_curves(pieces: Iterator[FaceMotion], fps: float, count: int) -> Iterator[np.ndarray]:
    """ARKit values, rotation and AU45, `[N, 56]`, at `fps`, of a motion that comes in pieces; `count` rows in all.

    Values are read by a spline and lightly filtered; each is given when what it depends on has come.
    """
    kept, first, done = np.zeros((0, 56)), 0, 0  # the frames still needed, and the number of the first of them
    rate = fps
    for piece in pieces:
        rate = piece.fps
        rows = np.hstack((values_of_motion(piece), piece.rotation, piece.blink[:, None]))
        kept = np.concatenate([kept, rows])
        known_s = (first + len(kept) - 1 - SPLINE_FRAMES) / rate - REACH_S
        ready = min(count, max(done, math.floor(known_s * fps)))
        if ready > done:
            yield _read(kept, first / rate, rate, fps, done, ready)
            done = ready
            spent = max(0, math.floor((done / fps - REACH_S) * rate) - SPLINE_FRAMES - 1 - first)
            kept, first = kept[spent:], first + spent
    if done < count and len(kept):
        yield _read(kept, first / rate, rate, fps, done, count)


def _read(kept: np.ndarray, first_s: float, rate: float, fps: float, start: int, stop: int) -> np.ndarray:
    """Rows `start` to `stop` of what frames at `rate` from `first_s` on say."""
    margin = math.ceil(REACH_S * fps)
    low = max(math.ceil(first_s * fps), start - margin, 0)
    read = curves_at(kept, rate, np.arange(low, stop + margin) / fps, first_s)
    out = read[start - low : stop - low].copy()
    out[:, VALUES] = gaussian(read[:, VALUES], fps, LIGHT_S)[start - low : stop - low]
    return out


def _side_by_side(
    first: Iterator[np.ndarray] | None, second: Iterator[np.ndarray]
) -> Iterator[tuple[np.ndarray | None, np.ndarray]]:
    """Two streams of rows, cut to pieces of equal length."""
    if first is None:
        for rows in second:
            yield None, rows
        return
    a = np.zeros((0, 0))
    for b in second:
        while len(b):
            if not len(a):
                a = next(first, a)
                if not len(a):
                    return
            count = min(len(a), len(b))
            yield a[:count], b[:count]
            a, b = a[count:], b[count:]
