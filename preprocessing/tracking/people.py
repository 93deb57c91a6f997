"""Who is who in a film, and the one of them who is meant."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from face_model import mp478
from face_model.alignment import similarity
from face_model.rotations import rotation_angles
from face_model.tracks import Sound
from foundation.errors import InputError
from preprocessing.fitting import stable_weights
from preprocessing.identity import Likeness, likeness
from preprocessing.media import is_silent, probe, read_sound
from preprocessing.sync import lip_activity, lip_evidence
from preprocessing.tracking.covering import mouth_covered
from preprocessing.tracking.film_faces import FilmFaces, film_faces
from preprocessing.tracking.following import Stretch, assemble
from preprocessing.tracking.landmarks import FaceTracker, LandmarkTrack
from preprocessing.tracking.runs import KEEP_S, Run
from preprocessing.tracking.tracker_registry import face_tracker

log = logging.getLogger(__name__)

TURNED_RAD = 0.85  # of yaw: beyond, the Face Landmarker guesses the half of the face that it does not see
NODDED_RAD = 0.75  # of pitch, either way
LEAST_CONFIDENCE = 0.4  # of a track: below it half of the face is hidden, and its points are guesses
KNOWN_RAD = 0.6  # a face turned less is known again better
STILL_THE_SAME = 1.6  # `unlikeness` below which a face that was lost a moment ago, at the same place, is the same one
SAME_LOOK, SAME_HEAD = 1.0, 0.25  # most of `Likeness.unlike`, and of 1 - cosine of identities, in one person
OTHER_LIGHT = 4.0  # of colour (Lab): in one light the look has to tell, since it can
NEAR = 0.6  # of its size, between where a face was lost and where it is back
LEAST_SEEN_S, LEAST_SEEN_SHARE = 0.4, 0.05  # of the one seen longest; who is seen less is nobody who is meant
LEAST_SIZE = 0.3  # of the largest person's
SURE_EVIDENCE, EVIDENCE_LEAD = 1.0, 1.5  # log-likelihood that lips go with the sound: at least, and before the next
ACTIVITY_WEIGHT = 3.0  # lips that move half as much as another's are exp(2) times as unlikely to be the speaker's


@dataclass(frozen=True)
class Person:
    """One person of a film. track: at the film's rate over all of it; not valid where the person is not shown or turned
    away. covered: `[T]` float32, 0 to 1, how surely something is before the mouth. place_share: the usual middle of the
    face, 0 at the left border, 1 at the right one. speaking: log-likelihood that these lips made the film's sound
    against that they did not, 0 without sound. activity: how much they move (`sync.lip_activity`).
    """

    track: LandmarkTrack
    covered: np.ndarray
    place_share: float
    speaking: float = 0.0
    activity: float = 0.0

    @property
    def seen_s(self) -> float:
        return float(self.track.valid.sum() / self.track.fps)

    @property
    def size_px(self) -> float:
        """The median face's."""
        return float(np.median(self.track.face_size_px[self.track.valid]))


@dataclass(frozen=True)
class ChosenPerson:
    """The person of a film who is meant. breaks: `[T]` bool, True at the first frame of each shot. number: from left to
    right, 1 is the leftmost; people: how many there are. why: in words.
    """

    track: LandmarkTrack
    breaks: np.ndarray
    covered: np.ndarray
    number: int
    people: int
    why: str


def head_turns(landmarks_px: np.ndarray) -> np.ndarray:
    """Pitch, yaw and roll `[T, 3]` (rad) of heads, roughly, from points `[T, 478, 3]`."""
    model = mp478.load()
    target = landmarks_px.astype(np.float64) * np.array([1.0, -1.0, 1.0])
    mean = np.broadcast_to(model.mean_mm.numpy().astype(np.float64), target.shape)
    _, turn, _ = similarity(mean, target, stable_weights(model))
    return rotation_angles(torch.from_numpy(turn)).numpy()


def people_of(faces: FilmFaces, sound: Sound | None = None) -> list[Person]:
    """The people of a film, from left to right, without those who only pass or are far away.

    sound: of the film at 16 kHz, to tell who speaks.

    Raises:
        InputError: nobody is seen.
    """
    groups = _grouped(faces)
    everybody = [_person(faces, runs) for runs in groups]
    seen = [p for p in everybody if p is not None]
    if not seen:
        raise InputError(
            f"{faces.source}: no face in {len(faces)} frames", "a film that shows a person's face",
            "a face of at least a fifth of the picture's height, well lit, is found best",
        )
    longest, largest = max(p.seen_s for p in seen), max(p.size_px for p in seen)
    least_s = min(longest, max(LEAST_SEEN_S, LEAST_SEEN_SHARE * longest))
    meant = [p for p in seen if p.seen_s >= least_s and p.size_px >= LEAST_SIZE * largest]
    meant = _with_rivals(meant, faces)
    if sound is not None and not is_silent(sound):
        meant = [replace(p, speaking=lip_evidence(p.track, sound), activity=lip_activity(p.track)) for p in meant]
    return sorted(meant, key=lambda p: p.place_share)


