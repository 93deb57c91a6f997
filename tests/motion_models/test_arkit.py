"""The ARKit regressor on a toy language whose curves are known: learns it, streams it, any rate, any person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from face_model.arkit import ARKIT_NAMES, maps, motion_of_values
from face_model.tracks import MOTION_FPS, SpeechFeatures
from foundation.errors import InputError
from motion_models.arkit import ArkitConfig, ArkitRegressor
from motion_models.arkit import model as module
from motion_models.arkit.config import Architecture
from motion_models.arkit.statistics import curves_at, measure_curves
from motion_models.arkit.train import learn
from motion_models.directions import Delivery
from motion_models.examples import MotionExample
from talking_head.motion.model_registry import load_motion_model, motion_model
from training import Duration

FEATURES = 6
JAW, SMILE = ARKIT_NAMES.index("jawOpen"), ARKIT_NAMES.index("mouthSmileLeft")
SILENCE = np.full(FEATURES, -2.0, np.float32)
CONFIG = ArkitConfig(architecture=Architecture(width=24, dilations=[1, 2], dropout=0.0), batch_size=8, articulation=1.0)


def speech(seconds: float, seed: int = 0) -> SpeechFeatures:
    noise = np.random.default_rng(seed).standard_normal((round(50 * seconds), FEATURES))
    smooth = np.stack([np.convolve(column, np.hanning(11) / 3, mode="same") for column in noise.T], axis=1)
    return SpeechFeatures(smooth.astype(np.float32), 50.0, "toy", seconds)


def curves_of(features: SpeechFeatures, rest: float = 0.1) -> np.ndarray:
    """ARKit values at 30 fps: the jaw follows one feature, the smile another, above a person's own rest."""
    time_s = np.arange(features.frame_count(MOTION_FPS)) / MOTION_FPS
    read = curves_at(features.values, features.rate_hz, time_s)
    values = np.tile(np.clip(maps().rest, 0, 1), (len(time_s), 1))
    values[:, JAW] = np.clip(rest + 0.15 + 0.12 * read[:, 0], 0, 1)
    values[:, SMILE] = np.clip(rest + 0.2 + 0.1 * read[:, 1], 0, 1)
    return values.astype(np.float32)


def example(seconds: float = 8.0, seed: int = 0, speaker: str = "", rest: float = 0.1) -> MotionExample:
    features = speech(seconds, seed)
    values = curves_of(features, rest)
    head = np.tile([0.1, 0.0, 0.0], (len(values), 1)), np.tile([0.0, 0.0, -900.0], (len(values), 1))
    motion = motion_of_values(values, MOTION_FPS, *head)
    return MotionExample(features, motion, np.ones(len(motion), bool), speaker, SILENCE, values)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> ArkitRegressor:
    run = tmp_path_factory.mktemp("arkit")
    made = learn([example(), example(seed=1)], None, run, mode="person", duration=Duration(150), config=CONFIG)
    return ArkitRegressor.load(made)


def test_it_learns_what_can_be_known(learned: ArkitRegressor) -> None:
    fresh = speech(8.0, seed=7)
    made, true = learned.with_filter("none").values(fresh, fps=MOTION_FPS), curves_of(fresh)
    for curve in (JAW, SMILE):
        assert np.corrcoef(made[10:-10, curve], true[10:-10, curve])[0, 1] > 0.85
        assert made[:, curve].std() > 0.6 * true[:, curve].std()
    assert made.min() >= 0 and made.max() <= 1
    quiet = SpeechFeatures(np.tile(SILENCE, (100, 1)), 50.0, "toy", 2.0)
    assert learned.values(quiet)[30:-30, JAW].mean() < np.quantile(true[:, JAW], 0.25)  # lips close in silence


