"""Deng's regressor against plain versions: the network step by step from its weights' names, the crop from the
published procedure, and the track by where it puts the model in the frame.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
import torch.nn.functional as torch_functional
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from face_model import deng
from face_model.morphable_model import rotate
from face_model.tracks import FaceTrack
from foundation.errors import InputError
from preprocessing.deng import Crop, DengFiles, align, cut, load_regressor, regress_video, standard_points
from preprocessing.deng import video as deng_video
from preprocessing.media import read_frames
from preprocessing.tracking.landmarks import LandmarkTrack
from tests.face_model.test_deng import front_model
from tests.preprocessing.making import grey, write_media
from tests.preprocessing.test_openface import FRAMES, HEIGHT, WIDTH, Recording

# ResNet-50: stage, channels inside its blocks, how many blocks.
PLAN = ((1, 64, 3), (2, 128, 4), (3, 256, 6), (4, 512, 3))
HEADS = (80, 64, 80, 3, 27, 2, 1)
FIVE_DM = np.array(
    [[-0.31, 0.29, 0.13], [0.31, 0.29, 0.13], [0.0, -0.05, 0.55], [-0.25, -0.38, 0.22], [0.25, -0.38, 0.22]]
)


def weights_of_true_names(seed: int = 0) -> dict[str, torch.Tensor]:
    """Random content under every name of the published network."""
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, torch.Tensor] = {}

    def convolution(name: str, out: int, given: int, side: int) -> None:
        shape = (out, given, side, side)
        weights[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / (given * side**2)) ** 0.5

    def normalisation(name: str, size: int, strength: float = 1.0) -> None:
        weights[f"{name}.weight"] = strength * (0.5 + torch.rand(size, generator=generator))
        weights[f"{name}.bias"] = 0.1 * torch.randn(size, generator=generator)
        weights[f"{name}.running_mean"] = 0.1 * torch.randn(size, generator=generator)
        weights[f"{name}.running_var"] = 0.5 + torch.rand(size, generator=generator)
        weights[f"{name}.num_batches_tracked"] = torch.tensor(7)

    convolution("backbone.conv1", 64, 3, 7)
    normalisation("backbone.bn1", 64)
    given = 64
    for stage, inside, blocks in PLAN:
        for block in range(blocks):
            name = f"backbone.layer{stage}.{block}"
            convolution(f"{name}.conv1", inside, given, 1)
            normalisation(f"{name}.bn1", inside)
            convolution(f"{name}.conv2", inside, inside, 3)
            normalisation(f"{name}.bn2", inside)
            convolution(f"{name}.conv3", 4 * inside, inside, 1)
            normalisation(f"{name}.bn3", 4 * inside, 0.3)
            if block == 0:
                convolution(f"{name}.downsample.0", 4 * inside, given, 1)
                normalisation(f"{name}.downsample.1", 4 * inside)
            given = 4 * inside
    for index, size in enumerate(HEADS):
        weights[f"final_layers.{index}.weight"] = torch.randn(size, 2048, 1, 1, generator=generator) * 0.003
        weights[f"final_layers.{index}.bias"] = 0.05 * torch.randn(size, generator=generator)
    return weights


def plain_network(w: dict[str, torch.Tensor], pictures: np.ndarray) -> np.ndarray:
    """The 257 of pictures `[N, 224, 224, 3]` uint8, from the weights by their names."""

    def normalised(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, scale, shift = (
            w[f"{name}.{part}"].double()[:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * scale + shift

    def convolved(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        kernel = w[f"{name}.weight"].double()
        return torch_functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    x = torch.from_numpy(pictures).double().permute(0, 3, 1, 2) / 255
    x = normalised(convolved(x, "backbone.conv1", 2), "backbone.bn1").clamp(min=0)
    x = torch_functional.max_pool2d(x, kernel_size=3, stride=2, padding=1)
    for stage, _, blocks in PLAN:
        for block in range(blocks):
            name, stride = f"backbone.layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = normalised(convolved(x, f"{name}.conv1"), f"{name}.bn1").clamp(min=0)
            y = normalised(convolved(y, f"{name}.conv2", stride), f"{name}.bn2").clamp(min=0)
            y = normalised(convolved(y, f"{name}.conv3"), f"{name}.bn3")
            if block == 0:
                x = normalised(convolved(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
            x = (x + y).clamp(min=0)
    x = x.mean(dim=(2, 3))
    heads = [x @ w[f"final_layers.{k}.weight"].double()[:, :, 0, 0].T + w[f"final_layers.{k}.bias"] for k in range(7)]
    return torch.cat(heads, dim=1).numpy()


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return weights_of_true_names()


@pytest.fixture(scope="module")
def files(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> DengFiles:
    """A model and weights of the true layout: the published file holds the training's state too."""
    folder = tmp_path_factory.mktemp("deng")
    state = {"state": {0: {"step": 3}}, "param_groups": [{"lr": 1e-4}]}
    content = {"net_recon": weights, "opt_00": state, "sched_00": {"step_size": 10, "_last_lr": [1e-4]}}
    torch.save(content, folder / "epoch_20.pth")
    model = front_model()
    five = np.array([[30], [36, 39], [42, 45], [48], [54]], dtype=object)
    shape = model["meanshape"].reshape(-1, 3)
    for places, point in zip(five, FIVE_DM[[2, 0, 1, 3, 4]], strict=True):
        shape[model["keypoints"][0, places] - 1] = point
    scipy.io.savemat(folder / "BFM_model_front.mat", model)
    return DengFiles(folder / "BFM_model_front.mat", folder / "epoch_20.pth")


