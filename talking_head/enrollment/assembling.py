"""What was learned of a person, put together as a target: files, card, and the note of where all of it comes from."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from face_model.tracks import FaceTrack
from render2video.footage.store import FRAMES_FILE
from render2video.person_video import crop_of
from talking_head import __version__
from talking_head.enrollment.tracking import REPORT
from talking_head.heads.face_models import FaceModel
from talking_head.target.card import (
    APPEARANCE,
    MOTION,
    PREVIEW,
    VIDEO,
    Consent,
    MotionStatistics,
    Target,
    TargetCard,
    new_target,
    write_card,
)
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings


@dataclass(frozen=True)
class LearnedPerson:
    """What a folder of unfinished work holds when it is done, under the names that its files have in a target.

    track: of the video. quality: what was measured. motions: names of the motion models' files.
    """

    folder: Path
    settings: EnrollSettings
    track: FaceTrack
    quality: dict[str, float]
    motions: Sequence[str] = (MOTION,)


def assemble(
    home: Home, target_id: str, learned: LearnedPerson, consent: Consent, origin: dict[str, Any], key: str
) -> Target:
    """Build a target's folder beside its place and move it there; in the place of one of that name.

    Args:
        origin, key: see `TargetCard`.
    """
    track, camera = learned.track, learned.track.camera
    model = FaceModel.parse(learned.settings.face_model).load()
    flat = track.motion.pack()[track.valid]
    card = TargetCard(
        id=target_id, face_model=track.motion.face_model, fps=track.motion.fps, size_px=learned.settings.size_px,
        width_px=camera.width_px, height_px=camera.height_px, crop=asdict(crop_of(track, model)),
        motion_statistics=MotionStatistics(flat.mean(0).tolist(), flat.std(0).tolist(), len(flat)),
        origin=origin, consent=consent, settings=asdict(learned.settings), key=key, quality=learned.quality,
        versions=versions(),
    )
    with new_target(home, target_id) as folder:
        frames = (FRAMES_FILE,) if (learned.folder / FRAMES_FILE).is_file() else ()
        for name in (*learned.motions, VIDEO, APPEARANCE, PREVIEW, REPORT, *frames):
            shutil.copyfile(learned.folder / name, folder / name)
        write_card(folder, card)
    return Target.read(home.targets / target_id)


def versions() -> dict[str, str]:
    """Of what a target was made with."""
    return {"talking-head": __version__, "torch": version("torch"), "mediapipe": version("mediapipe")}
