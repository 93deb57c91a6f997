"""What the product's tests share: a model for tracking, and one person enrolled with next to no training."""

from __future__ import annotations

from pathlib import Path

import pytest

from talking_head.target.card import Target, find_target
from talking_head.target.home import Home
from tests.sharing import copied
from tests.talking_head.media import person_clip

CLIP_S = 1.6


@pytest.fixture(scope="session")
def clip(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of a person speaking."""
    made = copied(tmp_path_factory, "clip", lambda folder: person_clip(footage, folder / "clip.mp4", CLIP_S))
    return made / "clip.mp4"


@pytest.fixture(scope="session")
def enrolled(clip: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Target]:
    """That person as target `ana`, learned in two steps."""
    from talking_head.enrollment import from_video as enrollment
    from talking_head.target.settings import EnrollSettings

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(enrollment, "SHORTEST_S", 1.0)
            patch.setattr(enrollment, "speaks", lambda track: True)  # too short to be sure of it
            enrollment.enroll(clip, "ana", "for tests", EnrollSettings(steps=2), home=folder)

    home = Home.find(copied(tmp_path_factory, "home", make))
    return home, find_target(home, "ana")
