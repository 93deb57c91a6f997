"""A person enrolled through another tracker, and in another face model, from film to film: on a film of the built-in
target, whose landmarks are known, written as OpenFace writes them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from face_model import deng
from face_model.rotations import rotation_matrix
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from preprocessing.media import read_frames
from talking_head.animation.export import export
from talking_head.cli import app
from talking_head.enrollment import from_video as enrollment
from talking_head.enrollment.from_video import enroll
from talking_head.enrollment.tracking import track
from talking_head.motion.speaking import follow, speak
from talking_head.synth.film import synthesize
from talking_head.target.card import Target, find_target
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings
from tests.preprocessing.deng.parts import weights_of_true_names
from tests.render2video.drawn_person import psnr_db
from tests.talking_head.bfm_head import write_front_model
from tests.talking_head.media import voice

SMALL_PAPER = {"networks": {"window": 3, "width": 4, "downs": 2, "blocks": 1, "scales": 1, "discriminator_width": 4}}
BRIEF = {"facial_gan": {"from_scratch": {"epochs": 0, "batch_size": 2, "min_steps": 2}}}


class Road:
    """A sound, the film of the built-in target that says it, its motion, and its table as OpenFace's."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, Home.find(folder / "home")
        self.sound, self.film, self.table = (folder / name for name in ("a.wav", "film.mp4", "film.csv"))
        soundfile.write(self.sound, voice(1.4), 16_000)
        self.motion = speak(self.sound, find_target(self.home, "astronaut"), 0, "cpu")
        synthesize(self.sound, "astronaut", self.film, home=self.home.path, label=False)
        export(self.sound, "astronaut", self.table, format="openface", home=self.home.path)
        self.bfm = write_front_model(folder / "BFM_model_front.mat")

    def enrolled(self, name: str, heard: bool = True, **settings: object) -> Target:
        chosen = EnrollSettings(tracker=f"openface:{self.table}", size_px=256, **settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(enrollment, "SHORTEST_S", 1.0)
            patch.setattr(enrollment, "speaks", lambda track: heard)  # too short to be sure of it
            return enroll(self.film, name, "for tests", chosen, home=self.home.path).target

    def spoken(self, person: Target) -> tuple[np.ndarray, np.ndarray]:
        """The second frame of a film of a target, and of the film that it was enrolled from."""
        made = self.folder / f"{person.id}.mp4"
        synthesize(self.sound, person.id, made, home=self.home.path, label=False)
        frames = [list(read_frames(path)) for path in (made, self.film)]
        assert len(frames[0]) == len(frames[1])
        return frames[0][1], frames[1][1]


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    return Road(tmp_path_factory.mktemp("road"))


@pytest.fixture(scope="module")
def in_deng(road: Road) -> Target:
    return road.enrolled(
        "basel", profile="paper", steps=2, face_model=f"deng:{road.bfm}", video=SMALL_PAPER, models=BRIEF
    )


def test_what_export_writes_as_openface_is_tracked_again(road: Road, tmp_path: Path) -> None:
    how = {"tracker": f"openface:{road.table}", "cache": tmp_path / "cache"}
    raw = track(road.film, tmp_path / "raw", **how).track
    assert raw.motion.face_model == "landmarks68" and raw.valid.all()
    np.testing.assert_allclose(raw.motion.rotation, road.motion.rotation, atol=2e-5)
    np.testing.assert_allclose(raw.motion.translation, road.motion.translation, atol=2e-3)
    np.testing.assert_allclose(raw.motion.blink, road.motion.blink, atol=1e-3)
    fitted = track(road.film, tmp_path / "fitted", face_model="mp478", **how).track.motion
    turned = np.degrees(fitted.rotation - road.motion.rotation)
    assert np.abs(turned.mean(0)).max() < 4 and turned.std(0).max() < 0.7


@pytest.mark.slow
def test_a_table_of_openface_is_enough_to_be_painted_on_ones_own_footage(road: Road) -> None:
    person = road.enrolled("table", steps=2)
    assert person.card.face_model == "mp478" and person.card.settings["profile"] == "footage"
    made, real = road.spoken(person)
    assert psnr_db(made, real) > 22


@pytest.mark.slow
def test_a_person_in_dengs_model_from_film_to_film(road: Road, in_deng: Target) -> None:
    card = in_deng.card
    assert card.face_model == deng.ID and card.origin["face_model"]["name"] == "deng"
    assert card.origin["weights"] == {"facial_gan": None}  # what ships moves another face
    made, real = road.spoken(in_deng)
    assert psnr_db(made, real) > 10  # two steps paint little; what is around the head is the film's


@pytest.mark.slow
def test_dengs_regressor_measures_a_person_from_film_to_film(road: Road, in_deng: Target, tmp_path: Path) -> None:
    """By weights of the published layout that nobody trained: what they say of a face is what moves the target."""
    weights = road.folder / "epoch_20.pth"
    torch.save({"net_recon": weights_of_true_names()}, weights)
    face_model = f"deng:{road.bfm}?weights={weights}"
    person = road.enrolled(
        "regressed", profile="paper", steps=2, face_model=face_model, video=SMALL_PAPER, models=BRIEF
    )
    assert person.card.face_model == deng.ID and person.card.settings["face_model"] == face_model
    told = track(
        road.film, tmp_path / "told", tracker=f"openface:{road.table}", face_model=face_model, cache=tmp_path / "cache"
    )
    kept, fitted = (np.array(card.motion_statistics.mean)[7:] for card in (person.card, in_deng.card))
    regressed = told.track.motion.expression.mean(0)
    assert np.abs(kept - regressed).max() < 0.1 * np.abs(regressed).max() < np.abs(fitted - regressed).max()
    made, real = road.spoken(person)
    assert made.shape == real.shape and psnr_db(made, real) > 10  # what is around the head is the film's


def test_dengs_fit_is_the_face_of_the_film(road: Road, tmp_path: Path) -> None:
    how = {"tracker": f"openface:{road.table}", "cache": tmp_path / "cache"}
    fitted = track(road.film, tmp_path / "deng", face_model=f"deng:{road.bfm}", **how).track
    ours = track(road.film, tmp_path / "ours", face_model="mp478", **how).track
    # The stand-in's people and expressions are mp478's, so the numbers of both must agree.
    assert (fitted.motion.face_model, fitted.motion.expression.shape[1]) == (deng.ID, 64)
    assert np.corrcoef(fitted.motion.expression.ravel(), ours.motion.expression.ravel())[0, 1] > 0.98
    assert np.corrcoef(fitted.person.identity, ours.person.identity)[0, 1] > 0.95
    assert np.degrees(np.abs(fitted.motion.rotation - ours.motion.rotation)).max() < 1


@pytest.mark.slow
def test_a_motion_of_dengs_drives_such_a_target_from_where_its_file_has_the_origin(
    road: Road, in_deng: Target, tmp_path: Path
) -> None:
    rows = np.repeat(np.array([in_deng.card.motion_statistics.mean], np.float32), 42, axis=0)
    own = FaceMotion.unpack(rows, 30.0, deng.ID)
    own.save(tmp_path / "a.safetensors")
    followed = follow(tmp_path / "a.safetensors", road.sound, in_deng)
    away = followed.translation[0] - own.translation[0]
    turned = rotation_matrix(torch.from_numpy(own.rotation[0])).numpy() @ deng.load(road.bfm).centre_mm
    np.testing.assert_allclose(away[:2], turned[:2], atol=0.01)
    assert np.abs(turned[:2]).max() > 20
    with pytest.raises(InputError, match="face model 'mp478'"):
        replace(own, face_model="mp478").save(tmp_path / "b.safetensors")
        follow(tmp_path / "b.safetensors", road.sound, in_deng)


def test_a_film_that_is_not_heard_needs_people_of_that_model(road: Road) -> None:
    with pytest.raises(InputError, match="--from a general training in 'deng'"):
        road.enrolled("unheard", False, profile="paper", steps=2, face_model=f"deng:{road.bfm}")


def test_another_head_than_the_targets_is_refused(road: Road, in_deng: Target, tmp_path: Path) -> None:
    card = replace(in_deng.card, origin=in_deng.card.origin | {"face_model": {"name": "deng", "digest": "other"}})
    from talking_head.heads.face_models import model_of

    assert len(model_of(in_deng.card).expression_mm) == 64
    with pytest.raises(InputError, match="not the head that target 'basel' was made with"):
        model_of(card)
    moved = replace(in_deng.card, settings=in_deng.card.settings | {"face_model": f"deng:{tmp_path / 'gone.mat'}"})
    with pytest.raises(InputError, match="gone.mat does not exist.*TALKING_HEAD_BFM"):
        model_of(moved)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALKING_HEAD_BFM", str(road.bfm))
        assert len(model_of(moved).expression_mm) == 64


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--face-model", "deng"], "profile 'footage' with face model 'deng'"),
        (["--face-model", "deng", "--profile", "fast"], "deng:BFM_model_front.mat"),
        (["--face-model", "deng:{bfm}?weights=nowhere.pth", "--profile", "fast"], "nowhere.pth does not exist"),
        (["--face-model", "deng:{bfm}?weights={table}", "--profile", "fast"], "film.csv"),
        (["--face-model", "flame", "--profile", "paper"], "flame:generic_model.pkl"),
        (["--tracker", "openface:nowhere.csv"], "nowhere.csv does not exist"),
        (["--tracker", "openface"], "OPENFACE_BIN"),
        (["--tracker", "pyfeat"], "pyfeat:FILE.csv"),
        (["--tracker", "face_alignment"], "face-alignment"),
        (["--speech", "deepspeech"], "output_graph.pb"),
        (["--speech", "deepspeech:nowhere.pb"], "nowhere.pb"),
        (["--tracker", "openface:{table}", "--motion", "arkit"], "mediapipe, which measures ARKit's values"),
        (["--face-model", "deng:{bfm}", "--profile", "fast", "--motion", "arkit"], "FACIAL-GAN moves any face model"),
    ],
)
def test_one_line_tells_what_to_bring(
    road: Road, options: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TALKING_HEAD_BFM", "TALKING_HEAD_FLAME", "OPENFACE_BIN", "TALKING_HEAD_ASSETS"):
        monkeypatch.delenv(name, raising=False)
    given = [option.format(table=road.table, bfm=road.bfm) for option in options]
    command = ["enroll", str(road.film), "--id", "x", "--consent", "y", "--home", str(tmp_path), *given]
    result = CliRunner().invoke(app, command)
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == 2 and len(lines) == 1 and words in lines[0], result.stderr


def test_an_export_of_such_a_target_is_refused(road: Road, in_deng: Target, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="moves face model 'deng_bfm'"):
        export(road.sound, in_deng.id, tmp_path / "a.glb", format="gltf", home=road.home.path)
