"""DeepSpeech features: the front end against a plain one written here, the graph's loading with a tiny graph."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from math import cos, floor, log, log10, pi, sin, sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from face_model.tracks import Sound
from foundation.errors import InputError
from preprocessing.media import read_sound
from preprocessing.speech import SpeechEncoder, encode_file, speech_encoder, speech_encoders
from preprocessing.speech.deepspeech import DeepSpeech, encoder, graph
from preprocessing.speech.deepspeech.mfcc import ClipNormalizer, frame_count, stream_cepstra, to_16_bit
from preprocessing.speech.encoder_registry import asset, encoder_of, optional_encoders
from preprocessing.speech.symbols import SYMBOLS, spell

# Of the golden file's text, words that its speaker says and that any other order of symbols would lose.
WORDS = {"everyday", "competition", "can"}


def plain_filters() -> list[list[float]]:
    """Corner bins of 26 triangles between 0 and 8 kHz, filled bin by bin."""
    mels = [i * 2595 * log10(1 + 8000 / 700) / 27 for i in range(28)]
    corners = [floor(513 * 700 * (10 ** (mel / 2595) - 1) / 16000) for mel in mels]
    filters = [[0.0] * 257 for _ in range(26)]
    for band in range(26):
        for k in range(corners[band], corners[band + 1]):
            filters[band][k] = (k - corners[band]) / (corners[band + 1] - corners[band])
        for k in range(corners[band + 1], corners[band + 2]):
            filters[band][k] = (corners[band + 2] - k) / (corners[band + 2] - corners[band + 1])
    return filters


def plain_cepstra(samples: np.ndarray) -> np.ndarray:
    """Every second frame's 26 coefficients, step by step: pre-emphasis, frames, power, bands, logarithm, cosines."""
    emphasised = [float(samples[0])] + [float(b) - 0.97 * float(a) for a, b in zip(samples, samples[1:], strict=False)]
    frames = 1 if len(samples) <= 400 else 1 + -(-(len(samples) - 400) // 160)
    emphasised += [0.0] * 560
    waves = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(400)) / 512)
    filters, eps, rows = plain_filters(), np.finfo(float).eps, []
    for frame in range(0, frames, 2):
        power = np.abs(waves @ np.array(emphasised[160 * frame : 160 * frame + 400])) ** 2 / 512
        bands = [sum(w * p for w, p in zip(weights, power, strict=True) if w) or eps for weights in filters]
        row = []
        for n in range(26):
            total = sum(log(band) * cos(pi * n * (2 * k + 1) / 52) for k, band in enumerate(bands))
            row.append(total * sqrt((1 if n == 0 else 2) / 26) * (1 + 11 * sin(pi * n / 22)))
        row[0] = log(power.sum() or eps)
        rows.append(row)
    return np.array(rows)


def plain_input(rows: np.ndarray) -> np.ndarray:
    """Nine frames on either side of each, zeros outside of the clip; then the whole matrix made zero-mean and unit."""
    stacked = np.zeros((len(rows), 19, 26))
    for row in range(len(rows)):
        for neighbour in range(19):
            if 0 <= row + neighbour - 9 < len(rows):
                stacked[row, neighbour] = rows[row + neighbour - 9]
    flat = stacked.reshape(len(rows), 494)
    return (flat - flat.mean()) / flat.std()


def speech(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(0, 1, count) * 3000 * (1 + np.sin(np.arange(count) / 700))).clip(-32768, 32767)


def rows_of(samples: np.ndarray, piece: int = 10**9) -> np.ndarray:
    return np.concatenate(list(stream_cepstra(samples[i : i + piece] for i in range(0, len(samples), piece))))


@pytest.mark.parametrize("count", [1, 399, 400, 401, 560, 561, 4000, 4161])
def test_coefficients_equal_a_plain_computation(count: int) -> None:
    samples = speech(count, count)
    expected = plain_cepstra(samples)
    assert rows_of(samples).shape == expected.shape == (frame_count(count), 26)
    assert np.abs(rows_of(samples) - expected).max() < 1e-8


def test_digital_silence_and_coefficients_of_it() -> None:
    rows = rows_of(np.zeros(8000))
    assert np.abs(rows - plain_cepstra(np.zeros(8000))).max() < 1e-8
    assert np.isfinite(ClipNormalizer(rows).stacked(0, len(rows))).all()


@pytest.mark.parametrize("piece", [1, 7, 160, 333, 5000])
def test_pieces_give_what_the_whole_gives(piece: int) -> None:
    samples = speech(5003)
    assert rows_of(samples, piece).shape == rows_of(samples).shape
    assert np.abs(rows_of(samples, piece) - rows_of(samples)).max() < 1e-9


