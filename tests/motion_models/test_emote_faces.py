"""Action units do on a mesh what their names say, the recipe keeps speech, the descriptor reads what was put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from face_model import flame, mp478
from face_model.arkit import ARKIT_NAMES
from foundation.errors import InputError
from motion_models.emote.action_units import ACTION_UNITS, EMOTIONS, SIDE_OF, UNITS, movement_mm, strengths
from motion_models.emote.config import Recipe
from motion_models.emote.emotions import CONDITIONS, KINDS, LEVELS
from motion_models.emote.faces import Face, face_for, flame_face, mp478_face
from motion_models.emote.readers import ActionUnitDescriptor
from motion_models.emote.recipe import emotional_take, openness, rest_of
from tests.motion_models.emote_parts import write_flame

CORNERS, BROWS, LIPS = (61, 291), (107, 336), mp478.LIP_GAP


def shown_mm(kind: str, intensity: float = 1.0) -> np.ndarray:
    """How the mean face's vertices move `[478, 3]` in an emotion."""
    expression = intensity * strengths(kind) @ mp478_face().units[SIDE_OF[kind]]
    return np.einsum("k,kvc->vc", expression, mp478.load().expression_mm.numpy())


def test_emotions_move_the_mesh_as_their_names_say() -> None:
    moved = {kind: shown_mm(kind) for kind in KINDS[1:]}
    corners = {kind: shape[list(CORNERS), 1].mean() for kind, shape in moved.items()}
    brows = {kind: shape[list(BROWS), 1].mean() for kind, shape in moved.items()}
    width = {kind: shape[291, 0] - shape[61, 0] for kind, shape in moved.items()}
    assert corners["happy"] > 2 and corners["sad"] < -2
    assert moved["disgusted"][[48, 278], 1].mean() > 1 and moved["disgusted"][13, 1] > 1  # nostrils and upper lip
    assert brows["sad"] > 1 and brows["surprised"] > 2 and brows["fear"] > 1 and brows["angry"] < -2
    assert width["happy"] > 4 and width["fear"] > 4 and width["angry"] < -2
    one_sided = moved["contempt"]
    assert one_sided[61, 1] > 2 * abs(one_sided[291, 1])


def test_units_mirror_each_other() -> None:
    mirror = mp478.load().index_sets["mirror"].numpy()[:468]
    for name in UNITS:
        moved = movement_mm(ACTION_UNITS[name])
        assert np.allclose(moved, moved[mirror] * (-1, 1, 1), atol=0.35), name  # the mean face is not quite symmetric


def test_every_unit_of_an_emotion_exists() -> None:
    assert set(EMOTIONS) == set(KINDS)
    assert all(strengths(kind).any() for kind in KINDS[1:]) and not strengths("neutral").any()


def test_the_vertex_metric_is_that_of_the_mesh() -> None:
    expression = np.random.default_rng(0).standard_normal((5, 64)).astype(np.float32)
    model = mp478.load()
    moved = model.vertices(model.mean_mm, torch.from_numpy(expression), torch.zeros(5)) - model.mean_mm
    truth = moved.square().sum(-1).mean(-1).numpy()
    assert np.allclose(((expression @ mp478_face().vertices) ** 2).sum(-1), truth, rtol=1e-3)


def neutral_speech(face: Face) -> np.ndarray:
    """The jaw opens and closes three times a second, along what `mp478` knows of opening lips."""
    opening = face.gap_mm / (face.gap_mm**2).sum() * 12.0  # mm
    return 0.5 * (1 - np.cos(2 * np.pi * 3 * np.arange(90) / 30))[:, None] * opening


@pytest.mark.parametrize("condition", range(len(CONDITIONS)))
def test_the_recipe_keeps_the_words(condition: int) -> None:
    """Lips that speech closes stay closed, and open when they did."""
    face = mp478_face()
    neutral = neutral_speech(face)
    take = emotional_take(
        face, neutral, rest_of(face, neutral), openness(face, neutral), condition, Recipe(), np.random.default_rng(1)
    )
    gap, was = take.expression @ face.gap_mm, neutral @ face.gap_mm
    assert np.corrcoef(gap, was)[0, 1] > 0.97
    assert abs(gap[was < 0.05].mean()) < 1.5  # of 12 mm


def test_neutral_is_what_was_tracked() -> None:
    face = mp478_face()
    neutral = neutral_speech(face)
    take = emotional_take(face, neutral, neutral[0], openness(face, neutral), 0, Recipe(), np.random.default_rng(1))
    assert CONDITIONS[0] == ("neutral", 0.0) and np.allclose(take.expression, neutral, atol=1e-6)


def test_the_descriptor_reads_kind_and_intensity() -> None:
    face = mp478_face()
    neutral = neutral_speech(face)
    neutral = neutral - neutral.mean(0)
    read = ActionUnitDescriptor(face, np.full(52, 0.05, np.float32))
    amounts = []
    for index, (kind, _) in enumerate(CONDITIONS):
        take = emotional_take(
            face, neutral, rest_of(face, neutral), openness(face, neutral), index, Recipe(), np.random.default_rng(2)
        )
        shown = torch.from_numpy(take.expression[None])
        features = read.features(shown, torch.ones(1, len(neutral)))
        assert KINDS[int(read.kinds(features))] == kind
        amounts.append(float(read.amounts(features)[0, KINDS.index(kind) - 1]))
    steps = np.reshape(amounts[1:], (len(KINDS) - 1, len(LEVELS)))
    assert (np.diff(steps, axis=1) > 0.1).all()


def test_frames_that_nobody_saw_tell_no_emotion() -> None:
    face = mp478_face()
    read = ActionUnitDescriptor(face, np.full(52, 0.05, np.float32))
    happy = strengths("happy") @ face.units["both"]
    shown = torch.from_numpy(np.stack([happy, -5 * happy])[None].astype(np.float32))
    features = read.features(shown, torch.tensor([[1.0, 0.0]]))
    assert KINDS[int(read.kinds(features))] == "happy"


def test_a_head_of_flames_layout_smiles_too(tmp_path: Path) -> None:
    """The units are found on it by shape alone, the jaw's turns among its coefficients; ARKit's values are read."""
    model = flame.load(write_flame(tmp_path / "flame.npz")).with_sizes(0, 12)
    face = flame_face(model)
    assert face.id == "flame" and face.size == 15
    smile = torch.from_numpy((strengths("happy") @ face.units["both"]).astype(np.float32))
    moved = (model.with_jaw(torch.zeros(0), smile) - model.template_mm).numpy()
    assert moved[list(CORNERS), 1].mean() > 1 and moved[291, 0] - moved[61, 0] > 2
    open_jaw = np.zeros(15)
    open_jaw[12] = 0.2  # radians about x, the first of the jaw's turns
    assert open_jaw @ face.gap_mm > 3
    assert (open_jaw @ face.arkit)[ARKIT_NAMES.index("jawOpen")] > 0.1


def test_faces_without_what_they_need_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FLAME without"):
        face_for("flame", 15, "")
    with pytest.raises(InputError, match="'toy_face'"):
        face_for("toy_face", 64, "")
    assert face_for("flame", 15, str(write_flame(tmp_path / "flame.npz"))).size == 15
