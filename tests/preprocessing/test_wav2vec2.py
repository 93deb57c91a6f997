"""wav2vec2 features: letters in DeepSpeech's order, hidden states, and long sound in windows, on random tiny models.

What needs no model is tested without transformers.
"""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from face_model.tracks import Sound
from foundation.errors import InputError
from preprocessing.speech import SpeechEncoder, encode_file, speech_encoder
from preprocessing.speech.encoder_registry import asset, encoder_of
from preprocessing.speech.symbols import SYMBOLS, spell
from preprocessing.speech.wav2vec2 import Wav2vec2Hidden, Wav2vec2Letters
from preprocessing.speech.wav2vec2.letters import Letters
from preprocessing.speech.wav2vec2.network import ClipSound
from preprocessing.speech.windows import windows

# The order of tokens of the well-known English model: frequent letters first.
TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng, count = np.random.default_rng(seed), round(seconds * 16_000)
    loudness = 0.05 * (1 + np.sin(np.arange(count) / 5000)) + 0.01
    return (rng.normal(0, 1, count) * loudness + 0.02).astype(np.float32)


def pieces(samples: np.ndarray, size: int = 48_123) -> Iterator[np.ndarray]:
    return (samples[start : start + size] for start in range(0, len(samples), size))


def tiny_config(transformers: Any, norm: str, **changes: Any) -> Any:
    given = {
        "vocab_size": len(TOKENS), "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2,
        "intermediate_size": 32, "conv_dim": [16] * 7, "feat_extract_norm": norm, "conv_bias": norm == "layer",
        "do_stable_layer_norm": norm == "layer", "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
        "pad_token_id": 0,
    }  # fmt: skip
    return transformers.Wav2Vec2Config(**given | changes)


def save_tiny(folder: Path, norm: str = "group", letters: bool = True, tokens: list[str] | None = None) -> Path:
    """A model of random weights in the layout of the published ones."""
    transformers: Any = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(5)
    tokens = TOKENS if tokens is None else tokens
    config = tiny_config(transformers, norm, vocab_size=len(tokens))
    (transformers.Wav2Vec2ForCTC if letters else transformers.Wav2Vec2Model)(config).save_pretrained(folder)
    facts = {"do_normalize": True, "sampling_rate": 16_000, "feature_size": 1, "padding_value": 0.0}
    facts |= {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "return_attention_mask": norm == "layer"}
    (folder / "preprocessor_config.json").write_text(json.dumps(facts), encoding="utf-8")
    if letters:
        (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}), encoding="utf-8")
    return folder


