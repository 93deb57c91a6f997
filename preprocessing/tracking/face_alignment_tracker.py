"""face-alignment (Bulat & Tzimiropoulos, ICCV 2017) behind the `FaceTracker` interface: 68 points with depth.

Its depth grows towards the viewer, as ours. It gives whole pixels, cut off below, of a heat map of 64 x 64 over the
head: half a pixel is added. So lids are measured in steps of about a fiftieth of the face.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foundation.errors import InputError
from foundation.files import sha256
from preprocessing.tracking.landmarks import FaceObservation
from preprocessing.tracking.layouts import POINTS68

INSTALL = 'pip install "talking-head[face-alignment]"'
ADDRESS = "https://www.adrianbulat.com/downloads/python-fan/"
WEIGHTS = ("s3fd-619a316812.pth", "3DFAN4-7835d9f11d.pth.tar", "depth-2a464da4ea.pth.tar")
CENTRE_OF_PIXEL_PX = 0.5
REVISION = 1  # of this file's numbers


def weights_folder() -> Path:
    """Where the package looks for its weights: `TORCH_HOME`/hub/checkpoints."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find_weights() -> list[Path]:
    """The weights, all of them; the package itself would fetch what is missing without asking.

    Raises:
        InputError: some are absent; they are named.
    """
    paths = [weights_folder() / name for name in WEIGHTS]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            f"face-alignment's weights {', '.join(missing)} are not in {weights_folder()}", "them there",
            f"get each from {ADDRESS}, or set TORCH_HOME to where hub/checkpoints holds them",
        )
    return paths


def _package() -> Any:
    try:
        import face_alignment
    except (ImportError, OSError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "face_alignment":
            raise InputError("the package face-alignment is not installed", "it installed", INSTALL) from error
        raise InputError(f"face-alignment does not load ({error})", "a whole installation", INSTALL) from error
    return face_alignment


class FaceAlignmentTracker:
    """The 3D landmark network of the package face-alignment, found afresh in every frame. About a second a frame on a
    CPU; a CUDA device is used where there is one.

    Args:
        path: none is taken; the package knows one place for its weights only.

    Raises:
        InputError: the package or its weights are missing, or a path was given.
    """

    name, layout = "face_alignment", POINTS68

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            raise InputError(f"face_alignment with {path}", "no file", "its weights are found under TORCH_HOME")
        package = _package()
        digests = "-".join(sha256(file)[:8] for file in find_weights())
        self.version = f"{getattr(package, '__version__', '0')}-{digests}-{REVISION}"
        device = "cuda" if torch.cuda.is_available() else "cpu"
        chosen_by_timing = torch.backends.cudnn.benchmark
        try:
            kind = package.LandmarksType.THREE_D
            self._network = package.FaceAlignment(kind, device=device, compile=False, flip_input=True)
        except (RuntimeError, KeyError, ValueError) as error:
            reason = " ".join(str(error).split())[:120]
            raise InputError(f"face-alignment's weights do not load ({reason})", "whole files", ADDRESS) from error
        finally:
            # The package lets cuDNN time its algorithms and take the quickest: other numbers on other days.
            torch.backends.cudnn.benchmark = chosen_by_timing
        self._last: tuple[np.ndarray, list[FaceObservation]] | None = None

    def restart(self) -> None:
        self._last = None

    def observe(self, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        return self.confirm(frame_rgb)

    def confirm(self, frame_rgb: np.ndarray, near: FaceObservation | None = None) -> list[FaceObservation]:
        # Every look is a fresh one, so a frame that was just looked at need not be looked at again.
        if self._last is None or self._last[0] is not frame_rgb:
            self._last = frame_rgb, self._look(frame_rgb)
        return self._last[1]

    def close(self) -> None:
        self._network = self._last = None

    def _look(self, frame_rgb: np.ndarray) -> list[FaceObservation]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="No faces were detected")
            faces = self._network.get_landmarks_from_image(np.ascontiguousarray(frame_rgb))
        to_centre = np.array([CENTRE_OF_PIXEL_PX, CENTRE_OF_PIXEL_PX, 0], np.float32)
        observations = []
        for points in faces or []:
            landmarks = np.asarray(points, np.float32) + to_centre
            if np.isfinite(landmarks).all():
                observations.append(FaceObservation(landmarks, np.zeros(0, np.float32)))
        return observations
