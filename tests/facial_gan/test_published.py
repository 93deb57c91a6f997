"""The importer against outputs of the published networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facial_gan.networks import create_generator, with_velocity
from facial_gan.published import import_discriminator, import_generator
from foundation.errors import InputError


def golden(path: Path, prefix: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Weights without their prefix, and everything else."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    weights = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
    return weights, {name: value for name, value in arrays.items() if not name.startswith(prefix)}


def test_generator_repeats_the_published_output(golden_dir: Path) -> None:
    weights, rest = golden(golden_dir / "facial_gan.npz", "G.")
    with torch.no_grad():
        motion = import_generator(weights)(torch.from_numpy(rest["audio"]), torch.from_numpy(rest["initial"][:, 0]))
    assert motion.shape == rest["output"].shape
    np.testing.assert_allclose(motion.numpy(), rest["output"], atol=1e-5)


def test_discriminator_repeats_the_published_output(golden_dir: Path) -> None:
    weights, rest = golden(golden_dir / "facial_discriminator.npz", "D.")
    with torch.no_grad():
        scores = import_discriminator(weights)(torch.from_numpy(rest["input"]))
    np.testing.assert_allclose(scores.numpy(), rest["output"], atol=1e-5)


def test_weights_of_something_else_are_refused(golden_dir: Path) -> None:
    weights, _ = golden(golden_dir / "facial_gan.npz", "G.")
    without = {name: value for name, value in weights.items() if name != "G1.fc2.bias"}
    with pytest.raises(InputError, match="head.bias"):
        import_generator(without)
    with pytest.raises(InputError, match="unheard_of"):
        import_generator(weights | {"unheard_of.weight": np.zeros(3)})
    with pytest.raises(InputError, match="shape"):
        import_generator(weights | {"G1.fc2.bias": np.zeros(70)})


@pytest.mark.parametrize("feature_size", [5, 29, 64, 80])
@pytest.mark.parametrize("use_context", [True, False])
@pytest.mark.parametrize("use_initial", [True, False])
def test_any_feature_size_and_ablation_runs(feature_size: int, use_context: bool, use_initial: bool) -> None:
    small = {"picture_widths": (4, 4, 8, 8), "unet_widths": (8, 8), "join_widths": (8,)}
    generator = create_generator(feature_size, 71, use_context=use_context, use_initial=use_initial, **small).eval()
    windows = torch.randn(2, 128, 16, feature_size)
    with torch.no_grad():
        motion = generator(windows, torch.zeros(2, 71))
        moved = generator(windows, torch.ones(2, 71))
    assert motion.shape == (2, 128, 71)
    assert with_velocity(motion).shape == (2, 255, 71)
    # Only a network that is told the initial state, through its context, may depend on it.
    assert torch.equal(motion, moved) is not (use_context and use_initial)
