"""How proofs are asked for and read, and files to prove."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import scipy.io

from talking_head.doctor.proofs import Proof
from tests.preprocessing.test_openface import Recording
from tests.talking_head.parts import face68_mm

Content = dict[str, np.ndarray]


def row(proofs: Iterable[Proof], part: str) -> Proof:
    (found,) = [proof for proof in proofs if proof.part == part]
    return found


def wrong(proof: Proof) -> set[str]:
    return {figure.name for figure in proof.figures if not figure.right}


def saved(path: Path, content: Content) -> Path:
    if path.suffix == ".mat":
        scipy.io.savemat(path, content)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    else:
        path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def reversed_(content: Content) -> Content:
    return content | {"tri": content["tri"][:, ::-1]}


def recording() -> Recording:
    """What OpenFace would write of our mean head, eyes open most of the time."""
    made = Recording(face68_mm() * (1, -1, -1))
    made.blink = made.blink / 3
    return made
