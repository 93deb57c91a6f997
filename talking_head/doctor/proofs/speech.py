"""Proofs of speech encoders: what they spell of a sound whose words are known."""

from __future__ import annotations

import string
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from face_model.tracks import SPEECH_RATE_HZ, Sound
from foundation.shipped import shipped
from preprocessing.media import read_sound
from preprocessing.speech import SpeechEncoder
from preprocessing.speech.optional import install_command, installed
from preprocessing.speech.symbols import BLANK, SYMBOL_RATE_HZ, SYMBOLS, spell
from talking_head.doctor.proofs.result import Figure, NotHereError

SPOKEN = (  # in astronaut/speech.flac
    "hello this program was given one picture of me and this sound it found out how my face should move and painted "
    "every frame on a plain computer now try a voice and a face of your own"
)
VOWELS = set("aeiou")
CORE_S, CONTEXT_S = 4, 2  # windows that the twelve seconds are cut into, against all of them in one go


def prove_deepspeech(path: Path) -> list[Figure]:
    """A frozen graph of DeepSpeech 0.1.

    Raises:
        NotHereError: no TensorFlow. InputError: what `DeepSpeech` raises.
    """
    if not installed("tensorflow"):
        raise NotHereError("TensorFlow, which runs the graph", install_command("deepspeech"))
    from preprocessing.speech.deepspeech import DeepSpeech

    return spelling(DeepSpeech(path))


def prove_wav2vec2(folder: Path) -> list[Figure]:
    """A wav2vec2 model, with letters or without.

    Raises:
        NotHereError: no transformers. InputError: what the encoders raise.
    """
    if not installed("transformers"):
        raise NotHereError("the package transformers, which runs wav2vec2", install_command("wav2vec2"))
    from preprocessing.speech.wav2vec2 import Wav2vec2Hidden, Wav2vec2Letters

    sound = read_sound(shipped("astronaut/speech.flac"))
    if not (folder / "vocab.json").is_file():
        whole, cut = Wav2vec2Hidden(folder), Wav2vec2Hidden(folder, core_s=CORE_S, context_s=CONTEXT_S)
        values = whole(sound).values
        rows = abs(len(values) - len(sound.samples) / SPEECH_RATE_HZ * whole.rate_hz)
        return [
            Figure("hidden values a row", whole.dimension, reason="768 or 1024 of the published models"),
            Figure("rows beside the sound's length", float(rows), "", 0, 1, "one row's rounding"),
            Figure("finite values", float(np.isfinite(values).mean()), "of all", 1, 1, "all"), stitching(values, cut),
        ]  # fmt: skip
    whole_letters = Wav2vec2Letters(folder)
    cut_letters = Wav2vec2Letters(folder, core_s=CORE_S, context_s=CONTEXT_S)
    return [*spelling(whole_letters), stitching(whole_letters(sound).values, cut_letters)]


def stitching(whole: np.ndarray, cut: SpeechEncoder) -> Figure:
    """How far windows put together are from the whole `[T, F]`, over the whole's spread."""
    values = cut(read_sound(shipped("astronaut/speech.flac"))).values
    share = float(np.abs(values - whole).mean() / max(float(whole.std()), 1e-9))
    reason = f"windows of {CORE_S} s that see {CONTEXT_S} s beside them; random weights of base size: 8"
    return Figure("windows beside one go", 100 * share, "% of the spread", 0, 15, reason)


def spelling(encoder: SpeechEncoder) -> list[Figure]:
    """A second of silence, and the shipped speech, as the scores of 29 symbols.

    The likeliest symbols, read as text, must be near the words that are spoken: another order of symbols, or other
    features than the network was trained on, spells nothing like them.
    """
    silence = encoder(Sound(np.zeros(SPEECH_RATE_HZ, np.float32))).values
    sound = read_sound(shipped("astronaut/speech.flac"))
    values = encoder(sound).values
    seconds = len(sound.samples) / sound.rate_hz
    text = spell(values)
    letters = sum(symbol in string.ascii_lowercase for symbol in text)
    blank = float((values.argmax(1) == SYMBOLS.index(BLANK)).mean())
    vowels = sum(symbol in VOWELS for symbol in text) / max(letters, 1)
    rows = abs(len(values) - seconds * SYMBOL_RATE_HZ) + abs(len(silence) - SYMBOL_RATE_HZ)
    finite = float(np.isfinite(silence).mean() + np.isfinite(values).mean()) / 2
    shown = " ".join(text.split())[:60] or "nothing"
    return [
        Figure("symbols", values.shape[1], "", len(SYMBOLS), len(SYMBOLS), "space, a-z, apostrophe, blank"),
        Figure("rows beside the sounds' lengths", float(rows), "", 0, 2, "30 a second; one row's rounding each"),
        Figure("finite scores, of silence too", finite, "of all", 1, 1, "all"),
        Figure("blank share of the speech", blank, "of the rows", 0.25, 0.9, "0.59 in obama2_deepspeech.npy"),
        Figure("letters a second", letters / seconds, "", 5, 20, "people: 10 to 15; 9 in obama2_deepspeech.npy"),
        Figure("vowels", vowels, "of the letters", 0.2, 0.6, "English: 0.38"),
        Figure("spelled against the words that are said", alike(text), "alike", 0.4, 1,
               f"it spells '{shown}'; another order of symbols is below 0.2"),
    ]  # fmt: skip


def alike(text: str) -> float:
    """How much of a text is that of `SPOKEN`, in its order: 0-1 (Ratcliff and Metzener 1988)."""
    return SequenceMatcher(None, " ".join(text.split()), SPOKEN, autojunk=False).ratio()
