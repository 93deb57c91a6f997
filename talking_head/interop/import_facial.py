"""Who used the published FACIAL code: its weights, fits and motions as things that this product works with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from face_model import deng, mp478
from face_model.published_facial import PublishedFit, read_fit, read_motion
from face_model.tracks import MOTION_FPS, FaceMotion, FaceTrack
from facial_gan.published import import_motion_model
from foundation.errors import InputError
from foundation.files import read_tensors, write_json, write_tensors
from foundation.progress import track
from motion_models.lips import gap_columns_mm
from preprocessing.fitting import fit_clip
from preprocessing.speech import encode_file, speech_encoder
from preprocessing.tracking import face_tracker
from preprocessing.tracking.following import assemble, follow_stretch
from talking_head.heads.bridge import ExpressionBridge, learn_bridge
from talking_head.heads.mesh_preview import write_mesh_film
from talking_head.heads.transfer import Heads, TransferResult, move, recentred
from talking_head.motion.model_registry import load_motion_model, motion_model
from talking_head.motion.weights import general_weights
from talking_head.target.card import DEFAULT_MODEL, checked_id
from talking_head.target.home import Home, new_folder, sweep_folder

MODEL, PERSON, BRIDGE, MOTION, MOVED, PREVIEW, CARD = (
    "model.safetensors", "person.safetensors", "bridge.safetensors", "motion.safetensors", "mp478.safetensors",
    "preview.mp4", "imported.json",
)
LIP_NOISE_MM2 = 0.1  # what a lip's place may miss, against expressions of one deviation
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class ImportResult:
    """What lies in `folder`. moved: the motion on `mp478`, None where there was no way to it. preview: its film."""

    folder: Path
    face_frames: int
    moved: TransferResult | None = None
    bridge: ExpressionBridge | None = None
    preview: Path | None = None


def imported_folder(home: Home, name: str) -> Path:
    """Where the import of that name lies."""
    return home.imported / checked_id(name)


def read_generator(path: Path | str) -> dict[str, np.ndarray]:
    """Tensors by name of a `.mdl` (or any file of torch.save), read as data: no code in it is run.

    Names may carry a `module.` of multi-GPU training, and the tensors may lie under `state_dict` or `generator`.

    Raises:
        InputError: no such file, or it holds anything but tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist", "the generator's weights, Gen-....mdl")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpicklers and zip readers raise many kinds
        reason = next(iter(str(error).strip().splitlines()), "")[:160] or type(error).__name__
        raise InputError(f"{path} is refused ({reason})", "a file of torch.save with tensors alone") from error
    for inside in ("state_dict", "generator"):
        if isinstance(content, dict) and isinstance(content.get(inside), dict):
            content = content[inside]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise InputError(f"{path} holds no table of tensors", "the generator's weights, Gen-....mdl")
    return {str(name).removeprefix("module."): _array(path, str(name), value) for name, value in content.items()}


def _array(path: Path, name: str, tensor: torch.Tensor) -> np.ndarray:
    """A plain tensor as numpy has it, half precision as whole.

    Raises:
        InputError: a sparse, quantised, complex or empty shell of one, or NaN in it.
    """
    real = tensor.layout == torch.strided and not (tensor.is_quantized or tensor.is_complex() or tensor.is_meta)
    if not real or not bool(torch.isfinite(tensor).all()):
        expected = "dense tensors of finite numbers"
        raise InputError(f"{path}: tensor '{name}' is {tensor.dtype}, {tensor.layout}, or holds NaN", expected)
    return (tensor.detach().float() if tensor.is_floating_point() else tensor).numpy()


def read_any_motion(path: Path | str, statistics: tuple[np.ndarray, np.ndarray] | None = None) -> FaceMotion:
    """A motion `.npz` of the published code, turned back from z-scores by the fit's statistics where it needs that.

    Raises:
        InputError: not such a file, or z-scored and there are no statistics.
    """
    try:
        return read_motion(path)
    except InputError as error:
        if statistics is None or "z-scored" not in str(error):
            raise
        return read_motion(path, statistics=statistics)


def motion_of_pictures(folder: Path | str, fps: float = MOTION_FPS) -> FaceTrack:
    """What the face does in a folder of consecutive pictures, in the order of their names, as motion of `mp478`.

    A mouth that is open through most of a clip is fitted as a trait of the person; here it is expression again, so that
    the mean face opens as far.

    Raises:
        InputError: no such folder, no pictures in it, or no face in them.
    """
    folder = Path(folder)
    files = sorted(p for p in folder.glob("*") if p.suffix.lower() in PICTURE_SUFFIXES) if folder.is_dir() else []
    if not files:
        raise InputError(f"no pictures in {folder}", "the frames that were drawn of this motion, in order of name")
    first = cv2.imread(str(files[0]))
    if first is None:
        raise InputError(f"{files[0]} does not decode", "a picture")
    tracker = face_tracker()
    try:
        frames = (_picture(file, first.shape) for file in track(files, f"Looking at {folder.name}"))
        stretch = follow_stretch(tracker, frames, fps)
    finally:
        tracker.close()
    size = (first.shape[1], first.shape[0])
    seen = assemble([stretch], fps, size, folder.name, f"{tracker.name} {tracker.version}")
    fitted = fit_clip(seen, None)
    opening = _opening_of(fitted.person.identity)
    return dataclasses.replace(
        fitted, motion=dataclasses.replace(fitted.motion, expression=fitted.motion.expression + opening)
    )


def _opening_of(identity: np.ndarray) -> np.ndarray:
    """The smallest expression `[64]` that opens the mean face's lips as an identity `[80]` does."""
    model = mp478.load()
    person = dataclasses.replace(model, mean_mm=model.shape(torch.from_numpy(identity)))
    (mean, columns), (own, _) = gap_columns_mm(model), gap_columns_mm(person)
    gram = columns @ columns.T + LIP_NOISE_MM2 * np.eye(len(columns))
    return np.linalg.solve(gram, columns @ (own - mean)).astype(np.float32)


