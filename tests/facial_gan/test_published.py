"""The importer against outputs of the published networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from face_model.morphable_model import rotate
from face_model.published_facial import PublishedFit, camera, read_motion
from face_model.tracks import FaceMotion, SpeechFeatures
from facial_gan.building import build_discriminator, build_generator, published
from facial_gan.networks import with_velocity
from facial_gan.published import import_generator, import_motion_model
from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from tests.facial_gan.synthetic import small
from tests.talking_head.parts import published_weights


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
    judge = build_discriminator(published()).eval()
    judge.load_state_dict({name.replace("model.", "layers."): torch.from_numpy(w) for name, w in weights.items()})
    with torch.no_grad():
        scores = judge(torch.from_numpy(rest["input"]))
    np.testing.assert_allclose(scores.numpy(), rest["output"], atol=1e-5)


def test_weights_of_something_else_are_refused() -> None:
    weights = {name: value.numpy() for name, value in published_weights().items()}
    assert import_generator(weights) is not None
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
    generator = build_generator(replace(small(), use_context=use_context, use_initial=use_initial), feature_size).eval()
    windows = torch.randn(2, 128, 16, feature_size)
    with torch.no_grad():
        motion = generator(windows, torch.zeros(2, 71))
        moved = generator(windows, torch.ones(2, 71))
    assert motion.shape == (2, 128, 71)
    assert with_velocity(motion).shape == (2, 255, 71)
    # Only a network that is told the initial state, through its context, may depend on it.
    assert torch.equal(motion, moved) is not (use_context and use_initial)


def test_an_imported_model_says_in_our_units_what_the_network_said(golden_dir: Path, tmp_path: Path) -> None:
    """Saved and loaded, through z-scores, the other order of the pose and the camera: to a tenth of a pixel."""
    weights, rest = golden(golden_dir / "facial_gan.npz", "G.")
    rng = np.random.default_rng(0)
    pose = rng.normal((2, -3, 5, 169, -4, -24), (2, 3, 3, 1, 15, 7), (50, 6))
    fit = PublishedFit(
        pose, np.ones(50), *(rng.normal(0, 1, (50, size)) for size in (64, 80, 80, 27))
    )
    import_motion_model(weights, fit).save(tmp_path / "model.safetensors")
    model = FacialGan.load(tmp_path / "model.safetensors")
    order = [0, 1, 2, 4, 5, 3, *range(6, 71)]
    with torch.no_grad():
        audio, initial = torch.from_numpy(rest["audio"]), torch.from_numpy(rest["initial"][:, 0])
        made = model.generator(audio, initial[:, order])[0].numpy()
    ours = FaceMotion.unpack(model.statistics.restore(made), 30.0, "deng_bfm")
    np.savez(tmp_path / "z.npz", face=rest["output"][0])
    theirs = read_motion(tmp_path / "z.npz", statistics=fit.pose_statistics())
    np.testing.assert_allclose(ours.rotation, theirs.rotation, atol=1e-5)
    np.testing.assert_allclose(ours.expression, theirs.expression, atol=1e-4)
    np.testing.assert_allclose(ours.blink, theirs.blink, atol=1e-4)
    points = torch.from_numpy(rng.normal(0, 60, (40, 3)).astype(np.float32)).expand(len(ours), -1, -1)
    drawn = [
        camera().project(rotate(points, torch.from_numpy(m.rotation)), torch.from_numpy(m.translation))[0].numpy()
        for m in (ours, theirs)
    ]
    np.testing.assert_allclose(drawn[0], drawn[1], atol=0.1)
    features = SpeechFeatures(rng.normal(0, 1, (90, 29)).astype(np.float32), 30.0, "deepspeech", 3.0)
    spoken = model.synthesize(features, seed=1)
    assert len(spoken) == 90 and spoken.face_model == "deng_bfm" and (spoken.translation[:, 2] < 0).all()
