"""What drives a target's face: one of its motion models listening to a sound, or a file of motion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from face_model import mp478
from face_model.tracks import SPEECH_RATE_HZ, FaceMotion
from foundation.errors import InputError
from motion_models.brows import brow_raises, raise_direction
from motion_models.interface import MotionModel
from motion_models.people import Habits
from preprocessing.media import stream_sound
from preprocessing.speech import SpeechEncoder, encode_again, encoder_of
from talking_head.motion.directions import Directions
from talking_head.motion.model_registry import load_motion_model, motion_model, motion_models
from talking_head.motion.weights import fitting_weights, general_weights
from talking_head.target.card import DEFAULT_MODEL, MOTION, Target, motion_file
from talking_head.target.loaded import loaded

log = logging.getLogger(__name__)

SoundSource = Callable[[], Iterator[np.ndarray]]
"""Begins a sound anew: consecutive pieces `[N]` of it at 16 kHz, of ten seconds but for the last."""

TOLERATED_S = 0.5  # by which a driving motion may be longer or shorter than the sound without a word

__all__ = ["Directions", "encoder_for", "follow", "person_model", "say", "speak", "speakers", "with_head_of"]


def person_model(person: Target, name: str | None, device: str, weights: Path | None = None) -> MotionModel:
    """A target's motion model of that name: what was given, else learned from the person, else the general one that
    ships.

    Args:
        weights: a file or run folder, which says itself which motion model it is of.

    Raises:
        InputError: an unknown name; none is there; weights of another motion model or face model.
    """
    if weights is not None:
        return _given_model(person, name, device, weights)
    chosen = DEFAULT_MODEL if name is None else name

    def load() -> MotionModel:
        return motion_model(chosen).load(model_file(person, chosen), device)

    return loaded("motion model", (*person.version, chosen, device), load)


def model_file(person: Target, name: str) -> Path:
    """The file that a target speaks through with a motion model: its own, else the general one that ships.

    Raises:
        InputError: an unknown name; there is neither.
    """
    own = person.folder / motion_file(name)
    path = own if own.is_file() else general_weights(name, motion_model(name).default_speech)
    if not own.is_file() and person.card.face_model != mp478.ID:
        path = None  # what ships moves no other face
    if path is None:
        raise InputError(
            f"motion model '{name}' for target '{person.id}'", "one that was learned from the person",
            f"enroll a video of the person with --motion {name}",
        )
    return path


def _given_model(person: Target, name: str | None, device: str, weights: Path) -> MotionModel:
    found = fitting_weights(weights, motion_models() if name is None else [name], None, person.card.face_model)
    return load_motion_model(found.path, device).for_person(habits_of(person))


def habits_of(person: Target) -> Habits:
    """How a target's person holds face and head, as the target's own motion model knows."""
    known = load_motion_model(person.folder / MOTION).habits
    assert known is not None, "every target has a FACIAL-GAN"
    return known


def speakers(person: Target, how: Directions, device: str) -> tuple[MotionModel, MotionModel]:
    """The motion model that speaks, and the one that moves the head: the same one, or the target's FACIAL-GAN.

    Raises:
        InputError: no such motion model, or one that does not take these directions.
    """
    share = how.head_share()
    with person.unchanged():
        model = person_model(person, how.model, device, how.weights)
        directed = model.directed(how.delivery)
        mover = directed if model.moves_head else load_motion_model(person.folder / MOTION, device)
    moved = mover.with_head(share)
    return moved if mover is directed else directed, moved


def speak(
    audio: Path, person: Target, seed: int, device: str, directions: Directions | None = None
) -> FaceMotion:
    """The motion of a target saying what a file says, at the target's frame rate.

    Raises:
        InputError: no such motion model, or one that does not take these directions.
    """
    return say(lambda: stream_sound(audio), person, seed, device, directions)


def say(
    audio: SoundSource, person: Target, seed: int, device: str, directions: Directions | None = None
) -> FaceMotion:
    """`speak` of sound from anywhere."""
    how = directions or Directions()
    made = _spoken(audio, person, seed, device, how)
    return how.curves.on(made) if how.curves else made


def _spoken(audio: SoundSource, person: Target, seed: int, device: str, how: Directions) -> FaceMotion:
    model, mover = speakers(person, how, device)
    fps = person.card.fps
    motion = _say(model, audio, encoder_for(model.speech_extractor, person), seed, fps, how.lips_closed)
    if person.card.settings.get("profile") == "photo" and motion.face_model == mp478.ID:
        raised = brow_raises(_loudness(audio, len(motion), fps), fps, seed)  # a video tells how the person's move
        motion = replace(motion, expression=motion.expression + raised[:, None] * raise_direction())
    if model is mover:
        return motion
    return with_head_of(motion, _say(mover, audio, encoder_for(mover.speech_extractor, person), seed, fps))


def with_head_of(motion: FaceMotion, other: FaceMotion) -> FaceMotion:
    """A motion whose head and lids move as another's."""
    return replace(motion, rotation=other.rotation, translation=other.translation, blink=other.blink)


