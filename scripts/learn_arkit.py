"""Learn what ties `mp478` expression to ARKit values, both ways, and write `checkpoints/mp478/arkit.safetensors`.

    python scripts/learn_arkit.py TRACK [TRACK ...]

Each TRACK is the `track.safetensors` that `talking-head track` makes. Expression and lids predict the tracker's own
ARKit values, and these predict expression and lids, by ridge regression; both about each clip's median, since the
tracker's values at rest differ from person to person, and every clip weighs as the square root of its length. Every
frame also counts as seen in a mirror, so that left and right are learned alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from face_model import mp478
from face_model.arkit import ARKIT_NAMES, LIDS
from face_model.tracks import AU45_MAX, FaceTrack
from foundation.files import sha256, write_tensors

RIDGE_OUT, RIDGE_IN = 0.01, 0.01  # of the mean variance; chosen on a clip that took no part


def shapes(track: FaceTrack) -> np.ndarray:
    """Expression and lid closing 0-1 of the frames with a face, `[T, 65]`."""
    motion = track.motion
    return np.hstack((motion.expression, motion.blink[:, None] / AU45_MAX))[track.valid].astype(np.float64)


def ridge(given: np.ndarray, wanted: np.ndarray, weight: np.ndarray, strength: float) -> np.ndarray:
    """The matrix that predicts rows of `wanted` `[T, M]` from rows of `given` `[T, K]`: `[K, M]`."""
    gram = (given * weight[:, None]).T @ given
    gram += strength * np.trace(gram) / len(gram) * np.eye(len(gram))
    return np.linalg.solve(gram, (given * weight[:, None]).T @ wanted)


def mirrors() -> tuple[np.ndarray, np.ndarray]:
    """What a mirror does: to expression and lids, a matrix `[65, 65]`; to ARKit values, their new order `[52]`."""
    model = mp478.load()
    basis = np.concatenate((model.expression_mm.numpy(), model.blink_mm.numpy()[None])).astype(np.float64)
    seen = basis[:, model.index_sets["mirror"].numpy()] * (-1, 1, 1)
    turn = np.linalg.lstsq(basis.reshape(len(basis), -1).T, seen.reshape(len(basis), -1).T, rcond=None)[0].T
    sides = {"Left": "Right", "Right": "Left"}
    partner = [next((n.replace(a, b) for a, b in sides.items() if n.endswith(a)), n) for n in ARKIT_NAMES]
    return turn, np.array([ARKIT_NAMES.index(name) for name in partner])


def learn(tracks: list[FaceTrack]) -> dict[str, np.ndarray]:
    """`to_arkit` `[65, 52]`, `from_arkit` `[52, 65]` and the ARKit values of the model at rest, `rest` `[52]`."""
    faces = [shapes(track) for track in tracks]
    values = [track.arkit[track.valid].astype(np.float64) for track in tracks]
    face, value = (np.concatenate([rows - np.median(rows, axis=0) for rows in part]) for part in (faces, values))
    turn, order = mirrors()
    face, value = np.concatenate((face, face @ turn)), np.concatenate((value, value[:, order]))
    weight = np.concatenate([np.full(len(rows), len(rows) ** -0.5) for rows in faces] * 2)
    out = ridge(face, value, weight, RIDGE_OUT)
    mouth = [index for index, name in enumerate(ARKIT_NAMES) if not name.startswith("eye")]
    out[:-1, mouth], out[-1, mouth] = ridge(face[:, :-1], value[:, mouth], weight, RIDGE_OUT), 0
    back = ridge(value, face, weight, RIDGE_IN)
    others = np.delete(np.arange(len(ARKIT_NAMES)), LIDS)
    back[others, :-1], back[LIDS, :-1] = ridge(value[:, others], face[:, :-1], weight, RIDGE_IN), 0
    rest = [np.median(v, axis=0) - np.median(f, axis=0) @ out for f, v in zip(faces, values, strict=True)]
    middle = np.median(rest, axis=0)
    symmetric = (middle + middle[order]) / 2
    maps = {"to_arkit": out, "from_arkit": back, "rest": symmetric}
    return {name: matrix.astype(np.float32) for name, matrix in maps.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("checkpoints/mp478/arkit.safetensors"))
    arguments = parser.parse_args()
    tracks = [FaceTrack.load(path) for path in arguments.tracks]
    about = {t.source: sha256(p) for t, p in zip(tracks, arguments.tracks, strict=True)}
    provenance = {"made_by": "scripts/learn_arkit.py", "face_model": "mp478", "tracks": about}
    write_tensors(arguments.out, learn(tracks), provenance)
    print(f"wrote {arguments.out} from {len(tracks)} tracks, {sum(map(len, tracks))} frames")


if __name__ == "__main__":
    main()
