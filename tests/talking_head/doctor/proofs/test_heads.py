"""Proofs of face models: files of true layout pass, damaged ones fail by the figure that tells the damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from talking_head.doctor.proofs import State, prove
from tests.talking_head.doctor.proofs.parts import Content, reversed_, row, saved, wrong
from tests.talking_head.parts import face68_mm, flame_model, front_model


def test_a_front_model_is_proved_whatever_it_is_called(alone: Path) -> None:
    proof = row(prove([saved(alone / "my face.mat", front_model())]), "bfm")
    assert proof.state is State.WORKS and not wrong(proof) and len(proof.figures) > 12, proof
    assert proof.place.endswith("my face.mat") and proof.seconds > 0


def in_millimetres(content: Content) -> Content:
    return content | {name: 100 * content[name] for name in ("meanshape", "idBase", "exBase")}


def other_landmarks(content: Content) -> Content:
    return content | {"keypoints": np.random.default_rng(0).permuted(content["keypoints"], axis=1)}


def upside_down(content: Content) -> Content:
    """Turned by half about x, triangles right: y down, z away."""
    return content | {"meanshape": content["meanshape"] * np.tile((1, -1, -1), content["meanshape"].size // 3)}


def colours_of_one(content: Content) -> Content:
    return content | {"meantex": content["meantex"] / 255}


def blue_first(content: Content) -> Content:
    return content | {"meantex": content["meantex"].reshape(-1, 3)[:, ::-1].reshape(1, -1)}


def shuffled_triangles(content: Content) -> Content:
    return content | {"point_buf": np.random.default_rng(0).permutation(content["point_buf"])}


@pytest.mark.parametrize(
    ("damage", "figure"),
    [
        (reversed_, "area that faces the viewer"), (reversed_, "face lit from the front over from behind"),
        (in_millimetres, "size against the mean face"), (in_millimetres, "strongest expression"),
        (other_landmarks, "landmarks beside the mean face"), (upside_down, "turned against it"),
        (colours_of_one, "mean albedo"), (blue_first, "red over blue"),
        (shuffled_triangles, "normals along those of point_buf"),
    ],
)
def test_a_damaged_front_model_fails(alone: Path, damage: Callable[[Content], Content], figure: str) -> None:
    proof = row(prove([saved(alone / "BFM_model_front.mat", damage(front_model()))]), "bfm")
    assert proof.state is State.FAILS and figure in wrong(proof), wrong(proof)


def test_a_front_model_that_lacks_something_fails_with_its_remedy(alone: Path) -> None:
    content = front_model()
    del content["texBase"]
    proof = row(prove([saved(alone / "a.mat", content)]), "bfm")
    assert proof.state is State.FAILS and "texBase" in proof.problem and "transferBFM09" in proof.remedy


def test_the_standard_face_is_proved(alone: Path) -> None:
    good, bad = (saved(alone / f"{n}.mat", {"lm": face68_mm() * s}) for n, s in (("a", 0.01), ("b", 0.001)))
    assert row(prove([good]), "similarity").state is State.WORKS
    assert "size against the mean face" in wrong(row(prove([bad]), "similarity"))


@pytest.mark.parametrize("name", ["generic_model.pkl", "flame.npz"])
def test_a_flame_is_proved(alone: Path, name: str) -> None:
    proof = row(prove([saved(alone / name, flame_model())]), "flame")
    assert proof.state is State.WORKS, (proof.problem, wrong(proof))


def eyes_swapped(content: Content) -> Content:
    return content | {"J_regressor": content["J_regressor"][[0, 1, 2, 4, 3]]}


def flame_reversed(content: Content) -> Content:
    return content | {"f": content["f"][:, ::-1]}


def flame_in_millimetres(content: Content) -> Content:
    return content | {"v_template": 1000 * content["v_template"]}


def jaw_backwards(content: Content) -> Content:
    turned = content["v_template"] * (1, 1, -1)
    return content | {"v_template": turned, "f": content["f"][:, ::-1]}


def joints_of_no_mean(content: Content) -> Content:
    return content | {"J_regressor": 3 * content["J_regressor"]}


@pytest.mark.parametrize(
    ("damage", "figure"),
    [
        (eyes_swapped, "left eye right of the right eye, as seen"), (flame_reversed, "volume by the triangles"),
        (flame_in_millimetres, "height of head and neck"), (jaw_backwards, "foremost of the jaw, when it opens by 0.3"),
        (joints_of_no_mean, "joint regressor's sums beside 1"),
    ],
)
def test_a_damaged_flame_fails(alone: Path, damage: Callable[[Content], Content], figure: str) -> None:
    proof = row(prove([saved(alone / "flame.npz", damage(flame_model()))]), "flame")
    assert proof.state is State.FAILS and figure in wrong(proof), wrong(proof)
