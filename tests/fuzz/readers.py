"""Every reader of files from elsewhere: what it is given (small, made here), how that is broken, how it is called."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from tests.fuzz.mutating import (
    Mutator,
    of_boxes,
    of_bytes,
    of_glb,
    of_json,
    of_manifest,
    of_safetensors,
    of_table,
    of_text,
    of_zip,
)
from tests.fuzz.studio import Asking, of_request, requests_of

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """One reader. seeds: whole files. mutators: how they are broken. read: called with a file's path. batch: inputs
    that one process reads."""

    name: str
    seeds: tuple[Path, ...]
    mutators: tuple[Mutator, ...]
    read: Read
    batch: int = 200


def all_readers(folder: Path) -> list[Reader]:
    """The readers, with their seeds in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [*_media(folder), *_motions(folder), *_cards(folder), *_foreign(folder), *_texts(folder), *_signed(folder),
            *_asked(folder)]  # fmt: skip


def _media(folder: Path) -> list[Reader]:
    import soundfile
    from PIL import Image

    from preprocessing.media import VideoWriter, nothing_to_hear, probe, read_frames, read_sound
    from preprocessing.media.stills import read_still

    draw = np.random.default_rng(0)
    sound = (0.3 * np.sin(np.arange(4000) / 9)).astype(np.float32)
    wavs = [folder / f"{kind}.wav" for kind in ("PCM_16", "PCM_24", "FLOAT", "PCM_U8")]
    for path in wavs:
        soundfile.write(path, sound, 16000, subtype=path.stem)
    others = [folder / "s.flac", folder / "s.ogg"]
    for path in others:
        soundfile.write(path, sound, 16000)
    films = [folder / "a.mp4", folder / "silent.mp4"]
    for path in films:
        with VideoWriter(path, 25, 64, 48, sound_source=None if path.stem == "silent" else wavs[0]) as writer:
            for _ in range(6):
                writer.write(draw.integers(0, 255, (48, 64, 3)).astype(np.uint8))
    picture = Image.fromarray(draw.integers(0, 255, (40, 32, 3)).astype(np.uint8))
    stills = [folder / f"p.{kind}" for kind in ("png", "jpg", "webp", "gif", "bmp", "tiff")]
    for path in stills:
        picture.save(path, exif=Image.Exif()) if path.suffix == ".jpg" else picture.save(path)

    def film(path: Path) -> None:
        if probe(path).has_video:
            for _ in islice(read_frames(path), 12):
                pass

    def hear(path: Path) -> None:
        nothing_to_hear(path)
        read_sound(path)

    broken = (of_bytes, of_boxes)
    return [
        Reader("film", tuple(films), broken, film), Reader("film's sound", (films[0],), broken, hear),
        Reader("wav", tuple(wavs), broken, hear), Reader("flac and ogg", tuple(others), (of_bytes,), hear),
        Reader("still", tuple(stills), broken, read_still),
    ]


def _motions(folder: Path) -> list[Reader]:
    from face_model.tracks import FaceMotion
    from talking_head.formats.driving import read_motion
    from talking_head.formats.tables import write_npz, write_openface
    from tests.talking_head.formats.test_arkit import made_motion

    motion = made_motion()[:5]
    motion.save(folder / "m.safetensors")
    write_npz(motion, folder / "m.npz")
    write_openface(motion, folder / "openface.csv")
    names = _live_link(folder / "live.csv")
    flame = folder / "flame.npz"
    np.savez(flame, expr=np.zeros((3, 50)), pose=np.zeros((3, 6)), fps=25.0)
    assert names and FaceMotion
    return [
        Reader("motion safetensors", (folder / "m.safetensors",), (of_safetensors, of_bytes), read_motion),
        Reader("motion npz", (folder / "m.npz", flame), (of_zip, of_bytes), read_motion),
        Reader("motion csv", (folder / "openface.csv", folder / "live.csv"), (of_table, of_bytes), read_motion),
        Reader("motion glb", (_gltf(folder / "m.glb"),), (of_glb, of_bytes), read_motion),
    ]


def _live_link(path: Path) -> list[str]:
    from face_model.arkit import ARKIT_NAMES

    names = [name[:1].upper() + name[1:] for name in ARKIT_NAMES]
    names += [f"{what}{way}" for what in ("Head", "LeftEye", "RightEye") for way in ("Yaw", "Pitch", "Roll")]
    rows = [f"00:00:01:{k:02d}.000,{len(names)}," + ",".join(["0.1"] * len(names)) for k in range(4)]
    path.write_text("\n".join(["Timecode,BlendshapeCount," + ",".join(names), *rows]))
    return names


