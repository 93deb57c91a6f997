"""On real footage: the ceiling, planted offsets, and a page that opens in a browser without a complaint."""

import subprocess
from pathlib import Path

import pytest

from evaluation.clips import Clip, Pair
from evaluation.controls import FAULTS, shift_sound
from evaluation.html import write_evaluation
from evaluation.loading import load_clip
from evaluation.network_registry import METRICS, SOUND_SHIFTS
from evaluation.report import evaluate, evaluate_pair
from evaluation.self_test import self_test
from tests.chromium import CHROMIUM, FLAGS
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def video(data_dir: Path) -> Path:
    path = data_dir / "reference_video" / "weekly_address_20s.mp4"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory, landmarker: None):
    return tmp_path_factory.mktemp("tracks")


@pytest.fixture(scope="module")
def clip(video: Path, cache: Path) -> Clip:
    return load_clip(video, cache=cache)


def test_offsets_are_recovered_within_a_frame(clip):
    own = clip.sync.offset_s
    for late_ms in range(-400, 401, 40):
        found = shift_sound(clip, late_ms / 1000 - own).sync
        assert found.offset_s == pytest.approx(late_ms / 1000, abs=1 / clip.fps), late_ms


def test_the_truth_against_itself_is_the_ceiling(clip):
    ceiling = evaluate_pair(Pair(clip, clip))
    assert ceiling.theval["scores"]["overall"] == 1.0
    assert ceiling.value("gap_correlation") == pytest.approx(1) and ceiling.value("mouth_lmd") == 0
    assert 2 < ceiling.value("blink_rate") < 50


def test_every_default_metric_tells_its_faults(video, cache):
    """The whole self-test: 30 s of 20 s footage a fault on a busy machine, several minutes in all."""
    result = self_test(video, cache=cache)
    told = {
        name: result.failures(name) for name, metric in METRICS.items() if metric.default and name in result.answers
    }
    assert told and not {name: faults for name, faults in told.items() if faults}
    assert result.offset_error_s() < 1 / 25
    assert set(SOUND_SHIFTS) <= set(FAULTS)


def test_a_short_video_is_tracked_once(footage, cache):
    first = evaluate(footage, footage, cache=cache)
    kept = sorted(cache.iterdir())
    assert evaluate(footage, footage, cache=cache).to_json() == first.to_json()
    assert sorted(cache.iterdir()) == kept


def test_the_page_opens_without_a_complaint(tmp_path, clip):
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    pair = Pair(clip, clip)
    write_evaluation(page, evaluate_pair(pair), pair)
    options = [*FLAGS, "--enable-logging=stderr", f"--user-data-dir={tmp_path}/profile"]
    command = [CHROMIUM, *options, f"--screenshot={picture}", page.as_uri()]
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert picture.is_file() and "CONSOLE" not in told.stderr
