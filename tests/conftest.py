"""Fixtures that many tests share. What a test relies on it makes; a test of real footage skips where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from preprocessing.tracking import LandmarkTrack

ROOT = Path(__file__).resolve().parent.parent

if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core: threads beside them only wait for each other
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(threads, "1")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What a test printed, as text: a file's name need not be any, and nothing else passes between processes."""
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real footage and speech (`TALKING_HEAD_DATA`, else ../shared/data)."""
    path = Path(os.environ.get("TALKING_HEAD_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set TALKING_HEAD_DATA")
    return path


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The folder of reference outputs of the published system."""
    path = Path(os.environ.get("TALKING_HEAD_GOLDEN", ROOT.parent / "shared" / "golden"))
    if not path.is_dir():
        pytest.skip(f"no golden files at {path}; set TALKING_HEAD_GOLDEN")
    return path


@pytest.fixture(scope="session")
def model_path(request: pytest.FixtureRequest) -> Path:
    """`face_landmarker.task`: found, or fetched once as the product does and kept in pytest's cache."""
    from tests.footage import landmark_model

    return landmark_model(request.config.cache.mkdir("talking-head"))


@pytest.fixture(scope="session")
def landmarker(model_path: Path) -> Iterator[None]:
    """The landmark model where every command looks first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALKING_HEAD_ASSETS", str(model_path.parent))
        yield


@pytest.fixture(scope="session")
def footage(request: pytest.FixtureRequest) -> Path:
    """A film of a person speaking, made once and kept in pytest's cache: `tests.footage.film`."""
    from tests.footage import film

    return film(request.config.cache.mkdir("talking-head"))


@pytest.fixture(scope="session")
def spoken() -> Path:
    """A file of 12 s of speech: the one that ships."""
    from foundation.shipped import shipped
    from tests.footage import SPEECH

    return shipped(SPEECH)


@pytest.fixture(scope="session")
def film_track(footage: Path, model_path: Path, request: pytest.FixtureRequest) -> LandmarkTrack:
    """The track of the made film, 6 s."""
    from preprocessing.tracking import face_tracker, track_landmarks

    tracker = face_tracker("mediapipe", model_path)
    request.addfinalizer(tracker.close)
    return track_landmarks(footage, request.config.cache.mkdir("landmark-tracks"), tracker=tracker)
