"""Files of parts that a user brings, in their true layout, of a face that our own mean head gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from face_model import mp478
from face_model.correspondence import MEANING
from facial_gan.building import build_generator, published
from facial_gan.published import DEEPSPEECH_SIZE, generator_names

CENTRE_DM = np.array([0.02, -0.11, 0.35])


def published_rows(frames: int = 20, seed: int = 0) -> np.ndarray:
    """A motion as the published code has it: slow curves in its own units."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / 30

    def curves(size: int) -> np.ndarray:
        return np.sin(2 * np.pi * time * rng.uniform(0.3, 1.5, size) + rng.uniform(0, 6, size))

    pose = np.array([2.0, -3, 1, 169, -4, -20]) + curves(6) * (3, 4, 3, 1, 10, 5)
    return np.concatenate([pose, 1 + curves(1), 0.6 * curves(64)], axis=1)


def face68_mm() -> np.ndarray:
    """The 68 landmarks `[68, 3]` of our mean head; the jaw's outline but for the chin is one place of it."""
    places = np.zeros(68, int)
    places[list(MEANING)] = list(MEANING.values())
    return mp478.load().mean_mm.numpy().astype(np.float64)[places]


def _around(triangles: np.ndarray, vertices: int) -> np.ndarray:
    """The numbers `[vertices, 8]` from 1 on of the triangles around each vertex, one past the last for none."""
    table, used = np.full((vertices, 8), len(triangles) + 1), np.zeros(vertices, int)
    for number, corners in enumerate(triangles, start=1):
        for vertex in corners:
            if used[vertex] < 8:
                table[vertex, used[vertex]] = number
                used[vertex] += 1
    return table


def front_model() -> dict[str, np.ndarray]:
    """Content of a `BFM_model_front.mat` whose geometry is that of `mp478`, about an origin of the file's own."""
    model, rng = mp478.load(), np.random.default_rng(6)
    flat = (model.mean_mm.numpy().astype(np.float64) / 100 + CENTRE_DM).reshape(1, -1)
    keypoints = np.zeros(68, int)
    keypoints[list(MEANING)] = list(MEANING.values())
    identity, texture = np.zeros((flat.size, 80)), np.zeros((flat.size, 80))
    identity[:, 0], texture[:, 0] = rng.normal(0, 0.01, flat.size), rng.normal(0, 6, flat.size)
    return {
        "meanshape": flat, "meantex": np.tile((190.0, 150, 130), flat.size // 3)[None],
        "exBase": model.expression_mm.numpy().reshape(64, -1).T / 100, "tri": model.triangles.numpy() + 1,
        "idBase": identity, "texBase": texture, "keypoints": keypoints[None] + 1,
        "point_buf": _around(model.triangles.numpy(), flat.size // 3),
    }  # fmt: skip


def flame_model() -> dict[str, np.ndarray]:
    """Content of a FLAME whose head is an egg: joints where people have them, a jaw that the front below hangs on."""
    rows, columns, rng = 16, 24, np.random.default_rng(7)
    turns = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    down, across = np.meshgrid(np.linspace(0.05, np.pi - 0.05, rows), turns)
    x, y, z = np.sin(down) * np.sin(across), np.cos(down), np.sin(down) * np.cos(across)
    template = (np.stack([x, y, z], -1) * (0.08, 0.13, 0.1)).reshape(-1, 3)
    count = len(template)
    faces = [
        (a, a + 1, b) if k == 0 else (b, a + 1, b + 1)
        for c in range(columns) for r in range(rows - 1) for k in (0, 1)
        for a, b in [(c * rows + r, (c + 1) % columns * rows + r)]
    ]
    joints = np.array([[0, -0.12, 0], [0, -0.08, -0.01], [0, -0.01, 0.02], [0.0315, 0.03, 0.07], [-0.0315, 0.03, 0.07]])
    known = np.vstack([template.T, np.ones(count)])
    regressor = np.linalg.lstsq(known, np.vstack([joints.T, np.ones(5)]), rcond=None)[0].T
    weights = np.zeros((count, 5))
    jaw = (template[:, 1] < -0.03) & (template[:, 2] > 0.03)
    weights[jaw, 2], weights[~jaw, 1] = 1, 1
    return {
        "v_template": template, "shapedirs": rng.normal(0, 0.001, (count, 3, 400)),
        "posedirs": np.zeros((count, 3, 36)), "J_regressor": regressor, "weights": weights,
        "f": np.array(faces, np.uint32), "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    }  # fmt: skip


def published_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights that nobody trained, by the names and in the shapes of the published generator."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        ours = build_generator(published(), DEEPSPEECH_SIZE).state_dict()
    found = {}
    for theirs, own in generator_names().items():
        for key, value in ours.items():
            if key.rpartition(".")[0] == own:
                wide = theirs.startswith("G1.conv") and key.endswith(".weight")  # kept as 2-D convolutions of width 1
                found[f"{theirs}.{key.rpartition('.')[2]}"] = value[..., None] if wide and value.ndim == 3 else value
    assert len(found) == len(ours)
    return found


def published_files(folder: Path) -> dict[str, Path]:
    """Weights as training saved them, a fit and a motion: z-scored, as the network writes it."""
    torch.save({f"module.{name}": value for name, value in published_weights().items()}, folder / "Gen-20.mdl")
    rows = published_rows(150)
    rest = np.random.default_rng(3).normal(0, 1, 187)
    face = np.concatenate([rows[:, :6], np.ones((150, 1)), rows[:, 7:], np.tile(rest, (150, 1))], 1)
    np.savez(folder / "fit.npz", face=face)
    made = published_rows(24, seed=4)
    made[:, :6] = (made[:, :6] - rows[:, :6].mean(0)) / rows[:, :6].std(0)
    np.savez(folder / "made.npz", face=made.astype(np.float32))
    return {"generator": folder / "Gen-20.mdl", "reference": folder / "fit.npz", "driving": folder / "made.npz"}