def pictures(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = rng.uniform(0, 255, (count, 8, 8, 3))
    return np.kron(rough, np.ones((1, 28, 28, 1))).astype(np.uint8)


def test_the_network_is_the_published_one(files: DengFiles, weights: dict[str, torch.Tensor]) -> None:
    seen = pictures(2)
    expected = plain_network(weights, seen)
    got = deng_video.coefficients_of(seen, load_regressor(files.weights))
    assert got.shape == (2, 257) and expected.std() > 0.05 and np.abs(expected[0] - expected[1]).max() > 0.01
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())
    parts = deng.DengCoefficients.unpack(got)
    np.testing.assert_allclose(parts.angles, expected[:, 224:227], atol=1e-4 * np.abs(expected).max())


def test_weights_in_other_wrappings_are_read_the_same(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save({f"module.{name}": value for name, value in weights.items()}, tmp_path / "parallel.pth")
    loaded = load_regressor(tmp_path / "parallel.pth").state_dict()
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


class _Runs:
    def __reduce__(self) -> tuple:
        return (Path("/tmp/must-not-be-made").touch, ())


def test_other_files_are_refused_in_one_line(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    lacking = {name: value for name, value in weights.items() if name != "final_layers.3.bias"}
    wrong = weights | {"backbone.conv1.weight": torch.zeros(64, 3, 3, 3)}
    broken = weights | {"final_layers.6.bias": torch.tensor([float("nan")])}
    cases = [
        ({"net_recon": lacking}, r"lacks 1 tensors, such as final_layers\.3\.bias"),
        ({"net_recon": wrong}, r"backbone\.conv1\.weight is \(64, 3, 3, 3\)"),
        ({"net_recon": broken}, r"final_layers\.6\.bias holds NaN"),
        ({"net_recon": weights | {"fc.weight": torch.zeros(1)}}, r"1 of another network, such as fc\.weight"),
        ([1, 2], "holds a list"),
        (_Runs(), "not readable as weights"),
    ]
    for content, words in cases:
        torch.save(content, path)
        with pytest.raises(InputError, match=words) as caught:
            load_regressor(path)
        assert "\n" not in str(caught.value)
    assert not Path("/tmp/must-not-be-made").exists()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="not readable"):
        load_regressor(path)
    path.write_bytes(pickle.dumps({"a": 1}, protocol=2))
    with pytest.raises(InputError):
        load_regressor(path)
    with pytest.raises(InputError, match="does not exist"):
        load_regressor(tmp_path / "absent.pth")


def plain_alignment(five_px: np.ndarray, frame_px: tuple[int, int]) -> tuple[float, np.ndarray]:
    """Scale and shift of the published procedure, by normal equations; points from the first pixel's centre, y up."""
    width, height = frame_px
    points = np.stack([five_px[:, 0] - 0.5, height - 1 - (five_px[:, 1] - 0.5)], axis=1)
    rows = np.zeros((10, 8))
    for k in range(5):
        rows[2 * k, :3], rows[2 * k, 3] = FIVE_DM[k], 1
        rows[2 * k + 1, 4:7], rows[2 * k + 1, 7] = FIVE_DM[k], 1
    k = np.linalg.inv(rows.T @ rows) @ rows.T @ points.ravel()
    return 102 / ((np.linalg.norm(k[:3]) + np.linalg.norm(k[4:7])) / 2), k[[3, 7]]


def seen_face(rng: np.random.Generator, frame_px: tuple[int, int], px_per_dm: float) -> np.ndarray:
    """Five points of a turned face somewhere in the frame."""
    turn = Rotation.from_euler("xyz", rng.uniform(-0.4, 0.4, 3)).as_matrix()
    flat = (FIVE_DM @ turn.T)[:, :2] * (1, -1) * px_per_dm
    return flat + rng.uniform(0.3, 0.7, 2) * frame_px + rng.normal(0, 0.01 * px_per_dm, (5, 2))


@pytest.mark.parametrize("px_per_dm", [31.0, 102.0, 240.0])
def test_the_crop_is_the_published_one(px_per_dm: float) -> None:
    rng = np.random.default_rng(0)
    for frame_px in ((640, 360), (450, 451), (301, 707)):
        five = seen_face(rng, frame_px, px_per_dm)
        crop = align(five, FIVE_DM, frame_px)
        scale, shift = plain_alignment(five, frame_px)
        width, height = (np.array(frame_px) * scale).astype(np.int32)
        left = np.array(width / 2 - 112 + (shift[0] - frame_px[0] / 2) * scale).astype(np.int32)
        top = np.array(height / 2 - 112 + (frame_px[1] / 2 - shift[1]) * scale).astype(np.int32)
        assert (crop.resized_px, crop.corner_px) == ((width, height), (left, top))


def test_a_straight_face_stands_in_the_picture_as_the_standard_one() -> None:
    """The model's origin in the middle, 102 pixels a decimetre, upright and not mirrored."""
    frame_px, origin = (640, 360), np.array([250.0, 200.0])
    crop = align(FIVE_DM[:, :2] * (1, -1) * 60 + origin, FIVE_DM, frame_px)
    expected = FIVE_DM[:, :2] * (1, -1) * 102 + 112
    np.testing.assert_allclose(crop.to_frame(expected), FIVE_DM[:, :2] * (1, -1) * 60 + origin, atol=1.0)


CROPS = [
    Crop((200, 150), (640, 480), (100, 90)), Crop((200, 150), (640, 480), (-60, 400)),
    Crop((500, 400), (260, 208), (10, -20)), Crop((900, 700), (120, 93), (-50, -70)),
    Crop((224, 224), (224, 224), (0, 0)),
]


@pytest.mark.parametrize("crop", CROPS)
def test_resizing_is_that_of_pillow(crop: Crop) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    width, height = crop.frame_px
    frame = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    left, top = crop.corner_px
    whole = image.fromarray(frame).resize(crop.resized_px, resample=image.Resampling.BICUBIC)
    expected = np.asarray(whole.crop((left, top, left + 224, top + 224))).astype(int)
    got = cut(frame, crop)
    assert got.shape == (224, 224, 3) and got.dtype == np.uint8
    assert np.abs(got - expected).max() <= 1 and (got != expected).mean() < 0.002


@pytest.mark.parametrize("crop", CROPS)
def test_resizing_is_that_of_torch(crop: Crop) -> None:
    """Its antialiased bicubic is of the same kind; it does not round in between."""
    width, height = crop.frame_px
    frame = np.random.default_rng(2).integers(60, 196, (height, width, 3), np.uint8)
    size = crop.resized_px[::-1]
    planes = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    whole = torch_functional.interpolate(planes, size, mode="bicubic", antialias=True)[0].permute(1, 2, 0).numpy()
    canvas = np.zeros((224, 224, 3))
    left, top = crop.corner_px
    rows, columns = (np.arange(224) + top, np.arange(224) + left)
    inside = (rows >= 0) & (rows < size[0]), (columns >= 0) & (columns < size[1])
    canvas[np.ix_(*inside)] = whole[np.ix_(rows[inside[0]], columns[inside[1]])]
    assert np.abs(cut(frame, crop).astype(float) - np.clip(canvas, 0, 255)).max() < 1.6


def test_points_that_are_no_face_are_refused() -> None:
    with pytest.raises(InputError, match="five points"):
        align(np.full((5, 2), 100.0), FIVE_DM, (640, 360))


def test_the_standard_face_is_the_models_or_the_published_file(files: DengFiles, tmp_path: Path) -> None:
    model = deng.load(files.bfm)
    five = standard_points(model, files.bfm)
    np.testing.assert_allclose(five, FIVE_DM - model.centre_mm / 100, atol=1e-5)
    landmarks = np.random.default_rng(3).normal(size=(68, 3)).astype(np.float32)
    scipy.io.savemat(tmp_path / "similarity_Lm3D_all.mat", {"lm": landmarks})
    eyes = [(landmarks[36] + landmarks[39]) / 2, (landmarks[42] + landmarks[45]) / 2]
    expected = np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])
    np.testing.assert_allclose(standard_points(model, tmp_path / "BFM_model_front.mat"), expected, atol=1e-6)
    scipy.io.savemat(tmp_path / "similarity_Lm3D_all.mat", {"lm": landmarks[:67]})
    with pytest.raises(InputError, match="67"):
        standard_points(model, tmp_path / "BFM_model_front.mat")


