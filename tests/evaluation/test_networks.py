"""Networks that the user brings: right shapes, right names, right answers for planted embeddings; wrong files are
refused.
"""

import numpy as np
import pytest
import torch

from evaluation.clips import Clip
from evaluation.networks import perceptual, syncnet
from face_model.tracks import Sound
from foundation.errors import InputError
from tests.evaluation.synthetic import landmarks, syllables, tone

# Names and shapes of some layers of the published file, read from its architecture: first, last and oddest of each
# tower.
PUBLISHED = {
    "netcnnaud.0.weight": (64, 1, 3, 3), "netcnnaud.4.weight": (192, 64, 3, 3), "netcnnaud.8.weight": (384, 192, 3, 3),
    "netcnnaud.18.weight": (512, 256, 5, 4), "netfcaud.3.weight": (1024, 512), "netcnnlip.0.weight": (96, 3, 5, 7, 7),
    "netcnnlip.4.weight": (256, 96, 1, 5, 5), "netcnnlip.18.weight": (512, 256, 1, 6, 6),
    "netcnnlip.19.running_mean": (512,), "netfclip.0.weight": (512, 512), "netfclip.1.weight": (512,),
}


@pytest.fixture(scope="module")
def clip() -> Clip:
    frames = 20
    picture = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    return Clip(
        "synthetic", 25.0, landmarks(frames), np.ones(frames, bool), np.zeros(frames),
        tone(syllables(frames, 25.0), 25.0), lambda: [np.roll(picture, k, axis=0) for k in range(frames)],
    )


def test_syncnet_has_the_published_layers():
    own = {name: tuple(value.shape) for name, value in syncnet.SyncNet().state_dict().items()}
    assert PUBLISHED.items() <= own.items()


def test_syncnet_loads_a_plain_state_dict_and_scores(tmp_path, clip):
    torch.manual_seed(0)
    path = tmp_path / "syncnet.model"
    torch.save(syncnet.SyncNet().state_dict(), path)
    error = syncnet.lip_sync_error(clip, syncnet.load_syncnet(path))
    assert error.distance > 0 and error.confidence >= 0 and abs(error.offset_frames) <= syncnet.MAX_SHIFT


@pytest.mark.parametrize("late", [-7, 0, 4])
def test_a_planted_shift_is_found(late):
    seen = torch.randn(100, 64, generator=torch.Generator().manual_seed(0))
    found = syncnet.shift_search(seen, torch.roll(seen, late, dims=0))
    assert found.offset_frames == late
    assert found.confidence > 3


def test_mfcc_shape_energy_and_silence():
    time_s = np.arange(16_000) / 16_000
    loud = syncnet.mfcc(Sound(np.sin(2 * np.pi * 440 * time_s).astype(np.float32)))
    quiet = syncnet.mfcc(Sound(0.1 * np.sin(2 * np.pi * 440 * time_s).astype(np.float32)))
    assert loud.shape == (99, 13)
    np.testing.assert_allclose(loud[2:-2, 0] - quiet[2:-2, 0], np.log(100), atol=1e-3)  # log energy: 20 dB
    np.testing.assert_allclose(loud[2:-2, 1:], quiet[2:-2, 1:], atol=0.05)  # the shape does not know loudness
    assert np.isfinite(syncnet.mfcc(Sound(np.zeros(4000, np.float32)))).all()


def test_frechet_distance_closed_form():
    """Two Gaussians of the same spread: the squared distance of their means; and of different spread on one axis."""
    base = np.random.default_rng(0).normal(size=(4000, 3))
    base = (base - base.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(base, rowvar=False))).T
    assert perceptual.frechet_distance(base, base) == pytest.approx(0, abs=1e-6)
    assert perceptual.frechet_distance(base + [3.0, 4.0, 0.0], base) == pytest.approx(25, rel=1e-6)
    assert perceptual.frechet_distance(2 * base, base) == pytest.approx(3, rel=1e-6)  # (2 - 1)^2 on three axes


def test_fid_through_a_script(tmp_path):
    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.float().mean((2, 3))

    path = tmp_path / "features.pt"
    torch.jit.script(Mean()).save(path)
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 200, (8, 8, 3), dtype=np.uint8) for _ in range(20)]
    assert perceptual.fid(pictures, pictures, path) == pytest.approx(0, abs=1e-4)
    assert perceptual.fid([p + 10 for p in pictures], pictures, path) == pytest.approx(300, rel=1e-4)


def test_lpips_is_zero_for_equal_pictures_and_weighs_layers(tmp_path):
    torch.manual_seed(0)
    network = perceptual.Lpips()
    alexnet, linear = tmp_path / "alexnet.pth", tmp_path / "alex.pth"
    torch.save({f"features.{k}": v for k, v in network.features.state_dict().items()}, alexnet)
    channels = (64, 192, 384, 256, 256)
    torch.save({f"lin{k}.model.1.weight": torch.full((1, c, 1, 1), 2.0) for k, c in enumerate(channels)}, linear)
    loaded = perceptual.load_lpips(alexnet, linear)
    random = np.random.default_rng(0)
    one, other = (random.integers(0, 255, (64, 64, 3), dtype=np.uint8) for _ in range(2))
    same, apart = perceptual.lpips_frames([one, other], [one, one], loaded)
    assert same == 0 and apart > 0
    unweighted = perceptual.lpips_frames([other], [one], network)[0]
    assert apart == pytest.approx(2 * unweighted, rel=1e-4)


def test_faces_are_aligned_for_recognition(clip):
    frame = np.zeros((400, 400, 3), np.uint8)
    points = clip.landmarks_px[0]
    for corners in ((33, 133), (362, 263)):
        x, y = points[list(corners), :2].mean(0).round().astype(int)
        frame[y - 2 : y + 3, x - 2 : x + 3] = 255
    face = perceptual.align_face(frame, points)
    assert face.shape == (112, 112, 3)
    assert face[46:57, 33:44].max() > 128 and face[46:57, 68:79].max() > 128  # near (38, 52) and (74, 52)


@pytest.mark.parametrize("content", [None, b"not weights", "code", "shape"])
def test_wrong_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "weights.model"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "code":
        torch.save({"network": _Code()}, path)
    elif content == "shape":
        torch.save(syncnet.SyncNet().state_dict() | {"netfcaud.3.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(InputError) as error:
        syncnet.load_syncnet(path)
    assert "\n" not in str(error.value)


class _Code:
    """Something that only unpickling as code could bring back."""
