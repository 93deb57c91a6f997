"""What a file or folder is, by its content: names of arrays, tensors, columns and nodes, never by its own name.

The face-alignment weights and OpenFace's program are the exception: their packages know them by name only.
"""

from __future__ import annotations

import csv
import mmap
import os
import pickle
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import torch

from face_model import ict
from face_model.safe_pickle import read_pickled_arrays
from foundation.errors import InputError
from foundation.files import read_json
from preprocessing.tracking.face_alignment_tracker import WEIGHTS as FACE_ALIGNMENT_FILES
from preprocessing.tracking.openface_command import PROGRAM

KNOWN = (
    "BFM_model_front.mat, epoch_20.pth, similarity_Lm3D_all.mat, a FLAME .pkl or .npz, ICT-FaceKit's folder, an "
    "OpenFace CSV or its FeatureExtraction, face-alignment's weights, output_graph.pb, a wav2vec2 folder, a published "
    "FACIAL .mdl or .npz"
)
FEW = 3  # names in common are enough: what is missing is then told by the loader
DEPTH = 3  # folders below a named one that are searched
BFM = {"meanshape", "meantex", "idBase", "exBase", "texBase", "keypoints", "tri"}
FLAME = {"v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table"}
REGRESSOR = {"backbone.conv1.weight", "backbone.layer1.0.conv1.weight", "final_layers.0.weight"}
GENERATOR = {"conv11.weight", "conv21.weight", "conv42.weight", "G1.fc1.weight", "G1.fc2.weight"}
OPENFACE = {"frame", "confidence", "success", "pose_Tx", "pose_Rx", "AU45_r", "AU45_c", "x_0"}
FACES = {71: "facial_motion", 258: "facial_fit"}  # columns of the array `face`
GRAPH_NODES = (b"input_node", b"logits")
TORCH_BEFORE_ZIP = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"  # torch.save's number until 1.5
UNREADABLE = (
    ValueError, OSError, EOFError, KeyError, TypeError, NotImplementedError, RuntimeError, IndexError, struct.error,
    zipfile.BadZipFile, pickle.UnpicklingError,
)


@dataclass(frozen=True)
class Found:
    """A part (a key of `parts`) and where it is."""

    part: str
    place: Path


def recognise(place: Path) -> list[Found]:
    """What a file is, or what a folder is or holds.

    Raises:
        InputError: nothing there, or nothing known.
    """
    if not place.exists():
        raise InputError(f"{place} does not exist", f"one of {KNOWN}")
    try:
        found = [*_in_folder(place, DEPTH)] if place.is_dir() else _of_file(place)
    except UNREADABLE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{place} is none of the known parts, or damaged ({_reason(error)})", KNOWN) from error
    if not found:
        raise InputError(f"{place} is none of the known parts", f"one of {KNOWN}")
    return found


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:100]


def _in_folder(folder: Path, depth: int) -> Iterable[Found]:
    """The part that the folder itself is, else those of what it holds; what is unknown inside is passed over."""
    own = _folder_itself(folder)
    if own is not None:
        yield own
        return
    for inside in sorted(folder.iterdir()):
        if inside.is_dir():
            if depth > 0 and not inside.name.startswith("."):
                yield from _in_folder(inside, depth - 1)
            continue
        try:
            yield from _of_file(inside)
        except UNREADABLE:
            continue


def _folder_itself(folder: Path) -> Found | None:
    if (folder / f"{ict.NEUTRAL}.obj").is_file():
        return Found("ict", folder)
    if all((folder / name).is_file() for name in FACE_ALIGNMENT_FILES):
        return Found("face_alignment", folder)
    if (folder / "config.json").is_file() and _is_wav2vec2(folder / "config.json"):
        return Found("wav2vec2", folder)
    return None


def _is_wav2vec2(config: Path) -> bool:
    try:
        content = read_json(config)
    except InputError:
        return False
    return isinstance(content, dict) and content.get("model_type") == "wav2vec2"


def _of_file(path: Path) -> list[Found]:
    part = _part_of(path)
    return [] if part is None else [Found(part, path)]


def _part_of(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(256)
    if path.stem == PROGRAM and os.access(path, os.X_OK):
        return "openface"
    if head.startswith(b"MATLAB") or path.suffix == ".mat":
        return _of_mat(path)
    if head.startswith(b"PK\x03\x04"):
        return _of_zip(path)
    if head.startswith(TORCH_BEFORE_ZIP):
        return _of_tensors(_tensor_names(path))
    if head[:1] == b"\x80" or path.suffix == ".pkl":
        return "flame" if len(FLAME & read_pickled_arrays(path).keys()) >= FEW else None
    if head[:1] == b"\x0a" and _holds(path, GRAPH_NODES):
        return "deepspeech"
    if b"," in head and b"\0" not in head:
        return _of_table(path)
    return None


def _of_mat(path: Path) -> str | None:
    shapes = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    if len(BFM & shapes.keys()) >= FEW:
        return "bfm"
    return "similarity" if "lm" in shapes else None


def _of_zip(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    arrays = {name.removesuffix(".npy") for name in names if name.endswith(".npy")}
    if len(FLAME & arrays) >= FEW:
        return "flame"
    if "face" in arrays:
        with np.load(path, allow_pickle=False) as file:
            shape = file["face"].shape
        return FACES.get(shape[-1]) if len(shape) == 2 else None
    if any(name.endswith("/data.pkl") for name in names):
        return _of_tensors(_tensor_names(path))
    return None


def _tensor_names(path: Path) -> set[str]:
    """Names of the tensors that torch saved, of tables inside the table too; read as data, nothing in it is run."""
    content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=None)
    tables = [content] if isinstance(content, dict) else []
    tables += [inside for table in tables for inside in table.values() if isinstance(inside, dict)]
    return {str(name).removeprefix("module.") for table in tables for name in table}


def _of_tensors(names: set[str]) -> str | None:
    if len(REGRESSOR & names) >= FEW:
        return "deng_regressor"
    return "facial_generator" if len(GENERATOR & names) >= FEW else None


def _holds(path: Path, words: tuple[bytes, ...]) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(content.find(word) >= 0 for word in words)


def _of_table(path: Path) -> str | None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = {name.strip() for name in next(csv.reader(file), [])}
    return "openface_csv" if len(OPENFACE & names) >= FEW else None
