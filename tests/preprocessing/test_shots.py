"""Hard cuts: found where scenes change, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from preprocessing.tracking.shots import find_breaks

HEIGHT, WIDTH = 90, 160


def scene(seed: int, width: int = WIDTH) -> np.ndarray:
    """A picture of soft coloured patches."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (5, 9 * width // WIDTH, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (width, HEIGHT), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def living(picture: np.ndarray, count: int, seed: int = 0) -> list[np.ndarray]:
    """A scene with somebody who moves in it a little, and a camera's noise."""
    rng, frames = np.random.default_rng(seed), []
    for k in range(count):
        frame = picture.copy()
        middle = 80 + round(6 * np.sin(k / 3)), 50
        cv2.ellipse(frame, middle, (18, 26), 5 * np.sin(k / 5), 0, 360, (200, 160, 140), -1)
        frames.append(np.clip(frame + rng.normal(0, 6, frame.shape), 0, 255).astype(np.uint8))
    return frames


def breaks(frames: list[np.ndarray]) -> list[int]:
    return np.flatnonzero(find_breaks(frames)).tolist()


def test_cuts_between_scenes_and_to_a_short_insert() -> None:
    frames = living(scene(1), 20) + living(scene(2), 15) + living(scene(3), 3) + living(scene(2), 15)
    assert breaks(frames) == [0, 20, 35, 38]
    assert breaks(frames[:1]) == [0] and find_breaks([]).shape == (0,)


def test_another_person_before_the_same_wall_is_a_cut() -> None:
    one, other = living(scene(1), 20), living(scene(1), 20, seed=1)
    for frame in other:
        cv2.ellipse(frame, (70, 45), (34, 40), 0, 0, 360, (60, 40, 30), -1)
    assert breaks(one + other) == [0, 20]


def test_a_flash_is_no_cut() -> None:
    frames = living(scene(1), 40)
    for k, brighter in ((15, 120), (16, 60), (28, 200)):
        frames[k] = np.clip(frames[k].astype(int) + brighter, 0, 255).astype(np.uint8)
    assert breaks(frames) == [0]


@pytest.mark.parametrize("speed_px", [1, 3, 8])
def test_a_pan_is_no_cut(speed_px: int) -> None:
    wide = scene(1, 4 * WIDTH)
    offsets = np.clip(speed_px * np.arange(-10, 40), 0, 3 * WIDTH)
    assert breaks([frame[:, o : o + WIDTH] for o, frame in zip(offsets, living(wide, 50), strict=True)]) == [0]


def test_noise_and_standing_frames_are_no_cuts() -> None:
    rng = np.random.default_rng(0)
    noisy = [np.clip(f + rng.normal(0, 40, f.shape), 0, 255).astype(np.uint8) for f in living(scene(1), 40)]
    assert breaks(noisy) == [0]
    frames = living(scene(1), 40)
    frames[10:22] = [frames[10]] * 12
    assert breaks(frames) == [0]


def test_black_between_two_scenes_begins_and_ends_a_shot() -> None:
    black = [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 12
    assert breaks(living(scene(1), 15) + black + living(scene(2), 15)) == [0, 15, 27]
