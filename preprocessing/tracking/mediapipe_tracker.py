"""MediaPipe Face Landmarker (tasks API) behind the `FaceTracker` interface."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from face_model.arkit import ARKIT_NAMES
from foundation.errors import InputError
from foundation.files import sha256
from preprocessing.tracking.assets import landmarker_path
from preprocessing.tracking.close_up import Window, find_faces
from preprocessing.tracking.landmarks import FaceObservation
from preprocessing.tracking.layouts import MP478
from preprocessing.tracking.watching import WHOLE_SHARE, CloseUpWatch

FACES = 2  # asked for, so that a second face is noticed; this also keeps MediaPipe from smoothing, which would lag
# Of the detection in a close-up, and of the face: all of 72 frames of faces reach it, half of what is none does not.
SURE_CONFIDENCE = 0.5, 0.9
CONFIRM_CONFIDENCE = 0.3  # a fresh look has no memory to help it, so it may be a little less sure
REVISION = 2  # of this file's numbers


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the native library's chatter off the terminal: it writes to file descriptor 2, past Python."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def explain_import(error: Exception) -> InputError | None:
    """What a user can do about MediaPipe not loading; None when that is not known."""
    text = str(error)
    if any(library in text for library in ("libEGL", "libGLES")):
        return InputError(f"MediaPipe does not load ({text})", "the EGL libraries", "apt install libegl1 libgles2")
    if "libGL.so" in text:
        return InputError(f"OpenCV does not load ({text})", "the GL library", "apt install libgl1")
    if isinstance(error, ModuleNotFoundError):
        return InputError(f"no module '{error.name}'", "MediaPipe installed", "pip install 'mediapipe>=1.2,<2'")
    return None


class MediaPipeTracker:
    """The Face Landmarker.

    Args:
        path: `face_landmarker.task`; None looks where `landmarker_path` looks.

    Raises:
        InputError: the model file or a system library is missing, or the file is not a landmarker.
    """

    name, layout = "mediapipe", MP478

    def __init__(self, path: Path | str | None = None) -> None:
        self._model = landmarker_path(path)
        self.version = f"{importlib.metadata.version('mediapipe')}-{sha256(self._model)[:8]}-{REVISION}"
        self._video: Any = None
        self._single: Any = None
        self._sure: Any = None
        self._close_up = CloseUpWatch(self._watch, self.detect, self._begin, self.detect_surely)
        with _quiet():
            try:
                import mediapipe

                self._mediapipe = mediapipe
                self._video = self._landmarker("VIDEO", 0.5)
            except (ImportError, OSError) as error:
                raise explain_import(error) or error from error

    def _landmarker(self, mode: str, detection: float, presence: float = 0.5) -> Any:
        from mediapipe.tasks import python as tasks
        from mediapipe.tasks.python import vision

        options = vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(self._model)), running_mode=vision.RunningMode[mode],
            num_faces=FACES, output_face_blendshapes=True, min_face_detection_confidence=detection,
            min_face_presence_confidence=presence,
        )
        try:
            return vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0][:120]
            raise InputError(f"{self._model} does not load ({reason})", "a whole face_landmarker.task") from error

    def restart(self) -> None:
        self._close_up.restart()

    def observe(self, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        return self._close_up.observe(frame_rgb, time_s)

    def confirm(self, frame_rgb: np.ndarray, near: FaceObservation | None = None) -> list[FaceObservation]:
        if near is None:
            return find_faces(self.detect, frame_rgb, self.detect_surely)
        if near.size_px >= WHOLE_SHARE * max(frame_rgb.shape[:2]):
            return self.detect(frame_rgb)
        return Window.about(near).seen_in(self.detect, frame_rgb)

    def _begin(self) -> None:
        with _quiet():
            self._video.close()
            self._video = self._landmarker("VIDEO", 0.5)

    def detect_surely(self, picture_rgb: np.ndarray) -> list[FaceObservation]:
        """The same, where it is certain."""
        with _quiet():
            self._sure = self._sure or self._landmarker("IMAGE", *SURE_CONFIDENCE)
            found = self._sure.detect(self._image(picture_rgb))
        return self._observations(found, picture_rgb)

    def _watch(self, picture_rgb: np.ndarray, time_ms: int) -> list[FaceObservation]:
        with _quiet():
            found = self._video.detect_for_video(self._image(picture_rgb), time_ms)
        return self._observations(found, picture_rgb)

    def detect(self, picture_rgb: np.ndarray) -> list[FaceObservation]:
        """Faces in a single picture, looked at once, as a whole."""
        with _quiet():
            self._single = self._single or self._landmarker("IMAGE", CONFIRM_CONFIDENCE)
            found = self._single.detect(self._image(picture_rgb))
        return self._observations(found, picture_rgb)

    def close(self) -> None:
        with _quiet():
            for landmarker in (self._video, self._single, self._sure):
                if landmarker is not None:
                    landmarker.close()
        self._video = self._single = self._sure = None

    def _image(self, frame_rgb: np.ndarray) -> Any:
        return self._mediapipe.Image(self._mediapipe.ImageFormat.SRGB, np.ascontiguousarray(frame_rgb))

    def _observations(self, found: Any, frame_rgb: np.ndarray) -> list[FaceObservation]:
        height, width = frame_rgb.shape[:2]
        scale = np.array([width, height, -width], np.float32)  # MediaPipe's z is in picture widths and grows away
        observations = []
        for points, shapes in zip(found.face_landmarks, found.face_blendshapes, strict=True):
            landmarks = np.array([(p.x, p.y, p.z) for p in points], np.float32) * scale
            values = {shape.category_name: shape.score for shape in shapes}
            arkit = np.array([values.get(name, 0.0) for name in ARKIT_NAMES], np.float32)
            observations.append(FaceObservation(landmarks, arkit))
        return observations
