"""Which parts there are, where they are looked for, and every one's proof in turn."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.places import ASSETS_VARIABLE
from preprocessing.speech.encoder_registry import asset as speech_files
from preprocessing.tracking.face_alignment_tracker import find_weights
from preprocessing.tracking.openface_command import find_program
from talking_head.assets import asset
from talking_head.doctor.proofs import facial, heads, regressing, speech, tracking
from talking_head.doctor.proofs.recognising import Found, recognise
from talking_head.doctor.proofs.result import Figure, NotHereError, Proof, State
from talking_head.heads.transfer import BFM_VARIABLE, FLAME_VARIABLE

Places = dict[str, list[Path]]


@dataclass(frozen=True)
class Part:
    """One row. title: for people. name: what to name so that it is proved. needs: parts that it is proved with; the
    first is the part itself, those in brackets may be absent. prove: of their places.
    """

    title: str
    name: str
    needs: tuple[str, ...]
    prove: Callable[..., list[Figure]]
    optional: tuple[str, ...] = ()


PARTS: dict[str, Part] = {
    "bfm": Part("Basel Face Model, Deng's layout", "BFM_model_front.mat", ("bfm",), heads.prove_bfm),
    "similarity": Part("standard face of the crop", "similarity_Lm3D_all.mat", ("similarity",), heads.prove_similarity),
    "deng_regressor": Part(
        "Deng's ResNet-50", "epoch_20.pth", ("deng_regressor",), regressing.prove_regressor
    ),
    "deng": Part(
        "Deng's reconstruction", "epoch_20.pth and BFM_model_front.mat", ("deng_regressor", "bfm"),
        regressing.prove_reconstruction,
    ),
    "flame": Part("FLAME", "generic_model.pkl, or .npz", ("flame",), heads.prove_flame),
    "ict": Part(
        "ICT-FaceKit", "its folder FaceXModel (talking-head assets get ict-facekit)", ("ict",), heads.prove_ict
    ),
    "openface_csv": Part(
        "OpenFace's table", "a CSV of FeatureExtraction -2Dfp -3Dfp -pose -aus", ("openface_csv",),
        tracking.prove_openface_csv,
    ),
    "openface": Part("OpenFace's program", "FeatureExtraction of OpenFace 2.2", ("openface",), tracking.prove_openface),
    "face_alignment": Part(
        "face-alignment", "the folder of its three weight files", ("face_alignment",), tracking.prove_face_alignment
    ),
    "deepspeech": Part("DeepSpeech 0.1", "output_graph.pb", ("deepspeech",), speech.prove_deepspeech),
    "wav2vec2": Part("wav2vec2", "the model's folder, as transformers saves it", ("wav2vec2",), speech.prove_wav2vec2),
    "facial_generator": Part(
        "published FACIAL generator", "Gen-....mdl", ("facial_generator",), facial.prove_generator
    ),
    "facial_fit": Part("published FACIAL fit", "its .npz of 258 columns", ("facial_fit",), facial.prove_fit),
    "facial_motion": Part(
        "published FACIAL motion", "its .npz of 71 columns", ("facial_motion",), facial.prove_motion, ("facial_fit",)
    ),
    "facial_person": Part(
        "published FACIAL person", "generator and fit", ("facial_generator", "facial_fit"), facial.prove_person
    ),
}


def prove(named: Iterable[Path]) -> list[Proof]:
    """Every part's proof: of the files and folders named, and of what is found without being named. Parts that are
    nowhere get a row that tells what to name.

    Raises:
        InputError: a named file or folder is none of the parts; nothing is proved then.
    """
    places: Places = {}
    for place in named:
        for found in recognise(place.expanduser()):
            _add(places, found)
    for found in _by_themselves():
        _add(places, found)
    rows: list[Proof] = []
    for key, part in PARTS.items():
        rows += _rows(key, part, places)
    return rows


def _add(places: Places, found: Found) -> None:
    known = places.setdefault(found.part, [])
    if found.place.resolve() not in [place.resolve() for place in known]:
        known.append(found.place)


def _by_themselves() -> Iterable[Found]:
    """Parts in `$TALKING_HEAD_ASSETS`, where the product's variables say, in its cache, on PATH and in TORCH_HOME."""
    named = [os.environ.get(name) for name in (ASSETS_VARIABLE, BFM_VARIABLE, FLAME_VARIABLE)]
    kit = asset("ict-facekit").found()
    candidates = [Path(place).expanduser() for place in named if place]
    candidates += [place for kind in ("deepspeech", "wav2vec2") if (place := speech_files(kind)) is not None]
    candidates += [] if kit is None else [kit]
    for place in candidates:
        try:
            yield from recognise(place)
        except InputError:
            continue  # nobody named it for this
    for part, find in (("openface", find_program), ("face_alignment", lambda: find_weights()[0].parent)):
        try:
            yield Found(part, find())
        except InputError:
            continue


def _rows(key: str, part: Part, places: Places) -> list[Proof]:
    """The proofs of a part: one for each place of the first thing it needs, with the first of the others."""
    missing = [need for need in part.needs if need not in places]
    if missing:
        there = [places[need][0] for need in part.needs if need in places]
        also = f", beside {there[0].name}" if there else ""
        wanted = " and ".join(PARTS[need].name for need in missing)
        return [Proof(key, part.title, State.NOT_HERE, remedy=f"name {wanted}{also}")]
    first, *others = (places[need] for need in part.needs)
    rest: list[Path | None] = [other[0] for other in others]
    rest += [places[need][0] if need in places else None for need in part.optional]
    return [_proof(key, part, [place, *rest]) for place in first]


def _proof(key: str, part: Part, places: list[Path | None]) -> Proof:
    started_s = time.monotonic()
    shown = ", ".join(str(place) for place in places if place is not None)

    def row(state: State, figures: Iterable[Figure] = (), problem: str = "", remedy: str = "") -> Proof:
        taken_s = time.monotonic() - started_s
        return Proof(key, part.title, state, shown, tuple(figures), problem, remedy, taken_s)

    try:
        figures = part.prove(*places)
    except NotHereError as error:
        return row(State.NOT_HERE, problem=error.found, remedy=error.remedy)
    except InputError as error:
        return row(State.FAILS, problem=f"{error.received}; expected {error.expected}", remedy=error.remedy)
    except Exception as error:  # a damaged file may fail in any way; it is told, and the other parts are still proved
        reason = " ".join(str(error).split())[:200]
        return row(State.FAILS, problem=f"{type(error).__name__}: {reason}", remedy="copy the file again")
    right = all(figure.right for figure in figures)
    return row(State.WORKS if right else State.FAILS, figures)