def test_the_crops_camera_sees_the_same_in_the_frame() -> None:
    points = torch.from_numpy(np.random.default_rng(4).uniform(-90, 90, (50, 3)))
    shift = torch.tensor([20.0, -10.0, -1000.0], dtype=torch.float64)
    crop = Crop((1280, 720), (731, 411), (230, 95))
    in_picture, _ = deng.camera().project(points, shift)
    in_frame, _ = crop.camera().project(points, shift)
    np.testing.assert_allclose(in_frame.numpy(), crop.to_frame(in_picture.numpy()), atol=0.3)


def landmark_track(five: np.ndarray, frame_px: tuple[int, int], valid: np.ndarray) -> LandmarkTrack:
    """68 landmarks whose five points are these `[T, 5, 2]`."""
    count = len(five)
    points = np.random.default_rng(5).uniform(100, 200, (count, 68, 3)).astype(np.float32)
    for places, index in (((36, 39), 0), ((42, 45), 1), ((30,), 2), ((48,), 3), ((54,), 4)):
        for sign, place in zip((-1, 1), places, strict=False):
            points[:, place, :2] = five[:, index] + (sign * np.array([5.0, 0]) if len(places) > 1 else 0)
    empty = np.zeros((count, 0), np.float32)
    ones = valid.astype(np.float32)
    return LandmarkTrack(25, *frame_px, points, empty, ones, valid, valid.astype(np.int32), 0 * ones, "a.mkv", "made")


