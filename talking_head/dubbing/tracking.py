"""The person of a film who gets new words: followed through it, fitted, and where their mouth can be painted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from face_model.tracks import FaceTrack
from preprocessing.fitting import fit_clip
from preprocessing.media import is_silent, probe, read_frames, read_sound
from preprocessing.sync import NOTHING, TRUSTED, SyncEstimate, estimate_offset
from preprocessing.tracking.landmarks import LandmarkTrack
from preprocessing.tracking.people import follow_person

COVERED = 0.5  # `ChosenPerson.covered` from which on real pixels stay


@dataclass(frozen=True)
class FollowedFilm:
    """One person of a film. track: at the film's rate. breaks: `[T]` bool, True at the first frame of each shot.
    painted: `[T]` bool, where the face is seen and nothing is before the mouth. who: which person, in words. landmarks:
    that the track was fitted to. sync: of the film's own sound with these lips; `NOTHING` without sound.
    """

    track: FaceTrack
    breaks: np.ndarray
    painted: np.ndarray
    who: str
    landmarks: LandmarkTrack
    sync: SyncEstimate


def follow_film(video: Path, face: str | None, cache: Path, coloured: bool = True) -> FollowedFilm:
    """Follow one person through any film; killed and called again, it goes on where it was.

    Args:
        face: see `preprocessing.tracking.people.choose_person`. cache: folder for what was found. coloured: whether
            the person's colours are wanted too, which takes reading the film once more.

    Raises:
        InputError: not a film, no usable face in it, or a face that cannot be told.
    """
    chosen = follow_person(video, face, cache)
    landmarks = chosen.track
    sync = NOTHING
    if probe(video).has_sound:
        sound = read_sound(video)
        sync = NOTHING if is_silent(sound) else estimate_offset(landmarks, sound)
    fitted = fit_clip(landmarks, read_frames(video, landmarks.fps) if coloured else None)
    offset_s = sync.offset_s if sync.confidence >= TRUSTED else 0.0
    track = replace(fitted, sound_offset_s=offset_s, sound_offset_confidence=sync.confidence, source=video.name)
    painted = track.valid & (chosen.covered < COVERED)
    people = "the only person" if chosen.people == 1 else f"person {chosen.number} of {chosen.people} ({chosen.why})"
    left = len(painted) - int(painted.sum())
    who = f"{people} gets the words" + (f"; {left} of {len(painted)} frames are left as they are" if left else "")
    return FollowedFilm(track, chosen.breaks, painted, who, landmarks, sync)
