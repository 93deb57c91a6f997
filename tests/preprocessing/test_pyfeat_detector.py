"""Running py-feat's detector: with a stand-in module that gives its columns, and itself where it is installed."""

from __future__ import annotations

import csv
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from foundation.errors import InputError
from preprocessing.media import read_frames
from preprocessing.tracking.measuring import Choice, check_tracker, measure
from preprocessing.tracking.pyfeat_detector import run_pyfeat
from tests.preprocessing.making import grey, write_media
from tests.preprocessing.test_openface import FRAMES, HEIGHT, WIDTH, Recording

MISSED = 2  # first frames in which it sees nobody


class Table:
    """As much of a `pandas.DataFrame` as is needed."""

    def __init__(self, names: list[str], rows: list[list[str]]) -> None:
        self.names, self.rows = names, rows

    def to_csv(self, path: Path, index: bool) -> None:
        assert index is False
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([self.names, *self.rows])


def table(recording: Recording) -> Table:
    marks = [f"{axis}_{k}" for axis in "xy" for k in range(68)]
    names = ["frame", "FaceRectX", "FaceRectWidth", "FaceScore", "AU43", "input", *marks]
    rows = []
    for k in range(MISSED, FRAMES):
        flat = (recording.pixels[k] - 0.5).T.ravel()
        rows.append([str(k), "10", "90", "0.99", str(recording.blink[k] / 5), "a.mp4", *map(str, flat)])
    return Table(names, rows)


@pytest.fixture
def feat(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The stand-in, as version 2 names things; `asked` is how it was called, `seen` the frames that it was given."""
    module = types.ModuleType("feat")
    module.__version__, module.asked, module.seen = "2.1", [], []

    class Detectorv1:
        def __init__(self, face_model="retinaface", emotion_model="resmasknet", gaze_model="l2cs") -> None:
            module.asked.append((face_model, emotion_model, gaze_model))

        def detect(self, inputs, data_type="image", batch_size=1):
            assert data_type == "video"
            module.seen.append(len(list(read_frames(inputs))))
            return table(Recording())

    module.Detectorv1 = Detectorv1
    monkeypatch.setitem(sys.modules, "feat", module)
    return module


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_media(tmp_path / "a.mkv", [grey(9 * k, HEIGHT, WIDTH) for k in range(FRAMES)], fps=25,
                       video_codec="ffv1")  # fmt: skip


def test_its_detector_runs_once_over_a_video(feat: types.ModuleType, video: Path, tmp_path: Path) -> None:
    check_tracker(Choice("pyfeat"))
    track = measure(video, tmp_path / "kept", Choice("pyfeat")).track
    assert track is not None and feat.seen == [FRAMES] and feat.asked == [("retinaface", None, None)]
    # Frames without a face have no row, and those at the start must not move the others.
    np.testing.assert_array_equal(track.valid, np.arange(FRAMES) >= MISSED)
    recording = Recording()
    np.testing.assert_allclose(track.landmarks_px[MISSED:, :, :2], recording.pixels[MISSED:], atol=1e-3)
    np.testing.assert_allclose(track.motion.blink[MISSED:], recording.blink[MISSED:], atol=1e-3)
    again = measure(video, tmp_path / "kept", Choice("pyfeat")).track
    assert feat.seen == [FRAMES] and np.array_equal(again.motion.pack(), track.motion.pack())


def test_the_name_that_earlier_versions_have(feat: types.ModuleType, video: Path, tmp_path: Path) -> None:
    class Detector:
        def __init__(self, au_model="xgb") -> None: ...

        def detect_video(self, path, batch_size):
            return table(Recording())

    del feat.Detectorv1
    feat.Detector = Detector
    assert run_pyfeat(video, tmp_path).is_file()


def test_what_it_lacks_is_told(
    feat: types.ModuleType, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self, *_, **__):
        raise OSError("We couldn't connect to 'https://huggingface.co'")

    monkeypatch.setattr(feat.Detectorv1, "detect", broken)
    with pytest.raises(InputError, match="py-feat fails .*couldn't connect.*Hugging Face hub"):
        measure(video, tmp_path / "kept", Choice("pyfeat"))
    assert not list((tmp_path / "kept").glob("*.csv"))
    monkeypatch.setitem(sys.modules, "feat", None)
    with pytest.raises(InputError, match="py-feat"):
        check_tracker(Choice("pyfeat"))
    with pytest.raises(InputError, match="nowhere.csv does not exist"):
        check_tracker(Choice("pyfeat", tmp_path / "nowhere.csv"))


def test_py_feat_itself_sees_a_face(tmp_path: Path) -> None:
    pytest.importorskip("feat", reason="py-feat is not installed")
    from talking_head.doctor.proofs.portrait import picture

    frames = [picture()] * 3
    film = write_media(tmp_path / "a.mkv", frames, fps=25, video_codec="ffv1")
    track = measure(film, tmp_path, Choice("pyfeat")).track
    assert track is not None and track.valid.all()
