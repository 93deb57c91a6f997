"""One person throughout: cuts to somebody else, jump cuts, covered mouths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from face_model import mp478
from foundation.errors import InputError
from preprocessing.explaining import UnfitError
from preprocessing.identity import cuts, face_picture, likeness
from preprocessing.media import read_frames
from preprocessing.mouth_cover import see_mouth
from preprocessing.one_person import one_person
from preprocessing.portrait import find_portrait
from preprocessing.tracking import LandmarkTrack, track_landmarks
from preprocessing.tracking.mediapipe_tracker import MediaPipeTracker
from tests.footage import another
from tests.preprocessing.making import write_media

COUNT = 75


@pytest.fixture(scope="module")
def tracker(model_path: Path) -> Iterator[MediaPipeTracker]:
    tracker = MediaPipeTracker(model_path)
    yield tracker
    tracker.close()


@pytest.fixture(scope="module")
def frames(footage: Path) -> list[np.ndarray]:
    """3 s of the built-in person, 384 x 384."""
    small = (cv2.resize(frame, (384, 384), interpolation=cv2.INTER_AREA) for frame in read_frames(footage))
    return [frame for _, frame in zip(range(COUNT), small, strict=False)]


def nearer(frame: np.ndarray) -> np.ndarray:
    """As a jump cut to a closer shot shows it."""
    return cv2.resize(frame[:320, 40:360], (384, 384), interpolation=cv2.INTER_CUBIC)


def watched(
    frames: list[np.ndarray], tracker: MediaPipeTracker, path: Path
) -> tuple[LandmarkTrack, tuple[str, ...]]:
    write_media(path, frames)
    return one_person(path, track_landmarks(path, tracker=tracker))


def test_a_cut_to_somebody_else_and_back_is_left_out_and_said(
    frames: list[np.ndarray], tracker: MediaPipeTracker, tmp_path: Path
) -> None:
    other = [another(frame) for frame in frames]
    track, notes = watched([*frames[:30], *other[:20], *frames[50:]], tracker, tmp_path / "a.mp4")
    assert track.valid.tolist() == [True] * 30 + [False] * 20 + [True] * 25
    assert notes == ("cuts to another person or place: 1.2 to 2.0 s left out",)
    assert (track.confidence[30:50] == 0).all()
    before, after = track.landmarks_px[29], track.landmarks_px[50]
    assert np.allclose(track.landmarks_px[40], before + (after - before) * 11 / 21, atol=0.01)


def test_a_jump_cut_of_the_same_person_is_kept(
    frames: list[np.ndarray], tracker: MediaPipeTracker, tmp_path: Path
) -> None:
    joined = [*frames[:20], *map(nearer, frames[40:60]), *frames[60:]]
    path = write_media(tmp_path / "a.mp4", joined)
    track = track_landmarks(path, tracker=tracker)
    assert {20, 40} <= set(cuts(track)), "they are noticed"
    kept, notes = one_person(path, track)
    assert kept.valid.all() and notes == ()


def test_speech_alone_is_no_cut(frames: list[np.ndarray], tracker: MediaPipeTracker, tmp_path: Path) -> None:
    track, notes = watched(frames, tracker, tmp_path / "a.mp4")
    assert track.valid.all() and notes == () and len(cuts(track)) <= 1


def test_a_video_of_two_people_in_equal_parts_keeps_the_one_who_is_seen_longer(
    frames: list[np.ndarray], tracker: MediaPipeTracker, tmp_path: Path
) -> None:
    track, _ = watched([*[another(frame) for frame in frames[:30]], *frames[:35]], tracker, tmp_path / "a.mp4")
    assert track.valid.tolist() == [False] * 30 + [True] * 35


def test_people_who_take_turns_are_refused_with_a_picture(
    frames: list[np.ndarray], tracker: MediaPipeTracker, tmp_path: Path
) -> None:
    grey = [cv2.cvtColor(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)[:, ::-1] // 2 for f in frames]
    turns = [*frames[:20], *[another(frame) for frame in frames[:19]], *[np.ascontiguousarray(f) for f in grey[:19]]]
    with pytest.raises(UnfitError, match="cuts to another person or place in 6.% of the frames") as caught:
        watched(turns, tracker, tmp_path / "a.mp4")
    assert [mark.good for mark in caught.value.sight.marks] == [True, False]
    assert caught.value.sight.picture_rgb.shape == (384, 768, 3)


def test_frames_woven_from_two_fields_are_told(
    frames: list[np.ndarray], tracker: MediaPipeTracker, tmp_path: Path
) -> None:
    """A head that sways by 4 pixels a frame, so that each field shows it 2 pixels further."""
    def swayed(k: float) -> np.ndarray:
        shift = np.array([[1, 0, 24 * np.sin(k / 6)], [0, 1, 0]])
        return cv2.warpAffine(frames[int(k)], shift, (384, 384), borderMode=cv2.BORDER_REPLICATE)

    woven = []
    for k in range(40):
        frame = swayed(k)
        frame[1::2] = swayed(k + 0.5)[1::2]
        woven.append(frame)
    _, notes = watched(woven, tracker, tmp_path / "a.mp4")
    assert len(notes) == 1 and "combed" in notes[0]
    assert watched([swayed(k) for k in range(40)], tracker, tmp_path / "b.mp4")[1] == ()


def masked(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A light blue mask from the nose's bridge to under the chin."""
    ring = (195, 101, 50, 123, 147, 177, 215, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 435, 401)
    edge = points[[*ring, 376, 352, 280, 330], :2]
    cover = frame.copy()
    cv2.fillPoly(cover, [np.round(edge).astype(np.int32)], (130, 185, 215), cv2.LINE_AA)
    return cover


