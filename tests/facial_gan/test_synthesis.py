"""Any length, no seams, alive, repeatable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from face_model import mp478
from facial_gan.config import FacialGanConfig
from facial_gan.data import WINDOW_FRAMES
from facial_gan.synthesis import FacialGan
from facial_gan.windows import OVERLAP_FRAMES, Windows
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from motion_models.interface import MotionModel
from motion_models.lips import lip_gap_mm, resting
from motion_models.smoothing import smoothed
from talking_head.motion.model_registry import load_motion_model
from tests.facial_gan.synthetic import model, speech


@pytest.fixture(scope="module")
def gan() -> FacialGan:
    return model()


@pytest.mark.parametrize("frames", [1, 2, 13, 128])
def test_the_pose_is_smoothed_as_scipy_smooths_it(frames: int) -> None:
    curves = np.random.default_rng(frames).normal(size=(frames, 6)).astype(np.float32)
    expected = gaussian_filter1d(curves, 3.0, axis=0, mode="nearest")
    np.testing.assert_array_equal(smoothed(curves, 3.0), expected)  # to the bit: films made before come out the same


@pytest.mark.parametrize("frames", [1, 9, 96, 127, 128, 129, 192, 224, 225, 330, 1000])
def test_every_length(gan: FacialGan, frames: int) -> None:
    motion = gan.synthesize(speech(frames / 30, seed=1))
    assert len(motion) == frames and motion.fps == 30 and motion.face_model == "toy_face"
    flat = motion.pack()
    assert np.isfinite(flat).all() and np.abs(flat).sum(1).min() > 0  # never a frame of zeros
    assert (motion.blink >= 0).all() and (motion.blink <= 5).all()


def test_frames_can_be_fewer_or_more_than_the_sound_lasts(gan: FacialGan) -> None:
    features = speech(5.0)
    whole = gan.synthesize(features)
    assert len(gan.synthesize(features, frames=40)) == 40
    longer = gan.synthesize(features, frames=400)
    # What lies well before the end does not know that more follows: a window sees 128 frames and 8 beyond.
    np.testing.assert_array_equal(longer.pack()[:96], whole.pack()[:96])


def test_pieces_come_early_and_join_to_the_whole(gan: FacialGan) -> None:
    """The first piece needs one window and not the clip's seven; pieces say what their windows say."""
    features, windows = speech(20.0), [0]
    hook = gan.generator.register_forward_hook(lambda *_: windows.__setitem__(0, windows[0] + 1))
    stream = gan.stream(features, seed=3)
    first = next(stream)
    assert windows[0] == 1
    pieces = [first, *stream]
    hook.remove()
    assert windows[0] == len(pieces) == 6 and all(len(piece) <= WINDOW_FRAMES for piece in pieces)
    assert sum(map(len, pieces)) == 600
    alone = gan.synthesize(features, seed=3, frames=len(first)).pack()
    np.testing.assert_array_equal(first.pack(), alone[: len(first)])