def _gltf(path: Path) -> Path:
    """A binary glTF as other programs write one: a node, a mesh with named targets, an animation of its weights."""
    import struct

    from face_model.arkit import ARKIT_NAMES

    count = len(ARKIT_NAMES)
    times, weights = np.arange(3, dtype=np.float32) / 30, np.zeros((3, count), np.float32)
    points = np.zeros((3, 3), np.float32)
    binary = times.tobytes() + weights.tobytes() + points.tobytes()
    views = [{"buffer": 0, "byteOffset": a, "byteLength": n} for a, n in (
        (0, times.nbytes), (times.nbytes, weights.nbytes), (times.nbytes + weights.nbytes, points.nbytes))]
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": 3, "type": "SCALAR", "min": [0], "max": [1]},
        {"bufferView": 1, "componentType": 5126, "count": 3 * count, "type": "SCALAR"},
        {"bufferView": 2, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [0, 0, 0]},
    ]
    content = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0, "name": "face"}],
        "meshes": [{
            "extras": {"targetNames": list(ARKIT_NAMES)},
            "primitives": [{"attributes": {"POSITION": 2}, "targets": [{"POSITION": 2}] * count}],
        }],
        "animations": [{
            "samplers": [{"input": 0, "output": 1, "interpolation": "LINEAR"}],
            "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}],
        }],
        "accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    size = 12 + 8 + len(text) + 8 + len(binary)
    head = struct.pack("<4sII", b"glTF", 2, size) + struct.pack("<I4s", len(text), b"JSON")
    path.write_bytes(head + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary)
    return path


def _cards(folder: Path) -> list[Reader]:
    from foundation.files import read_tensors
    from preprocessing.tracking.landmarks import LandmarkTrack
    from talking_head.motion.curves import Curves
    from talking_head.target.card import CARD, Target, TargetCard
    from talking_head.target.home import Home
    from tests.talking_head.target.test_target import make_target

    home = Home(folder / "home")
    if not (home.targets / "ana").is_dir():
        make_target(home, "ana")
    person = home.targets / "ana"

    def whole(path: Path) -> None:
        """The whole target, with this card."""
        beside = path.parent / "ana"
        shutil.copytree(person, beside, dirs_exist_ok=True)
        try:
            shutil.copy(path, beside / CARD)
            Target.read(beside).describe()
        finally:
            shutil.rmtree(beside)

    track, curves = folder / "m.safetensors", folder / "curves.csv"
    curves.write_text("time_s,curve,value\n0,smile,0.1\n0.5,smile,0.4\n0.5,brows,0.2\n")
    return [
        Reader("target card", (person / CARD,), (of_json, of_text, of_bytes), TargetCard.read),
        Reader("target", (person / CARD,), (of_json,), whole),
        Reader("safetensors", (track,), (of_safetensors, of_bytes), read_tensors),
        Reader("landmark track", (track,), (of_safetensors,), LandmarkTrack.load),
        Reader("curves", (curves,), (of_table, of_bytes), Curves.load),
    ]


def _foreign(folder: Path) -> list[Reader]:
    import torch

    from face_model import deng, flame, published_facial
    from face_model.safe_pickle import read_pickled_arrays
    from preprocessing.tracking.openface import read_openface
    from preprocessing.tracking.pyfeat import read_pyfeat
    from talking_head.interop.import_facial import read_any_motion, read_generator

    arrays = {"v_template": np.zeros((4, 3)), "f": np.zeros((2, 3), np.uint32), "shapedirs": np.zeros((4, 3, 6))}
    pickled = folder / "flame.pkl"
    pickled.write_bytes(pickle.dumps(arrays, protocol=2))
    torch.save({"conv": torch.ones(2, 2)}, folder / "g.mdl")
    from scipy.io import savemat

    savemat(folder / "bfm.mat", {"meanshape": np.zeros((1, 12)), "idBase": np.zeros((12, 80)), "tri": np.ones((2, 3))})
    savemat(folder / "coeff.mat", {"coeff": np.zeros((3, 257))})
    np.savez(folder / "fit.npz", face=np.zeros((30, 71 + 187)))
    columns = [f"{axis}_{point}" for axis in "xy" for point in range(68)]
    (folder / "pyfeat.csv").write_text("\n".join([
        ",".join(["frame", *(f"FaceRect{side}" for side in ("X", "Y", "Width", "Height")), "FaceScore", "Pitch", "Roll",
                  "Yaw", "AU43", *columns]),
        *(",".join([str(k), "1", "1", "30", "30", "0.9", "1", "2", "3", "0.1", *["9"] * 136]) for k in range(4)),
    ]))
    size = (64, 48)
    return [
        Reader("FLAME pickle", (pickled,), (of_bytes,), flame.load),
        Reader("pickled arrays", (pickled,), (of_bytes,), read_pickled_arrays),
        Reader("FACIAL weights", (folder / "g.mdl",), (of_zip, of_bytes), read_generator),
        Reader("FACIAL fit", (folder / "fit.npz",), (of_zip, of_bytes), published_facial.read_fit),
        Reader("FACIAL motion", (folder / "fit.npz",), (of_zip,), read_any_motion),
        Reader("BFM mat", (folder / "bfm.mat",), (of_bytes,), deng.load, batch=4),
        Reader("Deng coefficients", (folder / "coeff.mat",), (of_bytes,), deng.read_coefficients, batch=4),
        Reader("OpenFace table", (folder / "openface.csv",), (of_table, of_bytes),
               lambda path: read_openface(path, 25.0, size)),
        Reader("py-feat table", (folder / "pyfeat.csv",), (of_table, of_bytes),
               lambda path: read_pyfeat(path, 25.0, size)),
    ]  # fmt: skip


