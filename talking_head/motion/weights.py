"""Motion weights that a user names: the folder or file of a general training, ours or imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from face_model import mp478
from face_model.tracks import same_encoder
from foundation.errors import InputError
from foundation.files import read_tensors, sha256
from foundation.shipped import shipped
from motion_models.learning import BEST_FILE
from preprocessing.speech import encoder_of, speech_encoder
from preprocessing.speech.encoder_registry import EncoderName
from talking_head.motion.model_registry import motion_model

_INSIDE = ("", "motion")  # where a run folder, and the folder that `train` was told, keep the model
_EXPECTED = "a motion model's file, or the folder of a finished training"


def general_weights(name: str, speech: str) -> Path | None:
    """The shipped motion model of that name to start from, for a speech encoder; None when there is none.

    speech: as `speech_encoder` takes it. Weights that learned through another model of the same encoder are none.

    Raises:
        InputError: an unknown encoder, or one that lacks something.
    """
    asked = EncoderName.parse(speech)
    try:
        path = shipped(f"{name}/{asked.kind}.safetensors")
    except InputError:
        return None
    heard = speech if asked.path is None else speech_encoder(speech).name
    return path if same_encoder(heard, read_tensors(path)[1].get("speech_extractor", heard)) else None


@dataclass(frozen=True)
class Weights:
    """A motion model's file. model: the motion model's name. speech_extractor, face_model: what it was made with."""

    path: Path
    model: str
    speech_extractor: str
    face_model: str

    def described(self) -> dict[str, str]:
        """For a target's card: name, sha256 of the file and the model's own digest, whatever file keeps it."""
        digest = motion_model(self.model).load(self.path).digest()
        return {"file": self.path.name, "sha256": sha256(self.path), "digest": digest}


def find_weights(place: Path | str) -> Weights:
    """The motion model in a file or a run's folder: of a run that judged itself, the best.

    Raises:
        InputError: nothing there, an unfinished run, several models, or a file of something else.
    """
    place = Path(place)
    if place.is_file():
        return _read(place)
    if not place.is_dir():
        raise InputError(f"{place} does not exist", _EXPECTED)
    folders = [folder for folder in (place / inside for inside in _INSIDE) if folder.is_dir()]
    best = [folder / BEST_FILE for folder in folders if (folder / BEST_FILE).is_file()]
    files = best or sorted(path for folder in folders for path in folder.glob("*.safetensors") if _is_model(path))
    if len(files) == 1:
        return _read(files[0])
    if files:
        names = ", ".join(str(path.relative_to(place)) for path in files[:4])
        raise InputError(f"{place} holds {len(files)} motion models", "one", f"name one of them: {names}")
    unfinished = any((folder / "state.safetensors").is_file() for folder in folders)
    remedy = "this training is not finished: run the same `train` again" if unfinished else ""
    raise InputError(f"{place} holds no motion model", _EXPECTED, remedy)


def _is_model(path: Path) -> bool:
    try:
        return "motion_model" in read_tensors(path)[1]
    except InputError:
        return False


def _read(path: Path) -> Weights:
    metadata: Mapping[str, Any] = read_tensors(path)[1]
    told = [metadata.get(name) for name in ("motion_model", "speech_extractor", "face_model")]
    if not all(isinstance(name, str) for name in told):
        raise InputError(f"{path} holds no motion model", _EXPECTED)
    name, extractor, face_model = map(str, told)
    motion_model(name)
    return Weights(path, name, extractor, face_model)


def starts(
    given: Sequence[Path | str], motions: Sequence[str], speech: str | None, face_model: str
) -> dict[str, Weights | None]:
    """What each motion model's training begins from: what was given, else what ships, else nothing.

    Args:
        given: files or run folders; each says itself which motion model it is of.
        motions: names of the motion models that will be learned.
        speech: name of the speech encoder; None for what the weights were made with, else what the model is made for.
        face_model: id of the face model of the person.

    Raises:
        InputError: weights of a motion model that is not asked for, of two files for one, or made with another speech
            encoder or face model.
    """
    own: dict[str, Weights] = {}
    for place in given:
        found = fitting_weights(place, motions, speech, face_model)
        if found.model in own:
            raise InputError(f"two weights of '{found.model}': {own[found.model].path} and {found.path}", "one")
        own[found.model] = found
    shipping = face_model == mp478.ID  # what ships moves no other face
    return {name: own.get(name) or (_shipped(name, speech) if shipping else None) for name in motions}


def fitting_weights(
    place: Path | str, motions: Sequence[str], speech: str | None = None, face_model: str = mp478.ID
) -> Weights:
    """What `find_weights` finds, if it fits what is to be trained; the arguments are those of `starts`.

    Raises:
        InputError: it does not, or as `find_weights`.
    """
    found = find_weights(place)
    if found.model not in motions:
        remedy = f"give --motion {found.model} too, or leave the weights out"
        raise InputError(f"{found.path} is for motion model '{found.model}'", f"one for {' or '.join(motions)}", remedy)
    if found.face_model != face_model:
        raise InputError(
            f"{found.path} moves face model '{found.face_model}'", f"weights for '{face_model}'",
            "`talking-head transfer` takes its motions over",
        )
    if speech is not None and not same_encoder(found.speech_extractor, speech_encoder(speech).name):
        raise InputError(
            f"{found.path}, trained with speech encoder {found.speech_extractor}, for '{speech}'",
            "one and the same encoder", "leave the encoder out, or train with that one",
        )
    return found


def _shipped(name: str, speech: str | None) -> Weights | None:
    path = general_weights(name, speech or motion_model(name).default_speech)
    return None if path is None else _read(path)


def heard_through(name: str, speech: str | None, start: Weights | None) -> str:
    """Name of the speech encoder that a motion model listens through: asked for, else its start's, else its own.

    Raises:
        InputError: the start's is not on this machine.
    """
    if speech is not None:
        return speech
    if start is not None:
        encoder_of(start.speech_extractor)  # its files, and the same model
        return start.speech_extractor
    return motion_model(name).default_speech
