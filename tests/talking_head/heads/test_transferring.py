"""Motion from one face model to another through files, bridges and commands; imports of the published code."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from typer.testing import CliRunner

from face_model import deng, ict, mp478
from face_model.arkit import ARKIT_NAMES
from face_model.morphable_model import rotate
from face_model.published_facial import camera, read_motion
from face_model.tracks import FaceMotion, SpeechFeatures
from foundation.errors import InputError
from motion_models.lips import lip_gap_mm
from preprocessing.media import probe, read_frames
from talking_head.cli import app
from talking_head.formats.livelink import NAMES, LiveLinkCurves, write_live_link
from talking_head.heads.bridge import ExpressionBridge, learn_bridge
from talking_head.heads.mesh_preview import MeshPainter, framing
from talking_head.heads.transfer import ARKIT, Heads, move
from talking_head.interop import import_facial as published
from talking_head.interop.import_facial import import_facial, read_generator
from talking_head.interop.transfer_files import transfer_file
from talking_head.motion.model_registry import load_motion_model
from tests.talking_head.parts import CENTRE_DM, front_model, published_files, published_rows


@pytest.fixture(scope="module")
def bfm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A front model of the true layout whose geometry is that of `mp478`."""
    content = front_model()
    content |= {name: np.zeros_like(content[name]) for name in ("idBase", "texBase")}
    path = tmp_path_factory.mktemp("bfm") / "BFM_model_front.mat"
    scipy.io.savemat(path, content)
    return path


def seen_px(motion: FaceMotion, points_mm: torch.Tensor) -> np.ndarray:
    turned = rotate(points_mm, torch.from_numpy(motion.rotation))
    return camera().project(turned, torch.from_numpy(motion.translation))[0].numpy()


def test_a_published_motion_moves_our_face_as_its_own(bfm: Path, tmp_path: Path) -> None:
    """The hand-made front model shares our geometry, so expression and place must come out the same."""
    rows = published_rows()
    np.savez(tmp_path / "m.npz", face=rows)
    done = transfer_file(tmp_path / "m.npz", tmp_path / "o.safetensors", heads=Heads(bfm_file=bfm), cutoff_hz=None)
    made = FaceMotion.load(done.output)
    assert done.lost_share is not None and done.lost_share < 0.15
    given = read_motion(tmp_path / "m.npz")
    theirs_mm = mp478.load().mean_mm[:468] + torch.from_numpy(100 * CENTRE_DM).float()  # about their file's origin
    np.testing.assert_allclose(
        seen_px(made, mp478.load().mean_mm[:468]), seen_px(given, theirs_mm), atol=0.05
    )
    rest = made.expression.mean(0) - given.expression.mean(0)
    gaps = [lip_gap_mm(mp478.load(), e) for e in (made.expression - rest, given.expression)]
    assert np.corrcoef(*gaps)[0, 1] > 0.99 and 0.9 < gaps[0].std() / gaps[1].std() < 1.05
    back = transfer_file(done.output, tmp_path / "b.npz", deng.ID, heads=Heads(bfm_file=bfm), cutoff_hz=None)
    again = np.load(back.output)["face"]
    np.testing.assert_allclose(again[:, :7], rows[:, :7], atol=2e-2)


def test_without_the_model_a_bridge_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALKING_HEAD_BFM", raising=False)
    np.savez(tmp_path / "m.npz", face=published_rows())
    with pytest.raises(InputError, match="--bfm, or --pictures"):
        transfer_file(tmp_path / "m.npz", tmp_path / "o.safetensors")
    with pytest.raises(InputError, match="no pictures in"):
        transfer_file(tmp_path / "m.npz", tmp_path / "o.safetensors", pictures=tmp_path)


def bridged(frames: int = 240) -> tuple[FaceMotion, FaceMotion]:
    """A motion of Deng's model and what our face did then: a linear map, another frame, some noise."""
    rng = np.random.default_rng(1)
    given = FaceMotion.unpack(np.zeros((frames, 71), np.float32), face_model=deng.ID)
    rows = published_rows(frames)
    given = dataclasses.replace(
        given, expression=rng.normal(0, 0.5, (frames, 64)).astype(np.float32),
        rotation=np.deg2rad(rows[:, :3]).astype(np.float32),
        translation=np.stack([rows[:, 4], rows[:, 5], -1400 + 10 * (rows[:, 3] - 169)], 1).astype(np.float32),
    )  # fmt: skip
    truth = ExpressionBridge(
        deng.ID, np.zeros(64), rng.normal(0, 0.12, (64, 64)), rng.normal(0, 0.2, 64), np.eye(3), 1.1,
        np.array([1.0, 12.0, 20.0]), None,  # type: ignore[arg-type]
    )
    seen = truth(given)
    noise = rng.normal(0, 0.05, seen.expression.shape).astype(np.float32)
    return given, dataclasses.replace(seen, expression=seen.expression + noise)


