"""The one face in a photo: found whatever its size, turned upright, and refused where nobody could speak with it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from face_model import mp478
from preprocessing.explaining import Mark, Sight, UnfitError
from preprocessing.eyes import LEAST_OPEN_RATIO, eye_ratio
from preprocessing.mouth_cover import see_mouth
from preprocessing.tracking import FaceObservation, FaceTracker, face_tracker
from preprocessing.tracking.close_up import RIVAL_SHARE
from preprocessing.tracking.layouts import roll_rad

MIN_FACE_PX = 64  # of the face's longer side; smaller ones have no lips to speak of
SIDEWAYS_RAD = np.pi / 4  # of roll: from here on the photo is turned, not the head
CHEEKS = (50, 101, 205, 280, 330, 425)
# Of 72 frames of 24 clips all are left upright as they are, and 71 that stand on their heads are turned.
EYE_WEIGHT, UPRIGHT_MARGIN = 20.0, 1.0
TURNED_LONGEST_PX = 1600  # photos without a face are looked at in other positions, reduced


@dataclass(frozen=True)
class Portrait:
    """A photo `[H, W, 3]` uint8 of one person, upright, and the face's landmarks `[478, 3]` px in it.

    notes: what was done to the photo, for its owner.
    """

    picture_rgb: np.ndarray
    landmarks_px: np.ndarray
    notes: tuple[str, ...] = ()


def find_face(picture_rgb: np.ndarray, source: str, tracker: FaceTracker | None = None) -> np.ndarray:
    """Landmarks `[478, 3]` (px) of the one face in an upright photo `[H, W, 3]` uint8.

    Raises:
        InputError: no face, two that could be meant, too small a face, one that is not all in the picture, or closed
            eyes, which nothing could open.
    """
    used = tracker or face_tracker()
    try:
        return the_one(used.confirm(picture_rgb), picture_rgb, source)
    finally:
        if tracker is None:
            used.close()


def find_portrait(picture_rgb: np.ndarray, source: str, tracker: FaceTracker | None = None) -> Portrait:
    """The photo turned so that its face is upright, and the face.

    Raises:
        InputError: as `find_face`, or something lies over the mouth.
    """
    used = tracker or face_tracker()
    try:
        turns, faces = _quarter_turns(picture_rgb, used)
        if turns:
            picture_rgb = np.ascontiguousarray(np.rot90(picture_rgb, turns))
            faces = used.confirm(picture_rgb)
        landmarks_px = the_one(faces, picture_rgb, source)
    finally:
        if tracker is None:
            used.close()
    if see_mouth(picture_rgb, landmarks_px).covered:
        face = FaceObservation(landmarks_px, np.zeros(0, np.float32))
        raise UnfitError(
            f"{source}: the mouth is covered", "a photo that shows it", "choose one without a mask or hand before it",
            Sight(picture_rgb, (Mark(face.box_px, "mouth covered", points_px=landmarks_px[list(mp478.OUTER_LIPS)]),)),
        )
    said = {1: "turned by 90 degrees to the left", 2: "turned upside down", 3: "turned by 90 degrees to the right"}
    return Portrait(picture_rgb, landmarks_px, (f"{said[turns]}, so that the face is upright",) if turns else ())


def _quarter_turns(picture_rgb: np.ndarray, tracker: FaceTracker) -> tuple[int, list[FaceObservation]]:
    """Quarter turns, counter-clockwise, that bring the largest face upright, and the faces found without them."""
    faces = tracker.confirm(picture_rgb)
    if faces:
        turns = round(float(roll_rad(faces[0].landmarks_px)) / (np.pi / 2)) % 4
        return (2 if turns == 0 and _upside_down(picture_rgb, faces[0], tracker) else turns), faces
    zoom = min(1.0, TURNED_LONGEST_PX / max(picture_rgb.shape[:2]))
    small = cv2.resize(picture_rgb, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    found = {0: -np.inf}
    for turns in (1, 2, 3):
        over = np.ascontiguousarray(np.rot90(small, turns))
        turned = tracker.confirm(over)
        if turned and abs(roll_rad(turned[0].landmarks_px)) < SIDEWAYS_RAD:
            found[turns] = _features(over, turned[0].landmarks_px)
    return max(found, key=lambda turns: found[turns]), []


def _upside_down(picture_rgb: np.ndarray, face: FaceObservation, tracker: FaceTracker) -> bool:
    """Whether a face that seems upright stands on its head: trackers see eyes in a chin and lips on a forehead.

    Looked at the other way round, another one is seen in its place then, whose eyes are darker and whose lips redder.
    """
    over = np.ascontiguousarray(picture_rgb[::-1, ::-1])
    turned = face.landmarks_px * (-1, -1, 1) + (*picture_rgb.shape[1::-1], 0)
    other = FaceObservation(turned.astype(np.float32), face.arkit)
    own = _features(picture_rgb, face.landmarks_px) + UPRIGHT_MARGIN
    return any(
        np.linalg.norm(found.centre_px - other.centre_px) < found.size_px / 2
        and abs(float(roll_rad(found.landmarks_px))) < SIDEWAYS_RAD
        and _features(over, found.landmarks_px) > own
        for found in tracker.confirm(over, other)
    )


def _features(picture_rgb: np.ndarray, landmarks_px: np.ndarray) -> float:
    """How much lips and eyes look like such: the contrast of lips, less the lightness of irises against the cheeks."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture_rgb, cv2.COLOR_RGB2GRAY), (0, 0), 1.0).astype(np.float32)

    def lightness(points: tuple[int, ...]) -> float:
        at = np.clip(landmarks_px[list(points), :2].astype(int), 0, np.array(grey.shape[::-1]) - 1)
        return float(np.median(grey[at[:, 1], at[:, 0]]))

    eyes = max(lightness(iris) for iris in (mp478.RIGHT_IRIS, mp478.LEFT_IRIS))
    return see_mouth(picture_rgb, landmarks_px).contrast - EYE_WEIGHT * eyes / max(lightness(CHEEKS), 1.0)


