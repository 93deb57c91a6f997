"""Proofs of the published FACIAL code's files: generator, fit and motion."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from face_model.published_facial import FIT_COLUMNS, MOTION_COLUMNS, PublishedFit, read_fit, write_fit, write_motion
from face_model.tracks import MOTION_SIZE, SpeechFeatures
from facial_gan.published import DEEPSPEECH, DEEPSPEECH_SIZE, import_generator, import_motion_model
from foundation.errors import InputError
from preprocessing.speech.symbols import SYMBOL_RATE_HZ
from talking_head.doctor.proofs.result import Figure, NotHereError
from talking_head.interop.import_facial import read_any_motion, read_generator

FRAMES, WINDOW = 128, 16
SCORE_MEAN, SCORE_DEVIATION = -6.1, 5.5  # of real DeepSpeech scores
FACE_DM = 1.46  # width of a face
SPEECH_ROWS = 300


def _scores(seed: int, *shape: int) -> np.ndarray:
    """Stand-ins for DeepSpeech's scores, of their mean and deviation."""
    return np.random.default_rng(seed).normal(SCORE_MEAN, SCORE_DEVIATION, shape).astype(np.float32)


def prove_generator(path: Path) -> list[Figure]:
    """`Gen-....mdl`: every published tensor is there, and the network says the same twice and something else to
    another sound.

    Raises:
        InputError: what the readers raise.
    """
    weights = read_generator(path)
    generator, initial = import_generator(weights), torch.zeros(1, MOTION_SIZE)
    sounds = [torch.from_numpy(_scores(seed, 1, FRAMES, WINDOW, DEEPSPEECH_SIZE)) for seed in (0, 0, 1)]
    with torch.no_grad():
        first, again, other = (generator(sound, initial)[0].numpy() for sound in sounds)
    pose, rest = first[:, :6], first[:, 6:]
    heard = float(np.abs(first - other).mean() / max(float(first.std()), 1e-9))
    return [
        Figure("tensors", len(weights), reason="all that the network has"),
        Figure("rows for 128 windows of speech", len(first), "", FRAMES, FRAMES, "one a window"),
        Figure("columns", first.shape[1], "", MOTION_COLUMNS, MOTION_COLUMNS, "pose 6, AU45, expression 64"),
        Figure("second time beside the first", float(np.abs(first - again).max()), "", 0, 0, "the same numbers"),
        Figure("answer to another sound", heard, "of the spread", 0.01, None, "a network that hears"),
        Figure("largest pose", float(np.abs(pose).max()), "deviations", 0, 30, "z-scores; noise in place of speech"),
        Figure("largest AU45 or expression", float(np.abs(rest).max()), "", 0, 30, "a face, not a diverged network"),
    ]  # fmt: skip


def _pose_figures(pose: np.ndarray) -> list[Figure]:
    """Figures of rows of angles (degrees), scale (pixels a decimetre) and shifts (pixels)."""
    angles = pose[:, :3]
    return [
        Figure("largest angle", float(np.percentile(np.abs(angles), 99)), "degrees", 0, 90, "a head; 99 of 100 frames"),
        Figure("swing of the angles", float(angles.std(0).max()), "degrees", 0.2, 40,
               "a speaker's: 1 to 5; radians are 57 times less"),
        Figure("face's width", float(np.median(pose[:, 3])) * FACE_DM, "px", 30, 500, "in a picture of 512"),
        Figure("largest shift", float(np.abs(pose[:, 4:6]).max()), "px", 0, 256, "inside the picture"),
    ]  # fmt: skip


