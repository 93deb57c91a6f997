"""ICT-FaceKit: a small kit made by hand, and the real files where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from face_model import ict
from face_model.morphable_model import Region
from foundation.errors import InputError


def write_obj(path: Path, points: np.ndarray) -> None:
    """A quad and a triangle, with texture coordinates."""
    lines = ["# a comment", "mtllib x.mtl", *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points)]
    lines += ["vt 0.25 0.75", "vt 1 0", "vt 0 1", "usemtl M_Face", "f 1/1 2/2 3/3 4/1", "f 3/3 4/1 5/2"]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def kit(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    names = ["generic_neutral_mesh", "identity000", "identity001"]
    names += ["browInnerUp_L", "browInnerUp_R", "eyeBlink_L", "jawOpen"]
    meshes = {name: rng.normal(0, 5, (5, 3)).round(6) for name in names}
    for name, points in meshes.items():
        write_obj(tmp_path / f"{name}.obj", points)
    return tmp_path, meshes


def test_meshes_are_sums_of_what_the_files_hold(kit: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, meshes = kit
    model = ict.load(folder)
    assert model.expression_names == ("browInnerUp_L", "browInnerUp_R", "eyeBlink_L", "jawOpen")
    assert model.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [2, 3, 4]]
    assert model.corner_uv[1].tolist() == [[0.25, 0.25], [0.0, 0.0], [0.25, 0.25]]
    base = meshes["generic_neutral_mesh"]
    expected = 0.4 * meshes["identity001"] + 0.6 * base
    expected += 0.5 * (meshes["jawOpen"] - base) - (meshes["eyeBlink_L"] - base)
    got = model.vertices(torch.tensor([0.0, 0.4]), torch.tensor([[0.0, 0.0, -1.0, 0.5]]))
    np.testing.assert_allclose(got[0].numpy(), 10 * expected, atol=1e-4)


def test_arkit_values_go_both_ways(kit: tuple[Path, dict[str, np.ndarray]]) -> None:
    model = ict.load(kit[0])
    names = ("jawOpen", "tongueOut", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight")
    values = np.array([[0.1, 0.2, 0.3, 0.4, 0.5]], np.float32)
    weights = model.expression_of_arkit(values, names)
    np.testing.assert_allclose(weights, [[0.3, 0.3, 0.4, 0.1]])
    np.testing.assert_allclose(model.arkit_of_expression(weights, names), [[0.1, 0.0, 0.3, 0.4, 0.0]])


def test_damage_is_told(kit: tuple[Path, dict[str, np.ndarray]], tmp_path: Path) -> None:
    folder, _ = kit
    text = (folder / "jawOpen.obj").read_text()
    (folder / "jawOpen.obj").write_text("\n".join(text.splitlines()[:4]))
    with pytest.raises(InputError, match=r"jawOpen.obj has 2 vertices"):
        ict.load(folder)
    (folder / "jawOpen.obj").write_text(text.replace("v ", "v x", 1))
    with pytest.raises(InputError, match="jawOpen.obj: a line 'v' is not 3 numbers"):
        ict.load(folder)
    with pytest.raises(InputError, match="regions are known"):
        (folder / "jawOpen.obj").write_text(text)
        ict.load(folder).region("teeth")
    with pytest.raises(InputError, match="generic_neutral_mesh"):
        ict.load(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def real(data_dir: Path) -> ict.IctModel:
    if not (data_dir / "ict_facekit/generic_neutral_mesh.obj").is_file():
        pytest.skip(f"no ICT-FaceKit under {data_dir}")
    return ict.load(data_dir / "ict_facekit")


def enclosed_mm3(points: torch.Tensor, triangles: torch.Tensor) -> float:
    """Signed volume: positive where the triangles run counter-clockwise seen from outside."""
    a, b, c = (points[triangles[:, k]].double() for k in range(3))
    return float((a * torch.linalg.cross(b, c)).sum() / 6)


def test_the_real_head_is_in_our_frame_and_of_human_size(real: ict.IctModel) -> None:
    assert len(real.mean_mm) == ict.VERTICES and real.landmarks68 is not None
    marks = real.mean_mm[real.landmarks68]
    right_eye, left_eye = marks[[36, 39]].mean(0), marks[[42, 45]].mean(0)
    assert float((left_eye - right_eye).norm()) == pytest.approx(63, abs=1)  # the mean face of docs/conventions.md
    assert left_eye[0] > 0 > right_eye[0], "the person's left is the viewer's right"
    assert marks[8, 1] < marks[30, 1] < marks[27, 1] and marks[30, 2] == marks[:, 2].max(), "chin, nose tip, bridge"


def test_the_real_regions_are_what_they_are_called(real: ict.IctModel) -> None:
    parts = {name: real.region(name) for name in ict.REGION_STARTS}
    assert sum(len(vertices) for vertices, _ in parts.values()) == ict.VERTICES
    assert sum(len(triangles) for _, triangles in parts.values()) == len(real.triangles)
    balls, triangles = real.mean_mm[parts["eyeballs"][0]], parts["eyeballs"][1]
    radius_mm = [(half - half.mean(0)).norm(dim=1).mean() for half in (balls[balls[:, 0] > 0], balls[balls[:, 0] < 0])]
    assert all(10 < r < 18 for r in radius_mm)
    assert enclosed_mm3(real.mean_mm, triangles) > 0
    teeth = real.mean_mm[parts["teeth"][0]]
    assert real.landmarks68 is not None
    lips = real.mean_mm[real.landmarks68[48:60]]
    assert teeth[:, 2].max() < lips[:, 2].max() and abs(float(teeth[:, 1].mean() - lips[:, 1].mean())) < 15


def test_the_real_expressions_move_what_they_name(real: ict.IctModel) -> None:
    assert real.landmarks68 is not None

    def moved(name: str) -> torch.Tensor:
        return real.expression_mm[real.expression_names.index(name)][real.landmarks68]

    jaw, left, right = moved("jawOpen"), moved("eyeBlink_L"), moved("eyeBlink_R")
    assert jaw[8, 1] < -15 and jaw[27].norm() < 1
    assert left[[43, 44], 1].max() < -3 and left[[37, 38]].norm(dim=1).max() < 0.5
    assert right[[37, 38], 1].max() < -3 and right[[43, 44]].norm(dim=1).max() < 0.5
    smile = moved("mouthSmile_L")
    assert smile[54, 1] > 2 and smile[54, 0] > 1 and smile[48].norm() < smile[54].norm() / 3


def write_head(path: Path, points: np.ndarray, faces: list[str]) -> None:
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points]
    path.write_text("\n".join([*lines, "vt 0.2 0.3", "vt 0.6 0.3", "vt 0.2 0.9", *faces]) + "\n")


@pytest.fixture(scope="module")
def whole_kit(tmp_path_factory: pytest.TempPathFactory) -> ict.IctModel:
    """As many vertices as the kit, parts where it has them; three triangles to each part, half of them at the left."""
    folder = tmp_path_factory.mktemp("kit")
    rng = np.random.default_rng(4)
    points = rng.uniform(-1, 1, (ict.VERTICES, 3)) * (8, 10, 2)
    for shell in ict.OUTER_EYES:
        points[shell] = rng.normal(0, 1, points[shell].shape)
        points[shell] = 1.4 * points[shell] / np.linalg.norm(points[shell], axis=1, keepdims=True)
        points[shell, 0] += 3.2 if shell is ict.OUTER_EYES[0] else -3.2
    starts = [*ict.REGION_STARTS.values()]
    faces = [f"f {s + k + 1}/1 {s + k + 2}/2 {s + k + 3}/3" for s in starts for k in (0, 1, 2)]
    faces += [f"f {s.start + 1}/1 {s.start + 2}/2 {s.start + 3}/3" for s in (*ict.INNER_EYES, ict.OUTER_EYES[1])]
    meshes = {name: points for name in ("generic_neutral_mesh",)}
    names = ("identity000", "eyeBlink_L", "eyeBlink_R", "jawOpen", "PupilDilate_L", "cheekRaiser_R")
    for number, name in enumerate(names):
        meshes[name] = points.copy()
        meshes[name][number * 3000 : number * 3000 + 50] += (0.1, -0.2, 0.3)
    for name, mesh in meshes.items():
        write_head(folder / f"{name}.obj", mesh, faces)
    return ict.load(folder)


def test_the_head_is_a_morphable_model(whole_kit: ict.IctModel) -> None:
    assert whole_kit.expression_names == ("eyeBlink_L", "eyeBlink_R", "jawOpen"), "only what is ARKit's"
    model = whole_kit.morphable()
    assert model.id == ict.ID and model.expression_mm.shape == (3, ict.VERTICES, 3) and len(model.identity_mm) == 1
    expression, identity = torch.tensor([0.0, 0.0, 0.7]), torch.tensor([0.3])
    got = model.vertices(model.shape(identity), expression, torch.tensor(2.5))
    expected = whole_kit.vertices(identity, torch.tensor([0.5, 0.5, 0.7]))
    torch.testing.assert_close(got, expected, msg="half of AU45 closes both eyes half")
    assert model.albedo_of(torch.zeros(0)).shape == (ict.VERTICES, 3)


def test_parts_keep_their_kind_and_what_is_clear_is_left_out(whole_kit: ict.IctModel) -> None:
    model = whole_kit.morphable()
    last = model.triangles.max(dim=1).values
    for name, kind in (("face", 0), ("head_and_neck", 0), ("mouth_socket", 3), ("gums_and_tongue", 3), ("teeth", 3)):
        vertices, _ = whole_kit.region(name)
        inside = (last >= vertices[0]) & (last <= vertices[-1])
        assert inside.sum() == 3 and (model.triangle_region[inside] == kind).all(), name
        assert (model.albedo[vertices] == torch.tensor(ict.COLOURS[name])).all()
    for name in ("eye_fluid", "lashes"):
        vertices, _ = whole_kit.region(name)
        assert not ((last >= vertices[0]) & (last <= vertices[-1])).any()
    left, right = ict.OUTER_EYES
    for shell, kind in ((left, Region.LEFT_EYE), (right, Region.RIGHT_EYE)):
        inside = (last >= shell.start) & (last < shell.stop)
        assert inside.any() and (model.triangle_region[inside] == int(kind)).all()
        colours = {tuple(round(float(v), 2) for v in row) for row in model.albedo[shell]}
        assert colours == {ict.COLOURS["eyeballs"], ict.IRIS_RGB, ict.PUPIL_RGB}
    for shell in ict.INNER_EYES:
        assert not ((last >= shell.start) & (last < shell.stop)).any()


def test_the_real_mouth_shows_teeth_when_the_jaw_drops(real: ict.IctModel) -> None:
    """Drawn by our rasteriser: the inside of the mouth is hidden at rest and seen when it opens."""
    from render2video.rasterizer import create_rasterizer

    model = real.morphable()
    seen = []
    for weight in (0.0, 0.8):
        expression = torch.zeros(len(real.expression_names))
        expression[real.expression_names.index("jawOpen")] = weight
        points = model.vertices(model.mean_mm, expression, torch.tensor(0.0)).numpy()
        pixels = points[:, :2] * (1, -1) + 128
        drawn = create_rasterizer("numba")(pixels, points[:, 2], model.triangles.numpy(), 256, 256)
        shown = model.triangle_region.numpy()[drawn.triangle_index[drawn.mask]]
        seen.append([(shown == kind).sum() for kind in (Region.INNER_MOUTH, Region.LEFT_EYE, Region.RIGHT_EYE)])
    assert seen[0][0] < 60 < 300 < seen[1][0], "the mouth's inside"
    assert all(abs(int(a) - int(b)) < 20 and a > 80 for a, b in (row[1:] for row in seen)), "both eyes, alike"
