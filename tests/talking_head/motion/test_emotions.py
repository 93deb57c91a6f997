"""Emotions of a target: a page of faces, names that speech then knows."""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from foundation.errors import InputError
from foundation.shipped import shipped
from motion_models.karras2017 import Karras2017
from talking_head.cli import app
from talking_head.motion.emotions import SPOKEN_FACES, keep_emotions, list_emotions, mine_emotions
from talking_head.target.card import CARD, TargetCard, motion_file, write_card
from tests.motion_models.karras_parts import moody_model


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a target `ana`: the built-in one's look, and a person whose moods are known."""
    place = tmp_path_factory.mktemp("home")
    folder = place / "targets" / "ana"
    shutil.copytree(shipped("astronaut"), folder)
    write_card(folder, replace(TargetCard.read(folder / CARD), id="ana"))
    moody = moody_model(tmp_path_factory.mktemp("run"))
    smiling = moody.parts.emotions.neutral + moody.parts.emotions.database.std(0) * 9
    kept = moody.parts.emotions.with_names({"smiling": smiling})
    moody.with_emotions(kept).save(folder / motion_file("karras2017"))
    return place


def pictures(page: Path) -> list[np.ndarray]:
    found = re.findall(r"data:image/jpeg;base64,([^\"]+)", page.read_text())
    return [cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR) for data in found]


def test_a_page_of_faces_then_names(home: Path, tmp_path: Path) -> None:
    page = tmp_path / "emotions.html"
    mined = mine_emotions("ana", page, count=2, home=home)
    faces = pictures(page)
    assert len(mined.candidates) == 2 and mined.kept == ("smiling",) and len(faces) == 4 * (1 + SPOKEN_FACES)
    in_silence = [faces[row * (1 + SPOKEN_FACES)].astype(float) for row in range(3)]
    assert np.abs(in_silence[1] - in_silence[2]).max() > 20  # they look different
    assert keep_emotions("ana", {2: "glad"}, home=home) == ("smiling", "glad")
    path = home / "targets" / "ana" / motion_file("karras2017")
    assert np.array_equal(Karras2017.load(path).parts.emotions.named["glad"], mined.candidates[1].vector)
    assert set(mine_emotions("ana", page, count=2, home=home).kept) == {"smiling", "glad"}
    assert len(pictures(page)) == 5 * 5


def test_the_command_line(home: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["emotions", "keep", "ana", "1=calm", "--home", str(home), "--json"])
    assert told.exit_code == 0 and "calm" in json.loads(told.stdout)["emotions"]
    for wrong in ("calm", "one=calm", "1=", "99=calm", "1=neutral"):
        assert CliRunner().invoke(app, ["emotions", "keep", "ana", wrong, "--home", str(home)]).exit_code == 2
    page = ["-o", str(tmp_path / "page.html"), "--home", str(home)]
    assert CliRunner().invoke(app, ["emotions", "mine", "nobody", *page]).exit_code == 2


def test_names_are_listed_with_what_they_do(home: Path) -> None:
    told = CliRunner().invoke(app, ["emotions", "list", "ana", "--home", str(home), "--json"])
    known = json.loads(told.stdout)
    assert told.exit_code == 0 and known["karras2017"]["smiling"] > 0.5 and "angry" in known["emote"]
    assert CliRunner().invoke(app, ["emotions", "list", "nobody", "--home", str(home)]).exit_code == 2


def test_who_learned_nothing_knows_the_general_emotions(home: Path) -> None:
    known = list_emotions("astronaut", home=home).karras2017
    assert {"happy", "sad", "angry", "surprised"} <= set(known) and min(known.values()) > 0.8
    with pytest.raises(InputError, match="built in"):
        keep_emotions("astronaut", {1: "glad"}, home=home)
