"""The paper's networks: shapes, gradients, determinism, and that they learn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from render2video.losses import GanLosses, PaperLossWeights
from render2video.paper import PaperConfig, create_discriminator, create_generator, sliding_windows

TINY = PaperConfig(window=3, width=8, downs=2, blocks=1, scales=2, discriminator_width=8, discriminator_layers=2)


def batch(size: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    """Window, previous output, real frame: the frame is the window's middle picture with its channels turned."""
    coarse = torch.rand(2, 12, size // 8, size // 8, generator=torch.Generator().manual_seed(0))
    window = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear").unflatten(1, (3, 4))
    return window, torch.zeros(2, 3, size, size), window[:, 1, [2, 0, 1]]


def test_the_default_is_the_papers() -> None:
    with torch.device("meta"):
        generator, discriminator = create_generator(PaperConfig()), create_discriminator(PaperConfig())
        frame = generator(torch.empty(1, 9, 4, 512, 512), torch.empty(1, 3, 512, 512))
        judged = discriminator(torch.empty(1, 9, 4, 512, 512), frame)
    assert frame.shape == (1, 3, 512, 512)
    # pix2pixHD's global generator with 3 input channels has 182.5 M parameters; 36 more channels add 36 * 64 * 49.
    assert sum(p.numel() for p in generator.parameters()) / 1e6 == pytest.approx(182.5 + 36 * 64 * 49 / 1e6, abs=0.1)
    assert [scale[-1].shape[-1] for scale in judged] == [67, 35, 19]
    assert all(len(scale) == 5 and scale[-1].shape[1] == 1 for scale in judged)


def test_a_patch_is_70_pixels() -> None:
    """A middle verdict of the finest discriminator answers to a 70-pixel square (pix2pixHD), no more."""
    discriminator = create_discriminator(PaperConfig(window=1, discriminator_width=4, scales=1)).double()
    for module in discriminator.modules():  # instance norm spreads pixels everywhere: look at the convolutions alone
        if isinstance(module, torch.nn.InstanceNorm2d):
            module.forward = lambda x: x  # type: ignore[method-assign]
    frame = torch.rand(1, 3, 160, 160, dtype=torch.float64, requires_grad=True)
    verdict = discriminator(torch.rand(1, 4, 160, 160, dtype=torch.float64), frame)[0][-1]
    verdict[0, 0, 10, 10].backward()
    assert frame.grad is not None
    rows = frame.grad.abs().sum((0, 1, 3)).nonzero()
    assert (rows.max() - rows.min() + 1).item() == 70


def test_frames_are_in_range_and_depend_on_everything() -> None:
    torch.manual_seed(0)
    generator, (window, previous, _) = create_generator(TINY), batch()
    window.requires_grad_(True)
    previous.requires_grad_(True)
    frame = generator(window, previous)
    assert frame.shape == (2, 3, 32, 32) and frame.min() >= 0 and frame.max() <= 1
    frame.square().sum().backward()
    assert window.grad is not None and previous.grad is not None
    assert bool((window.grad.abs().sum((0, 3, 4)) > 0).all())  # every picture and channel of the window, eye maps too
    assert bool((previous.grad.abs().sum((0, 2, 3)) > 0).all())
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in generator.parameters())


def test_wrong_shapes_are_refused() -> None:
    generator = create_generator(TINY)
    with pytest.raises(AssertionError, match="window"):
        generator(torch.zeros(1, 5, 4, 32, 32), torch.zeros(1, 3, 32, 32))
    with pytest.raises(AssertionError, match="30x32"):
        generator(torch.zeros(1, 3, 4, 30, 32), torch.zeros(1, 3, 30, 32))


def trained(steps: int) -> tuple[list[float], Tensor]:
    """Reconstruction loss per step of a small adversarial training, and the last frame."""
    torch.manual_seed(0)
    generator, discriminator = create_generator(TINY), create_discriminator(TINY)
    adam = torch.optim.Adam(generator.parameters(), 2e-3, betas=(0.5, 0.999))
    other = torch.optim.Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.999))
    gan = GanLosses(discriminator, other, PaperLossWeights())
    window, previous, real = batch()
    history = []
    for _ in range(steps):
        made = generator(window, previous)
        gan.train_discriminator(window, made, real)
        named = gan.generator_losses(window, made, real)
        adam.zero_grad()
        named["total"].backward()
        adam.step()
        history.append(named["reconstruction"].item())
    return history, generator(window, previous).detach()


def test_it_overfits_two_frames_and_the_same_seed_gives_the_same() -> None:
    history, frame = trained(60)
    assert history[-1] < 0.35 * history[0]
    again, frame_again = trained(60)
    assert again == history and torch.equal(frame, frame_again)


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 9, 30])
@pytest.mark.parametrize("size", [1, 3, 9])
def test_windows_are_centred_and_hold_the_ends(count: int, size: int) -> None:
    pictures = [torch.full((1, 1, 1), float(k)) for k in range(count)]
    windows = [w.flatten().tolist() for w in sliding_windows(pictures, size)]
    half = size // 2
    expected = [[float(min(max(k + d, 0), count - 1)) for d in range(-half, half + 1)] for k in range(count)]
    assert windows == expected


def test_windows_stream() -> None:
    taken = 0

    def camera() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield torch.zeros(1, 1, 1)

    windows = sliding_windows(camera(), 9)  # type: ignore[arg-type]
    next(windows)
    assert taken == 5
    next(windows)
    assert taken == 6
