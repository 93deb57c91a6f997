"""One person through films that are made here: cuts, two people, nobody, a hand, and odd rates and sizes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.rotations import rotation_matrix
from foundation.errors import InputError
from preprocessing.media import read_frames, read_sound
from preprocessing.tracking import FaceObservation, FaceTracker, LandmarkTrack, face_tracker
from preprocessing.tracking.film_faces import FilmFaces, stretches
from preprocessing.tracking.people import (
    TURNED_RAD,
    ChosenPerson,
    Person,
    choose_person,
    follow_person,
    head_turns,
    people_of,
)
from preprocessing.tracking.runs import Run
from tests.footage import another
from tests.preprocessing.making import grey, write_media

SIDE_PX = 256
HAND = range(96, 112)  # frames of the made film
Frames = list[np.ndarray]


@pytest.fixture(scope="module")
def speaker(footage: Path) -> Frames:
    """150 frames of the built-in person."""
    return [cv2.resize(f, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) for f in read_frames(footage)]


@pytest.fixture(scope="module")
def voice(footage: Path) -> np.ndarray:
    return read_sound(footage).samples


@pytest.fixture(scope="module")
def spawn(model_path: Path) -> Callable[[], FaceTracker]:
    return lambda: face_tracker("mediapipe", model_path)


def with_hand(frame: np.ndarray, index: int) -> np.ndarray:
    """A hand of the colour of her cheek that comes in from the left, over the mouth, and goes."""
    step = index - HAND.start
    reach = 60 + 100 * min(1, step / 4, (len(HAND) - 1 - step) / 4)
    skin = [int(0.93 * level) for level in frame[110, 118]]
    outline = np.array([[-80, 130], [-30, 118], [0, 128], [8, 150], [-8, 176], [-60, 190], [-240, 240], [-240, 160]])
    covered = frame.copy()
    cv2.fillPoly(covered, [(outline + (reach, 0)).astype(np.int32)], skin)
    for finger in (-20, -38, -56):
        cv2.line(covered, (int(reach) + finger, 130), (int(reach) + finger, 172), [int(0.8 * c) for c in skin], 2)
    return covered


@pytest.fixture(scope="module")
def made(speaker: Frames, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """She, a cut to somebody else, a cut to nobody for 1 s, she again with a hand before her mouth."""
    frames = speaker[:30] + [another(f) for f in speaker[30:55]] + [grey(90, SIDE_PX, SIDE_PX)] * 25
    frames += [with_hand(f, k) if k in HAND else f for k, f in enumerate(speaker[80:130], start=80)]
    return write_media(tmp_path_factory.mktemp("made") / "made.mp4", frames)


@pytest.fixture(scope="module")
def found(made: Path, spawn: Callable[[], FaceTracker], tmp_path_factory: pytest.TempPathFactory) -> ChosenPerson:
    return follow_person(made, None, tmp_path_factory.mktemp("cache"), spawn)


def test_cuts_end_a_face_and_it_goes_on_only_on_the_same_person(found: ChosenPerson) -> None:
    assert np.flatnonzero(found.breaks).tolist() == [0, 30, 55, 80]
    seen = found.track.valid
    assert seen[:30].all() and not seen[30:80].any() and seen[80:HAND.start].all() and seen[HAND.stop :].all()
    assert len(found.track) == 130 and found.track.fps == 25 and found.people == 2
    eyes = found.track.landmarks_px[:, [33, 263], :2].mean((0, 1))
    assert np.allclose(eyes, (128, 95), atol=12), "where her eyes are"


def test_a_hand_before_the_mouth_is_told_and_speech_is_not(found: ChosenPerson) -> None:
    over = np.arange(HAND.start + 4, HAND.stop - 4)
    assert (found.covered[over] > 0.8).all()
    free = np.r_[0:30, 80 : HAND.start - 3, HAND.stop + 3 : 130]
    assert (found.covered[free] < 0.1).all() and not found.covered[30:80].any()


class _Watched:
    """A tracker that counts what it is asked, and stops the run at some point."""

    asked, stop_at = 0, -1

    def __init__(self, tracker: FaceTracker) -> None:
        self._tracker = tracker
        self.name, self.version, self.layout = tracker.name, tracker.version, tracker.layout
        self.restart, self.close, self.confirm = tracker.restart, tracker.close, tracker.confirm

    def observe(self, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        _Watched.asked += 1
        if _Watched.asked == _Watched.stop_at:
            raise KeyboardInterrupt
        return self._tracker.observe(frame_rgb, time_s)


def test_a_killed_run_goes_on_and_a_known_film_is_not_looked_at(
    made: Path, found: ChosenPerson, spawn: Callable[[], FaceTracker], tmp_path: Path
) -> None:
    _Watched.asked, _Watched.stop_at = 0, 60
    with pytest.raises(KeyboardInterrupt):
        follow_person(made, None, tmp_path, lambda: _Watched(spawn()))
    _Watched.asked = 0
    again = follow_person(made, None, tmp_path, lambda: _Watched(spawn()))
    assert 45 <= _Watched.asked <= 60, "only the shot that was cut short, and what follows"
    assert np.array_equal(again.track.landmarks_px, found.track.landmarks_px)
    assert np.array_equal(again.covered, found.covered) and np.array_equal(again.track.valid, found.track.valid)
    _Watched.asked = 0
    other = follow_person(made, str(3 - found.number), tmp_path, lambda: _Watched(spawn()))
    assert _Watched.asked == 0 and other.track.valid[30:55].all() and not other.track.valid[:30].any()
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


@pytest.fixture(scope="module")
def pair(
    speaker: Frames, voice: np.ndarray, spawn: Callable[[], FaceTracker], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str | None], ChosenPerson]:
    """A listener on the left, the speaker on the right."""
    listener = another(speaker[0])
    folder = tmp_path_factory.mktemp("pair")
    frames = [np.concatenate([listener, frame], axis=1) for frame in speaker[:62]]
    path = write_media(folder / "pair.mp4", frames, sound=voice[: 62 * 640])
    return lambda face: follow_person(path, face, folder / "cache", spawn)


def test_of_two_people_the_one_who_speaks_is_meant(pair: Callable[[str | None], ChosenPerson]) -> None:
    for face, number in ((None, 2), ("speaking", 2), ("right", 2), ("left", 1), ("1", 1)):
        chosen = pair(face)
        assert (chosen.number, chosen.people) == (number, 2), face
        middle = chosen.track.landmarks_px[:, 4, 0]
        assert chosen.track.valid.all() and ((middle > SIDE_PX) == (number == 2)).all()
        assert (chosen.track.faces_seen == 2).all() and (chosen.track.rival > 0.7).all()
    assert pair(None).why == "their lips go with the sound"
    with pytest.raises(InputError, match="face 3; expected 1 to 2"):
        pair("3")
    with pytest.raises(InputError, match="face 'middle'"):
        pair("middle")


def test_nobody_is_refused_in_one_line(spawn: Callable[[], FaceTracker], tmp_path: Path) -> None:
    path = write_media(tmp_path / "grey.mp4", [grey(90, 96, 96)] * 5)
    with pytest.raises(InputError, match="no face in 5 frames") as caught:
        follow_person(path, spawn=spawn)
    assert "\n" not in str(caught.value)
    sound = write_media(tmp_path / "a.wav", [], sound=np.zeros(1600), sound_codec="pcm_s16le")
    with pytest.raises(InputError, match="no pictures"):
        follow_person(sound, spawn=spawn)


def _person(place: float, size_px: float = 100.0, speaking: float = 0.0, activity: float = 0.05) -> Person:
    points = np.zeros((50, 478, 3), np.float32)
    points[:, 0] = size_px
    ones = np.ones(50, np.float32)
    seen = ones.astype(bool)
    track = LandmarkTrack(25.0, 640, 360, points, np.zeros((50, 52)), ones, seen, ones.astype(int), 0 * ones)
    return Person(track, 0 * ones, place, speaking, activity)


def test_who_is_meant_where_nobody_says() -> None:
    small, large = _person(0.2, 80.0), _person(0.8, 120.0)
    assert choose_person([small, large]) == (1, "the largest")
    assert choose_person([_person(0.5)]) == (0, "the only one")
    speaks = _person(0.2, 80.0, speaking=4.0)
    assert choose_person([speaks, large])[0] == 0 and choose_person([speaks, large], "largest")[0] == 1
    by_chance = _person(0.8, 120.0, speaking=5.0, activity=0.005)
    assert choose_person([speaks, by_chance])[0] == 0, "lips that hardly move are not the speaker's"
    with pytest.raises(InputError, match="nobody's lips go with its sound"):
        choose_person([small, large], "speaking")


def test_a_face_that_turns_away_is_not_used() -> None:
    """The mean head turns from the camera to the side and back."""
    yaw_rad = np.radians(np.concatenate([np.linspace(0, 80, 40), np.linspace(80, 0, 40)]))
    turn = rotation_matrix(torch.tensor(np.stack([0 * yaw_rad, yaw_rad, 0 * yaw_rad], axis=1))).numpy()
    heads = np.einsum("tab,vb->tva", turn, mp478.load().mean_mm.numpy())
    points = (heads * (1, -1, 1) + (200, 200, 0)).astype(np.float32)
    assert np.allclose(head_turns(points)[:, 1], yaw_rad, atol=0.01)
    seen, at = np.ones(80, bool), np.arange(0, 80, 5)
    pictures = np.random.default_rng(0).integers(0, 255, (16, 48, 48, 3), np.uint8)
    skin, mouths = np.full((80, 478, 3), 150, np.uint8), np.full((80, 3), 10, np.float32)
    run = Run(0, points, np.zeros((80, 52), np.float32), skin, mouths, seen, pictures, at)
    (person,) = people_of(FilmFaces(25.0, 400, 400, np.arange(80) == 0, [run]))
    assert np.array_equal(person.track.valid, yaw_rad < TURNED_RAD)


def test_long_shots_are_followed_in_pieces() -> None:
    breaks = np.zeros(100, bool)
    breaks[[0, 30]] = True
    assert stretches(breaks, 2.0) == [(0, 30), (30, 70), (70, 100)]


@pytest.mark.slow
def test_when_two_cross_the_one_behind_ends_and_comes_back_as_itself(
    speaker: Frames, voice: np.ndarray, spawn: Callable[[], FaceTracker], tmp_path: Path
) -> None:
    frames = []
    for k, frame in enumerate(speaker):
        picture = np.full((SIDE_PX, 640, 3), (120, 130, 140), np.uint8)
        left, right = round(20 + 440 * k / 149), round(444 - 440 * k / 149)
        picture[10:246, right : right + 176] = another(speaker[(k + 61) % 150])[10:246, 40:216]
        picture[10:246, left : left + 176] = frame[10:246, 40:216]
        frames.append(picture)
    path = write_media(tmp_path / "cross.mp4", frames, sound=voice[: 150 * 640])
    front = follow_person(path, None, tmp_path, spawn)
    assert front.track.valid.all() and front.people == 2 and front.why == "their lips go with the sound"
    middle = front.track.landmarks_px[:, 4, 0]
    assert np.allclose(middle, 108 + 440 * np.arange(150) / 149, atol=12), "hers throughout"
    behind = follow_person(path, str(3 - front.number), tmp_path, spawn)
    seen = behind.track.valid
    assert seen[:50].all() and not seen[60:90].any() and seen[110:].all()
    middle = behind.track.landmarks_px[seen, 4, 0]
    assert np.allclose(middle, (532 - 440 * np.arange(150) / 149)[seen], atol=25)


@pytest.mark.slow
def test_a_dissolve_does_not_hand_a_face_over(
    speaker: Frames, spawn: Callable[[], FaceTracker], tmp_path: Path
) -> None:
    """In half a second she becomes somebody else at the same place."""
    shares = np.clip((np.arange(120) - 55) / 12, 0, 1)
    frames = [
        np.rint((1 - share) * frame + share * another(frame)).astype(np.uint8)
        for share, frame in zip(shares, speaker, strict=False)
    ]
    film = write_media(tmp_path / "dissolve.mp4", frames)
    chosen = follow_person(film, None, tmp_path, spawn)
    seen, other = chosen.track.valid, follow_person(film, str(3 - chosen.number), tmp_path, spawn).track.valid
    assert seen[:50].sum() in (0, 50) and seen[75:].sum() in (0, 45) and seen[0] != seen[-1]
    assert (seen ^ other)[:50].all() and (seen ^ other)[75:].all()


@pytest.mark.slow
def test_rates_sizes_and_rotation(
    speaker: Frames, footage: Path, spawn: Callable[[], FaceTracker], tmp_path: Path
) -> None:
    film = follow_person(write_media(tmp_path / "film.mp4", speaker[:48], fps=24000 / 1001), spawn=spawn)
    assert film.track.fps == pytest.approx(24000 / 1001) and len(film.track) == 48 and film.track.valid.all()
    steps_s = np.random.default_rng(0).choice([1 / 30, 1 / 30, 1 / 15, 1 / 24], 60)
    times_s = np.concatenate([[0], np.cumsum(steps_s)])[:60]
    uneven = follow_person(write_media(tmp_path / "vfr.mp4", speaker[:60], times_s.tolist(), fps=30), spawn=spawn)
    assert len(uneven.track) == len(list(read_frames(tmp_path / "vfr.mp4"))) and uneven.track.valid.all()
    assert np.flatnonzero(uneven.breaks).tolist() == [0]
    large = []
    for frame in itertools.islice(read_frames(footage), 30):
        picture = np.full((1080, 1920, 3), 70, np.uint8)
        picture[200:712, 1100:1612] = frame
        large.append(picture)
    hd = follow_person(write_media(tmp_path / "hd.mp4", large), spawn=spawn)
    assert hd.track.valid.all() and (hd.track.width_px, hd.track.height_px) == (1920, 1080)
    assert (hd.track.landmarks_px[:, 4, 0] > 1200).all()
    tall = [np.pad(frame, ((100, 0), (0, 0), (0, 0)), mode="edge") for frame in speaker[:25]]
    stored = [np.ascontiguousarray(np.rot90(frame)) for frame in tall]
    phone = follow_person(write_media(tmp_path / "phone.mp4", stored, rotation=-90), spawn=spawn)
    assert phone.track.valid.all() and (phone.track.width_px, phone.track.height_px) == (256, 356)
    assert (phone.track.landmarks_px[:, 152, 1] > phone.track.landmarks_px[:, 4, 1]).all(), "upright"


@pytest.mark.slow
def test_somebody_who_leaves_ends_and_three_seconds_of_nobody_do_not_stop_it(
    speaker: Frames, spawn: Callable[[], FaceTracker], tmp_path: Path
) -> None:
    empty = grey(110, SIDE_PX, SIDE_PX)
    other = [another(speaker[(k + 61) % 150]) for k in range(150)]
    frames = [
        np.concatenate([other[k] if k < 60 else empty, speaker[k] if 30 < k < 70 or k > 145 else empty], axis=1)
        for k in range(150)
    ] + [np.concatenate([empty, frame], axis=1) for frame in speaker[:40]]
    right = follow_person(write_media(tmp_path / "exit.mp4", frames), "right", tmp_path, spawn)
    seen = right.track.valid
    assert not seen[:31].any() and seen[31:70].all() and not seen[70:146].any() and seen[150:].all()
    assert (right.track.landmarks_px[seen][:, 4, 0] > SIDE_PX).all()


@pytest.fixture(scope="module")
def grid(data_dir: Path) -> Iterator[Callable[[str], tuple[Frames, np.ndarray]]]:
    def read(name: str) -> tuple[Frames, np.ndarray]:
        path = data_dir / "grid" / f"{name}.mpg"
        return list(read_frames(path)), read_sound(path).samples[: 75 * 640]

    yield read


@pytest.mark.slow
def test_real_people_in_one_studio_are_told_apart(
    grid: Callable[[str], tuple[Frames, np.ndarray]], spawn: Callable[[], FaceTracker], tmp_path: Path
) -> None:
    """The same man twice, between two others who sit where he sits."""
    one, first, again, second = (grid(name)[0] for name in ("id2_vcd_swwp2s", "sbia1a", "pwij3p", "swiz3n"))
    path = write_media(tmp_path / "joined.mp4", one[:60] + first[:50] + again[:60] + second[:50])
    man = follow_person(path, None, tmp_path, spawn)
    assert np.flatnonzero(man.breaks).tolist() == [0, 60, 110, 170] and man.people == 3
    assert man.track.valid.tolist() == [k < 60 or 110 <= k < 170 for k in range(220)]


@pytest.mark.slow
def test_who_speaks_among_three_real_people(
    grid: Callable[[str], tuple[Frames, np.ndarray]], spawn: Callable[[], FaceTracker], tmp_path: Path
) -> None:
    """All three move their lips; one of them is heard."""
    names = ("brbk7n", "sbia1a", "swiz3n")
    frames = [np.concatenate(row, axis=1) for row in zip(*(grid(name)[0] for name in names), strict=True)]
    for heard, number in ((names[0], 1), (names[2], 3)):
        path = write_media(tmp_path / f"{heard}.mp4", frames, sound=grid(heard)[1])
        assert follow_person(path, "speaking", tmp_path, spawn).number == number
