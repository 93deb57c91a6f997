"""Speech that is still being heard, encoded."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from face_model.tracks import HeardSpeech, Sound
from foundation.errors import InputError
from preprocessing.speech import WindowedEncoder, heard, speech_encoder

STEP = 1067  # samples, no whole number of rows


def voice(seconds: float) -> np.ndarray:
    """Noise that swells and fades, as syllables do."""
    time_s = np.arange(round(seconds * 16000)) / 16000
    noise = np.random.default_rng(0).normal(size=len(time_s))
    return (0.1 * noise * (0.2 + np.sin(2 * np.pi * 2.5 * time_s) ** 2)).astype(np.float32)


def told(encoder: WindowedEncoder, samples: np.ndarray, size: int) -> list[HeardSpeech]:
    pieces = [samples[start : start + size] for start in range(0, len(samples), size)]
    return list(heard(encoder, pieces, count(STEP, STEP)))


@pytest.fixture(scope="module", params=["log_mel", "phonetic_mel"])
def encoder(request: pytest.FixtureRequest) -> WindowedEncoder:
    made = speech_encoder(request.param)
    assert isinstance(made, WindowedEncoder)
    return made


@pytest.mark.parametrize("rows", [1, 45])
def test_the_newest_rows_are_the_last_of_all(encoder: WindowedEncoder, rows: int) -> None:
    samples = voice(5.013)
    np.testing.assert_allclose(encoder.newest_rows(samples, rows), encoder.rows(samples)[-rows:], atol=1e-5)


def test_rows_of_a_sound_that_grows_are_those_of_hearing_it_anew(encoder: WindowedEncoder) -> None:
    samples, newest, window = voice(3.0), encoder.following(), 24_000
    for end in range(900, len(samples), STEP):
        first = max(0, end - window) // 6400 * 6400  # what is older is let go of
        rows = min(45, round((end - first) / 320))
        expected = encoder.newest_rows(samples[first:end], rows)  # whose first windows begin in silence
        np.testing.assert_allclose(newest(samples[first:end], first, rows), expected, atol=0.01 if first else 1e-5)


def test_sound_after_silence_is_heard_as_if_it_had_never_been_silent(encoder: WindowedEncoder) -> None:
    samples = np.concatenate([np.zeros(20_000, np.float32), voice(1.0), np.zeros(20_000, np.float32)])
    for step in told(encoder, samples, 320)[::7]:
        end = round(step.features.duration_s * 16_000)
        expected = encoder.finish(encoder.rows(samples[:end]))
        np.testing.assert_allclose(step.features.values[-40:], expected[-40:], atol=1e-4)


def test_each_instant_knows_what_was_heard_until_then_and_nothing_later() -> None:
    encoder = speech_encoder("log_mel")
    assert isinstance(encoder, WindowedEncoder)
    samples = voice(2.0)
    steps = told(encoder, samples, 320)
    assert len(steps) == len(samples) // STEP + 1 and [s.ended for s in steps].count(True) == 1 and steps[-1].ended
    for index, step in enumerate(steps):
        end = min((index + 1) * STEP, len(samples))
        known = encoder(Sound(samples[:end]))
        assert step.first == 0 and step.features.duration_s == known.duration_s
        np.testing.assert_allclose(step.features.values, known.values, atol=1e-5)


def test_cuts_between_pieces_make_no_difference(encoder: WindowedEncoder) -> None:
    samples = voice(1.5)
    fine, coarse = told(encoder, samples, 50), told(encoder, samples, 11_000)
    assert len(fine) == len(coarse)
    for one, other in zip(fine, coarse, strict=True):
        np.testing.assert_array_equal(one.features.values, other.features.values)


def test_memory_does_not_grow_and_rows_keep_their_number() -> None:
    encoder = speech_encoder("log_mel")
    assert isinstance(encoder, WindowedEncoder)
    samples = voice(40.0)
    last = told(encoder, samples, 16_000)[-1]
    assert len(last.features.values) == 1500 and last.first == 500
    whole = encoder.rows(samples)
    np.testing.assert_allclose(last.features.values, encoder.finish(whole[-1500:]), atol=1e-4)


def test_what_is_too_soft_to_be_speech_is_silence(encoder: WindowedEncoder) -> None:
    soft, nothing = told(encoder, 1e-3 * voice(1.0), 320), told(encoder, np.zeros(16_000, np.float32), 320)
    np.testing.assert_array_equal(soft[-1].features.values, nothing[-1].features.values)


def test_sound_without_a_sample_is_refused() -> None:
    encoder = speech_encoder("log_mel")
    assert isinstance(encoder, WindowedEncoder)
    with pytest.raises(InputError, match="without a sample"):
        told(encoder, np.zeros(0, np.float32), 320)


def test_rows_at_frames_lie_between_rows() -> None:
    encoder = speech_encoder("log_mel")
    assert isinstance(encoder, WindowedEncoder)
    samples = voice(35.0)
    last = told(encoder, samples, 16_000)[-1]
    features = last.features
    position = np.array([1000, 1001]) * 50 / 30 - last.first
    expected = [
        [np.interp(p, np.arange(len(features.values)), features.values[:, column]) for column in range(80)]
        for p in position
    ]
    np.testing.assert_allclose(last.rows_at(1000, 1002), expected, atol=1e-4)
