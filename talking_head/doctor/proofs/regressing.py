"""Proofs of Deng's regressor: alone, and with the front model whose coefficients it gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from face_model import deng, mp478
from face_model.deng import DengCoefficients
from face_model.morphable_model import rotate
from preprocessing.deng import Crop, DengRegressor, align, cut, load_regressor, standard_points
from preprocessing.deng.video import coefficients_of
from preprocessing.tracking.layouts import MP478
from talking_head.doctor.proofs import portrait
from talking_head.doctor.proofs.result import Figure


def crop_of_portrait(standard_dm: np.ndarray) -> Crop:
    """Where the portrait's face lies for the regressor, by the Face Landmarker's five points.

    Args:
        standard_dm: `[5, 3]`, see `standard_points`.
    """
    height, width = portrait.picture().shape[:2]
    return align(MP478.five_points(portrait.landmarks_px())[:, :2], standard_dm, (width, height))


def of_portrait(regressor: DengRegressor, crop: Crop) -> np.ndarray:
    """The flat coefficients `[2, 257]` of the portrait, looked at twice in one batch."""
    return coefficients_of(np.repeat(cut(portrait.picture(), crop)[None], 2, axis=0), regressor)


def prove_regressor(path: Path) -> list[Figure]:
    """`epoch_20.pth` alone: what it says of the shipped portrait is a face that looks into the camera.

    Raises:
        InputError: what `load_regressor` raises. NotHereError: no Face Landmarker, which finds the five points.
    """
    regressor = load_regressor(path)
    five_dm = MP478.five_points(mp478.load().mean_mm.numpy().astype(np.float64)) / deng.MM_PER_DM
    flat, again = of_portrait(regressor, crop_of_portrait(five_dm))
    parts = DengCoefficients.unpack(flat[None])
    identity, expression = (float(np.sqrt((values**2).mean())) for values in (parts.identity, parts.expression))
    turn = float(np.rad2deg(np.abs(parts.angles[0, :2]).max()))
    roll, shift = float(np.rad2deg(abs(parts.angles[0, 2]))), parts.translation_dm[0]
    return [
        Figure("second look beside the first", float(np.abs(flat - again).max()), "", 0, 1e-4, "float rounding"),
        Figure("finite coefficients", float(np.isfinite(flat).mean()), "of 257", 1, 1, "all"),
        Figure("pitch or yaw of the portrait", turn, "degrees", 0, 35, "it looks nearly into the camera"),
        Figure("roll of the portrait", roll, "degrees", 0, 20, "the head is held upright"),
        Figure("face beside the crop's middle", float(np.abs(shift[:2]).max()), "dm", 0, 0.35, "as it is cut"),
        Figure("beside the crop's distance", float(abs(shift[2])), "dm", 0, 2.5, "10 dm, by its size"),
        Figure("identity", identity, "deviations", 0.1, 3, "a person: about 1; untrained weights: 0 or much more"),
        Figure("expression", expression, "deviations", 0.02, 4, "a smile"),
    ]  # fmt: skip


def prove_reconstruction(weights: Path, bfm: Path) -> list[Figure]:
    """The regressor over the front model: its 68 landmarks in the portrait beside the Face Landmarker's.

    Raises:
        InputError: what the loaders raise. NotHereError: no Face Landmarker.
    """
    model, regressor = deng.load(bfm), load_regressor(weights)
    crop = crop_of_portrait(standard_points(model, bfm))
    parts = DengCoefficients.unpack(of_portrait(regressor, crop)[:1])
    person, motion, face = parts.person(), parts.motion(25.0), model.model
    head = face.vertices(
        face.shape(torch.from_numpy(person.identity)), torch.from_numpy(motion.expression[0]), torch.tensor(0.0)
    )
    turned = rotate(head[face.index_sets["landmarks68"]], torch.from_numpy(motion.rotation[0]))
    pixels, _ = deng.camera().project(turned, torch.from_numpy(motion.translation[0]))
    light = float(np.mean(person.illumination.reshape(3, 9)[:, 0]))
    return [
        portrait.distance_figure(crop.to_frame(pixels.numpy()), 10, "the published error is 2 to 4 of them"),
        Figure("constant of the light", light, "", 0.3, 2.5, "around the 0.8 that the coefficients leave out"),
    ]
