"""Network, losses, training, streaming: against closed forms and plain second versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import configs
from face_model.tracks import FaceMotion, Sound, SpeechFeatures
from foundation.config import configure, load_yaml
from foundation.errors import InputError
from motion_models.karras2017 import Karras2017
from motion_models.karras2017.config import KarrasConfig
from motion_models.karras2017.data import RunSet, look, rows_seen
from motion_models.karras2017.losses import Balance, motion_loss, position_loss, slowness_loss
from motion_models.karras2017.model import build_network
from motion_models.karras2017.train import learn, principal_shapes
from motion_models.people import feature_statistics, valid_expressions
from preprocessing.speech import speech_encoder
from talking_head.motion.model_registry import load_motion_model, motion_model
from tests.facial_gan.synthetic import example, speech
from tests.motion_models.karras_parts import louder, moody_example, small, toy_face
from training import Duration

LOOK_AHEAD_S = 0.26 + 0.008  # a face that falls between slices sees up to one more

GENERAL: dict[str, Any] = {"mode": "general", "face": toy_face(), "config": small()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    people = [example(6.0, seed, speaker) for seed, speaker in ((0, "a"), (1, "b"))]
    run = tmp_path_factory.mktemp("karras")
    return learn(people, None, run, **GENERAL, duration=Duration(steps=6))


def test_the_published_sizes() -> None:
    said = load_yaml(configs.FOLDER / "karras2017_published.yaml")["model"]
    network = build_network(configure(KarrasConfig, said).architecture, 32, 150, 478)
    maps, lengths = torch.zeros(1, 1, 32), []
    for layer in network.formants.layers:
        maps = layer(maps, 1)
        lengths.append(tuple(maps.shape[1:]))
    assert lengths == [(72, 16), (108, 8), (162, 4), (243, 2), (256, 1)]
    formants = sum(a * b * k + b for a, b, k in [(1, 72, 3), (72, 108, 3), (108, 162, 3), (162, 243, 3), (243, 256, 2)])
    steps = [(256, 3), (272, 3), (272, 3), (272, 3), (272, 4)]
    articulation = sum(a * 256 * k + 256 for a, k in steps)
    output = (272 + 1) * 150 + (150 + 1) * 3 * 478
    assert sum(p.numel() for p in network.parameters()) == formants + articulation + output


def test_a_face_sees_64_slices_and_neighbours_are_blended() -> None:
    network = build_network(small().architecture, 6, 5, 10)
    slices = torch.randn(1, 80, 6, requires_grad=True)
    emotion = torch.randn(1, 1, 4)
    network(slices, torch.tensor([[7.0]]), emotion).square().sum().backward()
    assert slices.grad is not None
    assert np.array_equal(np.flatnonzero(slices.grad[0].abs().sum(1).numpy()), np.arange(7, 71))
    analysed = torch.randn(1, 80, 16)
    low, middle, high = (network._windows(analysed, torch.tensor([[p]])) for p in (7.0, 7.25, 8.0))
    assert torch.allclose(middle, 0.75 * low + 0.25 * high, atol=1e-6)


def test_a_face_on_a_whole_slice_sees_the_papers_picture() -> None:
    sound = Sound(np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1)
    encoder, frame = speech_encoder("autocorrelation"), 27  # 14,400 samples; the 8,320 about it begin at 10,240
    features = encoder(sound)
    slices, position = look(features.values, features.rate_hz, frame, 1, np.zeros(32, np.float32))
    assert position[0] == 0.0
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    for j in (0, 30, 63):
        piece = sound.samples[10_240 + 128 * j : 10_240 + 128 * j + 256].astype(np.float64)
        piece = (piece - piece.mean()) * hann
        lags = np.array([(piece[: 256 - k] * piece[k:]).sum() for k in range(32)])
        assert np.allclose(slices[j] / slices[j, 0], lags / lags[0], atol=1e-4)


def test_losses_in_closed_form() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(50, 40, 16, generator=generator)
    assert float(slowness_loss(noise, noise.mean((0, 1)))) == pytest.approx(4.0, rel=0.03)  # 2 * 2 sigma^2 / sigma^2
    centre = torch.zeros(16)
    assert torch.allclose(slowness_loss(noise * 1e-3, centre), slowness_loss(noise, centre))
    assert torch.allclose(slowness_loss(noise + 9, centre + 9), slowness_loss(noise, centre), rtol=1e-3)
    made, real = torch.randn(2, 2, 4, 6, generator=generator).unbind(0)
    weight = torch.ones(2, 4, 6)
    weight[1] = 0.0
    assert torch.allclose(position_loss(made, real, weight), (made[0] - real[0]).square().mean())
    error = (made[0] - real[0]).diff(dim=0).square().mean()
    assert torch.allclose(motion_loss(made, real, weight), 2 * error)


def test_each_loss_is_in_units_of_its_own_size() -> None:
    """A plain version of Adam's second moment."""
    balance = Balance(("a", "b"), decay=0.9)
    moment = np.zeros(2)
    for step in range(1, 6):
        values = np.array([100.0 * step, 0.01 / step])
        moment = 0.9 * moment + 0.1 * values**2
        expected = (values / np.sqrt(moment / (1 - 0.9**step))).sum()
        total = balance({"a": torch.tensor(values[0]).float(), "b": torch.tensor(values[1]).float()})
        assert float(total) == pytest.approx(expected, rel=1e-4)


