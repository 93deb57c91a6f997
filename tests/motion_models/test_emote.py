"""EMOTE as a motion model: trained small, resumed, steered, saved; made in pieces that join without a seam."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from foundation.files import read_tensors
from motion_models.directions import AskedEmotion, Delivery
from motion_models.emote import Emote
from motion_models.emote.config import EmoteConfig, Sizes, Steps
from motion_models.emote.emotions import CONDITIONS, KINDS, codes_over_time, emotion_code
from motion_models.emote.faces import mp478_face
from motion_models.emote.learning import learn
from motion_models.emote.model import Measures, Styles, build_networks
from motion_models.emote.train import Stage1
from motion_models.statistics import FeatureStatistics
from talking_head.motion.model_registry import Entry, load_motion_model, motion_entry
from tests.motion_models.emote_parts import FEATURES, config, example, flame_example, sizes, speech, write_flame
from training import Duration


@pytest.fixture
def model() -> Emote:
    """Untrained, its decoder's last layer not zero."""
    torch.manual_seed(3)
    networks = build_networks(sizes(), FEATURES, 2, mp478_face().mouth_mm)
    torch.nn.init.normal_(networks.prior.decoder.to_expression.weight)
    means = np.random.default_rng(0).standard_normal((2, 64)).astype(np.float32)
    styles = Styles(("ann", "bob"), means, np.array([[0] * 6, [1] * 6], np.float32))
    features = FeatureStatistics(np.zeros(FEATURES, np.float32), 1.0, np.full(FEATURES, -1.0, np.float32))
    return Emote(networks, styles, Measures(features, 0.5, np.ones(52, np.float32)), sizes(), "toy", "mp478")


def test_it_is_registered_and_leaves_the_head_to_others() -> None:
    assert motion_entry("emote") == Entry(EmoteConfig, Emote, learn) and not Emote.moves_head