def test_a_bridge_learned_from_pictures_repeats_what_they_showed(tmp_path: Path) -> None:
    given, seen = bridged()
    bridge = learn_bridge(given, seen, np.ones(len(given), bool), "pictures")
    assert bridge.quality.lips_correlation > 0.97 and 0.9 < bridge.quality.lips_share < 1.1
    bridge.save(tmp_path / "bridge.safetensors")
    made = ExpressionBridge.load(tmp_path / "bridge.safetensors")(given)
    gaps = [lip_gap_mm(mp478.load(), m.expression) for m in (made, seen)]
    assert np.abs(gaps[0] - gaps[1]).mean() < 0.1 * gaps[1].std() + 0.2
    points = mp478.load().mean_mm[:468]
    np.testing.assert_allclose(seen_px(made, points), seen_px(seen, points), atol=0.3)


def test_a_bridge_learned_from_sound_moves_the_mouth_alone() -> None:
    given, seen = bridged()
    gap = lip_gap_mm(mp478.load(), seen.expression)
    heard = dataclasses.replace(seen, expression=seen.expression + 2 * np.random.default_rng(2).normal(
        0, 1, seen.expression.shape).astype(np.float32))  # fmt: skip
    bridge = learn_bridge(given, heard, np.ones(len(given), bool), "sound")
    made = bridge(given)
    singular = np.linalg.svd(made.expression - made.expression.mean(0), compute_uv=False)
    assert singular[1] < 1e-3 * singular[0], "one number a frame"
    assert np.corrcoef(lip_gap_mm(mp478.load(), made.expression), gap)[0, 1] > 0.5
    np.testing.assert_allclose(made.rotation, given.rotation, atol=1e-6)
    with pytest.raises(InputError, match="at least 60"):
        learn_bridge(given[:40], heard[:40], np.ones(40, bool), "sound")


@pytest.fixture(scope="module")
def kit_heads(data_dir: Path) -> Heads:
    if not (data_dir / "ict_facekit/generic_neutral_mesh.obj").is_file():
        pytest.skip(f"no ICT-FaceKit under {data_dir}")
    return Heads(ict_folder=data_dir / "ict_facekit")


def arkit_motion(frames: int = 12) -> FaceMotion:
    values = np.zeros((frames, 52), np.float32)
    values[:, ARKIT_NAMES.index("jawOpen")] = np.linspace(0, 0.8, frames)
    values[:, ARKIT_NAMES.index("eyeBlinkLeft")] = 0.9
    values[:, ARKIT_NAMES.index("eyeBlinkRight")] = 0.3
    place = np.tile(np.float32([0, 0, -1500]), (frames, 1))
    return FaceMotion(30.0, values, 0 * place, place, np.full(frames, 3.0, np.float32), ARKIT)


def test_arkit_values_go_to_the_kit_by_name_and_come_back(kit_heads: Heads) -> None:
    motion = arkit_motion()
    there = move(motion, ict.ID, kit_heads)
    model, kit = kit_heads.model(ict.ID), kit_heads.kit
    shape = model.vertices(
        model.mean_mm, torch.from_numpy(there.motion.expression), torch.from_numpy(there.motion.blink)
    )
    weights = np.zeros((12, len(kit.expression_names)), np.float32)
    for name, value in (("jawOpen", np.linspace(0, 0.8, 12)), ("eyeBlink_L", 0.9), ("eyeBlink_R", 0.3)):
        weights[:, kit.expression_names.index(name)] = value
    expected = kit.vertices(torch.zeros(len(kit.identity_names)), torch.from_numpy(weights))
    torch.testing.assert_close(shape, expected, atol=1e-3, rtol=0)
    back = move(there.motion, ARKIT, kit_heads)
    np.testing.assert_allclose(back.motion.expression, motion.expression, atol=1e-5)


def test_arkit_values_reach_a_mesh_without_their_names(bfm: Path) -> None:
    heads = Heads(bfm_file=bfm)
    there = move(arkit_motion(), deng.ID, heads)
    assert there.motion.face_model == deng.ID and len(there.steps) == 2
    back = move(there.motion, ARKIT, heads)
    jaw = back.motion.expression[:, ARKIT_NAMES.index("jawOpen")]
    assert np.corrcoef(jaw, np.linspace(0, 0.8, 12))[0, 1] > 0.95


def test_a_film_shows_a_mouth_that_opens(tmp_path: Path) -> None:
    motion = move(arkit_motion(6), mp478.ID).motion
    motion.save(tmp_path / "m.safetensors")
    words = ["transfer", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "m.mp4"), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["frames"] == 6
    info = probe(tmp_path / "m.mp4")
    assert (info.width_px, info.height_px) == (512, 512)
    pictures = list(read_frames(tmp_path / "m.mp4"))
    dark = [int((picture.max(-1) < 90).sum()) for picture in pictures]
    assert len(pictures) == 6 and dark[-1] > dark[0] + 300, dark
    camera_ = framing(mp478.load(), motion, 128)
    first = next(MeshPainter(mp478.load(), camera_).frames(motion))
    covered = np.argwhere((first < 225).any(-1))
    assert 40 < np.ptp(covered[:, 0]) < 90 and abs(covered.mean(0) - 64).max() < 12, "half of the picture"


