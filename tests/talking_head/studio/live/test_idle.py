"""Between utterances a person hears silence, and lives: lids and head move, lips rest, and nothing comes again."""

from __future__ import annotations

from itertools import repeat

import numpy as np

from face_model.blinks import find_blinks
from face_model.tracks import SPEECH_RATE_HZ, FaceMotion
from facial_gan.synthesis import FacialGan
from motion_models.lips import above_rest
from motion_models.look_ahead import LookAhead
from preprocessing.speech import WindowedEncoder, heard
from talking_head.motion.directions import Directions
from talking_head.motion.speaking import encoder_for, speakers
from talking_head.target.card import find_target
from talking_head.target.home import Home

SECONDS, PIECE_S = 45, 0.1


def idle(seed: int, seconds: float) -> tuple[FaceMotion, np.ndarray]:
    """(motion of the built-in person in silence, expression at rest)."""
    person = find_target(Home.find(), "astronaut")
    model, _ = speakers(person, Directions(), "cpu")
    assert isinstance(model, FacialGan)
    encoder = encoder_for(model.speech_extractor, person)
    assert isinstance(encoder, WindowedEncoder)
    silence = repeat(np.zeros(round(PIECE_S * SPEECH_RATE_HZ), np.float32), round(seconds / PIECE_S))
    ahead = LookAhead(0.1, step_frames=10)  # steps of a third of a second: a test need not be quick to answer
    pieces = list(model.bounded_stream(heard(encoder, silence, ahead.ends()), ahead, seed=seed))
    return FaceMotion.unpack(np.concatenate([piece.pack() for piece in pieces]), 30.0), model.statistics.rest


def test_somebody_who_is_silent_is_alive_and_never_repeats() -> None:
    motion, rest = idle(3, SECONDS)
    blinks = find_blinks(motion.blink, 30.0)
    assert 10 <= len(blinks) * 60 / SECONDS <= 35  # Bentivoglio et al. 1997: 17 a minute at rest
    gap_mm, _ = above_rest(motion.expression, rest)
    assert np.quantile(gap_mm, 0.95) < 1.5
    degrees = np.degrees(motion.rotation)
    for start in range(0, SECONDS - 15, 15):  # it never falls asleep
        assert degrees[start * 30 : (start + 15) * 30].std(0).max() > 0.1
    yaw = degrees[:, 1] - degrees[:, 1].mean()
    whole = np.correlate(yaw, yaw, "full")[len(yaw) - 1 :] / (yaw @ yaw)
    assert whole[5 * 30 :].max() < 0.75  # a loop would come back to 1
    another = idle(4, 3)[0].rotation
    assert not np.allclose(another, motion.rotation[: len(another)], atol=1e-3)