def direct(folder: Path, samples: np.ndarray, rows: int) -> Any:
    """transformers' own way through the whole sound, 200 samples of silence put before it."""
    import transformers

    model = transformers.Wav2Vec2ForCTC.from_pretrained(folder, local_files_only=True).eval()
    extractor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(folder)
    normal = extractor(samples, sampling_rate=16_000, return_tensors="np")["input_values"][0]
    padded = np.pad(normal, (200, max(0, (rows - 1) * 320 + 200 - len(normal))))[: (rows - 1) * 320 + 400]
    with torch.inference_mode():
        return model(torch.from_numpy(padded.astype(np.float32))[None], output_hidden_states=True)


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_letters_are_the_models_own_in_deepspeechs_order_at_thirty(tmp_path: Path, norm: str) -> None:
    encoder = speech_encoder(f"wav2vec2:{save_tiny(tmp_path, norm)}")
    samples = noise(3.02)
    features = encoder(Sound(samples))
    logits = direct(tmp_path, samples, 151).logits[0].numpy()
    order = [TOKENS.index(s) for s in ["|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "'", "<pad>"]]
    frames = round(3.02 * 30)
    instants, own = np.arange(frames) / 30, np.arange(len(logits)) / 50
    expected = np.stack([np.interp(instants, own, logits[:, column]) for column in order], axis=1)
    assert isinstance(encoder, SpeechEncoder) and (encoder.rate_hz, encoder.dimension) == (30.0, 29)
    assert features.values.shape == (frames, 29) and features.duration_s == pytest.approx(3.02)
    assert np.abs(features.values - expected).max() < 1e-4 < expected.std()


def test_a_published_model_spells_english(data_dir: Path) -> None:
    folder = asset("wav2vec2")
    if folder is None:
        pytest.skip("no folder wav2vec2 in TALKING_HEAD_ASSETS")
    pytest.importorskip("transformers", reason="transformers is not installed")
    values = encode_file(Wav2vec2Letters(folder), data_dir / "speech" / "jfk.wav").values
    assert {"ask", "not", "what", "your", "country", "can", "do", "for", "you"} <= set(spell(values).split())


@pytest.mark.parametrize("layer", [0, 2, -1])
def test_hidden_states_of_each_layer(tmp_path: Path, layer: int) -> None:
    encoder = Wav2vec2Hidden(save_tiny(tmp_path, "layer"), layer)
    samples = noise(2.0)
    expected = direct(tmp_path, samples, 100).hidden_states[layer][0].numpy()
    features = encoder(Sound(samples))
    assert features.values.shape == (100, 24) and features.rate_hz == 50.0
    assert np.abs(features.values - expected).max() < 1e-4 < expected.std()


def test_hidden_states_at_a_lower_rate_are_interpolated_before_the_transformer(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    samples = noise(4.0)
    import transformers

    model = transformers.Wav2Vec2Model.from_pretrained(folder, local_files_only=True).eval()
    extractor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(folder)
    normal = extractor(samples, sampling_rate=16_000, return_tensors="np")["input_values"][0].astype(np.float32)
    with torch.inference_mode():
        convolved = model.feature_extractor(torch.from_numpy(np.pad(normal, (200, 200)))[None])[0].numpy()
        for rate_hz in (25, 30):
            at = np.arange(4 * rate_hz) / rate_hz * 50
            near = np.stack([np.interp(at, np.arange(convolved.shape[1]), row) for row in convolved], axis=1)
            projected = model.feature_projection(torch.from_numpy(near.astype(np.float32))[None])[0]
            expected = model.encoder(projected).last_hidden_state[0].numpy()
            encoder = speech_encoder(f"wav2vec2_hidden:{folder}?rate_hz={rate_hz}")
            values = encoder(Sound(samples)).values
            assert encoder.rate_hz == rate_hz and values.shape == expected.shape
            # The very last row may look past the sound's end, which is silence there.
            assert np.abs(values - expected)[: -rate_hz // 5].max() < 0.02 < expected.std()


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_long_sound_in_windows_equals_the_sound_in_one_go(tmp_path: Path, norm: str) -> None:
    folder, samples = save_tiny(tmp_path, norm), noise(19.3)
    samples[: 5 * 16_000] *= 0.05  # what a window's own loudness would get wrong
    whole = Wav2vec2Letters(folder)
    cut = Wav2vec2Letters(folder, core_s=4, context_s=2)
    at_once, in_windows = whole.encode(pieces(samples)), cut.encode(pieces(samples))
    assert at_once.values.shape == in_windows.values.shape == (round(19.3 * 30), 29)
    spread = at_once.values.std(axis=0).mean()
    assert np.abs(at_once.values - in_windows.values).mean() < 0.03 * spread
    assert np.array_equal(whole.encode([samples]).values, at_once.values)


@pytest.mark.parametrize("rate_hz", [None, 30.0, 25.0])
def test_windows_change_nothing_before_the_transformer(tmp_path: Path, rate_hz: float | None) -> None:
    # What enters the transformer sees 64 rows at most to either side, through the position's convolution.
    folder, samples = save_tiny(tmp_path, "group"), noise(13.37)
    samples[: 4 * 16_000] *= 0.05
    whole = Wav2vec2Hidden(folder, 0, rate_hz).encode(pieces(samples))
    cut = Wav2vec2Hidden(folder, 0, rate_hz, core_s=3, context_s=1).encode(pieces(samples))
    assert whole.values.shape == cut.values.shape and whole.values.std() > 0.1
    assert np.abs(whole.values - cut.values).max() < 1e-4


@pytest.mark.parametrize("count", [1, 159, 160, 400, 5000])
def test_any_length(tmp_path: Path, count: int) -> None:
    folder = save_tiny(tmp_path)
    letters = speech_encoder(f"wav2vec2:{folder}")(Sound(noise(1)[:count])).values
    hidden = speech_encoder(f"wav2vec2_hidden:{folder}?layer=1&rate_hz=25")(Sound(noise(1)[:count])).values
    assert len(letters) == max(1, round(count * 30 / 16_000)) and len(hidden) == max(1, round(count * 25 / 16_000))
    assert np.isfinite(letters).all() and np.isfinite(hidden).all()
    silence = speech_encoder(f"wav2vec2:{folder}")(Sound(np.zeros(count, np.float32))).values
    assert np.isfinite(silence).all()
    with pytest.raises(InputError, match="without a sample"):
        speech_encoder(f"wav2vec2:{folder}")(Sound(np.zeros(0, np.float32)))


def test_names_tell_the_model_and_not_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny(tmp_path / "assets" / "wav2vec2")
    name = speech_encoder(f"wav2vec2_hidden:{folder}?layer=2&rate_hz=25").name
    assert re.fullmatch(r"wav2vec2_hidden\?layer=2&rate_hz=25&model=[0-9a-f]{8}", name)
    monkeypatch.setenv("TALKING_HEAD_ASSETS", str(tmp_path / "assets"))
    assert speech_encoder(name).name == name == speech_encoder("wav2vec2_hidden?layer=2&rate_hz=25").name
    letters = speech_encoder("wav2vec2").name
    assert encoder_of(letters, f"wav2vec2:{folder}").name == letters
    other = letters[:-8] + "00000000"
    with pytest.raises(InputError, match=f"is the wav2vec2 model {letters[-8:]}; expected the model 00000000, which"):
        speech_encoder(other)


def test_what_is_no_such_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        speech_encoder(f"wav2vec2:{tmp_path}/nowhere")
    with pytest.raises(InputError, match=r"no config\.json"):
        speech_encoder(f"wav2vec2:{tmp_path}")
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("preprocessing.speech.optional.installed", lambda module: False)
        with pytest.raises(InputError, match=r'pip install "talking-head\[wav2vec2\]"'):
            speech_encoder(f"wav2vec2:{tmp_path}")
    pytest.importorskip("transformers", reason="transformers is not installed")
    with pytest.raises(InputError, match="cannot be loaded"):
        speech_encoder(f"wav2vec2:{tmp_path}")
    bare = save_tiny(tmp_path / "bare", letters=False)
    with pytest.raises(InputError, match=r"lm_head.*fine-tuned to letters"):
        speech_encoder(f"wav2vec2:{bare}")
    assert speech_encoder(f"wav2vec2_hidden:{bare}").dimension == 24
    for options, told in (("layer=4", "0 to 3"), ("rate_hz=60", "up to 50"), ("layer=x", "a number")):
        with pytest.raises(InputError, match=told):
            speech_encoder(f"wav2vec2_hidden:{bare}?{options}")
    (bare / "model.safetensors").write_bytes(b"short")
    with pytest.raises(InputError, match="cannot be loaded"):
        speech_encoder(f"wav2vec2_hidden:{bare}")


def test_a_model_without_latin_letters_is_refused(tmp_path: Path) -> None:
    kana = save_tiny(tmp_path, tokens=["<pad>", "<s>", "</s>", "<unk>", "|", *"あいうえおかきくけこ"])
    with pytest.raises(InputError, match="15 tokens, 0 of the 26"):
        speech_encoder(f"wav2vec2:{kana}")


def test_letters_from_another_order_spell_the_same() -> None:
    tokens = {token: column for column, token in enumerate(TOKENS)}
    text = ["<pad>", *"HEL", "L", "<pad>", *"LO", "|", *"IT'S", "</s>", "<pad>"]
    scores = np.full((len(text), len(TOKENS)), -5.0)
    scores[np.arange(len(text)), [tokens[token] for token in text]] = 9.0
    assert spell(Letters(tokens, "<pad>", "|")(scores[:-2])) == "hello it's"
    # A token that is none of the 29 leaves its row without a favourite, and the row's order as it was.
    assert np.ptp(Letters(tokens, "<pad>", "|")(scores[-2:-1])) == 0


def test_case_and_accents_are_added_up_and_what_lacks_is_never_likeliest() -> None:
    names = ["[PAD]", "|", *"aàAbcdefghilmnopqrstuvz", "-", "1", "ß", "\N{RIGHT SINGLE QUOTATION MARK}"]
    letters = Letters({name: i for i, name in enumerate(names)}, "[PAD]", "|")
    assert letters.lacking == ["j", "k", "w", "x", "y"]
    scores = np.random.default_rng(1).normal(0, 3, (40, len(names)))
    values = letters(scores)
    likely = {symbol: np.exp(values[:, column].astype(np.float64)) for column, symbol in enumerate(SYMBOLS)}
    given = {name: np.exp(scores[:, column]) for column, name in enumerate(names)}
    assert np.allclose(likely["a"], given["a"] + given["à"] + given["A"], rtol=1e-5)
    assert np.allclose(likely["b"], given["b"], rtol=1e-5) and np.allclose(likely["-"], given["[PAD]"], rtol=1e-5)
    assert np.allclose(likely["'"], given["\N{RIGHT SINGLE QUOTATION MARK}"], rtol=1e-5)
    assert all(np.allclose(values[:, SYMBOLS.index(lost)], values.min(axis=1)) for lost in letters.lacking)
    assert not set(letters.lacking) & {SYMBOLS[column] for column in values.argmax(axis=1)}


def test_a_clip_in_a_file_is_read_as_from_memory(tmp_path: Path) -> None:
    samples = noise(1.5)
    with (tmp_path / "clip").open("w+b") as file:
        clip = ClipSound(pieces(samples, 777), file)
        padded = np.pad(samples, (900, 900))
        for first, last in ((-900, 100), (-900, -1), (0, 24_000), (23_999, 24_500), (24_100, 24_400), (-5, 24_005)):
            assert np.array_equal(clip.between(first, last, False)[0].numpy(), padded[900 + first : 900 + last])
        normal = clip.between(0, 24_000, True)[0].numpy()
    assert clip.count == 24_000 and abs(normal.mean()) < 1e-5 and normal.std() == pytest.approx(1, abs=1e-4)


def test_memory_of_a_clip_does_not_grow_with_its_length(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        tracemalloc.start()
        with (tmp_path / "clip").open("w+b") as file:
            clip = ClipSound((np.zeros(16_000, np.float32) for _ in range(seconds)), file)
            clip.between(0, 16_000, True)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    assert peak(200) < 1.5 * peak(5)


@pytest.mark.parametrize(("rows", "core", "context"), [(1, 5, 2), (9, 5, 2), (10, 5, 2), (23, 5, 2), (25, 5, 0)])
def test_windows_keep_each_row_once_and_see_their_neighbours(rows: int, core: int, context: int) -> None:
    cuts = list(windows(rows, core, context))
    kept = [row for cut in cuts for row in list(range(cut.first, cut.last))[cut.kept]]
    assert kept == list(range(rows)) and (len(cuts) == 1) == (rows <= core + 2 * context)
    for cut in cuts:
        assert cut.first == max(0, cut.start - context) or len(cuts) == 1
        assert cut.last == min(rows, cut.stop + context)
