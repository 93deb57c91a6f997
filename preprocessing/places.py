"""Which of a tracker's points lie where on a face model's mesh, so that any tracker can be fitted with any model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from face_model import mp478
from face_model.correspondence import LANDMARKS68, MEANING, correspond
from face_model.morphable_model import MorphableModel
from preprocessing.tracking.layouts import MP478, Layout


@dataclass(frozen=True)
class Places:
    """N of a tracker's points on a mesh.

    points: `[N]`, which of the tracker's. corners, weights: `[N, 3]`, vertices of the triangle that each lies in, and
    barycentrics.
    """

    points: np.ndarray
    corners: np.ndarray
    weights: np.ndarray

    def on(self, model: MorphableModel) -> MorphableModel:
        """The model seen at these places alone: N vertices, whose shape, expression and lids are those of the mesh."""
        weights = torch.from_numpy(self.weights.astype(np.float32))
        corners = torch.from_numpy(self.corners)

        def at(values: torch.Tensor) -> torch.Tensor:
            return torch.einsum("nk,...nkc->...nc", weights, values[..., corners, :])

        return replace(
            model, mean_mm=at(model.mean_mm), identity_mm=at(model.identity_mm),
            expression_mm=at(model.expression_mm), blink_mm=at(model.blink_mm),
        )


def places(model: MorphableModel, layout: Layout) -> Places | None:
    """Where the points of a layout lie on a model; None where they are its vertices, in order.

    Of the 68 the jaw's outline is left out but for the chin: trackers put it where the cheek ends as seen, which is
    another place of the skin in every pose.

    Raises:
        InputError: the two heads cannot be brought together.
    """
    if layout is MP478:
        if model.id == mp478.ID:
            return None
        found = correspond(model)
        seen = np.flatnonzero(found.valid)
        return Places(seen, found.corners[seen], found.weights[seen])
    own, meant = np.array(list(MEANING)), np.array(list(MEANING.values()))
    if model.id == mp478.ID:
        return _vertices(own, meant)
    if LANDMARKS68 in model.index_sets:
        return _vertices(own, model.index_sets[LANDMARKS68].numpy()[own])
    found = correspond(model)
    kept = found.valid[meant]
    return Places(own[kept], found.corners[meant[kept]], found.weights[meant[kept]])


def _vertices(points: np.ndarray, vertices: np.ndarray) -> Places:
    return Places(points, np.repeat(vertices[:, None], 3, axis=1), np.tile([1.0, 0.0, 0.0], (len(points), 1)))
