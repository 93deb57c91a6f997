"""Windows, masks, augmentation, statistics."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from face_model.tracks import EXPRESSION, POSE, FaceMotion
from facial_gan.config import Augmentation
from facial_gan.data import WINDOW_FRAMES, WindowSet
from foundation.errors import InputError
from motion_models.examples import MotionExample, frame_rows, rows_at, windows_of
from motion_models.liveliness import PoseProcess
from motion_models.people import person_statistics
from motion_models.statistics import MotionStatistics, measure_features, measure_statistics
from tests.facial_gan.synthetic import FEATURES, example

PLAIN = Augmentation(stretch=0, gain=0, noise=0, masked_frames=0, silence_share=0, initial_noise=0)


def window_set(shown: MotionExample, augmentation: Augmentation = PLAIN) -> WindowSet:
    motion = shown.motion.pack()[shown.valid]
    features = measure_features(frame_rows(shown.features, len(shown.motion)), shown.silence)
    return WindowSet([shown], {shown.speaker: measure_statistics(motion, 30.0)}, features, augmentation)


def test_lazy_windows_are_the_features_own() -> None:
    """Against `SpeechFeatures.windows`, which makes them all at once."""
    features = example().features
    rows, zero = frame_rows(features, 240), np.zeros(FEATURES, np.float32)
    whole = features.windows(30.0, 16, 240)
    for start in (0, 3, 112):
        np.testing.assert_allclose(windows_of(rows, start, 128, zero), whole[start : start + 128], atol=1e-6)


def test_windows_are_moved_by_five_and_cover_the_clip() -> None:
    windows = window_set(example(8.0))
    assert [start for _, start in windows.windows] == list(range(0, 240 - WINDOW_FRAMES + 1, 5))


def test_without_augmentation_a_window_is_the_data() -> None:
    shown = example(WINDOW_FRAMES / 30)
    windows = window_set(shown)
    batch = windows.batch(0, 1, 0, np.random.default_rng(0))
    np.testing.assert_allclose(batch.motion[0], windows.clips[0].motion, atol=1e-6)
    np.testing.assert_allclose(batch.initial[0], windows.clips[0].motion[0], atol=1e-6)
    np.testing.assert_allclose(batch.windows[0, :, 8], windows.clips[0].rows, atol=1e-6)
    np.testing.assert_allclose(batch.windows[0, 0, 0], windows.clips[0].outside, atol=1e-6)
    assert (batch.mask == 1).all()


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    windows = window_set(example(), Augmentation())
    one, two = (windows.batch(7, 4, 1, np.random.default_rng([1, 7])) for _ in range(2))
    assert all((getattr(one, part) == getattr(two, part)).all() for part in ("windows", "motion", "initial", "mask"))


def test_an_epoch_shows_each_window_once() -> None:
    windows = window_set(example())
    count = len(windows.windows)
    seen = [windows.batch(step, 1, 0, np.random.default_rng(step)).motion[0, 40].numpy() for step in range(count)]
    assert len(np.unique(np.round(seen, 4), axis=0)) == count


def test_made_motion_has_its_share_of_a_batch_and_is_never_drawn_without_one() -> None:
    real, made = example(8.0), replace(example(8.0), made=True)
    motion = real.motion.pack()
    features = measure_features(frame_rows(real.features, len(real.motion)), real.silence)
    people = {real.speaker: measure_statistics(motion, 30.0)}
    up = replace(made, motion=replace(made.motion, expression=made.motion.expression + 9.0))
    windows = WindowSet([real, up], people, features, PLAIN)

    def made_in(share: float, step: int) -> int:
        batch = windows.batch(step, 16, 0, np.random.default_rng(step), share)
        return int((batch.motion[..., EXPRESSION].mean((1, 2)) > 2).sum())

    assert all(made_in(0.0, step) == 0 for step in range(20)) and made_in(1.5, 0) == 16
    assert real.digest() != made.digest()  # a run that is resumed must not take the one for the other
    assert np.mean([made_in(0.33, step) for step in range(60)]) == pytest.approx(0.33 * 16, rel=0.1)
    alone = WindowSet([real], people, features, PLAIN)
    one, two = (w.batch(3, 4, 0, np.random.default_rng(3)).motion for w in (windows, alone))
    assert (one == two).all() and windows.steps_an_epoch(4) == alone.steps_an_epoch(4)
    with pytest.raises(InputError, match="no stretch"):
        WindowSet([up], people, features, PLAIN)


def test_short_clips_are_held_and_masked() -> None:
    batch = window_set(example(1.0)).batch(0, 2, 0, np.random.default_rng(0))
    assert batch.mask[0].sum() == 30 and (batch.mask[0, :30] == 1).all()
    np.testing.assert_array_equal(batch.motion[0, 29:], batch.motion[0, 29:30].expand(99, -1))


def test_frames_without_a_face_are_masked_and_mostly_invalid_windows_dropped() -> None:
    shown = example(10.0)
    valid = np.ones(300, bool)
    valid[100:120] = False
    masked = window_set(replace(shown, valid=valid))
    clip_windows = {start for _, start in masked.windows}
    assert 0 in clip_windows
    batch = masked.batch(0, len(masked.windows), 0, np.random.default_rng(0))
    assert 0.5 < batch.mask.mean() < 1.0
    valid[:] = True
    valid[:120] = False
    assert min(start for _, start in window_set(replace(shown, valid=valid)).windows) >= 55
    with pytest.raises(InputError, match="no frame is valid"):
        replace(shown, valid=np.zeros(300, bool))


def test_silence_brings_the_lips_to_rest() -> None:
    change = replace(PLAIN, silence_share=1.0, silence_s=[2.0, 2.0])
    windows = window_set(example(), change)
    clip = windows.clips[0]
    batch = windows.batch(0, 16, 0, np.random.default_rng(0))
    silent = np.abs(batch.windows[:, :, 8].numpy() - clip.outside).max(2) < 1e-5
    assert silent.any(1).all()
    for is_silent, motion in zip(silent, batch.motion.numpy(), strict=True):
        frames = np.flatnonzero(is_silent)
        inside = frames[(frames >= frames[0] + 6) & (frames <= frames[-1] - 6)]
        np.testing.assert_allclose(motion[inside][:, EXPRESSION], np.tile(clip.rest, (len(inside), 1)), atol=1e-5)


def test_statistics_turn_back_what_they_normalise() -> None:
    motion = example().motion.pack()
    statistics = measure_statistics(motion, 30.0)
    np.testing.assert_allclose(statistics.restore(statistics.normalise(motion)), motion, atol=1e-3)
    normalised = statistics.normalise(motion)
    np.testing.assert_allclose(normalised[:, :6].std(0), 1, atol=1e-3)
    assert statistics.restore(np.zeros(71, np.float32))[6] == 0  # open eyes stay open


def test_a_persons_range_is_not_that_of_a_frame_that_the_tracker_missed() -> None:
    motion = example(60.0).motion.pack()
    motion[:, :6] = PoseProcess(np.ones(6), np.eye(6), 0.5, 30.0, 0)(1800)
    motion[:, 0] = np.maximum(motion[:, 0], -1.0)  # who nods down, but hardly looks up
    clean = measure_statistics(motion, 30.0)
    high = np.percentile(motion[:, 0], 99)
    missed = motion.copy()
    missed[::300, :6] += 9.0
    for found in (clean, measure_statistics(missed, 30.0)):
        low_end, high_end = (found.pose_centre[0] + sign * found.pose_limit[0] for sign in (-1, 1))
        assert low_end * found.scale[0] + found.mean[0] == pytest.approx(-1.0, abs=0.3)
        assert high_end * found.scale[0] + found.mean[0] == pytest.approx(high, abs=0.3)


def test_made_heads_are_as_quick_as_the_person_who_rests_and_turns() -> None:
    """Half of the time nothing moves: a motion with the same memory would have twice that median of speed."""
    memory_s = np.array([0.2, 0.3, 0.4, 0.5, 0.6, 1.0])
    sway = PoseProcess(np.ones(6), np.eye(6), memory_s, 30.0, 1)(9000)
    moving = np.cumsum((np.arange(18000) // 60) % 2)  # two seconds at a time
    motion = np.zeros((18000, 71), np.float32)
    motion[:, :6] = sway[np.minimum(moving, 8999)]
    person = measure_statistics(motion, 30.0)
    made = PoseProcess(np.ones(6), np.eye(6), person.pose_memory_s, 30.0, 0)(18000) * person.scale[:6]
    real, ours = (np.percentile(np.abs(np.diff(x, axis=0)), 95, axis=0) for x in (motion[:, :6], made))
    assert (ours < 1.1 * real).all()
    motion[:9000, :6] = sway
    found = measure_statistics(motion[:9000], 30.0).pose_memory_s  # without rests what was put in, or a little more
    assert (found > 0.95 * memory_s).all() and (found < 1.4 * memory_s).all()


def test_statistics_of_an_earlier_version_are_read() -> None:
    arrays = measure_statistics(example().motion.pack(), 30.0).arrays()
    old = {name: value for name, value in arrays.items() if name != "pose_centre"} | {"pose_memory_s": np.array(0.4)}
    read = MotionStatistics.from_arrays(old)
    np.testing.assert_array_equal(read.pose_centre, np.zeros(6))
    np.testing.assert_allclose(read.pose_memory_s, np.full(6, 0.4))


def test_one_frame_is_no_statistic() -> None:
    with pytest.raises(InputError, match="at least 2"):
        measure_statistics(example().motion.pack()[:1], 30.0)


def test_reading_around_a_frame_takes_no_longer_in_a_long_clip() -> None:
    rows, outside = np.zeros((200_000, FEATURES), np.float32), np.ones(FEATURES, np.float32)
    tracemalloc.start()
    read = rows_at(rows, np.array([-1.5, -0.5, 0.5, len(rows) - 0.5, len(rows) + 3.0]), outside)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000, peak
    assert np.allclose(read[:, 0], [1, 0.5, 0, 0.5, 1])
    assert np.array_equal(rows_at(rows[:0], np.zeros(3), outside), np.ones((3, FEATURES)))


@pytest.mark.parametrize(
    "change",
    [
        {"speaker": "ben"}, {"made": True}, {"silence": None}, {"silence": np.zeros(FEATURES, np.float32)},
        {"arkit": np.zeros((60, 52), np.float32)}, {"rate_hz": 49.0}, {"extractor": "toy?model=2"}, {"silent": 1},
        {"lips_closed": 2}, {"duration_s": 2.1}, {"face_model": "flame"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_whatever_changes_of_an_example_changes_its_digest(change: dict[str, object]) -> None:
    """A run that is resumed with other data is refused by it."""
    own = example(2.0)
    heard, moved = ({k: v for k, v in change.items() if k in vars(part)} for part in (own.features, own.motion))
    rest = {k: v for k, v in change.items() if k not in heard and k not in moved}
    other = replace(own, features=replace(own.features, **heard), motion=replace(own.motion, **moved), **rest)
    assert other.digest() != own.digest() == example(2.0).digest()


def test_a_head_that_was_lost_on_the_way_did_not_jump() -> None:
    """A person who turned while nobody saw it is as slow as each part of the footage shows."""
    time_s = np.arange(900) / 30
    motion = np.zeros((900, 71))
    motion[:, POSE] = np.sin(0.6 * time_s)[:, None] * [0.1] * 6
    lost = np.zeros(900, bool)
    lost[np.arange(900) % 90 > 60] = True
    seen = FaceMotion.unpack(motion)
    clip = MotionExample(example(30.0).features, seen, ~lost)
    whole = person_statistics([MotionExample(clip.features, seen, np.ones(900, bool))]).pose_memory_s
    assert np.allclose(person_statistics([clip]).pose_memory_s, whole, rtol=0.25)
