"""The phonetic encoder and mel bands side by side: each as it is alone, in pieces as in one go, at any loudness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from face_model.tracks import Sound
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from foundation.shipped import shipped
from preprocessing.media import read_sound
from preprocessing.speech import LogMel, SpeechEncoder, encode_file, speech_encoder
from preprocessing.speech.phonetic.encoder import CAUSAL_WEIGHTS, WEIGHTS
from preprocessing.speech.phonetic_mel import BANDS, SCALE, PhoneticMel


@pytest.fixture(scope="module")
def encoder() -> PhoneticMel:
    return PhoneticMel()


def test_each_part_is_what_it_is_alone(encoder: PhoneticMel, spoken: Path) -> None:
    sound = read_sound(spoken)
    heard, phonetic, mel = encoder(sound), speech_encoder("phonetic")(sound), LogMel(BANDS)(sound)
    assert isinstance(encoder, SpeechEncoder) and heard.values.shape == (round(50 * sound.duration_s), 53 + 26)
    np.testing.assert_array_equal(heard.values[:, :53], phonetic.values)
    np.testing.assert_allclose(heard.values[:, 53:], SCALE * mel.values, atol=1e-6)
    assert (heard.lips_closed, heard.silent) == (phonetic.lips_closed, phonetic.silent)


def test_a_file_in_a_stream_equals_the_sound_in_one_piece(encoder: PhoneticMel, spoken: Path) -> None:
    path = spoken
    samples = read_sound(path).samples
    whole = encoder.finish(encoder.rows(samples))
    streamed = encode_file(encoder, path).values
    assert streamed.shape == whole.shape and np.abs(streamed - whole).max() < 1e-3


def test_loudness_does_not_matter(encoder: PhoneticMel, spoken: Path) -> None:
    samples = read_sound(spoken).samples
    plain = encoder(Sound(samples)).values
    for gain_db in (-20, 10):
        assert np.abs(encoder(Sound(samples * 10 ** (gain_db / 20))).values - plain).mean() < 0.02 * plain.std()


def test_its_name_tells_the_phonetic_weights(encoder: PhoneticMel, tmp_path: Path) -> None:
    kind, _, model = encoder.name.partition("?model=")
    assert (kind, model) == ("phonetic_mel", speech_encoder("phonetic").name.partition("?model=")[2])
    assert speech_encoder(encoder.name).name == encoder.name
    tensors, facts = read_tensors(shipped(WEIGHTS))
    own = tmp_path / "own.safetensors"
    write_tensors(own, tensors | {"to_phones.bias": tensors["to_phones.bias"] + np.float16(0.5)}, facts)
    other = speech_encoder(f"phonetic_mel:{own}").name
    assert other.startswith("phonetic_mel?model=") and other != encoder.name
    with pytest.raises(InputError, match="which this motion learned through"):
        speech_encoder(other)
    with pytest.raises(InputError, match="causal"):
        speech_encoder(f"phonetic_mel:{shipped(CAUSAL_WEIGHTS)}")
