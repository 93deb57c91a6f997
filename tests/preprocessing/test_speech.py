"""Speech features: aligned in time, indifferent to gain, the same in pieces as in one go; the paper's windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from face_model.tracks import Sound, SpeechFeatures
from foundation.errors import InputError
from preprocessing.media import read_sound
from preprocessing.speech import LogMel, SpeechEncoder, encode_file, speech_encoder, speech_encoders
from preprocessing.speech.log_mel import FFT_SIZE, HIGHEST_HZ, LOWEST_HZ


def test_row_is_centred_on_its_instant() -> None:
    samples = np.zeros(32_000, np.float32)
    samples[16_000] = 1.0  # at 1 s
    for rate_hz in (25.0, 30.0, 50.0, 100.0):
        values = LogMel(rate_hz=rate_hz)(Sound(samples)).values
        assert len(values) == round(2 * rate_hz) and int(values.mean(axis=1).argmax()) == round(rate_hz)


@pytest.mark.parametrize("hz", [150.0, 440.0, 1000.0, 3000.0, 6000.0])
def test_a_tone_lights_its_own_band(hz: float) -> None:
    time_s = np.arange(16_000) / 16_000
    values = LogMel()(Sound(np.sin(2 * np.pi * hz * time_s).astype(np.float32))).values
    edges = np.linspace(2595 * np.log10(1 + LOWEST_HZ / 700), 2595 * np.log10(1 + HIGHEST_HZ / 700), 82)
    nearest = int(np.abs(edges[1:-1] - 2595 * np.log10(1 + hz / 700)).argmin())
    assert abs(int(values[25].argmax()) - nearest) <= 1


def test_a_row_equals_a_plain_fourier_sum(spoken: Path) -> None:
    sound = read_sound(spoken)
    encoder, k = LogMel(), 130
    piece = sound.samples[k * 320 - 200 : k * 320 + 201].astype(np.float64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(401) / 400)
    hz = np.arange(FFT_SIZE // 2 + 1) * 16_000 / FFT_SIZE
    waves = np.exp(-2j * np.pi * np.outer(hz, np.arange(401)) / 16_000)
    power = np.abs(waves @ (piece * window)) ** 2 / (window**2).sum()
    mels = 2595 * np.log10(1 + hz / 700)
    edges = np.linspace(2595 * np.log10(1 + LOWEST_HZ / 700), 2595 * np.log10(1 + HIGHEST_HZ / 700), 82)
    edges_hz = 700 * (10 ** (edges / 2595) - 1)
    assert np.all(np.diff(mels) > 0)
    for band in (0, 20, 79):
        weight = np.interp(hz, edges_hz[band : band + 3], [0, 1, 0])
        expected = np.log((weight / weight.sum()) @ power)
        assert encoder.rows(sound.samples)[k, band] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("gain_db", [-20.0, -30.0])
def test_a_quieter_clip_gives_nearly_the_same_features(spoken: Path, gain_db: float) -> None:
    sound = read_sound(spoken)
    loud = LogMel()(sound).values
    quiet = LogMel()(Sound(sound.samples * np.float32(10 ** (gain_db / 20)))).values
    assert np.abs(loud - quiet).mean() < 0.02
    assert 0.5 < loud.std() < 2 and -1.7 < loud.mean() < 1


def test_silence_stays_low_and_a_click_is_not_speech(spoken: Path) -> None:
    hiss = np.random.default_rng(0).normal(0, 1e-5, 32_000).astype(np.float32)
    assert LogMel()(Sound(hiss)).values.max() < 0
    assert np.allclose(LogMel()(Sound(np.zeros(8000, np.float32))).values, (-50 + 25) / 15, atol=1e-3)
    sound = read_sound(spoken)
    clicked = sound.samples.copy()
    clicked[80:90] = 1.0
    assert np.abs(LogMel()(Sound(clicked)).values[20:] - LogMel()(sound).values[20:]).mean() < 0.15


@pytest.mark.parametrize("rate_hz", [50.0, 30.0, 29.97])
def test_a_file_in_a_stream_equals_the_sound_in_one_piece(spoken: Path, rate_hz: float) -> None:
    path = spoken
    encoder = LogMel(rate_hz=rate_hz)
    samples = read_sound(path).samples
    whole = encoder.finish(encoder.rows(samples))
    streamed = encode_file(encoder, path)
    assert streamed.values.shape == whole.shape and np.abs(streamed.values - whole).max() < 1e-4
    assert streamed.duration_s == pytest.approx(len(samples) / 16_000) and streamed.extractor == "log_mel"
    assert np.array_equal(encoder(Sound(samples)).values, streamed.values)


@pytest.mark.parametrize("count", [1, 100, 399, 4800, 160_000, 160_001, 160_319])
def test_any_length_gives_rows_for_its_whole_duration(tmp_path: Path, count: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(count, 0.1, np.float32), 16_000)
    features = encode_file(LogMel(), tmp_path / "a.wav")
    assert len(features.values) == max(1, round(count / 320)) and np.isfinite(features.values).all()
    assert features.frame_count(25) == max(1, round(count / 640))


def test_other_rates_and_empty_sound() -> None:
    time_s = np.arange(44_100) / 44_100
    values = LogMel()(Sound(np.sin(2 * np.pi * 440 * time_s).astype(np.float32), 44_100)).values
    same = LogMel()(Sound(np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000).astype(np.float32))).values
    assert np.abs(values - same)[2:-2].mean() < 0.05
    with pytest.raises(InputError, match="without a sample"):
        LogMel()(Sound(np.zeros(0, np.float32)))


def test_encoders_by_name() -> None:
    encoder = speech_encoder("log_mel")
    assert isinstance(encoder, SpeechEncoder) and (encoder.rate_hz, encoder.dimension) == (50.0, 80)
    with pytest.raises(InputError, match="log_mel"):
        speech_encoder("lpc")
    assert "log_mel" in speech_encoders()


def test_the_papers_windows_from_real_deepspeech_features(data_dir: Path) -> None:
    values = np.load(data_dir / "facial" / "obama2_deepspeech.npy")
    features = SpeechFeatures(values, 30.0, "deepspeech", len(values) / 30)
    windows = features.windows(30.0, 16)
    expected = np.zeros((731, 16, 29), np.float32)
    for frame in range(731):
        for step in range(16):
            row = frame + step - 8
            if 0 <= row < 731:
                expected[frame, step] = values[row]
    assert np.array_equal(windows, expected)
