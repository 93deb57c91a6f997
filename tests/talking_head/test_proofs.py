"""`doctor --deep`: files of true layout pass, damaged ones fail in their row, by the figure that tells the damage."""

from __future__ import annotations

import json
import pickle
import sys
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from face_model import deng, mp478
from face_model.correspondence import MEANING
from face_model.rotations import rotation_matrix
from face_model.tracks import SpeechFeatures
from foundation.errors import InputError
from preprocessing.deng import standard_points
from preprocessing.speech.encoder import StreamEncoder, row_count
from preprocessing.speech.symbols import BLANK, SYMBOLS
from preprocessing.tracking.face_alignment_tracker import WEIGHTS
from preprocessing.tracking.openface import default_camera
from preprocessing.tracking.points68 import pose_of_landmarks
from talking_head.cli import app
from talking_head.proofs import Proof, State, portrait, prove
from talking_head.proofs.recognising import recognise
from talking_head.proofs.regressing import crop_of_portrait
from talking_head.proofs.running import PARTS
from talking_head.proofs.speech import SPOKEN, spelling
from tests.preprocessing.test_deng_regressor import weights_of_true_names
from tests.preprocessing.test_openface import Recording
from tests.preprocessing.test_openface_command import STAND_IN
from tests.talking_head.parts import face68_mm, flame_model, front_model, published_files, published_rows

