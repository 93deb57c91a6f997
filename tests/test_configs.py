"""Every configuration that ships is read and run for a step or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import configs
from face_model.tracks import FaceTrack
from foundation.config import configure, load_yaml
from motion_models.examples import MotionExample
from motion_models.judging import judged
from motion_models.learning import BEST_FILE, Held
from render2video.person import train_person
from render2video.person_video import PersonVideo, load_person_video, prepare_person_video
from talking_head.datasets.gate import Gate
from talking_head.datasets.general_training import GeneralTraining
from talking_head.datasets.prepare import read_prepare_settings
from talking_head.enrollment.recipe import motion_config, read_settings, video_config
from talking_head.motion.model_registry import load_motion_model, motion_entry, motion_models
from tests.facial_gan.synthetic import example
from tests.motion_models.emote_parts import example as spoken
from tests.motion_models.karras_parts import moody_example
from tests.motion_models.test_arkit import example as arkit_example
from tests.render2video.drawn_person import MODEL, filmed, talking_track
from training import Duration
from training.validation import JUDGED, judgements

EXAMPLES = {"facial_gan": example, "karras2017": moody_example, "arkit": arkit_example, "emote": spoken}
PUBLISHED = ("facial_gan", "karras2017_published", "emote_published")  # wide networks, the same code
LIGHT: dict[str, dict[str, Any]] = {  # of a batch or of takes, not of any width: two steps are seconds
    "facial_gan": {"general": {"batch_size": 2}}, "karras2017": {"batch_runs": 2},
    "emote": {"batch_size": 4, "recipe": {"takes": 2}}, "arkit": {},
}  # fmt: skip


def merged(said: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    return said | {k: merged(said.get(k, {}), v) if isinstance(v, dict) else v for k, v in over.items()}


@pytest.mark.parametrize("name", configs.names())
def test_a_training_runs(name: str, tmp_path: Path) -> None:
    said = load_yaml(configs.FOLDER / f"{name}.yaml")
    of_model = said.pop("model", {})
    given = configure(GeneralTraining, said, name)
    assert given.mode == "general" and name.startswith(given.motion)
    entry = motion_entry(given.motion)
    settings = configure(entry.config, merged(of_model, LIGHT[given.motion]), name)
    shown: list[MotionExample] = [EXAMPLES[given.motion](5.0, seed) for seed in (0, 1)]
    held = None if name in PUBLISHED else Held([EXAMPLES[given.motion](5.0, 2)], every_steps=1)
    made = entry.learn(shown, None, tmp_path, mode="general", duration=Duration(2), config=settings, held=held)
    motion = load_motion_model(made).synthesize(shown[0].features, frames=3)
    assert len(motion) == 3 and np.isfinite(motion.pack()).all()
    if held is not None:  # each model judges itself on others on the way, and keeps the best
        (curves,) = tmp_path.rglob(JUDGED)
        lines, best = judgements(curves), load_motion_model(tmp_path / BEST_FILE)
        assert {"score", "expression"} <= set(lines[-1]) or {"lip_gap", "lip_width", "face_spread"} <= set(lines[-1])
        assert ("pose_spread" in lines[-1]) == best.moves_head
        last = judged(best, held.examples)["score"]
        assert last == pytest.approx(max(line["score"] for line in lines), abs=1e-4, nan_ok=True)


def test_every_motion_model_has_one() -> None:
    assert {load_yaml(configs.FOLDER / f"{name}.yaml")["motion"] for name in configs.names()} == set(motion_models())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FaceTrack]:
    folder, track = tmp_path_factory.mktemp("person"), talking_track()
    prepare_person_video(iter(filmed(track)), track, 48, folder, MODEL)
    return folder, track


@pytest.mark.parametrize(
    ("name", "profile", "size_px"),
    [("fast256", "fast", 256), ("fast512", "fast", 512), ("footage", "footage", 512), ("paper", "paper", 512)],
)
def test_an_enrolment_says_its_profile_and_size(name: str, profile: str, size_px: int) -> None:
    settings = read_settings(f"enroll/{name}").checked()
    assert (settings.profile, settings.size_px) == (profile, size_px)
    for motion in settings.models:
        assert motion_config(settings, motion) is not None
    assert {"fast256", "fast512", "footage", "paper"} == {n.partition("/")[2] for n in configs.names("enroll")}


@pytest.mark.parametrize("name", ["fast256", "fast512"])
def test_an_enrolments_network_learns(name: str, drawn: tuple[Path, FaceTrack], tmp_path: Path) -> None:
    """On a person of 48 pixels; widths are the configuration's. Footage and paper: `tests/render2video`."""
    video: PersonVideo = load_person_video(*drawn, MODEL)
    settings = read_settings(f"enroll/{name}")
    _, result = train_person(video, video_config(settings), tmp_path, Duration(2), profile=settings.profile)
    assert result.steps == 2


def test_hdtf_is_prepared_by_the_paper() -> None:
    assert configs.names("prepare") == ["prepare/hdtf"]
    settings = read_prepare_settings("prepare/hdtf")
    assert settings.speech == ("phonetic_mel",) and settings.shards == 64
    assert settings.gate.shortest_s > Gate().shortest_s and settings.gate.sharpness == Gate().sharpness
