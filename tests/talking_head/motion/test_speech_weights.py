"""A motion model speaks only through the weights of the speech encoder that it learned through."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from foundation.files import read_tensors, write_tensors
from foundation.shipped import shipped
from preprocessing.speech import speech_encoder
from preprocessing.speech.phonetic.encoder import WEIGHTS
from talking_head.motion.model_registry import load_motion_model
from talking_head.motion.speaking import speak
from talking_head.motion.weights import general_weights
from talking_head.target.card import CARD, MOTION, Target, TargetCard, write_card
from tests.talking_head.media import voice
from tests.talking_head.test_bad_input import refused

SHIPPED = [path.relative_to(shipped("")) for path in sorted(shipped("").rglob("*.safetensors"))
           if "motion_model" in read_tensors(path)[1]]  # fmt: skip


def heard_by(home: Path, extractor: str) -> Target:
    """The built-in person as target `ana`, whose motion says that it learned through that encoder."""
    folder = home / "targets" / "ana"
    shutil.copytree(shipped("astronaut"), folder)
    write_card(folder, replace(TargetCard.read(folder / CARD), id="ana"))
    arrays, notes = read_tensors(folder / MOTION)
    write_tensors(folder / MOTION, arrays, notes | {"speech_extractor": extractor})
    return Target.read(folder)


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.wav", voice(0.6), 16_000)
    return tmp_path / "a.wav"


@pytest.mark.parametrize("path", SHIPPED, ids=str)
def test_what_ships_learned_through_the_encoder_that_ships(path: Path) -> None:
    assert len(SHIPPED) >= 5
    wanted = load_motion_model(shipped(str(path))).speech_extractor
    assert speech_encoder(wanted).name == wanted


@pytest.mark.parametrize("words", [
    ("synth", "--target", "ana", "-o", "o.mp4"), ("export", "--target", "ana", "--format", "npz", "-o", "o.npz"),
    ("live", "--target", "ana", "--to", "127.0.0.1:11111"),
], ids=lambda words: words[0])  # fmt: skip
def test_other_weights_are_refused_in_one_line(
    words: tuple[str, ...], spoken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(spoken.parent)
    heard_by(spoken.parent / "home", "phonetic?model=00000000")
    verb, *rest = words
    refused([verb, spoken, *rest, "--home", "home"], "expected the model 00000000, which this motion learned through")
    assert not list(spoken.parent.glob("o.*"))


def test_a_name_without_a_fingerprint_means_the_weights_that_are_there(spoken: Path, tmp_path: Path) -> None:
    told = speak(spoken, Target.read(shipped("astronaut")), 0, "cpu")
    kind, _, model = read_tensors(shipped(f"astronaut/{MOTION}"))[1]["speech_extractor"].partition("?model=")
    assert len(model) == 8
    untold = speak(spoken, heard_by(tmp_path, kind), 0, "cpu")
    assert np.array_equal(told.pack(), untold.pack())


def test_general_weights_are_found_by_kind_for_the_encoder_that_they_learned_through(tmp_path: Path) -> None:
    ours = shipped("facial_gan/phonetic.safetensors")
    own, other = tmp_path / "own.safetensors", tmp_path / "other.safetensors"
    arrays, facts = read_tensors(shipped(WEIGHTS))
    write_tensors(own, {name: value.astype(np.float32) for name, value in arrays.items()}, facts)
    write_tensors(other, arrays | {"to_phones.bias": 2 * arrays["to_phones.bias"]}, facts)
    for speech in ("phonetic", speech_encoder("phonetic").name, f"phonetic:{own}"):
        assert general_weights("facial_gan", speech) == ours
    for speech in ("phonetic?model=00000000", f"phonetic:{other}", "phonetic_causal", "deepspeech"):
        assert general_weights("facial_gan", speech) is None
    assert general_weights("emote", "log_mel") == shipped("emote/log_mel.safetensors")
