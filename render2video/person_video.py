"""A reference video made ready for training: crops on disk, motion, and the head drawn on demand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from face_model.cameras import Camera
from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceTrack
from foundation.errors import InputError
from foundation.files import atomic_path
from render2video.conditioning import Conditioning, HeadRenderer
from render2video.crop import Crop, head_crop
from render2video.fast.generator import MULTIPLE_PX
from render2video.rasterizer import Rasterizer

CROPS, PLATE = "crops.npy", "plate.npy"
STRIP_ROWS = 64
PLATE_FRAMES = 41  # spread over the clip; their median is the full-frame plate
HELD_RINGS = 2  # of the shell that the crop must hold
OUTLINE_VERTICES = 1500  # of a finer mesh that tell where the head goes
POSED_AT_ONCE = 4_000_000  # vertices
WINDOW_MARGIN = 1.15  # of the largest face, as the side of the window that the network finishes


@dataclass(frozen=True)
class PersonVideo:
    """A person's frames and motion, frame by frame.

    track: at the video's rate. crop: of the full frame. crops: `[T, S, S, 3]` uint8 RGB, on disk. plate: `[H, W, 3]`
    uint8.
    """

    track: FaceTrack
    crop: Crop
    crops: np.ndarray
    plate: np.ndarray
    renderer: HeadRenderer

    @property
    def size_px(self) -> int:
        return int(self.crops.shape[1])

    def draw(self, index: int) -> Conditioning:
        """The head as it was in frame `index`."""
        return next(self.renderer(self.track.motion[index : index + 1]))

    def __getitem__(self, frames: slice) -> PersonVideo:
        """The same person over some of the frames."""
        return PersonVideo(self.track[frames], self.crop, self.crops[frames], self.plate, self.renderer)


def crop_of(track: FaceTrack, model: MorphableModel) -> Crop:
    """The square that holds the head wherever the track has it."""
    renderer = HeadRenderer(model, track.person, track.camera, window_px=1)
    ring = len(model.index_sets["face_oval"])
    held = _seen_px(renderer, track, HELD_RINGS * ring)
    return head_crop(held.reshape(-1, 2), track.camera)


def _seen_px(renderer: HeadRenderer, track: FaceTrack, shell: int = 0) -> np.ndarray:
    """`[T, N, 2]`: where face and the first `shell` vertices around it are in the valid frames; of a fine mesh, some of
    its vertices. It is posed in stretches.
    """
    count = len(renderer.neutral_mm)
    columns = np.concatenate((np.arange(0, count, max(1, count // OUTLINE_VERTICES)), count + np.arange(shell)))
    motion, size = track.motion, max(1, POSED_AT_ONCE // count)
    parts = [renderer.vertices_px(motion[k : k + size])[0][:, columns] for k in range(0, len(motion), size)]
    seen: np.ndarray = np.concatenate(parts)[track.valid]
    return seen


def window_of(track: FaceTrack, camera: Camera, model: MorphableModel) -> int:
    """Side in pixels of the square, in a crop, that holds the face in every frame of the track."""
    renderer = HeadRenderer(model, track.person, camera, window_px=1)
    face = _seen_px(renderer, track)
    side = WINDOW_MARGIN * float(np.percentile(face.max(1) - face.min(1), 99))
    return int(min(np.ceil(side / MULTIPLE_PX) * MULTIPLE_PX, camera.width_px // MULTIPLE_PX * MULTIPLE_PX))


class FrameMedian:
    """The median of some frames: they lie on the disk, and memory holds a strip of all of them at a time.

    Args:
        folder: where there is room.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (this is the context manager)
        self._frames = 0
        self._shape: tuple[int, ...] = ()

    def __enter__(self) -> FrameMedian:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, frame: np.ndarray) -> None:
        """Keep a frame `[H, W, 3]` uint8, of the size of all others."""
        self._shape = frame.shape
        self._frames += 1
        self._file.write(np.ascontiguousarray(frame).data)

    def median(self) -> np.ndarray:
        """Of all frames, `[H, W, 3]` uint8."""
        self._file.flush()
        kept = np.memmap(self._file, np.uint8, "r", shape=(self._frames, *self._shape))
        made = np.empty(self._shape, np.uint8)
        for top in range(0, self._shape[0], STRIP_ROWS):
            rows = slice(top, top + STRIP_ROWS)
            made[rows] = np.median(kept[:, rows], axis=0).astype(np.uint8)
        return made


def prepare_person_video(
    frames: Iterable[np.ndarray], track: FaceTrack, size_px: int, folder: Path, model: MorphableModel
) -> None:
    """Cut the crops out of a video, frame by frame, and write them and the full-frame plate into a folder.

    Args:
        frames: RGB uint8, in order, as many as the track has.
        track: of the same video.
        size_px: side of the crops.
        folder: for `crops.npy` and `plate.npy`.
        model: the face model of the track.

    Raises:
        InputError: the video has fewer frames than the track.
    """
    crop, count = crop_of(track, model), len(track)
    chosen = set(np.linspace(0, count - 1, min(count, PLATE_FRAMES)).round().astype(int).tolist())
    with FrameMedian(folder) as plate, atomic_path(folder / CROPS) as path:
        crops = open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, size_px, size_px, 3))
        done = 0
        for index, frame in zip(range(count), frames, strict=False):
            crops[index] = crop.cut(frame, size_px)
            if index in chosen:
                plate.add(frame)
            done = index + 1
        if done < count:
            raise InputError(f"the video has {done} frames", f"the {count} of its track", "track it again")
        crops.flush()
        with atomic_path(folder / PLATE) as goal, goal.open("wb") as file:
            np.save(file, plate.median())


def load_person_video(
    folder: Path, track: FaceTrack, model: MorphableModel, rasterizer: Rasterizer[np.ndarray] | None = None
) -> PersonVideo:
    """What `prepare_person_video` wrote. rasterizer: that draws the head, `numba` by default."""
    crops = np.load(folder / CROPS, mmap_mode="r")
    crop = crop_of(track, model)
    camera = crop.camera(track.camera, crops.shape[1])
    renderer = HeadRenderer(model, track.person, camera, window_of(track, camera, model), rasterizer)
    return PersonVideo(track, crop, crops, np.load(folder / PLATE), renderer)
