"""Everything of an enrollment in one file, and options over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import configs
from facial_gan.config import FacialGanConfig
from foundation.errors import InputError
from render2video.paper import PaperProfileConfig
from talking_head.cli import app
from talking_head.enrollment import from_video as enrollment
from talking_head.enrollment.from_video import motion_share
from talking_head.enrollment.order import motions_of
from talking_head.enrollment.recipe import motion_config, read_settings, says_its_length, video_config
from talking_head.target.settings import EnrollSettings

WHOLE = """
profile: paper
size_px: 512
from: [runs/a, runs/b]
motion: [arkit]
speech: log_mel
renderer: torch
epochs: 3
models:
  facial_gan: {losses: paper, fine_tune: {epochs: 10, learning_rate: 1.0e-5}}
  arkit: {batch_size: 4}
video: {vgg_path: vgg19.pth, networks: {width: 16}}
"""


def written(folder: Path, text: str) -> Path:
    (folder / "c.yaml").write_text(text)
    return folder / "c.yaml"


def test_a_file_says_all(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, WHOLE), {"size_px": 256})
    assert (settings.profile, settings.size_px, settings.start) == ("paper", 256, ("runs/a", "runs/b"))
    assert (settings.motion, settings.speech, settings.renderer, settings.epochs) == (("arkit",), "log_mel", "torch", 3)
    motion, video = motion_config(settings, "facial_gan"), video_config(settings)
    assert isinstance(motion, FacialGanConfig) and isinstance(video, PaperProfileConfig)
    assert motion.losses == "paper" and motion.fine_tune.epochs == 10 and motion.fine_tune.learning_rate == 1e-5
    assert video.vgg_path == "vgg19.pth" and video.networks.width == 16 and video.networks.window == 9
    assert says_its_length(settings, "facial_gan") and not says_its_length(settings, "arkit")
    assert motion_config(settings, "karras2017") is None


def test_one_weight_need_not_be_a_list(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, "from: runs/a")).start == ("runs/a",)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("profil: paper", "unknown key 'profil'.*did you mean 'profile'"),
        ("form: runs/a", "unknown key 'form'.*did you mean 'from'"),
        ("models: {facial_gan: {loses: paper}}", "unknown key 'loses'.*did you mean 'losses'"),
        ("models: {facial_gam: {losses: paper}}", "did you mean 'facial_gan'"),
        ("models: {facial_gan: {losses: papr}}", "loss preset 'papr'; expected one of paper"),
        ("models: [facial_gan]", "models is a list"),
        ("video: {vgg: a.pth}", "unknown key 'vgg'.*video"),
        ("profile: paper\nvideo: {vgg: a.pth}", "did you mean 'vgg_path'"),
        ("steps: many", "steps"),
        ("profile: slow", "profile 'slow'; expected one of fast, paper"),
    ],
)
def test_mistakes_are_told_in_one_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=line):
        read_settings(written(tmp_path, text))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"face_model": "bfm"}, "face model 'bfm'; expected one of mp478, deng, ict, flame"),
        ({"face_model": "deng:a.mat"}, "profile 'footage' with face model 'deng'.*--profile fast or paper"),
        ({"renderer": "opengl"}, "renderer 'opengl'; expected one of numba, torch"),
        ({"epochs": 0}, "0 epochs"),
    ],
)
def test_settings_out_of_range_are_told(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line):
        EnrollSettings(**settings).checked()


def test_the_shipped_recipes_are_whole() -> None:
    assert configs.names("enroll") and not set(configs.names("enroll")) & set(configs.names())
    for name in configs.names("enroll"):
        read_settings(name).checked()


def test_what_the_command_line_says_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[EnrollSettings] = []

    def remember(*_: object, **__: object) -> None:
        seen.append(_[3])  # type: ignore[arg-type]
        raise InputError("enough", "nothing")

    monkeypatch.setattr(enrollment, "enroll", remember)
    words = ["enroll", "a.mp4", "--id", "a", "--consent", "c", "--config", str(written(tmp_path, WHOLE))]
    CliRunner().invoke(app, [*words, "--size", "256", "--from", "mine", "--motion", "emote", "--steps", "7"])
    CliRunner().invoke(app, words)
    over, file = seen
    assert (over.size_px, over.start, over.motion, over.steps) == (256, ("mine",), ("emote",), 7)
    assert (over.profile, over.renderer, over.models["arkit"]) == ("paper", "torch", {"batch_size": 4})
    assert file.size_px == 512 and file.start == ("runs/a", "runs/b") and file.steps is None


@pytest.mark.parametrize("others", [(), ("arkit",), ("arkit", "emote", "karras2017")])
def test_the_picture_keeps_most_of_the_time_however_many_motion_models_learn(others: tuple[str, ...]) -> None:
    settings = EnrollSettings(motion=others)
    shares = [motion_share(name, settings) for name in motions_of(settings)]
    assert shares[0] == 0.2 and sum(shares) <= 0.4 + 1e-9 and min(shares) > 0.05
