"""Enrollment from one photo, and the target that ships."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from face_model import mp478
from face_model.rotations import geodesic_degrees
from face_model.tracks import AU45_MAX, FaceMotion
from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from foundation.shipped import shipped
from preprocessing.eyes import eye_ratio
from preprocessing.media import probe, read_frames
from preprocessing.photo_fitting import fit_photo
from preprocessing.portrait import Portrait, find_face
from preprocessing.speech import speech_encoder
from preprocessing.speech.phonetic.encoder import WEIGHTS
from preprocessing.tracking import LandmarkTrack
from preprocessing.tracking.mediapipe_tracker import MediaPipeTracker
from render2video.photo.renderer import PhotoRenderer
from talking_head.enrollment.from_photo import photo_in
from talking_head.enrollment.from_video import enroll
from talking_head.synth.demo import SPEECH, TARGET
from talking_head.target.card import MOTION, Target, find_target, write_card
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings

CONSENT = "a portrait by NASA, public domain"


pytestmark = pytest.mark.usefixtures("landmarker")


@pytest.fixture(scope="module")
def grid(footage: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Target]:
    """The photo, the home, and the target enrolled from it."""
    folder = tmp_path_factory.mktemp("photo")
    frame = next(iter(read_frames(footage)))
    photo = folder / "person.png"
    cv2.imwrite(str(photo), frame[..., ::-1])
    target = enroll(photo, "photo", CONSENT, home=folder / "home").target
    return photo, folder / "home", target


def test_a_photo_gives_a_whole_target_that_says_where_it_comes_from(
    grid: tuple[Path, Path, Target], footage: Path
) -> None:
    photo, home, target = grid
    again = enroll(photo, "photo", CONSENT, home=home)
    assert again.already_done
    assert target.card.consent.statement == CONSENT
    assert target.card.origin["photo"] == photo.name
    assert target.card.settings["profile"] == "photo"
    with pytest.raises(InputError, match="exists, made with another video or photo"):
        enroll(footage, "photo", CONSENT, home=home)


def test_a_photo_enrolled_by_an_earlier_version_is_there_already(grid: tuple[Path, Path, Target]) -> None:
    photo, home, target = grid
    earlier = target.card.settings | {"limits": {"yaw_limit": 0.1}}
    write_card(target.folder, replace(target.card, key="0" * 64, settings=earlier))
    assert enroll(photo, "photo", CONSENT, home=home).already_done
    write_card(target.folder, replace(target.card, key="0" * 64, settings=earlier | {"form": 1}))
    with pytest.raises(InputError, match="form 1 and not"):
        enroll(photo, "photo", CONSENT, home=home)
    write_card(target.folder, target.card)


def test_other_weights_of_the_encoder_make_another_target(
    grid: tuple[Path, Path, Target], tmp_path: Path
) -> None:
    photo, home, _ = grid
    arrays, facts = read_tensors(shipped(WEIGHTS))
    same, other = tmp_path / "same.safetensors", tmp_path / "other.safetensors"
    write_tensors(same, arrays, facts)
    write_tensors(other, arrays | {"to_phones.bias": 2 * arrays["to_phones.bias"]}, facts)
    made = enroll(photo, "own", CONSENT, EnrollSettings(speech=f"phonetic:{same}"), home=home).target
    assert read_tensors(made.folder / MOTION)[1]["speech_extractor"] == speech_encoder("phonetic").name
    write_tensors(same, *read_tensors(other))
    with pytest.raises(InputError, match="exists"):  # and not: it is there already
        enroll(photo, "own", CONSENT, EnrollSettings(speech=f"phonetic:{same}"), home=home)
    with pytest.raises(InputError, match="no general motion weights for speech encoder 'phonetic:"):
        enroll(photo, "other", CONSENT, EnrollSettings(speech=f"phonetic:{other}"), home=home)


def still(target: Target, blink: float) -> FaceMotion:
    """The target at its mean pose and expression."""
    values = np.array(target.card.motion_statistics.mean, np.float32)[None].copy()
    motion = FaceMotion.unpack(values, target.card.fps)
    return FaceMotion(
        motion.fps, motion.expression, motion.rotation, motion.translation, np.array([blink], np.float32)
    )


def test_a_blink_is_seen_as_closed_eyes(grid: tuple[Path, Path, Target], model_path: Path) -> None:
    renderer = PhotoRenderer.load(grid[2].folder, mp478.load())
    tracker = MediaPipeTracker(model_path)
    try:
        ratio = []
        for blink in (0.0, AU45_MAX):
            faces = tracker.confirm(next(renderer.frames(still(grid[2], blink))))
            assert len(faces) == 1
            ratio.append(eye_ratio(faces[0].landmarks_px[None])[0])
    finally:
        tracker.close()
    assert ratio[1] < 0.5 * ratio[0]


@pytest.mark.parametrize("side, told", [(256, True), (640, False)])
def test_a_small_photo_says_that_its_films_will_be_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int, told: bool
) -> None:
    landmarks = np.random.default_rng(0).uniform(0.3 * side, 0.7 * side, (478, 3)).astype(np.float32)
    monkeypatch.setattr(
        "talking_head.enrollment.from_photo.find_portrait", lambda picture, source: Portrait(picture, landmarks)
    )
    cv2.imwrite(str(tmp_path / "p.png"), np.full((side, side, 3), 128, np.uint8))
    found = photo_in(tmp_path / "p.png")
    said = [note for note in found.notes if f"{side}x{side}, as small as it is" in note]
    assert len(said) == told


def test_what_is_no_photo_of_a_person_is_refused(tmp_path: Path) -> None:
    empty, broken = tmp_path / "grey.png", tmp_path / "broken.jpg"
    cv2.imwrite(str(empty), np.full((256, 256, 3), 128, np.uint8))
    broken.write_bytes(b"not a picture")
    with pytest.raises(InputError, match="no face"):
        enroll(empty, "grey", CONSENT, home=tmp_path / "home")
    with pytest.raises(InputError, match="does not decode"):
        enroll(broken, "broken", CONSENT, home=tmp_path / "home")
    assert not list((tmp_path / "home" / "targets").glob("*"))


def test_closed_eyes_are_refused(footage: Path, film_track: LandmarkTrack, tmp_path: Path) -> None:
    shut = int(np.argmin(eye_ratio(film_track.landmarks_px)))
    blinking = next(islice(read_frames(footage), shut, None))
    cv2.imwrite(str(tmp_path / "blink.png"), cv2.cvtColor(blinking, cv2.COLOR_RGB2BGR))
    with pytest.raises(InputError, match="closed eyes"):
        enroll(tmp_path / "blink.png", "blink", CONSENT, home=tmp_path / "home")


def test_the_wall_behind_the_built_in_person_stands_still(tmp_path: Path) -> None:
    target = find_target(Home(tmp_path), TARGET)
    renderer = PhotoRenderer.load(target.folder, mp478.load())
    person = renderer.layers.person[..., 3]
    far = cv2.distanceTransform((person < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > 24
    assert far.mean() > 0.25
    pose = renderer.layers.pose
    turns = np.array([(0, 0.17, 0), (0, -0.17, 0), (0.13, 0, 0.12), (-0.13, 0, -0.12)], np.float32)
    values = np.repeat(np.array(target.card.motion_statistics.mean, np.float32)[None], len(turns), axis=0)
    motion = FaceMotion.unpack(values, target.card.fps)
    turned = FaceMotion(motion.fps, motion.expression, turns + pose[:3], motion.translation, motion.blink)
    frames = [frame[far].astype(int) for frame in renderer.frames(turned)]
    assert max(np.abs(frame - frames[0]).max() for frame in frames) == 0


def test_the_built_in_person_is_seen_as_she_is_driven(tmp_path: Path, model_path: Path) -> None:
    target = find_target(Home(tmp_path), TARGET)
    rest = FacialGan.load(target.folder / MOTION).statistics.rest
    resting = replace(still(target, 0.0), expression=rest[None])
    painted = next(PhotoRenderer.load(target.folder, mp478.load()).frames(resting))
    height_px, width_px = painted.shape[:2]
    seen = fit_photo(find_face(painted, "painted"), width_px, height_px)
    # Her smile made the photo's own pose 1.9 degrees another than that of her face at rest.
    assert geodesic_degrees(seen.motion.rotation, resting.rotation)[0] < 1.4


def test_the_built_in_target_ships_whole(tmp_path: Path) -> None:
    target = find_target(Home(tmp_path), TARGET)
    assert target.built_in and "public domain" in target.card.consent.statement.lower().replace("-", " ")
    assert 8 < probe(shipped(SPEECH)).duration_s < 13
    renderer = PhotoRenderer.load(target.folder, mp478.load())
    frame = next(renderer.frames(still(target, 0.0)))
    assert frame.shape == (target.card.height_px, target.card.width_px, 3)
