"""Proofs of speech encoders: they run, and spell what is said."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from face_model.tracks import SpeechFeatures
from preprocessing.speech.encoder import StreamEncoder, row_count
from preprocessing.speech.symbols import BLANK, SYMBOLS
from talking_head.doctor.proofs import State, prove
from talking_head.doctor.proofs.speech import SPOKEN, spelling
from tests.talking_head.doctor.proofs.parts import row, wrong


class Speller(StreamEncoder):
    """Stands in for a network that hears the words: two rows a letter and blanks between, symbols in a given order."""

    def __init__(self, order: list[int]) -> None:
        self.name, self.rate_hz, self.dimension, self.order = "deepspeech", 30.0, len(SYMBOLS), order

    def encode(self, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
        count = sum(map(len, pieces))
        rows = row_count(count, self.rate_hz)
        symbols = [BLANK] * rows
        for place, letter in zip(np.linspace(5, rows - 5, len(SPOKEN)).astype(int), SPOKEN, strict=True):
            if rows > 2 * len(SPOKEN):
                symbols[place] = letter
        values = np.eye(len(SYMBOLS))[[SYMBOLS.index(symbol) for symbol in symbols]]
        return SpeechFeatures(values[:, self.order].astype(np.float32), self.rate_hz, self.name, count / 16_000)


def test_words_are_heard_in_the_right_order_of_symbols_only() -> None:
    assert all(figure.right for figure in spelling(Speller([*range(29)]))), spelling(Speller([*range(29)]))
    shuffled = spelling(Speller([*np.random.default_rng(0).permutation(29)]))
    assert "spelled against the words that are said" in {figure.name for figure in shuffled if not figure.right}
    first_blank = spelling(Speller([28, *range(28)]))  # wav2vec2's own order begins with the blank
    assert {figure.name for figure in first_blank if not figure.right} >= {"spelled against the words that are said"}


def test_a_random_graph_of_the_releases_layout_runs_but_spells_nothing(alone: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    from tests.preprocessing.test_deepspeech import tiny_graph

    tiny_graph(tensorflow, alone / "some.graph")
    proof = row(prove([alone / "some.graph"]), "deepspeech")
    assert proof.state is State.FAILS and "spelled against the words that are said" in wrong(proof)
    assert not wrong(proof) & {"symbols", "rows beside the sounds' lengths", "finite scores, of silence too"}


def test_a_random_wav2vec2_runs_but_spells_nothing(alone: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    from tests.preprocessing.test_wav2vec2 import save_tiny

    proof = row(prove([save_tiny(alone / "letters")]), "wav2vec2")
    assert proof.state is State.FAILS and "spelled against the words that are said" in wrong(proof)
    assert "windows beside one go" not in wrong(proof)
    hidden = row(prove([save_tiny(alone / "hidden", "layer", letters=False)]), "wav2vec2")
    assert not wrong(hidden) - {"windows beside one go"}, hidden


def test_without_the_packages_the_row_says_what_to_install(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone / "g.pb").write_bytes(b"\x0a\x20 input_node input_lengths logits")
    (alone / "w").mkdir()
    (alone / "w" / "config.json").write_text('{"model_type": "wav2vec2"}')
    monkeypatch.setattr("talking_head.doctor.proofs.speech.installed", lambda module: False)
    proofs = prove([alone / "g.pb", alone / "w"])
    for part, extra in (("deepspeech", "deepspeech"), ("wav2vec2", "wav2vec2")):
        proof = row(proofs, part)
        assert proof.state is State.NOT_HERE and f"[{extra}]" in proof.remedy and proof.place
