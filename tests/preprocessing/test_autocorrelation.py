"""Autocorrelation: the plain sum over lags, indifferent to gain, the same in a stream, blind beyond its window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from face_model.tracks import Sound
from preprocessing.media import read_sound
from preprocessing.speech import SpeechEncoder, encode_file, speech_encoder
from preprocessing.speech.autocorrelation import LOOK_AHEAD_S, Autocorrelation


def test_a_row_equals_the_plain_sum(spoken: Path) -> None:
    samples = read_sound(spoken).samples
    k = 400
    piece = samples[128 * k - 128 : 128 * k + 128].astype(np.float64)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    piece = (piece - piece.mean()) * hann
    plain = [sum(piece[n] * piece[n + lag] for n in range(256 - lag)) / (hann**2).sum() for lag in range(32)]
    assert np.allclose(Autocorrelation().rows(samples)[k], plain, rtol=1e-4, atol=1e-9)


def test_a_tone_is_a_cosine_over_the_lags() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    values = Autocorrelation()(Sound(tone)).values
    assert values.shape == (125, 32) and np.allclose(values[20:100, 0], 1.0, atol=0.01)
    assert np.argmax(values[60, 8:24]) == 8 and np.argmin(values[60, :16]) == 8  # a period is 16 samples


def test_gain_does_not_matter_and_silence_is_zero(spoken: Path) -> None:
    sound = read_sound(spoken)
    loud = Autocorrelation()(sound).values
    quiet = Autocorrelation()(Sound(sound.samples * np.float32(0.03))).values
    assert np.abs(loud - quiet).max() < 1e-3 and 0.8 < np.percentile(loud[:, 0], 90) < 2
    assert not Autocorrelation()(Sound(np.zeros(8000, np.float32))).values.any()


@pytest.mark.parametrize("count", [1, 63, 64, 65, 4800, 160_001])
def test_rows_for_the_whole_duration(count: int) -> None:
    values = Autocorrelation()(Sound(np.full(count, 0.1, np.float32))).values
    assert len(values) == max(1, round(count / 128)) and np.isfinite(values).all()


def test_a_stream_equals_one_piece(spoken: Path) -> None:
    path = spoken
    encoder = Autocorrelation()
    whole = encoder.finish(encoder.rows(read_sound(path).samples))
    streamed = encode_file(encoder, path)
    assert streamed.extractor == "autocorrelation" and np.abs(streamed.values - whole).max() < 1e-4


def test_the_encoder_is_registered_and_its_windows_are_the_papers() -> None:
    encoder = speech_encoder("autocorrelation")
    assert isinstance(encoder, SpeechEncoder) and (encoder.rate_hz, encoder.dimension) == (125.0, 32)
    assert LOOK_AHEAD_S == 0.26
    impulse = np.zeros(16_000, np.float32)
    impulse[8000] = 1.0
    seen = np.flatnonzero(encoder.rows(impulse)[:, 0])
    assert np.abs(seen / 125 - 0.5).max() < encoder.context_s