def _grouped(faces: FilmFaces) -> list[list[Run]]:
    """Runs by person."""
    runs, shot = faces.runs, faces.shot
    likenesses = [_likeness([run]) for run in runs]
    seams = {start for start, _ in faces.stretches}
    groups: list[list[int]] = []
    for index, run in enumerate(runs):  # first what goes on at the same place
        for group in groups:
            last = runs[group[-1]]
            goes_on = shot[last.start] == shot[run.start] and 0 <= run.start - last.end <= KEEP_S * faces.fps
            # A run that ended without a loss did so because the face became another's.
            most = 1.0 if run.start == last.end and run.start not in seams else STILL_THE_SAME
            if goes_on and _near(last, run) and unlikeness(likenesses[group[-1]], likenesses[index]) < most:
                group.append(index)
                break
        else:
            groups.append([index])
    return [[runs[k] for k in group] for group in _merged(groups, runs)]


def _merged(groups: list[list[int]], runs: list[Run]) -> list[list[int]]:
    """Groups of runs joined, the likest first, as long as they look like one person and are never seen at once."""
    known = [_likeness([runs[k] for k in group]) for group in groups]
    weights = [float(like.frames) for like in known]
    far = np.array([[unlikeness(a, b) for b in known] for a in known])
    for i, j in np.ndindex(far.shape):
        if i == j or any(_at_once(runs[a], runs[b]) for a in groups[i] for b in groups[j]):
            far[i, j] = np.inf
    groups = [list(group) for group in groups]
    while len(groups) > 1 and far.min() < 1:
        i, j = sorted(int(k) for k in np.unravel_index(far.argmin(), far.shape))
        share = weights[i] / (weights[i] + weights[j])
        mixed = share * far[i] + (1 - share) * far[j]
        far[i], far[:, i] = mixed, mixed
        far[i, i] = np.inf
        groups[i], weights[i] = groups[i] + groups[j], weights[i] + weights[j]
        far = np.delete(np.delete(far, j, 0), j, 1)
        del groups[j], weights[j]
    return groups


def _likeness(runs: list[Run]) -> Likeness:
    pictures = np.concatenate([run.pictures for run in runs])
    points = np.concatenate([run.landmarks_px[run.picture_frames] for run in runs])
    frontal = np.abs(head_turns(points)[:, :2]).max(1) < KNOWN_RAD
    chosen = frontal if frontal.any() else np.ones(len(points), bool)
    return likeness(points[chosen], pictures[chosen])


def unlikeness(one: Likeness, other: Likeness) -> float:
    """Below 1 for one person: of one look, or in another place and light of one shape of the head.

    Stretches of 17 people: below 1 in 97% of the 75 pairs from one film, in none of the 2367 pairs of two people, and
    in 41% of the pairs of one man in nine films: who is not surely the same is taken for somebody else.
    """
    size = float(np.linalg.norm(one.identity) * np.linalg.norm(other.identity))
    head = 1 - float(one.identity @ other.identity) / max(size, 1e-9)
    look = one.unlike(other) / SAME_LOOK
    other_light = np.linalg.norm(one.colour - other.colour) > OTHER_LIGHT
    return min(look, head / SAME_HEAD) if other_light else look


def _near(before: Run, after: Run) -> bool:
    one, other = before.landmarks_px[-1, :, :2], after.landmarks_px[0, :, :2]
    moved = np.linalg.norm((one.max(0) + one.min(0) - other.max(0) - other.min(0)) / 2)
    return bool(moved < NEAR * np.ptp(one, axis=0).max())


def _at_once(one: Run, other: Run) -> bool:
    first, last = max(one.start, other.start), min(one.end, other.end)
    if first >= last:
        return False
    both = one.valid[first - one.start : last - one.start] & other.valid[first - other.start : last - other.start]
    return bool(both.any())