def test_the_track_shows_the_head_where_the_crops_show_it() -> None:
    """Points of a head of 110 pixels at and beside the middle, through each crop's camera and through the track's."""
    rng, frame_px, beside_px = np.random.default_rng(6), (1280, 720), np.array([0, 0, 100, -100, 300, -300])
    count = len(beside_px)
    flat = rng.normal(0, 0.1, (count, 257)).astype(np.float32)
    flat[:, 224:227] = rng.uniform(-0.4, 0.4, (count, 3))
    coefficients = deng.DengCoefficients.unpack(flat)
    five = np.stack([seen_face(rng, (0, 0), 75) + (640 + beside, 360) for beside in beside_px])
    crops = [align(points, FIVE_DM, frame_px) for points in five]
    blink = np.linspace(0, 5, count)
    track = deng_video.track_of(coefficients, crops, landmark_track(five, frame_px, np.ones(count, bool)), blink)
    directions = rng.normal(0, 1, (400, 3))
    head = torch.from_numpy(directions / np.linalg.norm(directions, axis=1, keepdims=True) * (75, 100, 60))
    own = coefficients.motion(25)
    for index, crop in enumerate(crops):
        turned = rotate(head, torch.from_numpy(own.rotation[index]).double())
        picture, _ = deng.camera().project(turned, torch.from_numpy(own.translation[index]).double())
        expected = crop.to_frame(picture.numpy())
        ours = rotate(head, torch.from_numpy(track.motion.rotation[index]).double())
        got, _ = track.camera.project(ours, torch.from_numpy(track.motion.translation[index]).double())
        error = np.linalg.norm(got.numpy() - expected, axis=1) / np.ptp(expected[:, 0])
        assert error.max() < {0: 0.002, 100: 0.015, 300: 0.05}[abs(beside_px[index])], "of the head's width"
    np.testing.assert_allclose(track.motion.blink, blink, atol=1e-6)
    np.testing.assert_array_equal(track.motion.expression, coefficients.expression)
    assert track.motion.face_model == deng.ID and track.person.identity.shape == (80,)
    np.testing.assert_allclose(track.illumination[:, 0], coefficients.gamma[:, 0] + 0.8, atol=1e-6)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    rng = np.random.default_rng(7)
    frames = [np.kron(rng.integers(0, 256, (15, 20, 3), np.uint8), np.ones((16, 16, 1), np.uint8)) for _ in range(5)]
    return write_media(tmp_path / "a.mkv", frames, fps=25, video_codec="ffv1")


