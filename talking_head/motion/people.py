"""How people in general move when they speak, lent to a person whose own speech nobody recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from face_model.tracks import POSE, FaceTrack
from foundation.errors import InputError
from motion_models.interface import MotionModel
from motion_models.liveliness import measure_blinks
from motion_models.people import Habits
from motion_models.statistics import measure_statistics
from preprocessing.media import nothing_to_hear, probe
from preprocessing.sync import TRUSTED
from talking_head.motion.model_registry import load_motion_model
from talking_head.target.card import DEFAULT_MODEL

PEOPLE = "people in general"  # whose motion it is, for cards
SPEECH_S = 5.0  # of a face that speaks, from which on a film teaches how the person speaks
_OF_POSE = ("pose_limit", "pose_factor", "pose_memory_s", "pose_centre")


def speaks(track: FaceTrack, seen: np.ndarray | None = None) -> bool:
    """Whether a film's own sound teaches how its person speaks: it surely goes with these lips, for long enough.

    Args:
        track: of the film. seen: `[T]` bool, frames that can be learned from; None: those of the track.
    """
    frames = track.valid if seen is None else seen
    return track.sound_offset_confidence >= TRUSTED and bool(frames.sum() >= SPEECH_S * track.motion.fps)


def unheard(video: Path) -> str | None:
    """Why a film tells nothing of how its person speaks, as far as that is known without looking at it; else None."""
    if not probe(video).has_sound:
        return "it has no sound"
    return "its sound is silent" if nothing_to_hear(video) else None


def why_unheard(video: Path) -> str:
    """Why a film does not teach how its person speaks, in words."""
    return unheard(video) or f"less than {SPEECH_S:g} s of its sound surely go with the lips"


def told_unheard(video: Path, motions: Sequence[str]) -> str:
    """What to tell of a film that does not teach how its person speaks.

    Args:
        motions: names of motion models that are wanted of the person.

    Raises:
        InputError: one of them is learned from speech alone.
    """
    why = why_unheard(video)
    for name in motions:
        if name != DEFAULT_MODEL:
            raise InputError(
                f"--motion {name} from {video}: {why}", "a video of the person speaking", "leave --motion out"
            )
    return f"{video}: {why}; lips and head will move as people's do, the head about where the video has it"


def general_motion(path: Path | None, speech: str) -> tuple[MotionModel, Habits]:
    """The general motion model, and people's habits in it.

    Args:
        path: of its weights. speech: name of the encoder that they were wanted for.

    Raises:
        InputError: there are no weights for that encoder.
    """
    if path is None:
        raise InputError(
            f"no general motion weights for speech encoder '{speech}'", "some of yours, or an encoder of ours",
            "enroll from a video, or `talking-head train` some and give them with --from",
        )
    model = load_motion_model(path)
    assert model.habits is not None, "what a target speaks through knows people's habits"
    return model, model.habits


def motion_of_film(track: FaceTrack, path: Path | None, speech: str) -> MotionModel:
    """The general motion model, with the head and the blinks of a person who was filmed, but not heard: poses lie where
    the film has them, and are as wide and as quick; lips and what moves the head are people's.

    Raises:
        InputError: as `general_motion`.
    """
    (general, habits), motion = general_motion(path, speech), track.motion
    own, people = measure_statistics(motion.pack()[track.valid], motion.fps), habits.statistics
    mean, scale = people.mean.copy(), people.scale.copy()
    mean[POSE], scale[POSE] = own.mean[POSE], own.scale[POSE]
    person = replace(people, mean=mean, scale=scale, **{name: getattr(own, name) for name in _OF_POSE})
    return general.for_person(Habits(person, measure_blinks([motion.blink[track.valid]], motion.fps)))