def test_the_decoder_starts_as_a_principal_component_analysis() -> None:
    generator = np.random.default_rng(1)
    basis = generator.standard_normal((5, 30))
    expression = generator.standard_normal((200, 5)) * [3, 1, 0.5, 2, 0.1]
    mean, components = principal_shapes(expression, basis, 3)
    offsets = expression @ basis
    _, deviation, directions = np.linalg.svd(offsets - offsets.mean(0), full_matrices=False)
    plain = deviation[:3, None] / np.sqrt(200) * directions[:3]
    assert np.allclose(mean, offsets.mean(0)) and np.allclose(np.abs(components @ plain.T), np.diag((plain**2).sum(1)))


def test_same_seed_same_model_and_a_start_is_gone_on_from(trained: Path, tmp_path: Path) -> None:
    people = [example(6.0, seed, speaker) for seed, speaker in ((0, "a"), (1, "b"))]
    again = learn(people, None, tmp_path / "again", **GENERAL, duration=Duration(steps=6))
    model = Karras2017.load(trained)
    assert model.digest() == Karras2017.load(again).digest() and model.parts.emotions.database.shape == (360, 4)
    two = Duration(steps=2)
    tuned = learn(
        [example(6.0, 2)], trained, tmp_path / "p", mode="person", face=toy_face(), config=small(emotion_scale=0.02),
        duration=two,
    )  # fmt: skip
    assert Karras2017.load(tuned).parts.emotions.lengths == (180,)
    assert np.abs(Karras2017.load(tuned).parts.emotions.neutral - model.parts.emotions.neutral).max() < 0.3
    wrong = replace(example(6.0), features=replace(speech(6.0), extractor="other"))
    with pytest.raises(InputError, match="toy features"):
        learn([wrong], trained, tmp_path / "w", **GENERAL)
    with pytest.raises(InputError, match="nothing to learn from"):
        learn([], None, tmp_path / "n", **GENERAL)
    with pytest.raises(InputError, match="fewer than 9 frames"):
        learn([example(0.2)], None, tmp_path / "s", **GENERAL)
    with pytest.raises(InputError, match="does not ship"):
        learn([example(6.0)], None, tmp_path / "f", mode="person")


def test_the_registry_knows_it(trained: Path) -> None:
    assert motion_model("karras2017") is Karras2017 and not Karras2017.moves_head
    assert isinstance(load_motion_model(trained), Karras2017)


