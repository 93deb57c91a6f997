"""Face models that a person can be enrolled in, as users name them: `NAME[:FILE]`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from face_model import deng, flame, ict, mp478
from face_model.features import with_expressions, with_features
from face_model.morphable_model import MorphableModel
from face_model.tracks import EXPRESSION_SIZE, FaceMotion
from foundation.errors import InputError
from preprocessing.deng import DengFiles
from talking_head.heads.transfer import BFM_VARIABLE, FLAME_VARIABLE, KIT, Heads, recentred
from talking_head.target.card import TargetCard
from talking_head.target.settings import FACE_MODELS

IDS = dict(zip(FACE_MODELS, (mp478.ID, deng.ID, ict.ID, flame.ID), strict=True))
BRING = {
    "deng": f"deng:BFM_model_front.mat, made by the authors' transferBFM09 from your Basel Face Model 2009, or "
    f"{BFM_VARIABLE}",
    "ict": f"ict:FOLDER of ICT-FaceKit, or once: talking-head assets get {KIT}",
    "flame": f"flame:generic_model.pkl of your FLAME, or {FLAME_VARIABLE}",
}
FLAME_SHAPES, FLAME_EXPRESSIONS = 100, EXPRESSION_SIZE - flame.JAW_SIZE  # its first; the jaw's turns fill up the rest
WEIGHTS = "weights"


@dataclass(frozen=True)
class FaceModel:
    """A face model as named. file: of the user; None: where the environment says. weights: of Deng's regressor, which
    then measures the coefficients; without them the model is fitted to the tracker's points.
    """

    name: str = "mp478"
    file: Path | None = None
    weights: Path | None = None

    @staticmethod
    def parse(text: str) -> FaceModel:
        """Of `mp478`, `deng:BFM_model_front.mat?weights=epoch_20.pth`, `ict`, `flame:generic_model.pkl`, ...

        Raises:
            InputError: an unknown name, a file of `mp478`, or anything but `weights` asked of it.
        """
        place, _, query = text.strip().partition("?")
        name, colon, file = place.partition(":")
        name = {face_id: known for known, face_id in IDS.items()}.get(name, name)
        if name not in IDS:
            raise InputError(f"face model '{text}'", f"one of {', '.join(IDS)}", "; ".join(BRING.values()))
        if colon and (not file or name == "mp478"):
            raise InputError(f"face model '{text}'", BRING.get(name, "mp478, which ships and takes no file"))
        key, _, weights = query.partition("=")
        if query and (name != "deng" or key != WEIGHTS or not weights):
            raise InputError(f"face model '{text}'", "NAME:FILE, or deng:BFM_model_front.mat?weights=epoch_20.pth")
        return FaceModel(
            name, Path(file).expanduser() if file else None, Path(weights).expanduser() if weights else None
        )

    def check(self) -> None:
        """Tell before any work what is missing; the files are read.

        Raises:
            InputError: a file is missing or something else; what to bring is told in one line.
        """
        self.load()
        files = self.deng_files()
        if files is not None:
            files.check()

    @property
    def id(self) -> str:
        """What tracks and motions of it carry."""
        return IDS[self.name]

    def load(self) -> MorphableModel:
        """The model with all that fitting, learning and painting want of it: 64 expressions, and `with_features`.

        Raises:
            InputError: its files are missing or damaged; what to bring is told.
        """
        return _loaded(self.name, self._place())

    def deng_files(self) -> DengFiles | None:
        """The files of Deng's regressor; None where the model is fitted to the tracker's points."""
        place = self._place()
        return None if self.weights is None or place is None else DengFiles(place, self.weights)

    def found(self) -> bool:
        """Whether its file is at hand."""
        return _heads(self.name, self.file).has(self.id)

    def _place(self) -> Path | None:
        if self.file is not None and not self.file.exists():
            raise InputError(f"face model '{self.name}': {self.file} does not exist", BRING[self.name])
        if not self.found():
            raise InputError(f"face model '{self.name}' without its file", BRING[self.name])
        return _heads(self.name, self.file).place(self.id)


def _heads(name: str, place: Path | None) -> Heads:
    return Heads(
        place if name == "ict" else None, place if name == "deng" else None, place if name == "flame" else None
    )


@lru_cache(maxsize=2)
def _loaded(name: str, place: Path | None) -> MorphableModel:
    heads = _heads(name, place)
    if name == "flame":
        model = heads.flame_model.with_sizes(FLAME_SHAPES, FLAME_EXPRESSIONS).morphable()
    else:
        model = heads.model(IDS[name])
    return with_features(with_expressions(model, EXPRESSION_SIZE))


def named(face_model: str | None, bfm: Path | None, weights: Path | None) -> str | None:
    """A face model with the files of Deng's that were given as options of their own, as one name.

    Raises:
        InputError: they are given with another model.
    """
    if bfm is None and weights is None:
        return face_model
    chosen = FaceModel.parse(face_model or "mp478")
    if chosen.name != "deng":
        raise InputError(f"--bfm or --weights with --face-model {chosen.name}", "them with --face-model deng")
    file, asked = bfm or chosen.file, weights or chosen.weights
    return "deng" + (f":{file}" if file else "") + (f"?{WEIGHTS}={asked}" if asked else "")


def fingerprint(model: MorphableModel) -> str:
    """Of a model's geometry: two files of the same head agree."""
    parts = (model.mean_mm, model.identity_mm, model.expression_mm, model.triangles)
    return hashlib.sha256(b"".join(np.ascontiguousarray(part.numpy()).tobytes() for part in parts)).hexdigest()[:16]


def described(face_model: str) -> dict[str, Any]:
    """For a target's card: which head it is, nothing for the one that ships."""
    chosen = FaceModel.parse(face_model)
    if chosen.name == "mp478":
        return {}
    return {"face_model": {"name": chosen.name, "digest": fingerprint(chosen.load())}}


def model_of(card: TargetCard) -> MorphableModel:
    """The face model of a target, from where its file was when the target was made, else where the environment says.

    Raises:
        InputError: its files are missing, or are of another head than the target was made with.
    """
    if card.face_model == mp478.ID:
        return mp478.load()
    chosen = _of_card(card)
    model, known = chosen.load(), card.origin.get("face_model", {}).get("digest")
    if known != fingerprint(model):
        raise InputError(
            f"a {chosen.name} that is not the head that target '{card.id}' was made with", "the same file",
            BRING[chosen.name],
        )
    return model


def _of_card(card: TargetCard) -> FaceModel:
    chosen = FaceModel.parse(str(card.settings.get("face_model") or card.face_model))
    elsewhere = FaceModel(chosen.name)
    gone = chosen.file is not None and not chosen.file.exists()
    return elsewhere if gone and elsewhere.found() else chosen


def from_file(motion: FaceMotion, card: TargetCard) -> FaceMotion:
    """A motion out of a file, as the target's face model has it: files of Deng's are about the origin of the model's
    own file, `load` centres it.

    Raises:
        InputError: as `model_of`.
    """
    if motion.face_model != deng.ID or card.face_model != deng.ID:
        return motion
    chosen = _of_card(card)
    return recentred(motion, _heads(chosen.name, chosen.file).bfm_model.centre_mm)