def marks_of(faces: list[FaceObservation], good: bool = False) -> tuple[Mark, ...]:
    """Boxes of faces with their sizes."""
    return tuple(Mark(face.box_px, f"face, {face.size_px:.0f} px", good, face.landmarks_px) for face in faces)


def the_one(faces: list[FaceObservation], picture_rgb: np.ndarray, source: str) -> np.ndarray:
    """Landmarks `[478, 3]` of the one face that can be meant.

    Raises:
        InputError: as `find_face`.
    """
    faces = sorted(faces, key=lambda face: -face.size_px)
    sight = Sight(picture_rgb, marks_of(faces))
    if not faces:
        raise UnfitError(f"{source}: no face", "a photo of one person facing the camera", "choose another photo", sight)
    if len(faces) > 1 and faces[1].size_px > RIVAL_SHARE * faces[0].size_px:
        raise UnfitError(f"{source}: two faces of similar size", "a photo of one person", "crop the photo", sight)
    if faces[0].size_px < MIN_FACE_PX:
        small = f"{source}: a face of {faces[0].size_px:.0f} pixels"
        raise UnfitError(small, f"at least {MIN_FACE_PX}", "give a larger photo", sight)
    landmarks_px = faces[0].landmarks_px
    features = landmarks_px[[*mp478.OUTER_LIPS, *mp478.EYE_CORNERS], :2]
    if (features < 0).any() or (features >= picture_rgb.shape[1::-1]).any():
        cut = f"{source}: eyes or mouth lie outside the picture"
        raise UnfitError(cut, "a photo of the whole face", "choose another photo", sight)
    if eye_ratio(landmarks_px[None])[0] < LEAST_OPEN_RATIO:
        raise UnfitError(f"{source}: closed eyes", "a photo of a person with open eyes", "choose another photo", sight)
    return landmarks_px
