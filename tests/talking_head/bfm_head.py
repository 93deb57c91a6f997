"""A stand-in of `BFM_model_front.mat` that looks like a face: `mp478`'s shape, people and colours on a finer mesh, in
the layout, units and index base of the file. The eyes are skin and the lips have nothing between them, as there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from face_model import mp478
from face_model.correspondence import FACE_POINTS, PLACES68
from face_model.morphable_model import Region

CENTRE_DM = np.array([0.02, -0.11, 0.35])  # of the file's own frame


def halved(triangles: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every triangle cut in four: triangles, and the two ends `[E, 2]` of the edges whose middles are the new vertices
    from `count` on.
    """
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    ends, number = np.unique(edges, axis=0, return_inverse=True)
    first, second, third = np.split(count + number.reshape(-1), 3)
    a, b, c = triangles.T
    parts = [(a, first, third), (first, b, second), (third, second, c), (first, second, third)]
    return np.concatenate([np.stack(part, axis=1) for part in parts]), ends


def front_model(rounds: int = 2) -> dict[str, np.ndarray]:
    """The file's content."""
    model = mp478.load()
    triangles = model.triangles.numpy()[(model.triangle_region != Region.INNER_MOUTH).numpy()]
    fields = {
        "meanshape": model.mean_mm[None], "idBase": model.identity_mm, "exBase": model.expression_mm,
        "meantex": model.albedo[None], "texBase": model.texture,
    }  # fmt: skip
    values = {name: field.numpy().astype(np.float64)[:, :FACE_POINTS] for name, field in fields.items()}
    for _ in range(rounds):
        triangles, ends = halved(triangles, values["meanshape"].shape[1])
        values = {name: np.concatenate([v, v[:, ends].mean(2)], axis=1) for name, v in values.items()}
    unit = {"meanshape": 0.01, "idBase": 0.01, "exBase": 0.01, "meantex": 255, "texBase": 255}
    flat = {name: (v * unit[name]).reshape(len(v), -1) for name, v in values.items()}
    flat["meanshape"] = flat["meanshape"] + np.tile(CENTRE_DM, flat["meanshape"].shape[1] // 3)
    bases = {name: flat[name].T for name in ("idBase", "exBase", "texBase")}
    return flat | bases | {"tri": triangles + 1, "keypoints": np.array([PLACES68]) + 1}


def write_front_model(path: Path) -> Path:
    """The file."""
    scipy.io.savemat(path, front_model())
    return path