Content = dict[str, np.ndarray]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is found without being named; a folder on it."""
    for name in ("TALKING_HEAD_ASSETS", "TALKING_HEAD_BFM", "TALKING_HEAD_FLAME", "OPENFACE_BIN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("TALKING_HEAD_HOME", "TORCH_HOME", "PATH"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    return tmp_path


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


def test_a_front_model_is_proved_whatever_it_is_called(alone: Path) -> None:
    proof = row(prove([saved(alone / "my face.mat", front_model())]), "bfm")
    assert proof.state is State.WORKS and not wrong(proof) and len(proof.figures) > 12, proof
    assert proof.place.endswith("my face.mat") and proof.seconds > 0


def reversed_(content: Content) -> Content:
    return content | {"tri": content["tri"][:, ::-1]}


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


def recording() -> Recording:
    """What OpenFace would write of our mean head, eyes open most of the time."""
    made = Recording(face68_mm() * (1, -1, -1))
    made.blink = made.blink / 3
    return made


def test_an_openface_table_is_proved(alone: Path) -> None:
    proof = row(prove([recording().write(alone / "anything.txt", ", ")]), "openface_csv")
    assert proof.state is State.WORKS, (proof.problem, wrong(proof))
    assert {figure.name for figure in proof.figures} >= {"that over the best of other signs"}


@pytest.mark.parametrize(
    ("damage", "figure"),
    [
        ("degrees", "skull's scatter, turned back"), ("signs", "that over the best of other signs"),
        ("points", "its 3D points in our camera beside its 2D"), ("order", "landmarks beside the mean face"),
        ("metres", "skull's scatter, turned back"),
    ],
)
def test_a_damaged_openface_table_fails(alone: Path, damage: str, figure: str) -> None:
    made = recording()
    if damage == "degrees":
        made.angles = np.rad2deg(made.angles)
    elif damage == "signs":
        made.angles = made.angles * (1, -1, 1)
    elif damage == "metres":
        made.shift = made.shift / 1000
    elif damage == "points":
        made.pixels = made.pixels + np.random.default_rng(0).normal(0, 1, made.pixels.shape)
    else:
        order = np.random.default_rng(0).permutation(68)
        made.pixels, made.points = made.pixels[:, order], made.points[:, order]
    proof = row(prove([made.write(alone / "clip.csv")]), "openface_csv")
    assert proof.state is State.FAILS and figure in wrong(proof), (proof.problem, wrong(proof))


def test_an_openface_table_without_points_in_space_says_how_to_get_them(alone: Path) -> None:
    proof = row(prove([recording().write(alone / "clip.csv", three_d=False)]), "openface_csv")
    assert proof.state is State.FAILS and "-3Dfp" in proof.remedy


def seen_in_the_portrait() -> Recording:
    """What OpenFace would write of a still film of the portrait: our mean head where it lies on its landmarks."""
    camera = default_camera(512, 512)
    points = np.zeros((68, 2))
    points[list(MEANING)] = portrait.landmarks_px()[list(MEANING.values()), :2]
    rotation, shift_mm = pose_of_landmarks(points, camera)
    turn = rotation_matrix(torch.from_numpy(rotation)).numpy()
    made = recording()
    made.angles[:] = Rotation.from_matrix(turn).as_euler("XYZ") * (1, -1, -1)
    made.shift[:] = shift_mm * (1, -1, -1)
    made.points[:] = (face68_mm() @ turn.T + shift_mm) * (1, -1, -1)
    made.pixels = camera.focal_px * made.points[..., :2] / made.points[..., 2:] + 256
    return made


def test_openfaces_program_is_run_over_the_portrait(
    landmarker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "FeatureExtraction"
    program.write_text(STAND_IN.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(0o755)
    seen_in_the_portrait().write(tmp_path / "table.csv")
    monkeypatch.setenv("OPENFACE_BIN", str(program))
    proof = row(prove([]), "openface")
    assert proof.state is State.WORKS, (proof.problem, wrong(proof))
    recording().write(tmp_path / "table.csv")  # a face elsewhere
    assert wrong(row(prove([]), "openface")) == {"landmarks beside the Face Landmarker's"}
    (tmp_path / "mood").write_text("dies")
    proof = row(prove([program]), "openface")
    assert proof.state is State.FAILS and "landmark detector" in proof.problem


@pytest.mark.parametrize(("mirrored", "state"), [(False, State.WORKS), (True, State.FAILS)])
def test_face_alignments_weights_are_proved_on_the_portrait(
    landmarker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirrored: bool, state: State
) -> None:
    """With a stand-in for the package, whose depth may grow the wrong way."""

    class FaceAlignment:
        def __init__(self, kind: int, **options: Any) -> None: ...

        def get_landmarks_from_image(self, image: np.ndarray) -> list[np.ndarray]:
            points = np.zeros((68, 3))
            points[list(MEANING)] = portrait.landmarks_px()[list(MEANING.values())]
            return [(points * (1, 1, -1 if mirrored else 1)).astype(np.float32)]

    package = types.ModuleType("face_alignment")
    package.FaceAlignment, package.LandmarksType = FaceAlignment, types.SimpleNamespace(THREE_D=3)  # type: ignore
    monkeypatch.setitem(sys.modules, "face_alignment", package)
    monkeypatch.setattr("preprocessing.speech.optional.installed", lambda module: True)
    for name in WEIGHTS:
        (tmp_path / name).write_bytes(name.encode())
    proof = row(prove([tmp_path]), "face_alignment")
    assert proof.state is state, (proof.problem, wrong(proof))
    assert wrong(proof) == ({"depth along the Face Landmarker's"} if mirrored else set())


class Speller(StreamEncoder):
    """Stands in for a network that hears the words: two rows a letter and blanks between, symbols in a given order."""

    def __init__(self, order: list[int]) -> None:
        self.name, self.rate_hz, self.dimension, self.order = "deepspeech", 30.0, len(SYMBOLS), order

    def encode(self, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
        count = sum(map(len, pieces))
        rows = row_count(count, self.rate_hz)
        symbols = [BLANK] * rows
        for place, letter in zip(np.linspace(5, rows - 5, len(SPOKEN)).astype(int), SPOKEN, strict=True):
            if rows > 2 * len(SPOKEN):
                symbols[place] = letter
        values = np.eye(len(SYMBOLS))[[SYMBOLS.index(symbol) for symbol in symbols]]
        return SpeechFeatures(values[:, self.order].astype(np.float32), self.rate_hz, self.name, count / 16_000)


def test_words_are_heard_in_the_right_order_of_symbols_only() -> None:
    assert all(figure.right for figure in spelling(Speller([*range(29)]))), spelling(Speller([*range(29)]))
    shuffled = spelling(Speller([*np.random.default_rng(0).permutation(29)]))
    assert "spelled against the words that are said" in {figure.name for figure in shuffled if not figure.right}
    first_blank = spelling(Speller([28, *range(28)]))  # wav2vec2's own order begins with the blank
    assert {figure.name for figure in first_blank if not figure.right} >= {"spelled against the words that are said"}


def test_a_random_graph_of_the_releases_layout_runs_but_spells_nothing(alone: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    from tests.preprocessing.test_deepspeech import tiny_graph

    tiny_graph(tensorflow, alone / "some.graph")
    proof = row(prove([alone / "some.graph"]), "deepspeech")
    assert proof.state is State.FAILS and "spelled against the words that are said" in wrong(proof)
    assert not wrong(proof) & {"symbols", "rows beside the sounds' lengths", "finite scores, of silence too"}


def test_a_random_wav2vec2_runs_but_spells_nothing(alone: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    from tests.preprocessing.test_wav2vec2 import save_tiny

    proof = row(prove([save_tiny(alone / "letters")]), "wav2vec2")
    assert proof.state is State.FAILS and "spelled against the words that are said" in wrong(proof)
    assert "windows beside one go" not in wrong(proof)
    hidden = row(prove([save_tiny(alone / "hidden", "layer", letters=False)]), "wav2vec2")
    assert not wrong(hidden) - {"windows beside one go"}, hidden


def test_without_the_packages_the_row_says_what_to_install(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone / "g.pb").write_bytes(b"\x0a\x20 input_node input_lengths logits")
    (alone / "w").mkdir()
    (alone / "w" / "config.json").write_text('{"model_type": "wav2vec2"}')
    monkeypatch.setattr("talking_head.proofs.speech.installed", lambda module: False)
    proofs = prove([alone / "g.pb", alone / "w"])
    for part, extra in (("deepspeech", "deepspeech"), ("wav2vec2", "wav2vec2")):
        proof = row(proofs, part)
        assert proof.state is State.NOT_HERE and f"[{extra}]" in proof.remedy and proof.place


def weights_that_see_the_portrait(bfm: Path) -> dict[str, torch.Tensor]:
    """Weights that answer every picture with the pose at which our mean head lies on the portrait's landmarks."""
    model = deng.load(bfm)
    crop = crop_of_portrait(standard_points(model, bfm))
    points = np.zeros((68, 2))
    points[list(MEANING)] = portrait.landmarks_px()[list(MEANING.values()), :2]
    seen = points * crop.zoom - np.array(crop.corner_px)
    rotation, shift_mm = pose_of_landmarks(seen, deng.camera())
    turn = rotation_matrix(torch.from_numpy(rotation)).numpy()
    shift_mm = shift_mm + turn @ mp478.load().mean_mm.numpy().astype(np.float64).mean(0)
    flat = np.zeros(257)
    flat[1:80], flat[80:144] = 0.6, 0.03  # identity beyond the first direction moves nothing in the file
    flat[224:227], flat[254:] = rotation, shift_mm / 100 + (0, 0, 10)
    weights, place = weights_of_true_names(), 0
    for index, size in enumerate((80, 64, 80, 3, 27, 2, 1)):
        weights[f"final_layers.{index}.weight"] *= 0
        weights[f"final_layers.{index}.bias"] = torch.from_numpy(flat[place : place + size]).float()
        place += size
    return weights


