"""The networks' shapes, the attention's fast path, the losses against closed forms."""

from __future__ import annotations

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

import configs
from foundation.config import configure, load_yaml
from motion_models.emote.attention import banded_attention, plain_attention
from motion_models.emote.config import EmoteConfig, LossWeights, Sizes
from motion_models.emote.faces import mp478_face
from motion_models.emote.losses import Geometry, divergence, perceptual_losses, vertex_losses, weighted_sum
from motion_models.emote.model import build_networks
from motion_models.emote.network import LATENT_FRAMES, Prior
from motion_models.emote.readers import ActionUnitDescriptor, LipReadingNetwork
from tests.motion_models.emote_parts import FEATURES, sizes


def test_attention_in_a_band_equals_attention_over_all() -> None:
    torch.manual_seed(0)
    for count in (1, 7, 64, 203):
        query, key, value = (torch.randn(2, 4, count, 8) for _ in range(3))
        made = banded_attention(query, key, value, reach=16, period=5)
        assert torch.allclose(made, plain_attention(query, key, value, 16, 5), atol=1e-5)


def test_attention_sees_its_band_only_and_the_near_more() -> None:
    query = torch.zeros(1, 1, 50, 4)
    value = torch.eye(50)[None, None]
    weights = plain_attention(query, query, value, reach=10, period=1)[0, 0]
    assert (weights[25, :15] == 0).all() and (weights[25, 36:] == 0).all()
    assert torch.allclose(weights[25, 15:36], weights[25, 15:36].flip(0)) and weights[25, 25] > weights[25, 24]


def test_eight_frames_are_one_latent_and_back() -> None:
    prior = Prior(64, sizes().prior).eval()
    shown = torch.randn(2, 32, 64)
    again, mean, log_variance = prior(shown)
    assert again.shape == shown.shape and mean.shape == log_variance.shape == (2, 32 // LATENT_FRAMES, 8)
    moved = prior.decoder(torch.randn(1, 4, 8))
    assert torch.equal(moved, moved[:, :1].expand_as(moved).contiguous()) or moved[0, 4:-4].std(0).max() < 1e-6


def test_the_published_sizes() -> None:
    said = load_yaml(configs.FOLDER / "emote_published.yaml")["model"]
    networks = build_networks(configure(EmoteConfig, said).sizes, 768, 32, mp478_face().mouth_mm)
    assert networks.speaker.squash.out_features == 128
    assert networks.speaker.transformer.project.in_features == 256
    small = build_networks(Sizes(), 80, 1, mp478_face().mouth_mm)
    assert sum(p.numel() for p in small.speaker.parameters()) < 200_000


def test_divergence_is_that_of_normals() -> None:
    mean, log_variance = torch.randn(3, 4, 8), torch.randn(3, 4, 8)
    truth = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(-1).mean()
    assert torch.allclose(divergence(mean, log_variance), truth, rtol=1e-5)


def test_vertex_errors_leave_out_unseen_frames() -> None:
    face = mp478_face()
    geometry = Geometry.of(face, 2.0, "cpu")
    made, real = torch.randn(2, 5, 64), torch.randn(2, 5, 64)
    mask = torch.tensor([[1.0, 1, 0, 0, 0], [0, 0, 0, 0, 1]])
    named = vertex_losses(made, real, mask, geometry)
    error = (2 * (made - real))[mask > 0].numpy()
    assert np.allclose(named["vertices"], ((error @ face.vertices) ** 2).sum(-1).mean(), rtol=1e-4)
    assert np.allclose(named["lips"], ((error @ face.mouth_mm) ** 2).reshape(3, 40, 3).sum(-1).mean(), rtol=1e-4)


def test_a_perfect_face_has_no_perceptual_loss_and_another_emotion_has() -> None:
    torch.manual_seed(0)
    face = mp478_face()
    lips = LipReadingNetwork(face.mouth_mm, FEATURES, 16)
    emotion = ActionUnitDescriptor(face, np.full(52, 0.05, np.float32))
    shown, mask = torch.randn(3, 20, 64), torch.ones(3, 20)
    same = perceptual_losses(shown, shown, mask, shown, mask, 1.0, lips, emotion)
    assert all(abs(float(value.detach())) < 1e-5 for value in same.values())
    smile = torch.from_numpy(face.units["both"][6].astype(np.float32))
    other = perceptual_losses(shown, shown, mask, shown + smile, mask, 1.0, lips, emotion)
    assert other["emotion"].item() > 0.01 and abs(other["lip_reading"].item()) < 1e-5


def test_exchanged_terms_weigh_as_what_they_are_of() -> None:
    named = {"vertices": torch.tensor(1.0), "emotion": torch.tensor(2.0), "exchanged_emotion": torch.tensor(4.0)}
    weights = LossWeights(vertices=1.0, emotion=0.5, exchange=0.25)
    assert float(weighted_sum(named, weights)) == 1 + 0.5 * 2 + 0.25 * 0.5 * 4
