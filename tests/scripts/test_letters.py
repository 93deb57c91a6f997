"""The letters head: what is spelled, what the loss says, how errors are counted, and that it learns to spell."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from foundation.files import read_tensors, write_tensors
from preprocessing.speech.phonetic.features import mel_filters, mel_power, normalise
from preprocessing.speech.phonetic.inventory import PHONES
from preprocessing.speech.phonetic.network import PhoneticNetwork
from preprocessing.speech.symbols import SYMBOLS, spell
from scripts.phonetic.letters import (
    WEIGHTS,
    LetterEncoder,
    LetterTraining,
    Plan,
    learn,
    letter_error_rate,
    letters_loss,
    line,
    sizes,
    with_letters,
)
from scripts.phonetic.spoken_text import spelled

RATE_HZ = 16000


@pytest.mark.parametrize(("text", "expected"), [
    ("Don't panic, it's only a test!", "don't panic it's only a test"),
    ("'Haddocks' Eyes' ... well", "haddocks eyes well"),
    ("The year 1984", None), ("Mr.Smith", None), ("the USA", None), ("J. Smith", None), ("caf\u00e9", None),
])
def test_only_what_is_said_as_written_is_spelled(text: str, expected: str | None) -> None:
    assert spelled(text) == expected


def test_repetitions_and_blanks_are_left_out() -> None:
    written = "hh-eel-llo--  -a"
    rows = np.full((len(written), len(SYMBOLS)), -9.0)
    rows[np.arange(len(written)), [SYMBOLS.index(symbol) for symbol in written]] = -0.1
    assert spell(rows) == "hello a"


def edits(said: str, truth: str) -> int:
    """The textbook recursion."""
    if not said or not truth:
        return len(said) + len(truth)
    return min(
        edits(said[1:], truth) + 1, edits(said, truth[1:]) + 1, edits(said[1:], truth[1:]) + (said[0] != truth[0])
    )


@pytest.mark.parametrize(("said", "truth"), [
    ("kitten", "sitting"), ("", "abc"), ("abcd", "abcd"), ("xaby", "ab"), ("aab", "baa"), ("ab c", "abc d"),
])
def test_letter_errors_are_the_fewest_edits(said: str, truth: str) -> None:
    assert letter_error_rate(said, truth) == pytest.approx(edits(said, truth) / len(truth))


def test_the_loss_counts_every_way_to_write_the_text() -> None:
    logits = torch.randn(1, 5, len(SYMBOLS), generator=torch.Generator().manual_seed(0))
    chances = logits[0].softmax(-1).double().numpy()
    used = [SYMBOLS.index(symbol) for symbol in "ab-"]
    total = 0.0
    for path in product(used, repeat=5):  # nothing else can be left after collapsing to "ab"
        one_hot = np.eye(len(SYMBOLS))[list(path)]
        total += chances[np.arange(5), path].prod() if spell(one_hot) == "ab" else 0.0
    assert float(letters_loss(logits, ["ab"])) == pytest.approx(-np.log(total) / 2, rel=1e-4)


def test_a_line_holds_whole_sentences_in_the_order_of_its_text() -> None:
    # Each "sentence" is a level of its own, so what was put into the line can be read back from it.
    said = [(np.full(RATE_HZ * (3 + n) // 4, 1000 * (n + 1), np.int16), "abcdefgh"[n]) for n in range(8)]
    for seed in range(5):
        sound, text = line(said, 8 * RATE_HZ, np.random.default_rng(seed))
        levels = np.round(sound * 32.768).astype(int)
        runs = [(int(run[0]), len(run)) for run in np.split(levels, np.flatnonzero(np.diff(levels)) + 1) if run[0]]
        assert [level for level, _ in runs] == ["abcdefgh".index(one) + 1 for one in text.split()]
        tempos = [RATE_HZ * (2 + level) / 4 / length for level, length in runs]
        assert min(tempos) > 0.79 and max(tempos) < 1.23


def small() -> PhoneticNetwork:
    torch.manual_seed(0)
    return PhoneticNetwork(width=32, dilations=(1, 2), kernel=3, bottleneck=30, dropout=0.0)


def tones(text: str) -> np.ndarray:
    """A toy language: each letter is a tone of 0.08 s, a space is silence."""
    seconds = np.arange(int(0.08 * RATE_HZ)) / RATE_HZ
    pitches = {"a": 300, "b": 900, "c": 2500, " ": 0}
    return np.concatenate([0.3 * np.sin(2 * np.pi * pitches[one] * seconds) for one in text]).astype(np.float32)


def test_one_utterance_is_learned_by_heart_and_read_back() -> None:
    text = "cab ac bca"
    log_mel = normalise(mel_power(torch.from_numpy(tones(text))[None], mel_filters()))[:, :80]
    network = with_letters(small()).train()
    optimizer = torch.optim.AdamW(network.parameters(), 6e-3)
    for _ in range(260):
        loss = letters_loss(network(log_mel)[0], [text])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    logits = network(log_mel)[0][0].detach().numpy()
    assert spell(logits) == text


def start_file(path: Path) -> Path:
    network = PhoneticNetwork()
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    write_tensors(path, arrays, {"phones": list(PHONES), "causal": False})
    return path


def speech_file(path: Path) -> None:
    sounds = [(tones(text) * 20000).astype(np.int16) for text in ("abc abc", "cab ba")]
    tensors = {"sound": np.concatenate(sounds), "ends": np.cumsum([len(sound) for sound in sounds])}
    write_tensors(path, tensors, {"texts": ["abc abc", "cab ba"]})


def test_learning_resumes_and_its_weights_give_log_probabilities(tmp_path: Path) -> None:
    start = start_file(tmp_path / "start.safetensors")
    (tmp_path / "speech").mkdir()
    speech_file(tmp_path / "speech" / "toy.safetensors")
    plan = Plan(steps=2, batch=1)
    weights = learn(tmp_path / "speech", tmp_path / "run", start, plan)
    before = weights.read_bytes()
    assert learn(tmp_path / "speech", tmp_path / "run", start, plan).read_bytes() == before
    assert learn(tmp_path / "speech", tmp_path / "again", start, plan).read_bytes() == before
    encoder = LetterEncoder(tmp_path / "run" / WEIGHTS)
    rows = encoder.rows(tones("abc abc"))
    assert rows.shape == (round(len(tones("abc abc")) / 320), 29) and encoder.dimension == 29
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1.0, atol=1e-5)
    assert read_tensors(weights)[1]["sizes"] == sizes(PhoneticNetwork())


def test_the_head_alone_leaves_the_rest_as_it_was() -> None:
    network = with_letters(small())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    said = {"toy": [((tones("abc") * 20000).astype(np.int16), "abc")]}
    training = LetterTraining(network, said, Plan(batch=1, head_only=True))
    training.training_step(0, 0.5, np.random.default_rng(0))
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"to_phones.weight", "to_phones.bias"}


def test_a_network_is_built_again_as_it_was() -> None:
    network = small().eval()
    told = sizes(network)
    again = PhoneticNetwork(**json.loads(json.dumps(told))).eval()  # as a file keeps it
    again.load_state_dict(network.state_dict())
    heard = torch.randn(1, 50, 80)
    assert told != sizes(PhoneticNetwork())
    torch.testing.assert_close(again(heard), network(heard))