def test_the_regressor_is_proved_alone_and_over_the_model(
    landmarker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preprocessing.deng.video.BATCH", 2)  # the rest would be filled up
    bfm = saved(tmp_path / "BFM_model_front.mat", front_model())
    weights = weights_that_see_the_portrait(bfm)
    torch.save({"net_recon": weights, "opt_00": {"state": {}}}, tmp_path / "w.pth")
    proofs = prove([tmp_path / "w.pth"])
    assert row(proofs, "deng_regressor").state is State.WORKS, wrong(row(proofs, "deng_regressor"))
    assert row(proofs, "deng").state is State.NOT_HERE and "BFM_model_front.mat" in row(proofs, "deng").remedy
    both = row(prove([tmp_path]), "deng")
    assert both.state is State.WORKS and "w.pth" in both.place and "BFM" in both.place, both
    weights["final_layers.3.bias"] = torch.rad2deg(weights["final_layers.3.bias"]) + 40
    torch.save({"net_recon": weights}, tmp_path / "w.pth")
    proofs = prove([tmp_path])
    assert "pitch or yaw of the portrait" in wrong(row(proofs, "deng_regressor"))
    assert "landmarks beside the Face Landmarker's" in wrong(row(proofs, "deng"))


def test_published_files_are_proved_alone_and_together(golden_dir: Path, alone: Path) -> None:
    files = published_files(golden_dir, alone)
    proofs = prove([alone])
    for part in ("facial_generator", "facial_fit", "facial_person"):
        assert row(proofs, part).state is State.WORKS, (row(proofs, part).problem, wrong(row(proofs, part)))
    motion = row(prove([files["motion"]]), "facial_motion")
    assert motion.state is State.NOT_HERE and "fit" in motion.remedy
    assert "there and back" not in wrong(row(proofs, "facial_motion"))
    broken = torch.load(files["generator"], weights_only=True)
    torch.save(broken | {"module.G1.fc2.weight": torch.zeros(70, 3)}, files["generator"])
    proof = row(prove([files["generator"]]), "facial_generator")
    assert proof.state is State.FAILS and "G1.fc2.weight" in proof.problem


def test_a_published_motion_in_radians_fails(alone: Path) -> None:
    rows = published_rows(60)
    np.savez(alone / "m.npz", face=rows)
    assert row(prove([alone / "m.npz"]), "facial_motion").state is State.WORKS
    rows[:, :3] = np.deg2rad(rows[:, :3])
    np.savez(alone / "m.npz", face=rows)
    assert wrong(row(prove([alone / "m.npz"]), "facial_motion")) == {"swing of the angles"}


def test_the_real_motion_and_the_real_kit_are_proved(data_dir: Path, alone: Path) -> None:
    kit, motion = data_dir / "ict_facekit", data_dir / "facial" / "obama2_motion.npz"
    if not (kit / "jawOpen.obj").is_file() or not motion.is_file():
        pytest.skip(f"no ICT-FaceKit or no published motion under {data_dir}")
    proofs = prove([kit, motion])
    assert row(proofs, "facial_motion").state is State.WORKS and row(proofs, "ict").state is State.WORKS, proofs
    own = alone / "kit"
    own.mkdir()
    for name in ("generic_neutral_mesh.obj", "jawOpen.obj", "vertex_indices.json"):
        (own / name).symlink_to(kit / name)
    lines = (kit / "jawOpen.obj").read_text().splitlines()
    (own / "jawOpen.obj").unlink()
    neutral = iter((kit / "generic_neutral_mesh.obj").read_text().splitlines())
    (own / "jawOpen.obj").write_text("\n".join(next(neutral, line) for line in lines))
    assert wrong(row(prove([own]), "ict")) >= {"files of the pinned content", "jawOpen parts the lips by"}


def test_nothing_named_and_nothing_found_says_for_every_part_what_to_name(alone: Path) -> None:
    proofs = prove([])
    assert [proof.part for proof in proofs] == list(PARTS)
    assert all(proof.state is State.NOT_HERE and proof.remedy.startswith("name ") for proof in proofs)


def test_parts_are_found_without_being_named(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone / "assets" / "deep").mkdir(parents=True)
    saved(alone / "assets" / "deep" / "x.npz", flame_model())
    bfm = saved(alone / "a.mat", front_model())
    monkeypatch.setenv("TALKING_HEAD_ASSETS", str(alone / "assets"))
    monkeypatch.setenv("TALKING_HEAD_BFM", str(bfm))
    proofs = prove([bfm])  # named and found: one row
    assert row(proofs, "flame").state is row(proofs, "bfm").state is State.WORKS


def test_what_is_no_part_is_refused_in_one_line(alone: Path) -> None:
    (alone / "notes.txt").write_text("a, b\n1, 2\n")
    (alone / "cut.mat").write_bytes(saved(alone / "a.mat", front_model()).read_bytes()[:300])
    (alone / "empty").write_bytes(b"")
    (alone / "folder").mkdir()
    np.savez(alone / "other.npz", face=np.zeros((3, 4)))
    for name in ("notes.txt", "cut.mat", "empty", "folder", "other.npz", "absent"):
        with pytest.raises(InputError) as caught:
            recognise(alone / name)
        assert "\n" not in str(caught.value) and name in str(caught.value), name
        done = CliRunner().invoke(app, ["doctor", "--deep", str(alone / name)])
        assert done.exit_code == 2 and len(done.stderr.strip().splitlines()) == 1
    done = CliRunner().invoke(app, ["doctor", str(alone / "a.mat")])
    assert done.exit_code == 2 and "--deep" in done.stderr


def test_the_command_tells_people_and_programs(alone: Path) -> None:
    good = saved(alone / "good.mat", front_model())
    done = CliRunner().invoke(app, ["doctor", "--deep", str(good)])
    assert done.exit_code == 0 and "works" in done.stdout and "mean face" in done.stdout and "not here" in done.stdout
    bad = saved(alone / "bad.mat", reversed_(front_model()))
    done = CliRunner().invoke(app, ["doctor", "--deep", str(good), str(bad), "--json"])
    report = json.loads(done.stdout)
    assert done.exit_code == 1 and not report["ok"] and report["seconds"] > 0
    states = [proof["state"] for proof in report["proofs"] if proof["part"] == "bfm"]
    assert states == ["works", "fails"]
    broken = next(proof for proof in report["proofs"] if proof["state"] == "fails")
    assert [figure for figure in broken["figures"] if not figure["right"]] and broken["seconds"] > 0