def prove_fit(path: Path) -> list[Figure]:
    """The fit of a person's video, `[T, 258]`.

    Raises:
        InputError: what `read_fit` raises.
    """
    fit = read_fit(path)
    with tempfile.TemporaryDirectory() as name:
        write_fit(Path(name) / "again.npz", fit)
        off = _difference(path, Path(name) / "again.npz")
    identity, expression = (float(np.sqrt((v**2).mean())) for v in (fit.identity, fit.expression))
    light = float(fit.person().illumination.reshape(3, 9)[:, 0].mean())
    return [
        Figure("frames", len(fit.pose), "", 2, None, "a mean and a deviation are taken of them"),
        Figure("columns", FIT_COLUMNS, reason="as published"),
        Figure("there and back", off, "", 0, 1e-6, "nothing is changed"),
        *_pose_figures(fit.pose),
        Figure("identity", identity, "deviations", 0.05, 4, "a person: about 1"),
        Figure("expression", expression, "deviations", 0.01, 5, "a speaker"),
        Figure("constant of the light", light, "", 0.1, 4, "around the 0.8 that the file leaves out"),
    ]


def prove_motion(path: Path, fit: Path | None) -> list[Figure]:
    """A motion that the network made, `[T, 71]`, z-scored or not.

    Raises:
        NotHereError: it is z-scored and no fit is at hand. InputError: what the readers raise.
    """
    statistics = None if fit is None else read_fit(fit).pose_statistics()
    try:
        motion = read_any_motion(path, statistics)
    except InputError as error:
        if "z-scored" in str(error) and fit is None:
            raise NotHereError("the fit whose statistics undo its z-scores", "name the fit's .npz, too") from error
        raise
    with tempfile.TemporaryDirectory() as name:
        write_motion(Path(name) / "again.npz", motion)
        with np.load(Path(name) / "again.npz") as file:
            rows = file["face"]
    with np.load(path, allow_pickle=False) as file:
        given = file["face"].astype(np.float64)
    if given[:, 3].min() < 5 and statistics is not None:  # z-scored: as the fit turns it back
        given[:, :6] = given[:, :6] * statistics[1] + statistics[0]
    expression = float(np.sqrt((motion.expression**2).mean()))
    return [
        Figure("frames", len(motion), "", 1, None, "30 a second"),
        Figure("there and back", float(np.abs(rows - given).max()), "", 0, 5e-3, "single precision: 3e-4"),
        *_pose_figures(rows[:, :6]),
        Figure("largest AU45", float(motion.blink.max()), "of 5", 0.1, 7, "lids that move; 1.8 in obama2_motion.npz"),
        Figure("expression", expression, "deviations", 0.01, 5, "0.4 in obama2_motion.npz"),
    ]


def _difference(first: Path, second: Path) -> float:
    with np.load(first, allow_pickle=False) as one, np.load(second, allow_pickle=False) as other:
        return float(np.abs(one["face"] - other["face"]).max())


def prove_person(generator: Path, fit: Path) -> list[Figure]:
    """Generator and fit together, as `talking-head import facial` takes them over: speech in, that person's motion out.

    Raises:
        InputError: what the readers raise.
    """
    person: PublishedFit = read_fit(fit)
    model = import_motion_model(read_generator(generator), person)
    seconds = SPEECH_ROWS / SYMBOL_RATE_HZ
    features = SpeechFeatures(_scores(2, SPEECH_ROWS, DEEPSPEECH_SIZE), SYMBOL_RATE_HZ, DEEPSPEECH, seconds)
    first, again = (model.synthesize(features, seed=1) for _ in range(2))
    angles = np.rad2deg(first.rotation)
    beside = np.abs(angles.mean(0) - person.pose[:, :3].mean(0)).max()
    return [
        Figure("rows for ten seconds", len(first), "", SPEECH_ROWS, SPEECH_ROWS, "30 a second"),
        Figure("second time beside the first", float(np.abs(first.pack() - again.pack()).max()), "", 0, 0, "one seed"),
        Figure("head before the camera", float((first.translation[:, 2] < 0).mean()), "of the frames", 1, 1, "all"),
        Figure("mean pose beside the fit's", float(beside), "degrees", 0, 25, "the same person, on noise for speech"),
    ]
