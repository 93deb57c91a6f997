"""Evaluations are complete, JSON-able and point at the planted fault; pages are whole and need no network."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from evaluation import html
from evaluation.clips import Clip, Pair
from evaluation.loading import clip_of_motion
from evaluation.metrics.head import angles_deg
from evaluation.moments import worst_moments
from evaluation.report import average, by_name, evaluate_pair, head_follows, paired
from evaluation.svg import number
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from tests.evaluation.synthetic import SMALL, landmarks, syllables, tone

FPS, FRAMES = 25.0, 100


def _clip(name: str, gap: np.ndarray, yaw: float = 0.05) -> Clip:
    turning = np.stack([0 * gap, yaw * np.sin(np.arange(FRAMES) / 12), 0 * gap], axis=1)
    picture = cv2.resize(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8), (160, 160))
    return Clip(
        name, FPS, landmarks(FRAMES, gap=gap, rotation=turning, **SMALL), np.ones(FRAMES, bool), np.zeros(FRAMES),
        tone(syllables(FRAMES, FPS), FPS), lambda: (picture for _ in range(FRAMES)),
    )


@pytest.fixture(scope="module")
def pair() -> Pair:
    gap = 0.15 * syllables(FRAMES, FPS)
    wrong = gap.copy()
    wrong[60:70] = 0.4
    return Pair(_clip("generated.mp4", wrong), _clip("real <one>.mp4", gap))


@pytest.fixture(scope="module")
def evaluation(pair):
    return evaluate_pair(pair)


def test_an_evaluation_is_json(evaluation):
    content = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert content["frames"] == FRAMES and content["faces_found"] == 1.0
    assert {"gap_correlation", "psnr_face", "sync_offset"} <= {score["name"] for score in content["scores"]}
    assert content["theval"]["scores"]["head_dynamics"] == pytest.approx(1, abs=0.01)


def test_the_worst_moment_is_the_planted_one(evaluation):
    assert 60 / FPS - 0.2 <= evaluation.moments[0].time_s <= 70 / FPS + 0.2
    assert "lips" in evaluation.moments[0].reason or "mouth" in evaluation.moments[0].reason


def test_a_lost_face_is_the_worst(pair):
    valid = np.ones(FRAMES, bool)
    valid[20:24] = False
    lost = worst_moments(Pair(replace(pair.clip, valid=valid), pair.reference))
    assert lost[0].reason == "no face found" and 20 <= lost[0].frame < 24


def test_pictures_are_compared_only_where_the_head_follows(pair):
    free = Pair(_clip("free.mp4", 0.1 * syllables(FRAMES, FPS), yaw=0.4), pair.reference)
    assert head_follows(pair) and not head_follows(free) and not head_follows(Pair(pair.clip))
    names = {score.name for score in evaluate_pair(free).scores}
    assert "psnr_face" not in names and "gap_correlation" in names


def test_a_clip_alone_is_measured(pair):
    alone = evaluate_pair(Pair(pair.clip))
    assert alone.reference is None and "scores" not in alone.theval
    assert np.isfinite(alone.value("pose_spread")) and np.isnan(alone.value("gap_correlation"))


def test_a_driving_motion_is_seen_as_it_was_meant():
    yaw = np.linspace(-0.3, 0.3, 50)
    rotation = np.stack([0.1 + 0 * yaw, yaw, 0 * yaw], axis=1).astype(np.float32)
    translation = np.tile(np.float32([10, 5, -600]), (50, 1))
    motion = FaceMotion(25.0, np.zeros((50, 64), np.float32), rotation, translation, np.zeros(50, np.float32))
    clip = clip_of_motion(motion, "motion")
    turned = angles_deg(clip.head)
    np.testing.assert_allclose(turned[:, 1] - turned[0, 1], np.rad2deg(yaw - yaw[0]), atol=0.2)
    assert clip.frames is None and clip.sound is None
    with pytest.raises(InputError, match="face model"):
        clip_of_motion(replace(motion, face_model="flame"), "motion")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.headings, self.links, self.images, self.inside = [], [], 0, False

    def handle_starttag(self, tag, attrs):
        self.inside = tag == "h2"
        self.images += tag == "img"
        self.links += [value for key, value in attrs if key in ("src", "href") and not value.startswith("data:")]

    def handle_data(self, data):
        if self.inside:
            self.headings.append(data)
            self.inside = False


def test_the_page_is_whole_and_needs_no_network(tmp_path, evaluation, pair):
    path = tmp_path / "report.html"
    html.write_evaluation(path, evaluation, pair)
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.headings == ["Side by side", "Worst moments first", "Motion against sound", "THEval", "All numbers"]
    assert page.links == [] and page.images > 15
    text = path.read_text(encoding="utf-8")
    assert "real &lt;one&gt;.mp4" in text and "<one>" not in text
    assert "nan" not in text.split("base64")[0]


def test_the_comparison_marks_the_best(tmp_path, evaluation, pair):
    truth = evaluate_pair(Pair(pair.reference, pair.reference))
    other = evaluate_pair(Pair(_clip("still.mp4", np.zeros(FRAMES)), pair.reference))
    path = tmp_path / "compare.html"
    html.write_comparison(path, {"a": evaluation, "b": other, "truth": truth}, {"a": pair})
    text = path.read_text(encoding="utf-8")
    row = next(r for r in text.split("<tr>") if "Lip-gap correlation" in r)
    assert 'class="n best"' in row and row.count("best") == 1


def test_folders_are_paired_by_name(tmp_path):
    for name in ("a/one.mp4", "a/two.mov", "a/note.txt", "b/one.webm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [(g.name, r.name) for g, r in paired(tmp_path / "a", tmp_path / "b")] == [("one.mp4", "one.webm")]
    with pytest.raises(InputError, match="not a folder"):
        paired(tmp_path / "a", tmp_path / "c")
    (tmp_path / "b/one.webm").unlink()
    with pytest.raises(InputError, match="has its like"):
        paired(tmp_path / "a", tmp_path / "b")
    assert set(by_name(["x/v.mp4", "y/v.mp4", "w.mp4"])) == {"x/v", "y/v", "w"}


def test_averages_leave_out_what_is_not_measured(evaluation):
    nothing = replace(evaluation, scores=tuple(replace(s, value=float("nan")) for s in evaluation.scores))
    mean = average({"a": evaluation, "b": nothing})
    assert mean["gap_correlation"] == pytest.approx(evaluation.value("gap_correlation"))


@pytest.mark.parametrize(("value", "text"), [(0.1234, "0.123"), (-2.0, "−2"), (12345.6, "12,346"), (np.nan, "–")])
def test_numbers_for_people(value, text):
    assert number(value) == text