def test_coefficients_equal_the_package_that_the_release_was_trained_with(spoken: Path) -> None:
    package = pytest.importorskip("python_speech_features", reason="python_speech_features is not installed")
    samples = to_16_bit(read_sound(spoken).samples)
    expected = package.mfcc(samples.astype(np.int16), 16_000, numcep=26)[::2]
    assert expected.shape == rows_of(samples).shape == (606, 26)
    assert np.abs(rows_of(samples, 16_000) - expected).max() < 1e-9


def test_samples_of_a_16_bit_file_come_back_as_they_were() -> None:
    whole = np.array([-32768, -1, 0, 1, 32767])
    assert np.array_equal(to_16_bit((whole / 32768).astype(np.float32)), whole)
    assert np.array_equal(to_16_bit(np.array([-1.5 / 32768, 1.9 / 32768, 1.0])), [-1, 1, 32767])


@pytest.mark.parametrize("count", [1, 5, 9, 10, 25, 80])
def test_neighbours_and_normalisation_equal_a_plain_computation(count: int) -> None:
    rows = np.random.default_rng(count).normal(3, 7, (count, 26))
    clip, expected = ClipNormalizer(rows), plain_input(rows)
    assert np.abs(clip.stacked(0, count) - expected).max() < 1e-5
    middle = slice(count // 3, count - count // 4)
    assert np.array_equal(clip.stacked(middle.start, middle.stop), clip.stacked(0, count)[middle])


class _EchoGraph:
    """In place of a graph: the middle frame's first coefficients, so that what goes where can be followed."""

    def __call__(self, stacked: np.ndarray) -> np.ndarray:
        return stacked[:, 9 * 26 - 1 : 10 * 26 + 2]


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> DeepSpeech:
    monkeypatch.setattr(encoder, "load_graph", lambda path: _EchoGraph())
    return DeepSpeech(Path("any.pb"))


@pytest.mark.parametrize("count", [1, 500, 4000, 15_999, 16_161, 50_000])
def test_fifty_rows_a_second_become_thirty(echo: DeepSpeech, count: int) -> None:
    samples = speech(count) / 32768
    features = echo(Sound(samples.astype(np.float32)))
    logits = _EchoGraph()(plain_input(rows_of(speech(count))))
    frames = max(1, round(count / 16_000 * 30))
    expected = [[np.interp(k / 30, np.arange(len(logits)) / 50, column) for column in logits.T] for k in range(frames)]
    assert features.values.shape == (frames, 29) and features.rate_hz == 30.0 and features.extractor == "deepspeech"
    assert np.abs(features.values - np.array(expected)).max() < 1e-4
    # At 30 frames a second the network's windows take the rows as they are.
    assert np.array_equal(features.windows(30.0, steps=1)[:, 0], features.values)


def test_long_sound_is_cut_into_windows_without_a_seam(echo: DeepSpeech, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Sound((speech(16_000 * 9) / 32768).astype(np.float32))
    whole = echo(sound).values
    monkeypatch.setattr(encoder, "CORE_S", 2)
    monkeypatch.setattr(encoder, "CONTEXT_S", 1)
    assert np.array_equal(echo(sound).values, whole)


def test_the_published_features_spell_english_in_this_order_of_symbols(data_dir: Path) -> None:
    values = np.load(data_dir / "facial" / "obama2_deepspeech.npy")
    seconds = len(read_sound(data_dir / "facial" / "obama2.wav").samples) / 16_000
    assert values.shape == (max(1, round(seconds * 30)), len(SYMBOLS))
    words = spell(values).split()
    assert set(words) >= WORDS, words
    assert not set(spell(np.roll(values, 1, axis=1)).split()) & WORDS  # another order of symbols spells nothing


def test_the_published_features_are_scores_and_not_probabilities(data_dir: Path) -> None:
    values = np.load(data_dir / "facial" / "obama2_deepspeech.npy").astype(np.float64)
    assert np.exp(values).sum(axis=1).min() > 2 and values.max() > 20
    blank = values.argmax(axis=1) == SYMBOLS.index("-")
    assert 0.5 < blank.mean() < 0.7


def test_the_release_itself_gives_the_published_features(data_dir: Path) -> None:
    graph_file = asset("deepspeech")
    if graph_file is None:
        pytest.skip("no deepspeech/output_graph.pb in TALKING_HEAD_ASSETS")
    pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    features = encode_file(DeepSpeech(graph_file), data_dir / "facial" / "obama2.wav")
    golden = np.load(data_dir / "facial" / "obama2_deepspeech.npy")
    assert features.values.shape == golden.shape and np.abs(features.values - golden).max() < 0.05


def test_the_published_features_are_fifty_rows_a_second_blended_to_thirty(data_dir: Path) -> None:
    values = np.load(data_dir / "facial" / "obama2_deepspeech.npy").astype(np.float64)
    # Frame k lies at row 5 k / 3: every third frame is a row itself, the others are blends, which vary less.
    variance = [values[phase::3].var(axis=0).mean() for phase in range(3)]
    assert variance[0] > 1.1 * max(variance[1:])


def test_spelling_leaves_out_blanks_and_repetitions() -> None:
    def rows(text: str) -> np.ndarray:
        return np.eye(29)[[SYMBOLS.index(symbol) for symbol in text]]

    assert spell(rows("--hh-e-lll-llo  i-t''ss")) == "hello it's"


def tiny_graph(tensorflow: Any, path: Path, change: Callable[[Any, Any], None] | None = None) -> SimpleNamespace:
    """A frozen graph with the names and shapes of the release: dense layers, a recurrence both ways in loops of the
    old kind, scores by time first; and beside them an operation that this TensorFlow does not know, as a decoder.
    """
    v1, rng = tensorflow.compat.v1, np.random.default_rng(3)
    first, mixed, out = (rng.normal(0, s, z) for s, z in ((0.05, (494, 8)), (0.3, (8, 8)), (0.5, (16, 29))))
    first, mixed, out = (w.astype(np.float32) for w in (first, mixed, out))
    v1.disable_control_flow_v2()
    try:
        with v1.Graph().as_default() as built:
            rows = v1.placeholder(tensorflow.float32, [None, None, 494], name="input_node")
            lengths = v1.placeholder(tensorflow.int32, [None], name="input_lengths")
            dense = v1.nn.relu(tensorflow.tensordot(v1.transpose(rows, [1, 0, 2]), first, 1))

            def recurrence(values: Any) -> Any:
                count = v1.shape(values)[0]
                read = tensorflow.TensorArray(tensorflow.float32, count).unstack(values)

                def step(k: Any, state: Any, written: Any) -> Any:
                    state = tensorflow.tanh(read.read(k) + tensorflow.matmul(state, mixed))
                    return k + 1, state, written.write(k, state)

                start = (0, v1.zeros_like(values[0]), tensorflow.TensorArray(tensorflow.float32, count))
                return v1.while_loop(lambda k, state, written: k < count, step, start)[2].stack()

            back = v1.reverse_sequence(recurrence(v1.reverse_sequence(dense, lengths, 0, 1)), lengths, 0, 1)
            both = tensorflow.concat([recurrence(dense), back], 2)
            v1.reshape(tensorflow.tensordot(both, out, 1), [-1, v1.shape(rows)[0], 29], name="logits")
        definition = built.as_graph_def()
    finally:
        v1.enable_control_flow_v2()
    decoder = definition.node.add()
    decoder.name, decoder.op = "output_node", "BeamSearchThatIsNotHere"
    decoder.input.append("logits")
    if change is not None:
        change(definition, v1)
    path.write_bytes(definition.SerializeToString())
    return SimpleNamespace(first=first, mixed=mixed, out=out)


def plain_network(stacked: np.ndarray, weights: SimpleNamespace) -> np.ndarray:
    dense = np.maximum(0, stacked @ weights.first)

    def recurrence(values: np.ndarray) -> np.ndarray:
        state, states = np.zeros(8), []
        for value in values:
            state = np.tanh(value + state @ weights.mixed)
            states.append(state)
        return np.array(states)

    return np.concatenate([recurrence(dense), recurrence(dense[::-1])[::-1]], axis=1) @ weights.out


def test_a_frozen_graph_is_loaded_and_run(tmp_path: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    weights = tiny_graph(tensorflow, tmp_path / "output_graph.pb")
    loaded = speech_encoder(f"deepspeech:{tmp_path}/output_graph.pb")
    assert isinstance(loaded, SpeechEncoder) and loaded.name == "deepspeech"
    samples = speech(40_000)
    logits = plain_network(plain_input(plain_cepstra(samples)), weights)
    instants = np.arange(75) / 30
    expected = np.stack([np.interp(instants, np.arange(len(logits)) / 50, column) for column in logits.T], axis=1)
    values = loaded(Sound((samples / 32768).astype(np.float32))).values
    assert values.shape == (75, 29) and np.abs(values - expected).max() < 1e-4 < np.abs(values).std()


def test_the_golden_sound_gives_the_golden_shape(tmp_path: Path, data_dir: Path) -> None:
    tiny_graph(pytest.importorskip("tensorflow", reason="tensorflow is not installed"), tmp_path / "a.pb")
    features = encode_file(speech_encoder(f"deepspeech:{tmp_path}/a.pb"), data_dir / "facial" / "obama2.wav")
    assert features.values.shape == np.load(data_dir / "facial" / "obama2_deepspeech.npy").shape


def _without(name: str) -> Callable[[Any, Any], None]:
    def change(definition: Any, v1: Any) -> None:
        for node in definition.node:
            if node.name == name:
                node.name = f"{name}_2"
            node.input[:] = [f"{name}_2" if i == name else i for i in node.input]

    return change


def _streaming(definition: Any, v1: Any) -> None:
    """The input of later releases: 16 steps of 19 frames of 26 coefficients."""
    sizes = next(node for node in definition.node if node.name == "input_node").attr["shape"].shape
    del sizes.dim[:]
    for size in (1, 16, 19, 26):
        sizes.dim.add().size = size


@pytest.mark.parametrize(("change", "told"), [(_without("logits"), "no node logits"), (_streaming, "DeepSpeech 0.1")])
def test_another_graph_is_refused(tmp_path: Path, change: Callable[[Any, Any], None], told: str) -> None:
    tiny_graph(pytest.importorskip("tensorflow", reason="tensorflow is not installed"), tmp_path / "a.pb", change)
    with pytest.raises(InputError, match=told):
        speech_encoder(f"deepspeech:{tmp_path}/a.pb")


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    (tmp_path / "a.pb").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(InputError, match="a.pb"):
        speech_encoder(f"deepspeech:{tmp_path}/a.pb")


def test_missing_files_and_packages_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKING_HEAD_ASSETS", str(tmp_path))
    monkeypatch.setenv("TALKING_HEAD_HOME", str(tmp_path / "home"))
    with pytest.raises(InputError, match=r"nowhere\.pb does not exist.*0\.1\.0"):
        speech_encoder(f"deepspeech:{tmp_path}/nowhere.pb")
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/deepspeech/output_graph.pb")):
        speech_encoder("deepspeech")
    (tmp_path / "deepspeech").mkdir()
    (tmp_path / "deepspeech" / "output_graph.pb").write_bytes(b"")
    monkeypatch.setattr("preprocessing.speech.optional.installed", lambda module: False)
    with pytest.raises(InputError, match=r'pip install "talking-head\[deepspeech\]"'):
        speech_encoder("deepspeech")


def test_what_is_missing_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKING_HEAD_ASSETS", str(tmp_path))
    monkeypatch.setenv("TALKING_HEAD_HOME", str(tmp_path / "home"))
    there: set[str] = set()
    monkeypatch.setattr("preprocessing.speech.encoder_registry.installed", lambda module: module in there)
    states = {state.name: state for state in optional_encoders()}
    assert not states["deepspeech"].ready and "talking-head[deepspeech]" in states["deepspeech"].remedy
    assert str(tmp_path / "deepspeech" / "output_graph.pb") in states["deepspeech"].remedy
    (tmp_path / "deepspeech").mkdir()
    (tmp_path / "deepspeech" / "output_graph.pb").write_bytes(b"")
    there.add("tensorflow")
    states = {state.name: state for state in optional_encoders()}
    assert states["deepspeech"].ready and not states["deepspeech"].remedy and not states["wav2vec2"].ready


def test_names_with_paths_and_options() -> None:
    with pytest.raises(InputError, match="'speling'.*deepspeech"):
        speech_encoder("speling:/a/b")
    with pytest.raises(InputError, match="option layer.*no option"):
        speech_encoder("log_mel?layer=3")
    with pytest.raises(InputError, match="KEY=VALUE"):
        speech_encoder("wav2vec2_hidden:/a?layer")
    assert {"deepspeech", "wav2vec2", "wav2vec2_hidden"} <= set(speech_encoders())


def test_a_motion_model_finds_its_encoder_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKING_HEAD_ASSETS", str(tmp_path / "assets"))
    asked: list[Path] = []
    monkeypatch.setattr(encoder, "load_graph", lambda path: asked.append(path))
    (tmp_path / "mine.pb").write_bytes(b"")
    (tmp_path / "assets" / "deepspeech").mkdir(parents=True)
    (tmp_path / "assets" / "deepspeech" / "output_graph.pb").write_bytes(b"")
    encoder_of("deepspeech", f"deepspeech:{tmp_path}/mine.pb")
    encoder_of("deepspeech", f"deepspeech:{tmp_path}/moved_away.pb")
    encoder_of("deepspeech", "log_mel")
    at_home = tmp_path / "assets" / "deepspeech" / "output_graph.pb"
    assert asked == [tmp_path / "mine.pb", at_home, at_home]


def test_nothing_optional_is_imported_before_it_is_needed() -> None:
    code = "import sys, preprocessing.speech.deepspeech.graph, preprocessing.speech.wav2vec2, preprocessing.speech; "
    code += "sys.exit(bool({'tensorflow', 'transformers', 'mediapipe'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


def test_the_package_is_named_in_the_extra() -> None:
    assert graph.PACKAGE in (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
