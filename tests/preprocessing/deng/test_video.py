"""A whole video through the regressor: the track by where it puts the model in the frame, and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from face_model import deng
from face_model.morphable_model import rotate
from face_model.tracks import FaceTrack
from foundation.errors import InputError
from preprocessing.deng import DengFiles, align, cut, regress_video, standard_points
from preprocessing.deng import video as deng_video
from preprocessing.media import read_frames
from tests.preprocessing.deng.parts import FIVE_DM, landmark_track, plain_network, seen_face
from tests.preprocessing.making import grey, write_media
from tests.preprocessing.test_openface import FRAMES, HEIGHT, WIDTH, Recording


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
    from talking_head.enrollment import tracking

    video = write_media(tmp_path / "a.mkv", [grey(0, HEIGHT, WIDTH)] * 3, fps=25, video_codec="ffv1")
    monkeypatch.setattr(tracking, "measure", lambda *given: pytest.fail("the face is tracked first"))
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    bad = tmp_path / "bad.pth"
    for wrong in (f"deng:{files.bfm}?weights={bad}", f"deng:{bad}?weights={files.weights}", f"deng:{bad}"):
        with pytest.raises(InputError, match="bad.pth"):
            tracking.track(video, tmp_path / "out", face_model=wrong, cache=tmp_path / "cache")
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
        (["--fit", "deng"], "deng:BFM_model_front.mat"), (["--fit", "flame"], "flame:generic_model.pkl"),
        (["--fit", "bfm"], "one of mp478, deng, ict, flame"), (["--fit", "mp478:a"], "takes no file"),
        (["--bfm", str(files.bfm)], "--face-model deng"), (["--fit", "ict:nowhere"], "nowhere does not exist"),
        (["--fit", "deng", "--bfm", "nowhere.mat", "--weights", str(files.weights)], "nowhere.mat does not exist"),
        (["--fit", "deng", "--bfm", str(table), "--weights", str(files.weights)], "MATLAB"),
        (["--fit", "deng", "--bfm", str(files.bfm), "--weights", str(tmp_path / "bad.pth")], "bad.pth"),
    ):
        result = run(app, [*common, *options])
        lines = [line for line in result.stderr.strip().splitlines() if not line.startswith("warning")]
        assert result.exit_code == 2 and len(lines) == 1 and words in lines[0], (options, result.stderr)