def test_the_seed_decides(gan: FacialGan) -> None:
    features = speech(10.0)
    one, same, other = (gan.synthesize(features, seed=seed).pack() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01


def test_windows_that_disagree_are_faded_into_each_other(gan: FacialGan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of windows that say 0, 1, 2, ... the motion rests on each number and goes on without a jump of value or speed."""
    hop = WINDOW_FRAMES - OVERLAP_FRAMES
    monkeypatch.setattr(
        Windows, "window", lambda _, rows, start, initial: np.full((WINDOW_FRAMES, 71), start / hop, np.float32)
    )
    pieces = list(gan.windows.pieces(np.zeros((500, 6), np.float32), 500, seed=0))
    made = np.concatenate(pieces)[:, 0].astype(np.float64)
    assert len(made) == 500
    for number in range(len(pieces) - 1):
        assert np.array_equal(made[number * hop + (OVERLAP_FRAMES if number else 0) : (number + 1) * hop],
                              np.full(hop - (OVERLAP_FRAMES if number else 0), number))  # fmt: skip
    speed = np.diff(made)
    even = 1 / (OVERLAP_FRAMES + 1)  # a frame's step if the fade were a straight line
    assert speed.min() >= 0 and speed.max() < 1.6 * even
    assert np.abs(np.diff(speed)).max() < 0.25 * even, "speed does not jump where a fade begins or ends"


def test_a_long_pose_stays_within_the_persons_range(gan: FacialGan) -> None:
    pose = gan.synthesize(speech(180.0), seed=5).pack()[:, :6]
    person = gan.statistics
    distance = np.abs((pose - person.mean[:6]) / person.scale[:6] - person.pose_centre)
    assert (distance <= person.pose_limit + 1e-4).all()
    halves = np.split((pose - person.mean[:6]) / person.scale[:6], 2)
    assert np.abs(halves[0].mean(0) - halves[1].mean(0)).max() < 0.5  # no drift
    assert (pose.std(0) / person.scale[:6] > 0.4).all()  # no statue


def test_the_head_moves_as_much_as_is_asked_and_nothing_else_changes(gan: FacialGan) -> None:
    natural = gan.synthesize(speech(8.0), seed=2)
    np.testing.assert_array_equal(gan.with_head(1.0).synthesize(speech(8.0), seed=2).pack(), natural.pack())
    rest = gan.statistics.mean[:6]
    for share in (0.0, 0.5, 1.5):
        moved = gan.with_head(share).synthesize(speech(8.0), seed=2)
        np.testing.assert_array_equal(moved.blink, natural.blink)
        np.testing.assert_array_equal(moved.expression, natural.expression)
        away = natural.pack()[:, :6] - rest
        np.testing.assert_allclose(moved.pack()[:, :6] - rest, share * away, atol=2e-4 * gan.statistics.scale[:6].max())
    assert gan.head == 1.0 and natural.blink.max() == 5.0


def test_features_of_another_encoder_are_refused(gan: FacialGan) -> None:
    features = speech(1.0)
    with pytest.raises(InputError, match="log_mel"):
        gan.synthesize(replace(features, extractor="log_mel"))
    with pytest.raises(InputError, match="speech features a row"):
        gan.synthesize(replace(features, values=features.values[:, :3]))
    with pytest.raises(InputError, match="empty"):
        gan.synthesize(replace(features, values=features.values[:0]))
    with pytest.raises(InputError, match="0 frames"):
        gan.synthesize(features, frames=0)


def test_saved_and_loaded_it_makes_the_same_motion(gan: FacialGan, tmp_path: Path) -> None:
    path = tmp_path / "motion.safetensors"
    gan.save(path)
    features = speech(6.0)
    loaded = load_motion_model(path)
    assert isinstance(loaded, FacialGan) and isinstance(loaded, MotionModel) and loaded.digest() == gan.digest()
    np.testing.assert_array_equal(loaded.synthesize(features).pack(), gan.synthesize(features).pack())


def test_damaged_files_are_told(gan: FacialGan, tmp_path: Path) -> None:
    path = tmp_path / "motion.safetensors"
    gan.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        FacialGan.load(path)
    with pytest.raises(InputError, match="does not exist"):
        FacialGan.load(tmp_path / "absent.safetensors")


def test_lips_meet_where_they_are_heard_to_be_closed(gan: FacialGan) -> None:
    person = gan.statistics
    ours = FacialGan(
        gan.generator, person, gan.features, gan.blinks, gan.architecture, "toy", mp478.ID, None, gan.pose_deviation
    )
    heard = speech(12.0, seed=4)
    values = heard.values.copy()
    values[:, 2] = 0.0
    values[200:300, 2] = 0.9  # closed from 4.0 to 6.0 s: frames 120 to 180
    untold = replace(heard, values=values)
    plain, closed = ours.synthesize(untold), ours.synthesize(replace(untold, lips_closed=2))
    rest_mm = lip_gap_mm(mp478.load(), person.rest[None])[0]
    before, after = (lip_gap_mm(mp478.load(), m.expression) - rest_mm for m in (plain, closed))
    assert before[124:176].max() > 0.3 and after[124:176].max() < 0.01
    away = np.r_[:116, 186 : len(after)]
    np.testing.assert_allclose(after[away], before[away], atol=1e-4)
    np.testing.assert_array_equal(plain.pack()[:, :7], closed.pack()[:, :7])  # head and lids have no part in it
    # Nobody's lips can be told on a face model that is not ours.
    np.testing.assert_array_equal(gan.synthesize(untold).pack(), gan.synthesize(replace(untold, lips_closed=2)).pack())


def test_rounding_scales_the_width_of_the_mouth_and_nothing_of_its_opening(gan: FacialGan) -> None:
    """Seen in the face's own vertices: corners apart, inner lips apart, both against the face at rest."""
    face, person = mp478.load(), gan.statistics

    def mouth_mm(rounding: float) -> tuple[np.ndarray, np.ndarray]:
        ours = FacialGan(
            gan.generator, person, gan.features, gan.blinks, gan.architecture, "toy", mp478.ID, None,
            gan.pose_deviation, rounding=rounding,
        )  # fmt: skip
        expressions = torch.from_numpy(np.concatenate([person.rest[None], ours.synthesize(speech(6.0)).expression]))
        points = face.mean_mm + torch.einsum("tk,kvc->tvc", expressions, face.expression_mm)
        right, left = (points[:, corner, 0] for corner in (61, 291))
        width, gap = (left - right).numpy(), lip_gap_mm(face, expressions.numpy())
        return width[1:] - width[0], gap[1:] - gap[0]

    (width, gap), (rounder, same) = mouth_mm(1.0), mouth_mm(1.5)
    assert width.std() > 0.1
    np.testing.assert_allclose(rounder, 1.5 * width, atol=1e-3)
    np.testing.assert_allclose(same, gap, atol=1e-3)


@pytest.mark.parametrize("wrong", [float("nan"), -1.0, 99.0, "x"])
def test_a_rounding_that_is_none_is_refused(gan: FacialGan, wrong: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rounding: .*expected a number from 0 to 4"):
        FacialGanConfig(rounding=wrong)
    path = tmp_path / "m.safetensors"
    gan.save(path)
    arrays, notes = read_tensors(path)
    write_tensors(path, arrays, notes | {"rounding": wrong})
    with pytest.raises(InputError):
        FacialGan.load(path)


def test_lips_rest_in_long_pauses_and_not_in_short_ones() -> None:
    silent = np.zeros(200)
    silent[50:80], silent[120:130] = 0.95, 0.95  # 1 s and 0.33 s
    rest = resting(silent)
    assert rest[:50].max() < 0.3 and rest[54:62].min() > 0.8
    assert rest[70:].max() < 0.1  # they open before the next word, and stay so in the short pause
    assert resting(np.ones(5)).min() > 0.99 and resting(np.zeros(1)).max() == 0
