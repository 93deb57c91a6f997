"""A stand-in of `epoch_20.pth` that knows one film: the published network and names, random weights below, and heads
that give what a fit of the same film found, by ridge regression on what the random network makes of its pictures.

Any film that it has not seen gets nonsense; with it, every step that the real file takes can be walked.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from face_model import deng
from face_model.deng import DengCoefficients
from face_model.tracks import FaceTrack
from preprocessing.deng.alignment import Crop, align, cut, standard_points
from preprocessing.deng.network import FEATURES, DengRegressor
from preprocessing.media import read_frames
from preprocessing.tracking.layouts import layout_of

RIDGE = 1e-4  # per frame, against features of unit deviation


def write_regressor(path: Path, film: Path, fitted: FaceTrack, bfm: Path) -> Path:
    """The file.

    Args:
        film: what it will know. fitted: the same film's track in Deng's model. bfm: `BFM_model_front.mat`.
    """
    torch.manual_seed(0)
    network = DengRegressor().eval()
    size = fitted.camera.width_px, fitted.camera.height_px
    standard = standard_points(deng.load(bfm), bfm)
    five = layout_of(fitted.landmarks_px).five_points(fitted.landmarks_px)[..., :2]
    crops = [align(points, standard, size) for points in five]
    pictures = [cut(frame, crop) for frame, crop in zip(read_frames(film, fitted.motion.fps), crops, strict=False)]
    with torch.inference_mode():
        batches = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().split(8)
        rows = torch.cat([network.backbone(batch / 255).flatten(1) for batch in batches]).double().numpy()
    wanted = seen_in_crops(fitted, crops).pack().astype(np.float64)[: len(rows)]
    middle, spread = rows.mean(0), rows.std(0) + 1e-9
    usual = (rows - middle) / spread
    gram = usual @ usual.T + RIDGE * len(rows) * FEATURES * np.eye(len(rows)) / len(rows)
    weights = usual.T @ np.linalg.solve(gram, wanted - wanted.mean(0)) / spread[:, None]
    parts = np.split(weights, np.cumsum([head.out_channels for head in network.final_layers])[:-1], axis=1)
    offsets = np.split(wanted.mean(0) - middle @ weights, np.cumsum([part.shape[1] for part in parts])[:-1])
    for head, part, offset in zip(network.final_layers, parts, offsets, strict=True):
        head.weight.data = torch.from_numpy(part.T[:, :, None, None]).float()
        head.bias.data = torch.from_numpy(offset).float()
    torch.save({"net_recon": network.state_dict()}, path)
    return path


def seen_in_crops(fitted: FaceTrack, crops: list[Crop]) -> DengCoefficients:
    """A track's coefficients as each crop's own camera has them: the head where it is seen, as large as there. Turns
    from one line of sight to the other, a degree or so, are left out.
    """
    across, down, size = fitted.camera.centre_x_px, fitted.camera.centre_y_px, fitted.motion.translation
    px_per_mm = fitted.camera.focal_px / -size[:, 2]
    seen_x, seen_y = across + px_per_mm * size[:, 0], down - px_per_mm * size[:, 1]
    focal, x, y = np.array([[c.focal_px, c.centre_x_px, c.centre_y_px] for c in (crop.camera() for crop in crops)]).T
    place = np.stack([(seen_x - x) / px_per_mm, -(seen_y - y) / px_per_mm, -focal / px_per_mm], axis=1)
    own = DengCoefficients.of(fitted.motion, fitted.person)
    place_dm = place.astype(np.float32) / 100 + np.array([0, 0, deng.CAMERA_DISTANCE_DM], np.float32)
    return DengCoefficients(own.identity, own.expression, own.texture, own.angles, own.gamma, place_dm)
