"""THEval's five measures against closed forms, and its normalisation."""

import numpy as np
import pytest

from evaluation.head_frame import head_frame
from evaluation.metrics import theval
from evaluation.prosody import silences, speech_mask
from face_model.tracks import Sound
from tests.evaluation.synthetic import landmarks, tone

FPS = 25.0
FRAMES = 250
TIME_S = np.arange(FRAMES) / FPS


def test_normalisation():
    assert theval.closeness(0.8, 1.0) == pytest.approx(0.8)
    assert theval.closeness(1.2, 1.0) == pytest.approx(0.8)
    assert theval.closeness(5.0, 1.0) == 0.0
    assert np.isnan(theval.closeness(np.nan, 1.0)) and np.isnan(theval.closeness(1.0, 0.0))
    same = dict.fromkeys(theval.MEASURES, 0.3)
    assert theval.scores(same, same)["overall"] == 1.0
    assert theval.scores(same | {"lip_sync": float("nan")}, same)["overall"] == 1.0


def test_silence_is_where_it_was_planted():
    envelope = np.ones(FRAMES)
    envelope[100:150] = 0.0
    envelope[200:204] = 0.0  # 0.16 s: speech pauses that short are not counted
    quiet = silences(tone(envelope, FPS), FPS, FRAMES)
    assert quiet[102:148].all() and not quiet[:98].any() and not quiet[152:].any()
    assert speech_mask(Sound(np.zeros(16_000, np.float32)), FPS, 25).sum() == 0


def test_silent_lips_tremble_by_the_planted_amount():
    envelope = np.ones(FRAMES)
    envelope[100:200] = 0.0
    gap = np.where(envelope > 0, 0.1 + 0.1 * np.sin(TIME_S * 20), 0.03 + 0.01 * (-1.0) ** np.arange(FRAMES))
    head = head_frame(landmarks(FRAMES, gap=gap), FPS)
    assert theval.silent_lip_stability(head, tone(envelope, FPS)) == pytest.approx(0.01, rel=0.02)
    assert np.isnan(theval.silent_lip_stability(head, tone(np.ones(FRAMES), FPS)))


def test_lips_that_run_with_loudness_sync():
    envelope = 0.75 + 0.25 * np.sin(2 * np.pi * 0.5 * TIME_S)
    sound = tone(envelope, FPS)
    along = theval.lip_sync(head_frame(landmarks(FRAMES, gap=0.2 * envelope), FPS), sound)
    against = theval.lip_sync(head_frame(landmarks(FRAMES, gap=0.2 * (1 - envelope)), FPS), sound)
    assert along < 0.02
    assert against == pytest.approx(np.abs(np.sin(2 * np.pi * 0.5 * TIME_S)).mean(), abs=0.02)


def test_lip_dynamics_scales_with_the_motion():
    gap = 0.03 * np.sin(2 * np.pi * 2 * TIME_S)
    small, large = (theval.lip_dynamics(head_frame(landmarks(FRAMES, gap=0.1 + k * gap), FPS)) for k in (1, 2))
    assert large == pytest.approx(2 * small, rel=0.1)
    assert theval.lip_dynamics(head_frame(landmarks(FRAMES, gap=0.1), FPS)) == pytest.approx(0, abs=1e-5)


def test_head_dynamics_closed_form():
    hz, yaw_deg, shift_px = 0.4, 5.0, 8.0
    yaw = np.deg2rad(yaw_deg) * np.sin(2 * np.pi * hz * TIME_S)
    position = np.stack([200 + shift_px * np.sin(2 * np.pi * hz * TIME_S), np.full(FRAMES, -180.0)], axis=1)
    head = head_frame(landmarks(FRAMES, rotation=np.stack([0 * yaw, yaw, 0 * yaw], axis=1), position=position), FPS)
    spread = yaw_deg / np.sqrt(2) / 3
    change = (yaw_deg * 2 * np.sin(np.pi * hz / FPS)) ** 2 / 2 / 3
    translation = (shift_px / 80.0) ** 2 / 2 / 2
    assert theval.head_dynamics(head) == pytest.approx(np.sqrt(spread * change + translation), rel=0.01)


def test_brow_dynamics_is_the_deviation():
    head = head_frame(landmarks(FRAMES, brow=0.04 * np.sin(2 * np.pi * 0.4 * TIME_S)), FPS)
    assert theval.brow_dynamics(head) == pytest.approx(
        0.04 / np.sqrt(2), rel=0.08
    )  # the brows lie a little outside the eyes


def test_measures_do_not_depend_on_the_frame_rate():
    curve = lambda fps: 0.1 + 0.05 * np.sin(2 * np.pi * 0.5 * np.arange(round(10 * fps)) / fps)  # noqa: E731
    values = [
        theval.measure(head_frame(landmarks(round(10 * f), gap=curve(f)), f), tone(curve(f) * 5, f))
        for f in (25.0, 50.0)
    ]
    for name in ("lip_dynamics", "lip_sync"):
        assert values[1][name] == pytest.approx(values[0][name], rel=0.03, abs=2e-3)
    assert np.isnan(theval.measure(head_frame(landmarks(50), FPS), None)["lip_sync"])


def test_a_low_score_says_why_and_a_high_one_nothing() -> None:
    truth = dict.fromkeys(theval.MEASURES, 0.2)
    still = truth | {"head_dynamics": 0.1, "lip_dynamics": 0.19}
    told = theval.reasons(still, truth)
    assert list(told) == ["head_dynamics"]
    assert "0.50 times" in told["head_dynamics"] and "0.1 against 0.2" in told["head_dynamics"]
