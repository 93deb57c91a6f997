"""The invisible mark: what it costs, that it is found after what happens to films, and never where it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from benchmarks.watermark import searched
from preprocessing.media import VideoWriter, read_frames
from talking_head.cli import app
from talking_head.provenance.claims import mark_id
from talking_head.provenance.reading import SMALLEST, STEP, THRESHOLD, Search, find_mark, mark_in
from talking_head.provenance.watermark import MEAN_SQUARE, Code, Watermark, id_text
from talking_head.target.card import find_target
from talking_head.target.home import Home
from tests.talking_head.target.test_target import make_target

ID = 0xABC12
Frames = list[np.ndarray]


def scene(count: int = 12, width_px: int = 512, height_px: int = 512) -> Frames:
    """A wall with grain and soft light, and something round and textured that moves before it."""
    draw = np.random.default_rng(3)
    grain = cv2.GaussianBlur(draw.normal(0, 6, (height_px, width_px, 3)), (0, 0), 1.2)
    wall = np.linspace(70, 160, width_px)[None, :, None] + grain
    texture = cv2.GaussianBlur(draw.normal(0, 30, (height_px, width_px, 3)), (0, 0), 2) + (190, 150, 130)
    rows, columns = np.mgrid[:height_px, :width_px]
    frames = []
    for k in range(count):
        centre = width_px / 2 + 12 * np.sin(k / 4), height_px / 2 + 4 * np.cos(k / 3)
        inside = ((columns - centre[0]) / 110) ** 2 + ((rows - centre[1]) / 150) ** 2 < 1
        moved = np.roll(texture, (int(centre[1]), int(centre[0])), (0, 1))
        frames.append(np.clip(np.where(inside[..., None], moved, wall), 0, 255).astype(np.uint8))
    return frames


def marked(frames: Frames, mark: int = ID) -> Frames:
    height_px, width_px = frames[0].shape[:2]
    watermark = Watermark(width_px, height_px, mark)
    return [watermark(frame) for frame in frames]


def encoded(frames: Frames, folder: Path, crf: int, name: str = "film.mp4") -> Path:
    height_px, width_px = frames[0].shape[:2]
    with VideoWriter(folder / name, 25, width_px, height_px, crf=crf, preset="medium") as writer:
        for frame in frames:
            writer.write(frame)
    return folder / name


def test_it_costs_less_than_it_may() -> None:
    """0.3 dB of a film at 40 dB, over moving, still, dark and saturated pictures; coverage stays."""
    for frames in (scene(), [np.full((256, 384, 3), value, np.uint8) for value in (0, 128, 255)], scene(3, 130, 98)):
        error = np.mean([np.square(a.astype(float) - b).mean() for a, b in zip(marked(frames), frames, strict=True)])
        film = 255**2 / 10**4  # the mean square error of 40 dB
        assert 10 * np.log10(1 + error / film) < 0.3 and error < 1.05 * MEAN_SQUARE
    layer = np.dstack((scene(1)[0], np.full((512, 512), 77, np.uint8)))
    assert (Watermark(512, 512, ID, 4)(layer)[..., 3] == 77).all()


def test_the_same_frames_get_the_same_mark() -> None:
    for first, second in zip(marked(scene(4)), marked(scene(4)), strict=True):
        assert np.array_equal(first, second)
    assert not np.array_equal(marked(scene(1))[0], marked(scene(1), ID + 1)[0])


def half(frames: Frames) -> Frames:
    return [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames]


def cropped(frames: Frames) -> Frames:
    return [frame[15:475, 33:495] for frame in frames]


def swapped(frames: Frames) -> Frames:
    return [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]


def untouched(frames: Frames) -> Frames:
    return frames


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """As it is written."""
    return list(read_frames(encoded(marked(scene()), tmp_path_factory.mktemp("film"), 16)))


@pytest.mark.parametrize("change, crf", [(untouched, 28), (half, 18), (cropped, 23), (swapped, 23)])
def test_it_is_found_after_what_happens_to_films(
    change: Callable[[Frames], Frames], crf: int, film: Frames, tmp_path: Path
) -> None:
    """Looked for at scales near the true one, to be quick."""
    search = Search(read_frames(encoded(change(film), tmp_path, crf)))
    _, mirrored, best = search.best(16 / 512 * np.array([0.8, 1.0, 1.11]))
    assert best.z > THRESHOLD and search.read(best) == ID and mirrored == (change is swapped)


def test_it_is_found_in_a_screenshot(film: Frames, tmp_path: Path) -> None:
    """Resampled to a screen's size with black beside it, other colours, JPEG."""
    shown = cv2.resize(film[5], (780, 780))
    screen = np.zeros((900, 1440, 3), np.uint8)
    screen[60:840, 330:1110] = cv2.convertScaleAbs(shown, alpha=1.05, beta=3)
    Image.fromarray(screen).convert("YCbCr").convert("RGB").save(tmp_path / "shot.jpg", quality=85)
    found = find_mark(tmp_path / "shot.jpg")
    assert found is not None and found.mark_id == ID


def test_it_is_not_found_where_it_is_not() -> None:
    assert mark_in(marked(scene(2, 256, 256)), Code.of_key(99)) is None, "another key's"
    assert mark_in([np.full((256, 256, 3), 90, np.uint8)]) is None, "nothing to see"


def test_false_alarms_are_as_rare_as_derived() -> None:
    """At one scale, over 100 keys: the best z of 192^2 shifts is where so many Gaussian draws have theirs."""
    from scipy.stats import norm

    plain = scene(1, 256, 256)
    share, draws = 16 / 512, 192**2
    best = np.array([Search(plain, Code.of_key(key)).at(share).z for key in range(100)])
    expected = norm.isf(1 / draws)
    assert abs(np.median(best) - expected) < 0.35 and best.max() < norm.isf(1e-3 / draws / len(best))
    assert 192**2 * 2 * len(np.arange(np.log(SMALLEST), np.log(0.1), np.log(STEP))) * 3.22 * norm.sf(THRESHOLD) < 1e-4


def test_a_search_by_many_keys_at_once_finds_what_one_finds() -> None:
    """What `benchmarks.watermark` counts false alarms with."""
    plain, shares = scene(1, 96, 96)[:1], np.array([1 / 30, 1 / 20])
    found = [Search(plain, Code.of_key(key)).best(shares)[2].z for key in (7, 8)]
    assert list(searched(plain, [7, 8], shares)) == pytest.approx(found, rel=1e-4)


def test_verify_tells_of_a_film_that_was_re_encoded(tmp_path: Path) -> None:
    home = Home.find(tmp_path / "home")
    make_target(home, "ana")
    mark = mark_id(find_target(home, "ana").card)
    film = encoded(marked(scene(), mark), tmp_path, 24)
    told = CliRunner().invoke(app, ["verify", str(film), "--home", str(home.path)])
    assert told.exit_code == 0 and "generated" in told.stdout and id_text(mark) in told.stdout
    assert "  ana" in told.stdout and "unchanged" not in told.stdout