def handed(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The back of a hand, of the person's own skin, before the mouth."""
    eyes = float(np.linalg.norm(points[33, :2] - points[263, :2]))
    x, y = np.round(points[[13, 14, 152], :2].mean(0)).astype(int).tolist()
    cheek = points[50, :2].astype(int)
    skin = np.median(frame[cheek[1] - 2 : cheek[1] + 3, cheek[0] - 2 : cheek[0] + 3].reshape(-1, 3), axis=0)
    cover = frame.copy()
    cv2.ellipse(cover, (x, y), (round(0.8 * eyes), round(0.5 * eyes)), 0, 0, 360, skin.tolist(), -1, cv2.LINE_AA)
    for k in (-1, 0, 1):
        row = round(y + 0.22 * k * eyes)
        left, right = (x - round(0.7 * eyes), row), (x + round(0.7 * eyes), row)
        cv2.line(cover, left, right, (0.75 * skin).tolist(), 2, cv2.LINE_AA)
    return cover


COVERS = [masked, handed]


@pytest.mark.parametrize("cover", COVERS)
def test_a_photo_with_a_covered_mouth_is_refused(
    frames: list[np.ndarray], tracker: MediaPipeTracker, cover: Callable[..., np.ndarray]
) -> None:
    points = find_portrait(frames[3], "a.jpg", tracker).landmarks_px
    with pytest.raises(UnfitError, match="the mouth is covered") as caught:
        find_portrait(cover(frames[3], points), "a.jpg", tracker)
    assert "mouth" in caught.value.sight.marks[0].label


@pytest.mark.parametrize("cover", [masked, pytest.param(handed, marks=pytest.mark.slow)])
def test_what_shows_a_covered_mouth_is_left_out_and_a_whole_video_of_it_refused(
    frames: list[np.ndarray], tracker: MediaPipeTracker, tmp_path: Path, cover: Callable[..., np.ndarray]
) -> None:
    points = track_landmarks(write_media(tmp_path / "a.mp4", frames), tracker=tracker).landmarks_px
    hidden = [cover(frame, own) for frame, own in zip(frames, points, strict=True)]
    track, notes = watched([*frames[:45], *hidden[45:]], tracker, tmp_path / "b.mp4")
    assert track.valid[:40].all() and not track.valid[50:].any()
    assert len(notes) == 1 and "the mouth is covered" in notes[0] and "to 3.0 s left out" in notes[0]
    with pytest.raises(InputError, match="the mouth is covered in 100% of the frames"):
        watched(hidden, tracker, tmp_path / "c.mp4")


def test_lips_are_seen_in_any_light_and_in_a_beard(frames: list[np.ndarray], tracker: MediaPipeTracker) -> None:
    points = find_portrait(frames[3], "a.jpg", tracker).landmarks_px
    rows, columns = np.mgrid[:384, :384]
    shade = (0.35 + 0.65 * columns / 383)[..., None]
    lower = np.zeros((384, 384), np.float32)
    jaw = points[[*mp478.FACE_OVAL[9:27], 187, 50, 205, 2, 425, 280, 411], :2]
    cv2.fillPoly(lower, [cv2.convexHull(np.round(jaw).astype(np.int32))], 1)
    cv2.fillPoly(lower, [np.round(points[list(mp478.OUTER_LIPS), :2]).astype(np.int32)], 0)
    beard = frames[3] * (1 - 0.7 * lower[..., None]) + 0.7 * lower[..., None] * np.array([60, 48, 40])
    for view in (frames[3], frames[3] * shade, frames[3] * 0.4, beard, 255 - (255 - frames[3].astype(float)) * 0.7):
        sight = see_mouth(view.astype(np.uint8), points)
        assert not sight.covered, sight


def test_likenesses_tell_people_apart(frames: list[np.ndarray], tracker: MediaPipeTracker) -> None:
    """A turn of the head, another light and other words are one person; `another` is not."""
    def face(shown: list[np.ndarray]) -> np.ndarray:
        return np.stack([tracker.confirm(frame)[0].landmarks_px for frame in shown])

    def seen(shown: list[np.ndarray]):  # noqa: ANN202
        points = face(shown)
        return likeness(points, np.stack([face_picture(f, p) for f, p in zip(shown, points, strict=True)]))

    one, later = seen(frames[:60:3]), seen(frames[15:75:3])
    dimmer = seen([(frame * 0.8).astype(np.uint8) for frame in frames[:60:3]])
    tilt = cv2.getRotationMatrix2D((192, 192), 14, 1.0)
    tilted = seen([cv2.warpAffine(f, tilt, (384, 384), borderMode=cv2.BORDER_REPLICATE) for f in frames[:60:3]])
    assert max(one.unlike(same) for same in (later, dimmer, tilted)) < 1.0
    assert one.unlike(seen([another(frame) for frame in frames[:60:3]])) > 1.6
