"""Films whose sound is late, judged in step: lips and sounds are made, so what is right is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation.clips import Clip, Pair
from evaluation.in_step import found, in_step
from evaluation.metrics.lips import Phone
from evaluation.report import evaluate_pair
from preprocessing.sync import aligned_sound
from tests.evaluation import synthetic

FPS, FRAMES = 25.0, 300


def spoken(late_s: float, name: str, shift_frames: int = 0) -> Clip:
    """Lips that open with the sound's loudness; then the sound is made late by so much.

    shift_frames: by which the whole film begins earlier in the speech.
    """
    envelope = np.roll(synthetic.syllables(FRAMES, FPS), shift_frames)
    points = synthetic.landmarks(FRAMES, gap=0.02 + 0.2 * envelope)
    sound = aligned_sound(synthetic.tone(envelope, FPS), -late_s)
    numbers = np.broadcast_to(np.arange(FRAMES, dtype=np.uint8)[:, None, None, None], (FRAMES, 8, 8, 3))
    return Clip(name, FPS, points, np.ones(FRAMES, bool), np.zeros(FRAMES), sound, lambda: iter(numbers))


@pytest.mark.parametrize("late_s", [0.24, -0.16])
def test_a_late_reference_is_put_in_step(late_s: float) -> None:
    """What is made from late sound has its lips where the sound is: the real lips then seem early."""
    frames = round(late_s * FPS)
    made, real = spoken(0.0, "made.mp4", frames), spoken(late_s, "real.mp4")
    raw, fair = evaluate_pair(Pair(made, real)), evaluate_pair(in_step(Pair(made, real)))
    assert raw.value("gap_correlation") < 0.5 < 0.97 < fair.value("gap_correlation")
    assert abs(fair.sounds["real.mp4"].offset_s - late_s) < 0.04
    assert "judged in step" in fair.sounds["real.mp4"].told("real.mp4")
    assert "judged as it is" in raw.sounds["real.mp4"].told("real.mp4")
    assert "in step" in fair.sounds["made.mp4"].told("made.mp4")
    told = json.loads(json.dumps(fair.to_json()))["sounds"]
    assert told["real.mp4"]["corrected_s"] == pytest.approx(late_s, abs=0.04)


def test_pictures_sound_and_phones_move_together() -> None:
    made, real = spoken(0.0, "made.mp4", 6), spoken(0.24, "real.mp4")
    pair = in_step(Pair(made, real, driving=made, phones=(Phone(1.0, 1.1, "P"),)))
    assert pair.reference is not None and pair.driving is not None and pair.clip.frames and pair.reference.frames
    assert len(pair.clip) == len(pair.reference) == len(pair.driving) == FRAMES - 6
    shown = [[int(f[0, 0, 0]) for f in c.frames()] for c in (pair.clip, pair.reference)]  # type: ignore[misc]
    assert shown[0][0] == 6 and shown[1][0] == 0 and len(shown[0]) == len(shown[1]) == FRAMES - 6
    assert pair.phones[0].start_s == pytest.approx(1.0 - 0.24)
    for clip in (pair.clip, pair.reference):
        assert clip.sound is not None and abs(len(clip.sound.samples) / 16_000 - len(clip) / FPS) < 0.02
        assert abs(clip.sync.offset_s) < 0.04


def test_two_films_late_alike_are_compared_as_they_are() -> None:
    one, other = spoken(0.24, "one.mp4"), spoken(0.24, "other.mp4")
    pair = in_step(Pair(one, other))
    assert len(pair.clip) == FRAMES and evaluate_pair(pair).value("gap_correlation") > 0.99
    assert evaluate_pair(pair).value("sync_offset") == pytest.approx(0.24, abs=0.04)  # its own fault is still told


def test_what_is_not_sure_is_not_corrected() -> None:
    made = spoken(0.0, "made.mp4")
    still = replace(made, name="still.mp4", landmarks_px=synthetic.landmarks(FRAMES), sound=made.sound)
    pair = in_step(Pair(made, still))
    assert pair.reference is not None and len(pair.reference) == FRAMES
    told = found(pair.reference, fix=True)
    assert told is not None and told.corrected_s == 0 and "cannot be told" in told.told("still.mp4")
    mute = in_step(Pair(made, replace(still, sound=None)))
    assert set(evaluate_pair(mute).sounds) == {"made.mp4"}