@pytest.mark.parametrize("name", ["none", "swing", "savitzky_golay", "butterworth", "one_euro"])
def test_a_stream_is_the_whole(learned: ArkitRegressor, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sound = learned.with_filter(name), speech(5.3, seed=3)
    pieces = list(model.stream_values(sound, fps=60.0))
    assert [len(piece) for piece in pieces] == [60, 60, 60, 60, 60, 18]
    monkeypatch.setattr(module, "PIECE_S", 100.0)
    assert np.allclose(np.concatenate(pieces), model.values(sound, fps=60.0), atol=2e-3)


def test_later_sound_changes_nothing_before_the_latency(learned: ArkitRegressor) -> None:
    sound = speech(4.0, seed=3)
    values = sound.values.copy()
    values[150:] = 3.0
    before, after = learned.values(sound), learned.values(replace(sound, values=values))
    safe = int((3.0 - learned.latency_s) * 60)
    assert np.allclose(before[:safe], after[:safe], atol=1e-6)
    assert not np.allclose(before[safe:], after[safe:], atol=1e-2)
    assert 0.1 < learned.latency_s < 1.3


def test_any_frame_rate_reads_the_same_curves(learned: ArkitRegressor) -> None:
    model, sound = learned.with_filter("none"), speech(3.0, seed=4)
    fine = model.values(sound, fps=120.0)
    for fps in (24.0, 30.0, 60.0):
        step = int(120 / fps)
        coarse = model.values(sound, fps=fps)
        assert np.allclose(coarse, fine[::step][: len(coarse)], atol=1e-5)
    assert len(model.values(sound, fps=29.97)) == 90 and len(model.values(sound, frames=7)) == 7


def test_a_motion_rests_its_head_and_follows_the_map(learned: ArkitRegressor) -> None:
    sound = speech(3.0, seed=4)
    motion = learned.synthesize(sound)
    assert len(motion) == 90 and motion.fps == MOTION_FPS and motion.face_model == "mp478"
    assert np.allclose(motion.rotation, [0.1, 0, 0], atol=1e-5) and np.allclose(motion.translation[:, 2], -900)
    assert not motion.blink.any() and not ArkitRegressor.moves_head
    values = learned.values(sound, fps=MOTION_FPS)
    expected = motion_of_values(values, MOTION_FPS, motion.rotation, motion.translation)
    assert learned.curves.gain == pytest.approx(1.0, abs=1e-3)  # its person was made by the map
    assert np.allclose(motion.expression, expected.expression, atol=1e-4)


def test_a_file_brings_the_same_model_back(learned: ArkitRegressor, tmp_path: Path) -> None:
    learned.with_filter("one_euro").save(tmp_path / "a.safetensors")
    again = load_motion_model(tmp_path / "a.safetensors")
    assert isinstance(again, ArkitRegressor) and again.digest() == learned.digest()
    assert again.filter.name == "one_euro" and motion_model("arkit") is ArkitRegressor


def test_many_people_then_one(tmp_path: Path) -> None:
    people = [example(3.0, seed, speaker, rest) for seed, speaker, rest in ((0, "a", 0.05), (1, "b", 0.25))]
    general = learn(people, None, tmp_path / "general", mode="general", duration=Duration(4), config=CONFIG)
    model = ArkitRegressor.load(general)
    rests = [measure_curves([e]).rest for e in people]
    assert np.allclose(model.curves.rest, np.mean(rests, axis=0), atol=1e-6)
    own = learn(people[:1], general, tmp_path / "own", mode="person", duration=Duration(4), config=ArkitConfig())
    tuned = ArkitRegressor.load(own)
    assert np.allclose(tuned.curves.rest, rests[0], atol=1e-6) and tuned.architecture == CONFIG.architecture
    assert np.allclose(tuned.curves.scale, model.curves.scale) and tuned.digest() != model.digest()
    stamp = own.read_bytes()
    learn(people[:1], general, tmp_path / "own", mode="person", duration=Duration(4), config=ArkitConfig())
    assert own.read_bytes() == stamp  # the same call is done at once, with the same result


def test_the_gain_makes_up_for_a_map_that_gives_too_little() -> None:
    plain = example(4.0)
    wide = replace(plain.motion, expression=(1.3 * plain.motion.expression).astype(np.float32))
    assert measure_curves([replace(plain, motion=wide)]).gain == pytest.approx(1.3, abs=0.02)


def test_what_cannot_be_learned_or_heard_is_told(learned: ArkitRegressor, tmp_path: Path) -> None:
    for examples, words in (
        ([], "nothing to learn"),
        ([replace(example(2.0), arkit=None)], "ARKit"),
        ([replace(example(2.0), arkit=np.zeros((60, 0), np.float32))], "ARKit"),
        ([example(2.0), replace(example(2.0), features=replace(speech(2.0), extractor="other"))], "kinds"),
    ):
        with pytest.raises(InputError, match=words):
            learn(examples, None, tmp_path / "run", mode="person", duration=Duration(1), config=CONFIG)
    with pytest.raises(InputError, match="toy"):
        learned.values(replace(speech(1.0), extractor="log_mel"))
    with pytest.raises(InputError, match="times a second"):
        learned.values(replace(speech(1.0), rate_hz=100.0))
    with pytest.raises(InputError, match="emotion"):
        learned.directed(Delivery("happy"))