def _picture(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    picture = cv2.imread(str(path))
    if picture is None or picture.shape != shape:
        raise InputError(f"{path} does not decode to {shape[1]}x{shape[0]} pixels", "pictures of one size")
    return np.ascontiguousarray(picture[..., ::-1])


def motion_of_sound(audio: Path | str, frames: int | None = None, model: Path | None = None) -> FaceMotion:
    """What a motion model makes of a sound, at 30 a second; the shipped general one, of `mp478`, when None is given."""
    path = model or general_weights(DEFAULT_MODEL, motion_model(DEFAULT_MODEL).default_speech)
    if path is None:
        raise InputError("no general motion weights", "a complete installation", "install again")
    speaker = load_motion_model(path)
    return speaker.synthesize(encode_file(speech_encoder(speaker.speech_extractor), Path(audio)), frames=frames)


def bridge_for(
    motion: FaceMotion, pictures: Path | str | None, audio: Path | str | None
) -> ExpressionBridge | None:
    """A bridge from a motion's face model to `mp478`, by what is at hand: pictures of it before the sound."""
    if pictures is not None:
        seen = motion_of_pictures(pictures, motion.fps)
        return learn_bridge(motion, seen.motion, seen.valid, "pictures")
    if audio is not None:
        heard = motion_of_sound(audio, len(motion))
        return learn_bridge(motion, heard, np.ones(len(heard), bool), "sound")
    return None


def import_facial(
    name: str, generator: Path | str, reference: Path | str, *, motion: Path | str | None = None,
    pictures: Path | str | None = None, audio: Path | str | None = None, heads: Heads | None = None,
    home: Path | str | None = None, replace: bool = False,
) -> ImportResult:
    """Take over a person of the published code: a motion model, the fitted person, a motion, and a film to see it.

    The folder gets `model.safetensors` (a motion model: DeepSpeech in, Deng's coefficients out), `person.safetensors`
    (identity, texture, light and the statistics of the fit), and of a motion `motion.safetensors` and, as far as there
    is a way, `bridge.safetensors`, `mp478.safetensors` and `preview.mp4`.

    Args:
        name: of the import. generator: `Gen-....mdl`. reference: the fit of the person's video, `.npz` `[T, 258]`.
        motion: one that the network made, `.npz` `[T, 71]`. pictures: folder of the frames that were drawn of it.
        audio: its sound. heads: where the Basel Face Model is, if the user has it. home: where imports live.
        replace: an import of that name.

    Raises:
        InputError: a file that is not what it should be, or the name is taken.
    """
    heads = heads or Heads()
    place = Home.find(home)
    folder = imported_folder(place, name)
    if (folder / CARD).exists() and not replace:
        raise InputError(f"'{name}' is already imported in {folder}", "a new name", "give --replace or another --id")
    fit = read_fit(reference)
    given = None if motion is None else read_any_motion(motion, fit.pose_statistics())
    model = import_motion_model(read_generator(generator), fit, None if given is None else given.blink)
    with place.lock(f"imported-{name}"):
        sweep_folder(folder.parent, name)
        with new_folder(folder.parent, name) as building:
            model.save(building / MODEL)
            _write_person(fit, building / PERSON)
            done = ImportResult(building, len(fit.pose))
            if given is not None:
                done = _with_motion(given, building, pictures, audio, heads, len(fit.pose))
            notes = {"generator": str(generator), "reference": str(reference), "frames": len(fit.pose)}
            write_json(building / CARD, notes)
    preview = None if done.preview is None else folder / PREVIEW
    return dataclasses.replace(done, folder=folder, preview=preview)


def _with_motion(
    given: FaceMotion, folder: Path, pictures: Path | str | None, audio: Path | str | None, heads: Heads, frames: int
) -> ImportResult:
    given.save(folder / MOTION)
    bridge = bridge_for(given, pictures, audio)
    if bridge is not None:
        bridge.save(folder / BRIDGE)
    if bridge is None and not heads.has(deng.ID):
        return ImportResult(folder, frames)
    moved = move(with_origin(given, heads), mp478.ID, heads, bridge)
    moved.motion.save(folder / MOVED)
    sound = Path(audio) if audio is not None else None
    write_mesh_film(folder / PREVIEW, moved.motion, mp478.load(), sound=sound)
    return ImportResult(folder, frames, moved, bridge, folder / PREVIEW)


def with_origin(motion: FaceMotion, heads: Heads) -> FaceMotion:
    """A motion of Deng's model in a file, about that model's own origin, as one of the model that `Heads` loads, which
    is centred; any other as it is.
    """
    known = motion.face_model == deng.ID and heads.has(deng.ID)
    return recentred(motion, heads.bfm_model.centre_mm) if known else motion


def _write_person(fit: PublishedFit, path: Path) -> None:
    person = fit.person()
    mean, deviation = fit.pose_statistics()
    arrays = {name: getattr(person, name) for name in ("identity", "texture", "illumination")}
    arrays |= {"pose_mean": mean, "pose_deviation": deviation}
    write_tensors(path, arrays, {"kind": "PublishedPerson", "face_model": deng.ID})


def imported_bridge(folder: Path) -> ExpressionBridge | None:
    """The bridge of an import, None where it has none."""
    return ExpressionBridge.load(folder / BRIDGE) if (folder / BRIDGE).is_file() else None


def person_statistics(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation `[6]` by which an imported person's poses are z-scored."""
    arrays, _ = read_tensors(folder / PERSON)
    return arrays["pose_mean"], arrays["pose_deviation"]