@pytest.mark.parametrize("frames", [None, 1, 50, 200])
def test_frame_by_frame_equals_all_at_once(trained: Path, frames: int | None) -> None:
    model, features = Karras2017.load(trained), speech(3.0, 5)
    whole = model.synthesize(features, frames=frames)
    streamed = np.concatenate([piece.pack() for piece in model.stream(features, frames=frames)])
    assert len(whole) == (frames or 90) and np.allclose(streamed, whole.pack(), atol=1e-5)


@pytest.mark.parametrize("rate_hz", [50.0, 125.0, 30.0])
def test_sound_that_comes_in_any_pieces_gives_the_same_faces_in_time(trained: Path, rate_hz: float) -> None:
    model = Karras2017.load(trained)
    values = np.random.default_rng(0).standard_normal((round(2 * rate_hz), 6)).astype(np.float32)
    whole = model.synthesize(SpeechFeatures(values, rate_hz, "toy", 2.0))
    cuts = np.sort(np.random.default_rng(1).integers(0, len(values), 12))
    fed, given_after = 0, []

    def pieces():  # type: ignore[no-untyped-def]
        nonlocal fed
        for piece in np.split(values, cuts):
            fed += len(piece)
            yield piece

    live: list[FaceMotion] = []
    for motion in model.live(pieces(), rate_hz):
        live.append(motion)
        given_after.append(fed)
    assert np.allclose(np.concatenate([m.pack() for m in live]), whole.pack(), atol=1e-5)
    for frame, after in enumerate(given_after):
        needed = min(rows_seen(frame, rate_hz)[1] + 1, len(values))
        assert needed <= after and not any(needed <= cut < after for cut in cuts)


def test_sound_beyond_the_look_ahead_does_not_matter(trained: Path) -> None:
    model, features = Karras2017.load(trained), speech(3.0, 5)
    same = model.synthesize(louder(features, 1.5)).expression
    differs = np.abs(same - model.synthesize(features).expression).max(1) > 1e-6
    first = int(np.flatnonzero(differs)[0])
    slack_s = 1 / features.rate_hz  # rows of 20 ms are interpolated
    assert 1.5 - LOOK_AHEAD_S - slack_s - 1 / 30 <= first / 30 <= 1.5 - LOOK_AHEAD_S + slack_s + 1 / 30


def test_vertices_become_the_nearest_expression(trained: Path) -> None:
    model, features = Karras2017.load(trained), speech(2.0, 5)
    offsets = model.vertices_mm(features).reshape(60, -1)
    plain, *_ = np.linalg.lstsq(toy_face().expression_mm.flatten(1).numpy().T, offsets.T, rcond=None)
    assert np.allclose(model.synthesize(features).expression, plain.T, atol=1e-4)
    assert 0 <= model.parts.residual_mm < 0.1


def test_other_features_are_refused(trained: Path) -> None:
    model, features = Karras2017.load(trained), speech(1.0)
    with pytest.raises(InputError, match="features for karras2017"):
        model.synthesize(replace(features, extractor="other"))
    with pytest.raises(InputError, match="5 speech features"):
        next(model.stream(replace(features, values=features.values[:, :5])))


def test_batches_show_what_was_seen_and_rest_in_silence() -> None:
    shown = moody_example(4.0)
    hidden = np.arange(len(shown.valid)) % 40 != 7
    from motion_models.karras2017.train import _rest, face_of

    shown = replace(shown, valid=hidden)
    rest = _rest(face_of("mp478"), valid_expressions([shown]))
    features = feature_statistics([shown], lambda one: one.features.values)
    runs = RunSet([shown], features, small(silence_share=0.5), rest)
    batches = [runs.batch(np.random.default_rng(k)) for k in range(20)]
    silent = torch.cat([batch.silent for batch in batches])
    assert 0.2 < silent.float().mean() < 0.8 and rest is not None
    for batch in batches:
        resting = batch.expression[batch.silent]
        assert np.allclose(resting, np.broadcast_to(rest.expression, resting.shape))
        lost = (batch.frames % 40 == 7) & (batch.seen == 1)
        assert not lost.any() and (batch.position < batch.slices.shape[1] - 64).all()