def _texts(folder: Path) -> list[Reader]:
    from motion_models.directions import read_emotions
    from preprocessing.speech.phonetic.textgrid import read_tier
    from talking_head.batches.jobs import read_jobs
    from talking_head.datasets.prepare import read_prepare_settings
    from talking_head.enrollment.recipe import read_settings
    from talking_head.voices.cues import read_script

    settings = folder / "enroll.yaml"
    settings.write_text("size_px: 256\nbudget_s: 1200\nmotion: [arkit]\nfrom: []\nsteps: 20\n")
    (folder / "prepare.yaml").write_text("speech: phonetic_mel\n")
    (folder / "e.csv").write_text("time_s,emotion,intensity\n0,happy,0.5\n1.5,angry,1\n")
    (folder / "jobs.csv").write_text("audio,target,output\na.wav,ana,a.mp4\nb.wav,bea,b.mp4\n")
    jobs = [json.dumps({"audio": f"{k}.wav", "target": "ana", "output": f"{k}.mp4"}) for k in range(3)]
    (folder / "jobs.jsonl").write_text("\n".join(jobs))
    (folder / "script.txt").write_text("Hello [pause 0.5] you. [smile 0.6 2s] Good [nod] day.")
    (folder / "t.TextGrid").write_text(
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 1\ntiers? <exists>\nsize = 1\n'
        'item []:\n    item [1]:\n        class = "IntervalTier"\n'
        '        name = "phones"\n        xmin = 0\n        xmax = 1\n'
        '        intervals: size = 1\n        intervals [1]:\n            xmin = 0\n            xmax = 1\n'
        '            text = "AH"\n'
    )
    return [
        Reader("enrollment YAML", (settings,), (of_text, of_bytes), read_settings),
        Reader("prepare YAML", (folder / "prepare.yaml",), (of_text, of_bytes), read_prepare_settings),
        Reader("emotions csv", (folder / "e.csv",), (of_table, of_bytes), read_emotions),
        Reader("jobs", (folder / "jobs.csv", folder / "jobs.jsonl"), (of_table, of_text, of_bytes), read_jobs),
        Reader("script", (folder / "script.txt",), (of_text, of_bytes),
               lambda path: read_script(path.read_text(errors="replace"))),
        Reader("TextGrid", (folder / "t.TextGrid",), (of_text, of_bytes), partial(read_tier, tier="phones")),
    ]  # fmt: skip


def _signed(folder: Path) -> list[Reader]:
    from talking_head.provenance import manifest
    from talking_head.provenance.claims import Claims, marked, sidecar_of, verify
    from talking_head.provenance.signing import local_identity
    from talking_head.target.card import find_target
    from talking_head.target.carrying import export_target, import_target
    from talking_head.target.home import Home

    home = Home(folder / "home")
    claims = Claims.of(find_target(home, "ana"), label=True)
    readers = []
    for name, identity in (("signed", local_identity(home) if manifest.available() else None), ("beside", None)):
        film = folder / f"{name}.mp4"
        with marked(film, claims, identity) as path:
            shutil.copy(folder / "silent.mp4", path)
        readers.append(Reader(f"film {name}", (film,), (of_manifest, of_boxes, of_bytes),
                              lambda path: verify(path, home=home.path, picture=False)))  # fmt: skip
    statement = sidecar_of(folder / "beside.mp4")

    def beside(path: Path) -> None:
        film = path.with_name("x.mp4")
        shutil.copy(folder / "beside.mp4", film)
        shutil.copy(path, sidecar_of(film))
        try:
            verify(film, home=home.path, picture=False)
        finally:
            film.unlink()
            sidecar_of(film).unlink()

    carried = folder / "ana.person"
    if not carried.exists():
        export_target("ana", carried, home=home.path)

    def carry(path: Path) -> None:
        place = path.parent / "elsewhere"
        try:
            import_target(path, home=place)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return [
        *readers, Reader("statement beside a film", (statement,), (of_json, of_text, of_bytes), beside),
        Reader("carried target", (carried,), (of_zip, of_bytes), carry),
    ]


def _asked(folder: Path) -> list[Reader]:
    from talking_head.studio.app import create_app
    from talking_head.studio.guard import Guard
    from talking_head.studio.settings import StudioSettings

    app = create_app(StudioSettings(home=folder / "studio", warm=False))
    assert isinstance(app, Guard)
    seeds = []
    for number, request in enumerate(requests_of(app.app.openapi())):  # type: ignore[attr-defined]
        seeds.append(folder / f"request_{number:03}.json")
        seeds[-1].write_text(json.dumps(request))
    return [Reader("HTTP request", tuple(seeds), (of_request,), Asking(), batch=200)]