def test_a_video_gives_what_the_plain_steps_give_and_resumes(
    files: DengFiles, weights: dict[str, torch.Tensor], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, frame_px = np.random.default_rng(8), (320, 240)
    five = np.stack([seen_face(rng, frame_px, 80) for _ in range(5)])
    valid = np.array([True, True, False, True, True])
    landmarks = landmark_track(five, frame_px, valid)
    standard = standard_points(deng.load(files.bfm), files.bfm)
    frames = list(read_frames(clip))
    seen = landmarks.landmarks_px
    points = [np.stack([p[[36, 39]].mean(0), p[[42, 45]].mean(0), *p[[30, 48, 54]]]) for p in seen]
    cuts = np.stack([cut(frames[t], align(points[t][:, :2], standard, frame_px)) for t in (0, 1, 3, 4)])
    expected = plain_network(weights, cuts)
    monkeypatch.setattr(deng_video, "BATCH", 2)
    monkeypatch.setattr(deng_video, "STRETCH", 2)
    plain, calls = deng_video.coefficients_of, []

    def killed(*args: object) -> np.ndarray:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(deng_video, "coefficients_of", killed)
    with pytest.raises(KeyboardInterrupt):
        regress_video(clip, landmarks, files, tmp_path / "out")
    measured = regress_video(clip, landmarks, files, tmp_path / "out")
    assert len(calls) == 4, "the first stretch is not done again"
    got = measured.coefficients.pack()
    np.testing.assert_allclose(got[valid], expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(got[2], (got[1] + got[3]) / 2, atol=1e-5)
    again = regress_video(clip, landmarks, files, tmp_path / "out")
    assert len(calls) == 4 and np.array_equal(again.coefficients.pack(), got)
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".safetensors"]
    assert measured.track.valid.tolist() == valid.tolist() and len(measured.crops) == 5


def test_bad_weights_are_told_before_the_face_is_tracked(
    files: DengFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talking_head import tracking

    video = write_media(tmp_path / "a.mkv", [grey(0, HEIGHT, WIDTH)] * 3, fps=25, video_codec="ffv1")
    monkeypatch.setattr(tracking, "measure", lambda *given: pytest.fail("the face is tracked first"))
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    for wrong in (DengFiles(files.bfm, tmp_path / "bad.pth"), DengFiles(tmp_path / "bad.pth", files.weights)):
        with pytest.raises(InputError, match="bad.pth"):
            tracking.track(video, tmp_path / "out", deng=wrong, cache=tmp_path / "cache")
    assert not (tmp_path / "out").exists()


def test_the_command_writes_coefficient_files(files: DengFiles, tmp_path: Path) -> None:
    from talking_head.cli import app

    frames = [grey(10 * k, HEIGHT, WIDTH) for k in range(FRAMES)]
    video = write_media(tmp_path / "a.mkv", frames, fps=25, video_codec="ffv1")
    recording = Recording()
    recording.pixels = recording.pixels.clip(0, WIDTH)
    table = recording.write(tmp_path / "a.csv", three_d=False)
    home = ["--home", str(tmp_path / "home")]
    common = ["track", str(video), "-o", str(tmp_path / "out"), "--tracker", f"openface:{table}", "--json", *home]
    run = CliRunner().invoke
    given = ["--fit", "deng", "--bfm", str(files.bfm), "--weights", str(files.weights)]
    result = run(app, [*common, *given])
    assert result.exit_code == 0, result.stderr
    first, second = (
        deng.read_coefficients(tmp_path / "out" / name).pack() for name in ("coefficients.mat", "coefficients.npz")
    )
    assert first.shape == (FRAMES, 257) and np.array_equal(first, second) and first.std() > 0.01
    track = FaceTrack.load(tmp_path / "out" / "track.safetensors")
    assert track.motion.face_model == deng.ID and track.person.texture.shape == (80,)
    np.testing.assert_array_equal(track.motion.expression, first[:, 80:144])
    np.testing.assert_allclose(track.motion.blink, recording.blink, atol=1e-5)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"coefficients.mat", "coefficients.npz", "report.html", "track.safetensors"}
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    for options, words in (
        (["--fit", "deng", "--bfm", str(files.bfm)], "--weights"), (["--fit", "flame"], "mp478 or deng"),
        (["--bfm", str(files.bfm)], "--fit deng"),
        (["--fit", "deng", "--bfm", "nowhere.mat", "--weights", str(files.weights)], "nowhere.mat does not exist"),
        (["--fit", "deng", "--bfm", str(table), "--weights", str(files.weights)], "MATLAB"),
        (["--fit", "deng", "--bfm", str(files.bfm), "--weights", str(tmp_path / "bad.pth")], "bad.pth"),
    ):
        result = run(app, [*common, *options])
        lines = [line for line in result.stderr.strip().splitlines() if not line.startswith("warning")]
        assert result.exit_code == 2 and len(lines) == 1 and words in lines[0], (options, result.stderr)
