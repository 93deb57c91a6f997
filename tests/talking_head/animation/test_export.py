"""Export of a target, and driving it by what was exported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from face_model import mp478
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from motion_models.lips import lip_gap_mm
from talking_head.animation.export import FORMATS, export
from talking_head.animation.look import look_of
from talking_head.cli import app
from talking_head.formats.driving import read_motion
from talking_head.formats.livelink import NAMES, read_live_link, write_live_link
from talking_head.formats.tables import read_npz, write_npz
from talking_head.motion.speaking import follow, speak
from talking_head.target.card import Target, find_target
from talking_head.target.home import Home
from tests.talking_head.formats.test_arkit import made_motion
from tests.talking_head.formats.test_flame import write_toy_flame
from tests.talking_head.formats.test_gltf import read_glb


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """One and a half seconds of a hum."""
    path = tmp_path / "hum.wav"
    soundfile.write(path, 0.2 * np.sin(np.arange(24_000) / 20), 16_000)
    return path


def test_one_sound_in_every_format(
    enrolled: tuple[Home, Target], sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, target = enrolled
    monkeypatch.setenv("TALKING_HEAD_FLAME", str(write_toy_flame(tmp_path / "toy.npz")))
    for format, suffix in FORMATS.items():
        goal = tmp_path / f"{format}{suffix}"
        done = export(sound, target.id, goal, format=format, home=home.path)
        assert goal.is_file() and done.duration_s == pytest.approx(1.5, abs=0.03)
    spoken = read_npz(tmp_path / "npz.npz")
    curves = read_live_link(tmp_path / "livelink.csv")
    assert len(curves) == 90 and spoken.fps == target.card.fps  # as long as the sound
    assert curves.curve("HeadPitch")[0] == pytest.approx(spoken.rotation[0, 0], abs=1e-6)
    content, _ = read_glb(tmp_path / "gltf.glb")
    assert content["meshes"][0]["name"] == target.id and len(content["images"]) == 1  # the person's own colours


def test_edited_curves_move_the_face(enrolled: tuple[Home, Target], sound: Path, tmp_path: Path) -> None:
    home, target = enrolled
    export(sound, target.id, tmp_path / "a.csv", format="livelink", home=home.path)
    plain = follow(tmp_path / "a.csv", sound, target)
    curves = read_live_link(tmp_path / "a.csv")
    edited = curves.values.copy()
    edited[:, NAMES.index("EyeBlinkLeft")] = edited[:, NAMES.index("EyeBlinkRight")] = 1
    edited[:, NAMES.index("HeadYaw")] += 0.2
    write_live_link(replace(curves, values=edited), tmp_path / "b.csv")
    moved = follow(tmp_path / "b.csv", sound, target)
    assert len(moved) == len(plain) == round(1.5 * target.card.fps)
    assert moved.blink.mean() > plain.blink.mean() + 2
    assert np.allclose(moved.rotation[:, 1], plain.rotation[:, 1] - 0.2, atol=1e-5)
    assert np.allclose(moved.translation, target.card.motion_statistics.mean[3:6], atol=1e-3)


def test_a_motion_file_is_played_as_it_is(enrolled: tuple[Home, Target], tmp_path: Path) -> None:
    home, target = enrolled
    motion = made_motion()
    motion.save(tmp_path / "a.safetensors")
    export(tmp_path / "a.safetensors", target.id, tmp_path / "a.npz", format="npz", home=home.path)
    assert np.array_equal(read_motion(tmp_path / "a.npz", target.card).pack(), motion.pack())


def test_what_cannot_be_exported_is_told(enrolled: tuple[Home, Target], tmp_path: Path) -> None:
    home, target = enrolled
    motion = made_motion()
    motion.save(tmp_path / "a.safetensors")
    bfm = FaceMotion(30, motion.expression, motion.rotation, motion.translation, motion.blink, "bfm")
    bfm.save(tmp_path / "bfm.safetensors")
    (tmp_path / "text.csv").write_text("a,b\n1,2\n")
    for source, name, format, words in (
        ("a.safetensors", "a.fbx", "fbx", "livelink, gltf, npz, openface"),
        ("a.safetensors", "a.txt", "livelink", ".csv"),
        ("bfm.safetensors", "a.glb", "gltf", "bfm"),
        ("text.csv", "a.glb", "gltf", "Live Link"),
        ("none.wav", "a.glb", "gltf", "none.wav"),
        ("a.safetensors", "a.safetensors", "npz", ".npz"),
    ):
        with pytest.raises(InputError, match=words):
            export(tmp_path / source, target.id, tmp_path / name, format=format, home=home.path)


def test_a_head_from_openface_speaks_with_the_targets_mouth(
    enrolled: tuple[Home, Target], sound: Path, tmp_path: Path
) -> None:
    home, target = enrolled
    export(sound, target.id, tmp_path / "a.csv", format="openface", home=home.path)
    spoken, plain = speak(sound, target, 0, "cpu"), follow(tmp_path / "a.csv", sound, target)
    assert np.allclose(plain.pack(), spoken.pack(), atol=2e-3)  # there and back
    text = (tmp_path / "a.csv").read_text().splitlines()
    column = text[0].split(",").index("pose_Tx")
    rows = [row.split(",") for row in text[1:]]
    for row in rows:
        row[column] = f"{float(row[column]) + 12:.3f}"
    (tmp_path / "b.csv").write_text("\n".join([text[0], *(",".join(row) for row in rows)]))
    moved = follow(tmp_path / "b.csv", sound, target)
    assert np.allclose(moved.translation[:, 0], plain.translation[:, 0] + 12, atol=2e-3)
    assert np.allclose(moved.expression, plain.expression)
    with pytest.raises(InputError, match="no expression"):
        export(tmp_path / "a.csv", target.id, tmp_path / "a.glb", format="gltf", home=home.path)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.5, "lasts 0.5 s and hum.wav 1.5 s: the face holds still from 0.5 s on"), (1.1, ""), (1.9, ""),
     (3, "lasts 3.0 s and hum.wav 1.5 s: the film ends with the sound")],
)  # fmt: skip
def test_a_motion_that_is_not_as_long_as_the_sound_is_told(
    sound: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, seconds: float, said: str
) -> None:
    driving, target = tmp_path / "a.npz", find_target(Home.find(tmp_path), "astronaut")
    write_npz(made_motion(round(30 * seconds)), driving)
    followed = follow(driving, sound, target)
    assert len(followed) == round(1.5 * target.card.fps)
    told = [record.getMessage().replace(f"{tmp_path}/", "") for record in caplog.records]
    assert told == ([f"a.npz {said}"] if said else [])


def test_the_warning_does_not_stand_in_the_json(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sound, driving, goal = (str(tmp_path / name) for name in ("a.wav", "a.npz", "o.mp4"))
    soundfile.write(sound, np.zeros(3200), 16_000)
    write_npz(made_motion(30), driving)
    words = ["synth", sound, "--target", "astronaut", "--driving", driving, "-o", goal, "--home", str(tmp_path)]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(result.stdout)["duration_s"] == pytest.approx(0.2)
    assert "lasts 1.0 s and" in caplog.text


def test_flame_parameters_drive_the_target(
    enrolled: tuple[Home, Target], sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, target = enrolled
    monkeypatch.setenv("TALKING_HEAD_FLAME", str(write_toy_flame(tmp_path / "toy.npz")))
    export(sound, target.id, tmp_path / "a.npz", format="flame", home=home.path)
    plain = read_motion(tmp_path / "a.npz", target.card)
    with np.load(tmp_path / "a.npz") as file:
        parts = dict(file)
    parts["jaw_pose"] = parts["jaw_pose"] + np.array([0.2, 0, 0], np.float32)
    np.savez(tmp_path / "b.npz", **parts)
    opened = read_motion(tmp_path / "b.npz", target.card)
    model = mp478.load()
    assert (lip_gap_mm(model, opened.expression) - lip_gap_mm(model, plain.expression)).min() > 1.0
    assert np.allclose(opened.translation, plain.translation, atol=0.5)


def test_a_looks_vertices_lie_where_the_picture_shows_them(enrolled: tuple[Home, Target]) -> None:
    _, target = enrolled
    look = look_of(target)
    picture = cv2.imdecode(np.frombuffer(look.picture, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[0] > 40 and look.uv.shape == (478, 2) and look.uv.min() >= 0 and look.uv.max() <= 1
    right, left, chin, brow = (look.uv[i] for i in (33, 263, 152, 10))
    assert right[0] < left[0] and brow[1] < right[1] < chin[1]
    assert picture.std() > 5
