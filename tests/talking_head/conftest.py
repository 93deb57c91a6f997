"""What the product's tests share: a model for tracking, and one person enrolled with next to no training."""

from __future__ import annotations

from pathlib import Path

import pytest

from talking_head.target.card import Target
from talking_head.target.home import Home
from tests.talking_head.media import person_clip

CLIP_S = 1.6


@pytest.fixture(scope="session")
def clip(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of a person speaking."""
    return person_clip(footage, tmp_path_factory.mktemp("clip") / "clip.mp4", CLIP_S)


@pytest.fixture(scope="session")
def enrolled(clip: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Target]:
    """That person as target `ana`, learned in two steps."""
    from talking_head.enrollment import from_video as enrollment
    from talking_head.target.settings import EnrollSettings

    home = Home.find(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enrollment, "SHORTEST_S", 1.0)
        patch.setattr(enrollment, "speaks", lambda track: True)  # too short to be sure of it
        made = enrollment.enroll(clip, "ana", "for tests", EnrollSettings(steps=2), home=home.path)
    return home, made.target
