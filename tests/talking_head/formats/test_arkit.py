"""ARKit values of motion against the tracker's own on footage that took no part in learning, and the way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from motion_models.arkit.filters import whittaker
from preprocessing.fitting import fit_clip
from preprocessing.tracking import ARKIT_NAMES, track_landmarks
from talking_head.formats.arkit import arkit_values, live_link_of_motion, motion_of_live_link
from talking_head.formats.livelink import NAMES, read_live_link, write_live_link


def made_motion(count: int = 60, fps: float = 30.0) -> FaceMotion:
    """A motion with sensible expression, one nod, one blink."""
    noise = np.random.default_rng(0).normal(size=(count + 20, 64)).astype(np.float32)
    expression = 0.5 * np.stack([np.convolve(column, np.ones(21) / 4.6, "valid") for column in noise.T], axis=1)
    turn = 0.1 * np.stack([np.sin(np.arange(count) / 9), np.cos(np.arange(count) / 8), np.sin(np.arange(count) / 7)], 1)
    blink = 4 * np.exp(-(((np.arange(count) - 30) / 3.0) ** 2))
    place = np.tile([0.0, 5.0, -800.0], (count, 1))
    return FaceMotion(fps, *(np.asarray(part, np.float32) for part in (expression, turn, place, blink)))


def test_smoothing_halves_at_its_cutoff_and_keeps_lines() -> None:
    time_s = np.arange(600) / 60
    wave = np.sin(2 * np.pi * 8 * time_s)[:, None]
    assert whittaker(wave, 60, 8)[100:500].std() / wave[100:500].std() == pytest.approx(0.5, abs=0.01)
    line = np.stack((time_s, 1 - time_s), axis=1)
    assert np.allclose(whittaker(line, 60, 8), line)
    dense = np.diff(np.eye(20), 2, axis=0)
    values = np.random.default_rng(0).normal(size=(20, 3))
    strength = (2 * np.sin(np.pi * 8 / 60)) ** -4
    assert np.allclose(whittaker(values, 60, 8), np.linalg.solve(np.eye(20) + strength * dense.T @ dense, values))
    assert whittaker(values[:2], 60, 8) is not None and np.array_equal(whittaker(values, 10, 8), values)


def test_a_csv_carries_angles_lids_and_lips_there_and_back(tmp_path: Path) -> None:
    motion = made_motion()
    write_live_link(live_link_of_motion(motion), tmp_path / "a.csv")
    curves = read_live_link(tmp_path / "a.csv")
    assert curves.fps == pytest.approx(60, rel=1e-3) and len(curves) == 120
    assert curves.values[:, :52].min() >= 0 and curves.values[:, :52].max() <= 1
    assert np.allclose(curves.curve("HeadPitch")[::2], motion.rotation[:, 0], atol=1e-6)
    assert np.allclose(curves.curve("HeadYaw")[::2], -motion.rotation[:, 1], atol=1e-6)
    assert abs(int(curves.curve("eyeBlinkLeft").argmax()) - 60) <= 2  # the lids close at 1 s
    again = motion_of_live_link(curves, 30, np.zeros(3), motion.translation[0])
    assert np.allclose(again.rotation[:60], motion.rotation, atol=1e-4)
    assert np.allclose(again.translation, motion.translation[0])
    assert np.corrcoef(again.blink[:60], motion.blink)[0, 1] > 0.9
    model = mp478.load()
    before, after = (
        model.vertices(model.mean_mm, torch.tensor(m.expression[:60]), torch.tensor(m.blink[:60]))
        for m in (motion, again)
    )
    gaps = [(shape[:, 13, 1] - shape[:, 14, 1]).numpy() for shape in (before, after)]
    assert np.corrcoef(*gaps)[0, 1] > 0.85  # 52 values cannot hold all 65 of this noise


def test_a_recording_without_head_angles_rests_where_the_target_does() -> None:
    curves = live_link_of_motion(made_motion())
    curves.values[:, [NAMES.index(n) for n in ("HeadYaw", "HeadPitch", "HeadRoll")]] = 0
    again = motion_of_live_link(curves, 30, np.array([0.1, 0.2, 0.3]), np.zeros(3))
    assert np.allclose(again.rotation, [0.1, 0.2, 0.3])


def test_a_motion_of_another_face_model_is_refused() -> None:
    motion = made_motion()
    other = FaceMotion(30, motion.expression, motion.rotation, motion.translation, motion.blink, "bfm")
    with pytest.raises(InputError, match="bfm"):
        arkit_values(other)


@pytest.mark.slow
def test_curves_follow_the_trackers_own(data_dir: Path, landmarker: None, tmp_path: Path) -> None:
    video = data_dir / "reference_video" / "weekly_address_20s.mp4"
    landmarks = track_landmarks(video, tmp_path)
    motion = fit_clip(landmarks, None).motion
    values = arkit_values(motion)
    for name, least in {
        "jawOpen": 0.9, "eyeBlinkLeft": 0.85, "eyeBlinkRight": 0.85, "mouthFunnel": 0.8, "mouthPucker": 0.8,
        "mouthSmileLeft": 0.7, "mouthPressLeft": 0.75, "mouthRollUpper": 0.7, "browDownLeft": 0.85,
    }.items():  # fmt: skip
        index = ARKIT_NAMES.index(name)
        assert np.corrcoef(values[:, index], landmarks.arkit[:, index])[0, 1] > least, name
    assert np.diff(values, 2, axis=0).std() < 0.6 * np.diff(landmarks.arkit, 2, axis=0).std()


def test_a_blink_closes_the_apps_eye_and_ours() -> None:
    motion = made_motion()
    still = FaceMotion(30, 0 * motion.expression, motion.rotation, motion.translation, motion.blink)
    lids = live_link_of_motion(still).curve("EyeBlinkLeft")
    assert lids.max() == pytest.approx(motion.blink.max() / 5, abs=0.08) and lids.min() < 0.05
    shut = live_link_of_motion(still)
    shut.values[:, [NAMES.index("EyeBlinkLeft"), NAMES.index("EyeBlinkRight")]] = 1
    assert motion_of_live_link(shut, 30, np.zeros(3), np.zeros(3)).blink.min() > 4
