"""Motion that knows a bounded part of the future."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from face_model.tracks import EXPRESSION, HeardSpeech, SpeechFeatures
from facial_gan.bounded import KEPT_FACE
from facial_gan.data import WINDOW_FRAMES
from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from motion_models.look_ahead import LookAhead
from tests.facial_gan.synthetic import model, speech

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def gan() -> FacialGan:
    return model()


def cut(features: SpeechFeatures, seconds: float) -> SpeechFeatures:
    rows = max(1, int(seconds * features.rate_hz + 0.5))
    return SpeechFeatures(features.values[:rows], features.rate_hz, features.extractor, seconds)


def as_heard(features: SpeechFeatures, look_ahead: LookAhead) -> Iterator[HeardSpeech]:
    """What an encoder without any context tells while a sound is heard."""
    for end in look_ahead.ends():
        if end >= features.duration_s * RATE_HZ:
            break
        yield HeardSpeech(cut(features, end / RATE_HZ), 0, ended=False)
    yield HeardSpeech(features, 0, ended=True)


def joined(gan: FacialGan, features: SpeechFeatures, look_ahead: LookAhead, seed: int = 0) -> np.ndarray:
    return np.concatenate([p.pack() for p in gan.bounded_stream(as_heard(features, look_ahead), look_ahead, seed=seed)])


@pytest.mark.parametrize("seconds", [0.01, 0.3, 3.0, 9.017])
@pytest.mark.parametrize("ahead_s", [0.0, 0.1])
def test_every_length(gan: FacialGan, seconds: float, ahead_s: float) -> None:
    made = joined(gan, speech(seconds), LookAhead(ahead_s))
    assert len(made) == max(1, round(seconds * 30)) and np.isfinite(made).all()


def test_a_frame_comes_when_its_look_ahead_has_been_heard(gan: FacialGan) -> None:
    ahead = LookAhead(0.1, step_frames=1)
    told, given = [], 0

    def noted() -> Iterator[HeardSpeech]:
        for step in as_heard(speech(3.0), ahead):
            told.append(step)
            yield step

    for piece in gan.bounded_stream(noted(), ahead):
        given += len(piece)
        if not told[-1].ended:
            assert told[-1].features.duration_s == pytest.approx(given / 30 + 0.1, abs=1e-4)


def test_later_sound_changes_nothing(gan: FacialGan) -> None:
    ahead = LookAhead(0.1)
    one, other = speech(6.0, seed=1), speech(6.0, seed=2)
    rows = round(4.0 * one.rate_hz)
    mixed = SpeechFeatures(
        np.concatenate([one.values[:rows], other.values[rows:]]), one.rate_hz, one.extractor, one.duration_s
    )
    first, second = joined(gan, one, ahead), joined(gan, mixed, ahead)
    same = (first == second).all(1)
    decided = round((4.0 - 0.1) * 30) - ahead.step_frames
    assert same[:decided].all() and not same[decided + 2 * ahead.step_frames :].all()


def test_each_step_is_a_window_that_ends_with_the_sound(gan: FacialGan) -> None:
    """The plain way: a window for each step, with nothing that comes later but the last row, held; where windows meet,
    the difference fades.
    """
    ahead, features = LookAhead(0.2), speech(8.0, seed=3)
    still = gan.with_head(1.0)
    rows, out = gan.features.normalise(features.windows(steps=1)[:, 0]), np.zeros((0, 71), np.float32)
    for given in range(0, 200, ahead.step_frames):
        known = given + ahead.step_frames + ahead.frames
        start = known - WINDOW_FRAMES
        heard = np.concatenate([rows[:known], np.repeat(rows[known - 1 : known], 8, axis=0)])
        window = gan.windows.window(heard, start, out[start] if start > 0 else gan.windows.initial_state(0))
        piece = window[given - start : given - start + ahead.step_frames].copy()
        if given:
            later = np.arange(1, len(piece) + 1)[:, None]
            piece[:, EXPRESSION] += (out[-1] - window[given - 1 - start])[EXPRESSION] * KEPT_FACE**later
            piece[:, :6] += (out[-1] - window[given - 1 - start])[:6] * 0.93**later
        out = np.concatenate([out, piece])
    rest = gan.statistics.normalised_rest
    out[:, EXPRESSION] = rest + gan.articulation * (out[:, EXPRESSION] - rest)
    expected = gan.statistics.restore(out)[:, EXPRESSION]
    np.testing.assert_allclose(joined(still, features, ahead)[:200, EXPRESSION], expected, atol=1e-4)


def test_steps_leave_no_seam(gan: FacialGan) -> None:
    ahead = LookAhead(0.1, step_frames=4)
    made = joined(gan, speech(40.0), ahead)[:, EXPRESSION]
    speed = np.linalg.norm(np.diff(made / (made.std(0) + 1e-6), axis=0), axis=1)[200:]
    at_joints = np.arange(200, 200 + len(speed)) % 4 == 3
    assert np.median(speed[at_joints]) < 1.5 * np.median(speed[~at_joints])


@pytest.mark.parametrize("seconds", [-0.1, 3.0, float("nan")])
def test_a_look_ahead_that_there_is_not(seconds: float) -> None:
    with pytest.raises(InputError, match="look-ahead"):
        LookAhead(seconds)


def test_features_of_another_encoder_are_refused(gan: FacialGan) -> None:
    features = speech(1.0)
    other = SpeechFeatures(features.values, features.rate_hz, "log_mel", features.duration_s)
    if gan.speech_extractor == "log_mel":
        other = SpeechFeatures(features.values, features.rate_hz, "autocorrelation", features.duration_s)
    with pytest.raises(InputError, match="features of"):
        next(gan.bounded_stream(iter([HeardSpeech(other, 0, True)]), LookAhead(0.1)))
