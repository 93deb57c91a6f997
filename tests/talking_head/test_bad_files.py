"""Damaged and hostile files of others: one line, exit code 2, nothing left behind, no code in them run."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import torch

import configs
from face_model.tracks import FaceMotion
from foundation.config import load_yaml
from foundation.errors import InputError
from foundation.files import read_json, read_tensors, write_tensors
from foundation.shipped import shipped
from preprocessing.media import read_sound
from preprocessing.media.stills import read_still
from talking_head.interop.import_facial import import_facial, read_generator
from talking_head.motion.model_registry import motion_model
from talking_head.target.card import MOTION, Target, motion_file
from talking_head.target.home import Home
from tests.talking_head.media import person, voice
from tests.talking_head.parts import published_files
from tests.talking_head.test_bad_input import left_behind, refused


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return published_files(tmp_path_factory.mktemp("published"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t * float("nan"), lambda t: t.to(torch.complex64), lambda t: torch.zeros(3, 3).to_sparse(),
        lambda t: torch.zeros(3, device="meta"),
    ],
    ids=["nan", "complex", "sparse", "meta"],
)
def test_tensors_that_are_no_weights_are_refused(spoil: Callable[[torch.Tensor], torch.Tensor], tmp_path: Path) -> None:
    torch.save({"conv": spoil(torch.ones(3, 3))}, tmp_path / "g.mdl")
    with pytest.raises(InputError, match="tensor 'conv'"):
        read_generator(tmp_path / "g.mdl")


def test_weights_of_other_precisions_are_read(tmp_path: Path) -> None:
    kinds = {"a": torch.bfloat16, "b": torch.float16, "c": torch.int64}
    torch.save({k: torch.nn.Parameter(torch.ones(2, dtype=d), False) for k, d in kinds.items()}, tmp_path / "g.mdl")
    torch.save({"d": torch.nn.Parameter(torch.ones(2))}, tmp_path / "h.mdl")
    read = read_generator(tmp_path / "g.mdl") | read_generator(tmp_path / "h.mdl")
    assert all((value == 1).all() for value in read.values()) and read["a"].dtype == np.float32


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no zip", b"\x93NUMPY\1\0 no array"], ids=["empty", "zip", "npy"])
def test_damaged_files_of_the_published_code(content: bytes, files: dict[str, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    motion = tmp_path / "bad.npz"
    motion.write_bytes(content)
    for name in files:
        words = [w for key, path in (files | {name: bad}).items() for w in (f"--{key}", path)]
        refused(["import", "facial", *words, "--id", "ana", "--home", tmp_path / "home"], str(bad))
    refused(["transfer", motion, "-o", tmp_path / "o.npz"], str(motion))
    assert not (tmp_path / "home").exists() and not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize("value", [1e300, 1j, "a"])
def test_fits_of_impossible_numbers(value: object, files: dict[str, Path], tmp_path: Path) -> None:
    np.savez(tmp_path / "fit.npz", face=np.full((10, 258), value))
    words = ["--generator", files["generator"], "--reference", tmp_path / "fit.npz", "--id", "ana"]
    refused(["import", "facial", *words, "--home", tmp_path / "home"], "fit.npz")


def test_an_import_that_fails_leaves_the_old_one(files: dict[str, Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = ["import", "facial", *(w for key, path in files.items() for w in (f"--{key}", path)), "--id", "ana"]
    refused([*words, "--audio", tmp_path / "none.wav", "--home", home], "none.wav")
    assert left_behind(home) == []
    made = import_facial("ana", files["generator"], files["reference"], home=home)
    whole = {path: path.read_bytes() for path in made.folder.iterdir()}
    refused([*words, "--replace", "--audio", tmp_path / "none.wav", "--home", home], "none.wav")
    assert {path: path.read_bytes() for path in made.folder.iterdir()} == whole


@pytest.mark.parametrize("cutoff", ["nan", "inf", "-1"])
def test_a_cutoff_is_a_frequency(cutoff: str, tmp_path: Path) -> None:
    FaceMotion.unpack(np.zeros((3, 71))).save(tmp_path / "m.safetensors")
    refused(["transfer", tmp_path / "m.safetensors", "-o", tmp_path / "o.npz", "--cutoff", cutoff], "a cutoff of")


@pytest.mark.parametrize("name", ["facial_gan", "arkit"])
@pytest.mark.parametrize(
    ("notes", "reason"),
    [
        ({"motion_model": "karras2017"}, "is for motion model"), ({"motion_model": None}, "is for motion model 'none'"),
        ({"architecture": 7}, "does not fit together"), ({"architecture": None}, "lacks 'architecture'"),
        ({"speech_extractor": {}}, "names no speech_extractor"), ({"face_model": 7}, "names no face_model"),
    ],
)
def test_motion_models_that_say_something_else_are_told(
    name: str, notes: dict[str, object], reason: str, tmp_path: Path
) -> None:
    arrays, whole = read_tensors(shipped(f"{name}/log_mel.safetensors"))
    said = {key: value for key, value in (whole | notes).items() if value is not None}
    write_tensors(tmp_path / "m.safetensors", arrays, said)
    with pytest.raises(InputError, match=reason):
        motion_model(name).load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("name", ["facial_gan", "arkit", "emote"])
def test_motion_models_of_other_shapes_are_told_before_they_speak(name: str, tmp_path: Path) -> None:
    arrays, notes = read_tensors(shipped(f"{name}/log_mel.safetensors"))
    model = motion_model(name).load(shipped(f"{name}/log_mel.safetensors"))
    assert model.shapes and set(model.shapes) <= set(arrays)
    networks = [tensor for tensor in arrays if tensor.count(".") > 1]
    doubled = {tensor: np.concatenate([arrays[tensor].reshape(-1)] * 2) for tensor in {*arrays} - {*networks[1:]}}
    emptied = {tensor: arrays[tensor][:0] for tensor in model.shapes}
    for tensor, value in (*doubled.items(), *emptied.items()):  # all that no network holds, and one that it does
        spoilt = arrays | {tensor: value}
        write_tensors(tmp_path / "m.safetensors", spoilt, notes)
        with pytest.raises(InputError):
            motion_model(name).load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("name", ["arkit", "emote", "karras2017"])
def test_another_models_file_under_a_models_name_is_told(
    name: str, enrolled: tuple[Home, Target], tmp_path: Path
) -> None:
    folder = shutil.copytree(enrolled[1].folder, tmp_path / "home" / "targets" / "ana")
    shutil.copy(folder / MOTION, folder / motion_file(name))
    sound = tmp_path / "a.wav"
    soundfile.write(sound, voice(0.3), 16_000)
    words = ["export", sound, "--target", "ana", "--format", "npz", "-o", tmp_path / "o.npz", "--motion", name]
    refused([*words, "--home", tmp_path / "home"], "is for motion model 'facial_gan'")
    assert not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("model: 3", "model is a int"), ("model: [1]", "model is a list"), ("model: {losses: [1]}", "model"),
        ("model: {foo: 1}", "unknown key 'foo'"), ("foo: 1", "unknown key 'foo'"), ("motion: ../x", "motion model"),
        ("mode: both", "one of general, person"), ("model: {seed: 1}", "unknown key 'seed'"),
        ("run: ${nope}", "Interpolation key"), ("speech: nope", "speech"), ("device: gpu", "device"),
        ("x: " + "[" * 3000, "as YAML"),
    ],
)
def test_configurations_that_make_no_sense(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    refused(["train", tmp_path / "c.yaml", "--data", tmp_path], reason)


def test_the_shipped_configurations_are_known_to_train(tmp_path: Path) -> None:
    for name in configs.names():
        refused(["train", name, "--data", tmp_path], "no videos in")


def test_lists_that_are_no_text_are_told(tmp_path: Path) -> None:
    for kind in ("annotion_time", "crop_wh"):
        (tmp_path / f"RD_{kind}.txt").write_bytes(b"\xff\xfe\x00 no text")
    words = ["data", "hdtf", "--lists", tmp_path, "--videos", tmp_path, "-o", tmp_path / "out"]
    refused(words, "RD_annotion_time.txt is no text")


@pytest.mark.parametrize(
    ("words", "reason"),
    [(["--workers", 0], "0 workers"), (["--min-face", "nan"], "nan"), (["--min-confidence", "inf"], "inf")],
)
def test_options_of_prepare_that_make_no_sense(
    words: list[object], reason: str, tmp_path: Path, landmarker: None
) -> None:
    (tmp_path / "a.mp4").touch()
    refused(["data", "prepare", tmp_path, "-o", tmp_path / "out", *words], reason)


@pytest.mark.parametrize("option", ["-o", "--html"])
@pytest.mark.parametrize("place", ["folder", "file.wav/x", "/proc/x"])
def test_places_of_reports_are_tried_before_measuring(option: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.wav").touch()
    for words in (["evaluate", tmp_path / "none.mp4"], ["compare", "none.mp4", "--reference", "none.mp4"]):
        refused([*words, option, tmp_path / place], "folder" if place == "folder" else "cannot be")


@pytest.mark.parametrize("content", [None, b"\xff\xfe no text", b""])
def test_phones_that_are_no_textgrid(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "p.TextGrid").write_bytes(content)
    refused(["evaluate", tmp_path / "none.mp4", "--phones", tmp_path / "p.TextGrid"], "p.TextGrid")


def test_a_photo_teaches_no_motion(footage: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), person(footage, 1)[0][..., ::-1])
    words = ["enroll", tmp_path / "p.png", "--id", "ana", "--consent", "yes", "--motion", "karras2017"]
    refused([*words, "--home", tmp_path / "home"], "from a photo")
    assert left_behind(tmp_path) == ["p.png"]


def test_a_home_of_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    refused(["targets", "list", "--home", "~nobody_at_all/x"], "~nobody_at_all")
    monkeypatch.setenv("TALKING_HEAD_HOME", "~nobody_at_all/x")
    refused(["targets", "list"], "~nobody_at_all")


@pytest.mark.skipif(os.name != "posix", reason="limits of a file's size are POSIX's")
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_file_that_may_not_grow(suffix: str, tmp_path: Path) -> None:
    import resource

    FaceMotion.unpack(np.random.default_rng(0).normal(0, 1, (300, 71))).save(tmp_path / "m.safetensors")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        refused(["transfer", tmp_path / "m.safetensors", "-o", tmp_path / f"o{suffix}"], "no space left")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize("address", ["http://[::1/", "http://" + "x" * 300 + ".com/", "http://", "file:///etc/"])
def test_addresses_that_are_none(address: str, tmp_path: Path) -> None:
    refused(["assets", "get", "ict-facekit", "--to", tmp_path / "kit", "--from", address], "starts with https://")
    assert not (tmp_path / "kit").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes are Linux's")
def test_a_name_that_is_no_text_is_written_and_told(tmp_path: Path) -> None:
    FaceMotion.unpack(np.zeros((3, 71))).save(tmp_path / "m.safetensors")
    goal = bytes(tmp_path) + b"/a\xff.npz"
    words: list[str | bytes] = [sys.executable, "-m", "talking_head", "transfer"]
    words += [str(tmp_path / "m.safetensors"), "-o", goal]
    done = subprocess.run(words, capture_output=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0 and b"3 frames" in done.stdout, done.stderr
    assert b"a\xff.npz" in os.listdir(bytes(tmp_path))


@pytest.mark.parametrize("name", ["a.json", "a.safetensors", "a.yaml", "a.png", "a.wav", "a.mp4"])
def test_a_file_of_somebody_elses_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses to open it; from Python that is an `InputError` too."""
    path = tmp_path / name
    path.write_bytes(b"RIFF    WAVE")
    own_open = io.open

    def guarded(file: object, *words: object, **more: object) -> object:
        if str(file) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return own_open(file, *words, **more)  # type: ignore[call-overload]

    monkeypatch.setattr("io.open", guarded)
    monkeypatch.setattr("builtins.open", guarded)
    read = {"json": read_json, "safetensors": read_tensors, "yaml": load_yaml, "png": read_still}
    with pytest.raises(InputError, match=f"{name} cannot be read .Permission denied"):
        read.get(name.partition(".")[2], read_sound)(path)