@pytest.mark.parametrize("seconds", [0.02, 1.0, 7.3, 40.0])
def test_pieces_are_what_one_pass_over_the_whole_clip_makes(
    model: Emote, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = speech(seconds)
    in_pieces = model.synthesize(spoken)
    assert len(in_pieces) == max(1, round(30 * seconds))
    monkeypatch.setattr("motion_models.emote.model.CHUNK_FRAMES", 100_000)
    at_once = model.synthesize(spoken)
    assert at_once.expression.std() > 0.1
    np.testing.assert_allclose(in_pieces.expression, at_once.expression, atol=1e-4)


def test_what_is_made_at_once_does_not_grow_with_the_clip(model: Emote) -> None:
    """Memory is that of a piece; the decoder tells how much it got."""
    seen: list[int] = []
    model.networks.prior.decoder.register_forward_hook(lambda _, given, made: seen.append(made.shape[1]))
    for _ in model.stream(speech(60.0)):
        pass
    assert max(seen) < 600 and sum(seen) < 2.2 * 1800


def test_codes_are_one_hot_at_recorded_intensities_and_blend_between() -> None:
    for kind, level in CONDITIONS:
        code = emotion_code(kind, level)
        assert set(np.round(code, 6)) <= {0.0, 1.0} and code[: len(KINDS)].argmax() == KINDS.index(kind)
    assert np.allclose(emotion_code("sad", 0.0), emotion_code("neutral", 1.0))
    assert np.allclose(emotion_code("sad", 0.5), (emotion_code("sad", 1 / 3) + emotion_code("sad", 2 / 3)) / 2)
    keys = [AskedEmotion("neutral", 1.0, 1.0), AskedEmotion("happy", 1.0, 2.0)]
    codes = codes_over_time(keys, np.array([0.0, 1.5, 9.0]))
    assert np.allclose(codes[1], (codes[0] + codes[2]) / 2) and np.allclose(codes[2], emotion_code("happy", 1.0))


def test_directions_change_the_copy_only(model: Emote, tmp_path: Path) -> None:
    heard = speech(3.0)
    plain = model.synthesize(heard).expression
    happy = model.directed(Delivery(emotion="happy:0.7", style="bob"))
    assert np.array_equal(model.synthesize(heard).expression, plain)
    assert not np.allclose(happy.synthesize(heard).expression, plain)
    assert np.allclose(happy.synthesize(heard).translation, 1.0) and np.allclose(model.at_rest()[1], 0.5)
    path = tmp_path / "emotions.csv"
    path.write_text("time_s,emotion,intensity\n0,neutral,1\n6,happy,0.7\n", encoding="utf-8")
    blended = model.directed(Delivery(emotions=path, style="bob")).synthesize(speech(12.0)).expression
    steady = model.directed(Delivery(emotion="happy:0.7", style="bob")).synthesize(speech(12.0)).expression
    calm = model.directed(Delivery(style="bob")).synthesize(speech(12.0)).expression
    far = 64 + 40  # frames: attention, convolutions and the prior's own reach
    assert np.allclose(blended[180 + far :], steady[180 + far :], atol=1e-5)
    assert not np.allclose(blended[:60], steady[:60], atol=1e-3)
    assert np.abs(blended[:30] - calm[:30]).mean() < np.abs(steady[:30] - calm[:30]).mean()


@pytest.mark.parametrize(
    ("directions", "told"),
    [
        (Delivery("glad"), "emotion 'glad'"), (Delivery("happy:3"), "intensity"), (Delivery(style="carl"), "ann, bob"),
        (Delivery("sad", "a.csv"), "one of the two"),
    ],
)  # fmt: skip
def test_a_wrong_direction_is_told(model: Emote, directions: Delivery, told: str) -> None:
    with pytest.raises(InputError, match=told):
        model.directed(directions)


def test_features_of_another_encoder_are_refused(model: Emote) -> None:
    with pytest.raises(InputError, match="toy features"):
        model.synthesize(replace(speech(1.0), extractor="other"))


def test_saved_and_loaded_it_says_the_same(model: Emote, tmp_path: Path) -> None:
    model.save(tmp_path / "emote.safetensors")
    again = load_motion_model(tmp_path / "emote.safetensors")
    asked = Delivery("angry:0.4", style="ann")
    first, second = (m.directed(asked).synthesize(speech(2.0)).pack() for m in (model, again))
    assert np.array_equal(first, second)


def people() -> list:
    return [example(4.0, 0, "ann"), example(3.0, 1, "bob")]


def test_training_is_repeatable_and_resumes(tmp_path: Path) -> None:
    whole = learn(people(), None, tmp_path / "whole", mode="general", config=config())
    again = learn(people(), None, tmp_path / "whole", mode="general", config=config())
    assert whole == again and Emote.load(whole).styles.names == ("ann", "bob")

    class KilledError(Exception):
        pass

    def killed(step: int, *_: object) -> dict[str, float]:
        raise KilledError

    untouched = Stage1.training_step
    Stage1.training_step = killed  # type: ignore[method-assign, assignment]
    try:
        with pytest.raises(KilledError):
            learn(people(), None, tmp_path / "killed", mode="general", config=config())
    finally:
        Stage1.training_step = untouched  # type: ignore[method-assign]
    assert not (tmp_path / "killed" / "emote.safetensors").exists()
    resumed = learn(people(), None, tmp_path / "killed", mode="general", config=config())
    assert Emote.load(resumed).digest() == Emote.load(whole).digest()


def test_a_person_starts_from_general_weights(tmp_path: Path) -> None:
    """The prior and the lip reader stay, the person becomes the style that speaks, with their own mean and pose."""
    base = learn(people(), None, tmp_path / "general", mode="general", duration=Duration(8), config=config())
    mine = learn([example(4.0, 5)], base, tmp_path / "mine", mode="person", duration=Duration(4), config=config())
    general, person = Emote.load(base), Emote.load(mine)
    assert person.styles.names == ("ann", "bob", "own") and person.style == 2 and general.style == -1
    for name, value in general.networks.prior.state_dict().items():
        assert torch.equal(value, person.networks.prior.state_dict()[name]), name
    assert torch.equal(general.networks.reader.tell.weight, person.networks.reader.tell.weight)
    assert np.allclose(person.synthesize(speech(1.0)).translation, [1, 2, -900])
    person.directed(Delivery(style="ann")).synthesize(speech(1.0))


def test_stage_two_leaves_the_speech_front_end(tmp_path: Path) -> None:
    from training.checkpoint import load_checkpoint  # noqa: F401

    learn(people(), None, tmp_path, mode="general", config=config())
    first, second = (read_tensors(tmp_path / part / "state.safetensors")[0] for part in ("stage1", "stage2"))
    own = [name for name in first if name.startswith("average.")]
    frozen = [name for name in own if name.startswith("average.speech.")]
    assert frozen and all(np.array_equal(first[name], second[name]) for name in frozen)
    assert any(not np.array_equal(first[name], second[name]) for name in own if name not in frozen)


@pytest.mark.slow
def test_it_learns_to_smile_as_much_as_asked(tmp_path: Path) -> None:
    """On unseen speech. Whether the lips follow it, real footage tells (`benchmarks.emote`): a toy says no words."""
    shown = [example(20.0, 0, "ann")]
    steps = Steps(lip_reader=50, prior=500, stage1=500, stage2=60)
    settings = replace(config(takes=4), sizes=Sizes(), steps=steps, batch_size=8)
    made = Emote.load(learn(shown, None, tmp_path, mode="person", config=replace(settings, learning_rate=2e-3)))
    unseen = example(8.0, 7)
    plain = made.synthesize(unseen.features).expression
    smile = mp478_face().units["both"][6]
    rise = [
        ((made.directed(Delivery(emotion=f"happy:{s}")).synthesize(unseen.features).expression - plain) @ smile).mean()
        for s in (0.33, 0.67, 1.0)
    ]
    assert 0 < rise[0] < rise[1] < rise[2]


def test_it_learns_a_head_of_flames_layout(tmp_path: Path) -> None:
    path = write_flame(tmp_path / "flame.npz")
    given = replace(config(2), use_flame=str(path))
    made = Emote.load(learn([flame_example(15)], None, tmp_path / "run", mode="person", config=given))
    motion = made.directed(Delivery(emotion="happy")).synthesize(speech(1.0))
    assert motion.face_model == "flame" and motion.expression.shape == (30, 15)


def test_what_cannot_be_learned_from_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to learn"):
        learn([], None, tmp_path, mode="general", config=config())
    other = replace(example(), features=replace(example().features, extractor="other"))
    with pytest.raises(InputError, match="2 kinds"):
        learn([example(), other], None, tmp_path, mode="general", config=config())
    with pytest.raises(InputError, match="half a second"):
        learn([example(0.3)], None, tmp_path, mode="general", config=config())
    base = learn([example()], None, tmp_path / "base", mode="person", duration=Duration(4), config=config())
    with pytest.raises(InputError, match="toy features"):
        learn([other], base, tmp_path / "other", mode="general", config=config())