def test_a_film_shows_a_head_that_its_file_does_not_place(tmp_path: Path) -> None:
    """A Live Link recording has no head position, so the head rests at the origin, where the camera is."""
    write_live_link(LiveLinkCurves(np.arange(6) / 60, np.zeros((6, len(NAMES)))), tmp_path / "curves.csv")
    done = CliRunner().invoke(app, ["transfer", str(tmp_path / "curves.csv"), "-o", str(tmp_path / "m.mp4"), "--json"])
    assert done.exit_code == 0, done.output
    for picture in read_frames(tmp_path / "m.mp4"):
        covered = np.argwhere((picture < 225).any(-1))
        assert 160 < np.ptp(covered[:, 0]) < 360 and abs(covered.mean(0) - 256).max() < 48


def test_a_published_person_is_taken_over_whole(bfm: Path, tmp_path: Path) -> None:
    files = published_files(tmp_path)
    home = ["--home", str(tmp_path / "home"), "--id", "ana", "--bfm", str(bfm)]
    words = [*(w for name, path in files.items() for w in (f"--{name}", str(path))), *home]
    done = CliRunner().invoke(app, ["import", "facial", *words, "--json"])
    assert done.exit_code == 0, done.output
    folder = Path(json.loads(done.stdout)["folder"])
    model = load_motion_model(folder / "model.safetensors")
    assert model.speech_extractor == "deepspeech" and model.face_model == deng.ID
    moved = FaceMotion.load(folder / "mp478.safetensors")
    assert len(moved) == 24 and moved.face_model == mp478.ID
    assert len(list(read_frames(folder / "preview.mp4"))) == 24
    again = CliRunner().invoke(app, ["import", "facial", *words])
    assert again.exit_code == 2 and "already imported" in again.stderr
    part = tmp_path / "part.npz"
    np.savez(part, face=np.load(files["driving"])["face"][:8])
    with pytest.raises(InputError, match="z-scored"):
        transfer_file(part, tmp_path / "o.npz", heads=Heads(bfm_file=bfm))
    done_ = transfer_file(part, tmp_path / "o.npz", imported="ana", heads=Heads(bfm_file=bfm), home=tmp_path / "home")
    assert done_.frames == 8


def test_an_imported_model_says_a_new_sound(
    bfm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With features in the place of DeepSpeech's, whose graph is the user's."""
    files = published_files(tmp_path)
    import_facial("ana", files["generator"], files["reference"], home=tmp_path / "home")
    values = np.random.default_rng(0).normal(0, 1, (45, 29)).astype(np.float32)
    monkeypatch.setattr(published, "speech_encoder", lambda name: name)
    heard = SpeechFeatures(values, 30.0, "deepspeech", 1.5)
    monkeypatch.setattr(published, "encode_file", lambda encoder, path: heard if encoder == "deepspeech" else None)
    done = transfer_file(
        tmp_path / "new.wav", tmp_path / "o.safetensors", imported="ana", heads=Heads(bfm_file=bfm),
        home=tmp_path / "home",
    )  # fmt: skip
    made = FaceMotion.load(done.output)
    assert len(made) == 45 and made.face_model == mp478.ID and made.expression.std() > 0.01
    with pytest.raises(InputError, match=r"new\.wav"):
        transfer_file(tmp_path / "new.wav", tmp_path / "o.safetensors")


def test_weights_are_read_as_data(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    torch.save({"conv11.weight": Trap()}, tmp_path / "trap.mdl")
    with pytest.raises(InputError, match="trap.mdl is refused"):
        read_generator(tmp_path / "trap.mdl")
    assert not (tmp_path / "ran").exists()
    (tmp_path / "text.mdl").write_text("no weights")
    with pytest.raises(InputError, match="text.mdl is refused"):
        read_generator(tmp_path / "text.mdl")
    torch.save([1, 2], tmp_path / "list.mdl")
    with pytest.raises(InputError, match="no table of tensors"):
        read_generator(tmp_path / "list.mdl")
    torch.save({"state_dict": {"a.weight": torch.zeros(3)}}, tmp_path / "other.mdl")
    files = published_files(tmp_path)
    with pytest.raises(InputError, match="a tensor of the published generator"):
        import_facial("ana", tmp_path / "other.mdl", files["reference"], home=tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_bad_places_and_names_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", face=published_rows())
    for words, reason in (
        (["-o", "x.txt"], "ends in .safetensors"), (["-o", "x.npz", "--to", "bfm"], "one of mp478"),
        (["-o", "x.mp4", "--to", "arkit52"], "no mesh"), (["-o", "x.npz", "--imported", "nobody"], "no import"),
        (["-o", str(tmp_path / "m.npz")], "the input"), (["-o", "x.npz", "--cutoff", "-1"], "more than 0"),
    ):  # fmt: skip
        home = ["--home", str(tmp_path / "home")]
        done = CliRunner().invoke(app, ["transfer", str(tmp_path / "m.npz"), *words, *home])
        assert done.exit_code == 2 and reason in done.stderr, (words, done.output)