def encoder_for(extractor: str, person: Target) -> SpeechEncoder:
    """The encoder of that name; its files are looked for where they were when the target was made, too.

    Raises:
        InputError: its files, or a package it needs, are missing.
    """
    hint = str(person.card.settings.get("speech") or "")
    return loaded("speech encoder", (extractor, hint), lambda: encoder_of(extractor, hint))


def _loudness(audio: SoundSource, frames: int, fps: float) -> np.ndarray:
    """Loudness `[frames]` of a sound, about as people hear it (Stevens' power law); read in a stream."""
    power = np.zeros(frames)
    start = 0
    for piece in audio():
        frame = np.minimum(((start + np.arange(len(piece))) * (fps / SPEECH_RATE_HZ)).astype(int), frames - 1)
        power += np.bincount(frame, np.square(piece.astype(np.float64)), frames)
        start += len(piece)
    loudness: np.ndarray = (power * fps / SPEECH_RATE_HZ) ** 0.3
    return loudness


def _say(
    model: MotionModel, audio: SoundSource, encoder: SpeechEncoder, seed: int, fps: float,
    lips_closed: Sequence[tuple[float, float]] = (),
) -> FaceMotion:
    features = encode_again(encoder, audio).told(lips_closed)
    return model.synthesize(features, seed=seed).resampled(fps, features.frame_count(fps))


def follow(
    driving: Path | str, audio: Path, person: Target, seed: int = 0, device: str = "cpu",
    directions: Directions | None = None,
) -> FaceMotion:
    """The motion in a file at the target's frame rate, as long as a sound: cut, or held still at its end, and a warning
    says so where that is more than `TOLERATED_S`.

    A file that tells only the head and the blinks leaves the rest to what `speak` makes of the sound.

    Raises:
        InputError: as `read_motion` and `speak`; directions with a file that tells all, or of the head.
    """
    from talking_head.formats.driving import only_head, read_motion  # with filters that speech has no use for

    duration_s = sum(len(piece) for piece in stream_sound(audio)) / SPEECH_RATE_HZ
    fps = person.card.fps
    given = read_motion(driving, person.card)
    _tell_lengths(Path(driving), given, audio, duration_s)
    count = max(1, round(duration_s * fps))
    if not only_head(given):
        (directions or Directions()).refuse_beside(Path(driving))
        return _in_range(Path(driving), given, person).resampled(fps, count)
    motion = given.resampled(fps, count)
    (directions or Directions()).refuse_head_beside(Path(driving))
    spoken = speak(audio, person, seed, device, directions).resampled(fps, len(motion))
    return with_head_of(spoken, motion)


def _in_range(driving: Path, motion: FaceMotion, person: Target) -> FaceMotion:
    """A motion as the person can show it; what that takes away is told."""
    from talking_head.formats.driving import lost_in
    from talking_head.formats.retargeting import retargeted

    own = habits_of(person).statistics
    known = person.card.motion_statistics
    made = retargeted(motion, np.array(known.mean), np.array(known.deviation), own.rest)
    for note in (lost_in(driving), made.note and f"{driving.name}: {made.note}"):
        if note:
            log.warning("%s", note)
    return made.motion


def _tell_lengths(driving: Path, motion: FaceMotion, audio: Path, sound_s: float) -> None:
    """Warn where a file of motion is clearly not as long as the sound, and say what is done about it."""
    from talking_head.formats.driving import only_head

    longer_s = motion.duration_s - sound_s
    if abs(longer_s) <= TOLERATED_S:
        return
    part = "head" if only_head(motion) else "face"
    still = f"the {part} holds still from {motion.duration_s:.1f} s on"
    done = "the film ends with the sound" if longer_s > 0 else still
    log.warning("%s lasts %.1f s and %s %.1f s: %s", driving, motion.duration_s, audio, sound_s, done)
