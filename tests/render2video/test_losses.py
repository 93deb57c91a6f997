"""Losses against closed forms and second implementations."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch import nn

from foundation.errors import InputError
from render2video.losses import (
    GanLosses,
    PaperLossWeights,
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
    load_perceptual,
    reconstruction_loss,
    ssim,
    ssim_loss,
    ssim_map,
)
from render2video.losses.perceptual import PerceptualLoss, Vgg19Features
from render2video.paper import PaperConfig, create_discriminator

TINY = PaperConfig(window=3, width=4, downs=2, blocks=1, scales=2, discriminator_width=4, discriminator_layers=2)


def scipy_ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Wang's formula with scipy's Gaussian, one picture `[H, W]`, whole windows only."""
    def blur(v: np.ndarray) -> np.ndarray:
        return gaussian_filter(v, 1.5, radius=5)[5:-5, 5:-5]

    mx, my = blur(x), blur(y)
    vx, vy, cxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    return (2 * mx * my + 1e-4) * (2 * cxy + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))


def test_ssim_is_scipys() -> None:
    rng = np.random.default_rng(0)
    x = gaussian_filter(rng.random((2, 3, 40, 52)), (0, 0, 2, 2)) * 2 - 0.5
    y = np.clip(x + rng.normal(0, 0.05, x.shape), 0, 1)
    got = ssim_map(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    expected = np.stack([[scipy_ssim(x[b, c], y[b, c]) for c in range(3)] for b in range(2)])
    np.testing.assert_allclose(got, expected, atol=1e-9)
    means = ssim(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(means.numpy(), expected.mean((1, 2, 3)), atol=1e-9)
    single = ssim(torch.from_numpy(x).float(), torch.from_numpy(y).float())
    np.testing.assert_allclose(single.numpy(), means.numpy(), atol=1e-4)  # float32 is precise enough to train with


def test_ssim_bounds_and_gradient() -> None:
    x = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(ssim(x, x), torch.ones(1, dtype=torch.float64))
    assert ssim(x, 1 - x) < 0
    y = torch.rand(1, 1, 12, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda made: ssim_loss(made, x[:, :1, :12, :12]), (y,))


def test_reconstruction_weighs_pixels() -> None:
    made, real = torch.zeros(1, 3, 2, 2), torch.tensor([[0.1, 0.2], [0.3, 0.4]]).expand(1, 3, 2, 2)
    assert reconstruction_loss(made, real).item() == pytest.approx(0.25)
    weight = torch.tensor([[[[0.0, 1.0], [0.0, 3.0]]]])
    assert reconstruction_loss(made, real, weight).item() == pytest.approx((0.2 + 3 * 0.4) / 4)
    assert reconstruction_loss(made, real, weight * 7).item() == pytest.approx((0.2 + 3 * 0.4) / 4)
    assert reconstruction_loss(made, real, torch.zeros(1, 1, 1, 1)).item() == 0.0


def test_adversarial_and_feature_matching_by_hand() -> None:
    def outputs(verdict: float, feature: float) -> list[list[torch.Tensor]]:
        return [[torch.full((1, 2, 4, 4), feature), torch.full((1, 1, 3, 3), verdict)] for _ in range(2)]

    assert generator_loss(outputs(0.25, 0)).item() == pytest.approx(0.75**2)
    assert discriminator_loss(outputs(0.9, 0), outputs(0.2, 0)).item() == pytest.approx(0.5 * (0.01 + 0.04))
    assert feature_matching_loss(outputs(5, 1.0), outputs(-5, 0.4)).item() == pytest.approx(0.6)


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.rand(2, 3, 4, 32, 32, generator=generator),
        torch.rand(2, 3, 32, 32, generator=generator),
        torch.rand(2, 3, 32, 32, generator=generator),
    )


def losses() -> GanLosses:
    torch.manual_seed(0)
    network = create_discriminator(TINY)
    return GanLosses(network, torch.optim.Adam(network.parameters(), 1e-3, betas=(0.5, 0.999)), PaperLossWeights())


def test_generator_losses_reach_the_frame_and_leave_the_discriminator() -> None:
    gan, (condition, made, real) = losses(), batch()
    made.requires_grad_(True)
    before = {k: v.clone() for k, v in gan.discriminator.state_dict().items()}
    named = gan.generator_losses(condition, made, real)
    named["total"].backward()
    assert made.grad is not None and bool((made.grad != 0).any())
    assert all(p.grad is None and p.requires_grad for p in gan.discriminator.parameters())
    assert all(torch.equal(v, before[k]) for k, v in gan.discriminator.state_dict().items())
    assert set(named) == {"adversarial", "feature_matching", "reconstruction", "total"}
    total = named["adversarial"] + 2 * named["feature_matching"] + 50 * named["reconstruction"]
    torch.testing.assert_close(named["total"], total)


def test_the_discriminator_learns_to_tell_and_the_frame_gets_no_gradient() -> None:
    gan, (condition, made, real) = losses(), batch()
    made.requires_grad_(True)
    history = [gan.train_discriminator(condition, made, real)["discriminator"].item() for _ in range(40)]
    assert made.grad is None
    assert history[-1] < 0.5 * history[0]
    assert gan.generator_losses(condition, made, real)["adversarial"] > 0.5  # told apart: near 1, not near 0


def vgg_by_the_book() -> nn.Sequential:
    """VGG19's convolutional part as the paper's table E lists it, independent of ours."""
    layers: list[nn.Module] = []
    channels = 3
    blocks = ([64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4)
    for entry in (e for block in blocks for e in [*block, "M"]):
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, entry, 3, padding=1), nn.ReLU()]
            channels = entry
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def vgg_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    book = vgg_by_the_book()
    return {f"features.{k}": v for k, v in book.state_dict().items()} | {"classifier.0.weight": torch.zeros(2, 2)}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_vgg_features_are_those_of_the_published_layout(
    suffix: str, vgg_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    path = tmp_path / f"vgg19{suffix}"
    save_file(vgg_state, path) if suffix == ".safetensors" else torch.save(vgg_state, path)
    loss = load_perceptual(path)
    assert loss is not None
    book = vgg_by_the_book()
    book.load_state_dict({k.removeprefix("features."): v for k, v in vgg_state.items() if "classifier" not in k})
    picture = torch.rand(1, 3, 32, 48)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    x = (picture - mean) / deviation
    expected = []
    for index, layer in enumerate(book):
        x = layer(x)
        if index in (1, 6, 11, 20, 29):  # relu1_1 ... relu5_1
            expected.append(x)
    got = loss.network(picture)
    assert len(got) == 5
    for mine, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_perceptual_loss_pulls_towards_the_real_picture() -> None:
    torch.manual_seed(0)
    loss, real = PerceptualLoss(Vgg19Features()), torch.rand(1, 3, 32, 32)
    assert loss(real, real).item() == 0.0
    made = torch.rand(1, 3, 32, 32, requires_grad=True)
    first = loss(made, real)
    (slope,) = torch.autograd.grad(first, made)
    assert loss(made - 0.05 * slope / slope.norm(), real) < first
    assert all(not p.requires_grad for p in loss.parameters())


def test_no_weights_leave_the_term_out_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert load_perceptual(None) is None
    assert len(caplog.records) == 1 and "left out" in caplog.text


def test_the_file_that_torchvision_keeps_is_found_by_its_name(
    vgg_state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"vgg19-dcbb9e9d.pth does not exist.*torchvision.models.vgg19"):
        load_perceptual("torchvision")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(vgg_state, tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth")
    loss = load_perceptual(Path("torchvision"))
    assert loss is not None
    torch.testing.assert_close(loss.network.state_dict()["features.28.bias"], vgg_state["features.28.bias"])


def test_bad_weight_files_are_told_in_one_line(vgg_state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    cases: dict[str, object] = {
        "absent.pth": None,
        "noise.pth": b"not weights",
        "noise.safetensors": b"not weights",
        "other.pth": {"conv.weight": torch.zeros(3)},
        "list.pth": [1, 2],
        "code.pth": {"features.0.weight": Path("/")},
        "nan.safetensors": {**vgg_state, "features.0.bias": torch.full((64,), torch.nan)},
    }
    for name, content in cases.items():
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif name.endswith(".safetensors"):
            save_file(content, path)
        elif content is not None:
            torch.save(content, path)
        with pytest.raises(InputError, match=name) as told:
            load_perceptual(path)
        assert "\n" not in str(told.value) and "vgg19 weights" in str(told.value), name