def _person(faces: FilmFaces, runs: list[Run]) -> Person | None:
    """The track of one person's runs; None where it never faces the camera."""
    count, example = len(faces), runs[0]
    points = np.zeros((count, *example.landmarks_px.shape[1:]), np.float32)
    arkit = np.zeros((count, example.arkit.shape[1]), np.float32)
    colours, mouths = np.zeros((count, *example.colours.shape[1:]), np.uint8), np.zeros((count, 3), np.float32)
    valid = np.zeros(count, bool)
    for run in runs:
        frames = np.flatnonzero(run.valid)
        at = run.start + frames
        points[at], arkit[at], valid[at] = run.landmarks_px[frames], run.arkit[frames], True
        colours[at], mouths[at] = run.colours[frames], run.mouths[frames]
    turns = np.abs(head_turns(points[valid]))
    valid[valid] = (turns[:, 1] < TURNED_RAD) & (turns[:, 0] < NODDED_RAD)
    if not valid.any():
        return None
    stretch = Stretch(points, arkit, valid, valid.astype(np.int32), np.zeros(count, np.float32))
    size = faces.width_px, faces.height_px
    track = assemble([stretch], faces.fps, size, faces.source, faces.tracker)
    valid &= track.confidence >= LEAST_CONFIDENCE
    track = assemble([replace(stretch, valid=valid)], faces.fps, size, faces.source, faces.tracker)
    covered, shot = np.zeros(count, np.float32), faces.shot
    for number in np.unique(shot[valid]):
        here = shot == number
        covered[here] = mouth_covered(colours[here], mouths[here], valid[here], faces.fps)
    middle = (points[valid, :, 0].max(1) + points[valid, :, 0].min(1)) / 2
    return Person(track, covered, float(np.median(middle) / faces.width_px))


def _with_rivals(people: list[Person], faces: FilmFaces) -> list[Person]:
    """The same with how many faces each frame shows, and places by the frames that show several, if there are any."""
    seen = np.array([p.track.valid for p in people])
    sizes = np.array([p.track.face_size_px for p in people]) * seen
    together = seen.sum(0) > 1
    result = []
    for number, person in enumerate(people):
        others = np.delete(sizes, number, 0).max(0, initial=0.0)
        rival = np.where(seen[number], others / np.maximum(sizes[number], 1e-6), 0.0).astype(np.float32)
        track = replace(person.track, faces_seen=seen.sum(0).astype(np.int32), rival=rival)
        place, shared = person.place_share, together & seen[number]
        if shared.any():
            xs = track.landmarks_px[shared, :, 0]
            place = float(np.median((xs.max(1) + xs.min(1)) / 2) / faces.width_px)
        result.append(replace(person, track=track, place_share=place))
    return result


def check_face(face: str | None) -> None:
    """Refuse what no choice of a face is.

    Raises:
        InputError: not left, right, largest, speaking or a number from 1.
    """
    if face is not None and face not in ("left", "right", "largest", "speaking") and not _number(face):
        raise InputError(f"face '{face}'", "left, right, largest, speaking, or a number: 1 is the leftmost")


def _number(face: str) -> int:
    return int(face) if face.isdecimal() else 0


def choose_person(people: list[Person], face: str | None = None, source: str = "") -> tuple[int, str]:
    """Index of the person who is meant, and why in words.

    Args:
        people: from left to right. face: `left`, `right`, `largest`, `speaking`, a number from 1, or None: who
            speaks where that can be told, else the largest.

    Raises:
        InputError: an unknown word, a number that is none of theirs, or `speaking` and nobody's lips go with the sound.
    """
    check_face(face)
    if face and (number := _number(face)):
        if number > len(people):
            raise InputError(f"{source}: face {number}", f"1 to {len(people)}: so many people are in it")
        return number - 1, f"number {number} from the left"
    if face in ("left", "right"):
        return (0 if face == "left" else len(people) - 1), f"the one on the {face}"
    largest = int(np.argmax([p.seen_s * p.size_px for p in people]))
    if face == "largest":
        return largest, "the largest"
    if face is None and len(people) == 1:
        return 0, "the only one"
    evidence = np.array([p.speaking for p in people])
    activity = np.array([max(p.activity, 1e-6) for p in people])
    score = evidence + ACTIVITY_WEIGHT * np.log(activity / activity.max())
    best = int(score.argmax())
    lead = score[best] - max(np.delete(score, best), default=-np.inf)
    if evidence[best] >= SURE_EVIDENCE and lead >= EVIDENCE_LEAD:
        return best, "their lips go with the sound"
    if face == "speaking":
        raise InputError(
            f"{source}: nobody's lips go with its sound", "a film in which one person speaks",
            "say who is meant: --face left, right, largest or a number",
        )
    return largest, "the largest"


def follow_person(
    video: Path | str, face: str | None = None, cache_dir: Path | str | None = None,
    spawn: Callable[[], FaceTracker] = face_tracker,
) -> ChosenPerson:
    """One person through any film: cuts, other people, stretches without a face, a hand before the mouth.

    Progress is shown. With a cache the film is looked at once, and a killed run goes on where it was.

    Args:
        video: any film. face: see `choose_person`. cache_dir: where results are kept, by content. spawn: makes a
            tracker that gives the Face Landmarker's points.

    Raises:
        InputError: not a video, no usable face in it, or a face that cannot be told.
    """
    check_face(face)
    faces = film_faces(video, cache_dir, spawn)
    sound = read_sound(video) if probe(video).has_sound else None
    people = people_of(faces, sound)
    index, why = choose_person(people, face, str(video))
    person = people[index]
    return ChosenPerson(person.track, faces.breaks, person.covered, index + 1, len(people), why)
