"""Motion that knows a bounded part of the future, of the models that make each frame of near sound."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import numpy as np
import pytest

from face_model.tracks import HeardSpeech, SpeechFeatures
from foundation.errors import InputError
from foundation.shipped import shipped
from motion_models.interface import MotionModel
from motion_models.look_ahead import LookAhead
from preprocessing.speech import encoder_of
from talking_head.motion.model_registry import load_motion_model

SPEECH_HZ = 16_000
REACH_S = {"arkit": 1.6, "karras2017": 0.3, "emote": None}  # of later sound; emote's is longer than may be asked for
KEPT_ROWS_S = 6.0  # of those that an encoder tells, fewer than it may forget


@pytest.fixture(scope="module", params=["arkit/log_mel", "karras2017/autocorrelation", "emote/log_mel"])
def model(request: pytest.FixtureRequest) -> MotionModel:
    return load_motion_model(shipped(f"{request.param}.safetensors"))


def speech(model: MotionModel, seconds: float, seed: int = 0) -> SpeechFeatures:
    """Features that rise and fall by chance, as speech does."""
    encoder, draw = encoder_of(model.speech_extractor, ""), np.random.default_rng(seed)
    rows = max(1, int(seconds * encoder.rate_hz + 0.5))
    values = np.cumsum(draw.normal(0, 0.1, (rows, encoder.dimension)), axis=0).astype(np.float32)
    return SpeechFeatures(np.sin(values), encoder.rate_hz, model.speech_extractor, seconds)


def as_heard(features: SpeechFeatures, look_ahead: LookAhead, kept_s: float = 1e6) -> Iterator[HeardSpeech]:
    """What an encoder without any context tells while a sound is heard."""
    ends = takewhile(lambda end: end < features.duration_s * SPEECH_HZ, look_ahead.ends())
    for heard_s in [*(end / SPEECH_HZ for end in ends), features.duration_s]:
        rows = max(1, int(heard_s * features.rate_hz + 0.5))
        first = max(0, rows - round(kept_s * features.rate_hz))
        part = SpeechFeatures(features.values[first:rows], features.rate_hz, features.extractor, heard_s)
        yield HeardSpeech(part, first, heard_s == features.duration_s)


def joined(model: MotionModel, speech: Iterator[HeardSpeech], look_ahead: LookAhead) -> np.ndarray:
    return np.concatenate([piece.pack() for piece in model.bounded_stream(speech, look_ahead)])


@pytest.mark.parametrize("seconds", [0.01, 0.3, 5.017])
@pytest.mark.parametrize("ahead_s", [0.0, 0.1])
def test_every_length(model: MotionModel, seconds: float, ahead_s: float) -> None:
    ahead, features = LookAhead(ahead_s, step_frames=8), speech(model, seconds)
    made = joined(model, as_heard(features, ahead), ahead)
    assert len(made) == max(1, round(seconds * 30)) and np.isfinite(made).all()


def test_with_all_that_a_frame_depends_on_it_is_the_films(model: MotionModel) -> None:
    """Rows that were heard long ago are gone, as an encoder forgets them."""
    reach_s = REACH_S[model.id]
    ahead, features = LookAhead(reach_s or 2.0, step_frames=15), speech(model, 12.0)
    made = joined(model, as_heard(features, ahead, KEPT_ROWS_S + ahead.seconds), ahead)
    film = model.synthesize(features).pack()
    apart = np.abs(made - film).max(1)
    assert apart[-30:].max() < 1e-4  # the sound has ended there
    assert (apart.max() if reach_s else np.median(apart)) < (1e-4 if reach_s else 0.02)


def test_later_sound_changes_nothing(model: MotionModel) -> None:
    ahead = LookAhead(0.1)
    one, other = speech(model, 4.0, seed=1), speech(model, 4.0, seed=2)
    rows = round(3.0 * one.rate_hz)
    mixed = np.concatenate([one.values[:rows], other.values[rows:]])
    changed = SpeechFeatures(mixed, one.rate_hz, one.extractor, one.duration_s)
    first, second = (joined(model, as_heard(part, ahead), ahead) for part in (one, changed))
    same = (first == second).all(1)
    decided = round((3.0 - 0.1) * 30) - ahead.step_frames
    assert same[:decided].all() and not same[decided + 2 * ahead.step_frames :].all()


def test_more_look_ahead_is_nearer_to_the_film(model: MotionModel) -> None:
    features = speech(model, 3.0, seed=3)
    film, apart = model.synthesize(features).expression, []
    for seconds in (0.0, 0.1, 0.5):
        ahead = LookAhead(seconds, step_frames=5)
        made = joined(model, as_heard(features, ahead), ahead)[:, 7:]
        apart.append(float(np.sqrt(np.square(made - film).mean())))
    assert apart[0] > apart[1] > apart[2]


def test_features_of_another_encoder_are_refused(model: MotionModel) -> None:
    features = speech(model, 1.0)
    other = SpeechFeatures(features.values, features.rate_hz, "phonetic_mel", features.duration_s)
    with pytest.raises(InputError, match="features of"):
        next(model.bounded_stream(iter([HeardSpeech(other, 0, True)]), LookAhead(0.1)))
