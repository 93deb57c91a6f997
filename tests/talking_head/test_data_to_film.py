"""The walk from a data set to a film that docs/training.md and examples/ show: on films of ours, and on people."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from examples.data_to_film import Walk
from foundation.errors import InputError
from foundation.files import read_tensors
from foundation.shipped import shipped
from preprocessing.media import read_sound
from talking_head.datasets.general_training import train
from talking_head.enrollment import from_video as enrollment
from talking_head.enrollment.from_video import enroll
from talking_head.motion.speaking import Directions, speak
from talking_head.motion.weights import find_weights
from talking_head.target.card import MOTION, Target
from talking_head.target.settings import EnrollSettings
from tests.talking_head.datasets.conftest import STARTS_S, write_clip


@pytest.fixture(scope="module")
def clips(footage: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pieces of one film, under the names of two speakers, and a sound."""
    folder = tmp_path_factory.mktemp("clips")
    for name in STARTS_S:
        write_clip(footage, name, folder / name)
    soundfile.write(folder / "part.wav", read_sound(footage).samples[:16_000], 16_000)
    return folder


@pytest.fixture(scope="module")
def walked(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    out = tmp_path_factory.mktemp("walk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enrollment, "SHORTEST_S", 1.0)
        patch.setattr(enrollment, "speaks", lambda track: True)
        walk = Walk(clips, clips / "anna" / "1.mp4", out, split="clip", quick=True, least_confidence=0.0)
        return out, walk()


def test_a_data_set_becomes_a_film(walked: tuple[Path, dict[str, float]]) -> None:
    out, measures = walked
    assert (out / "film.mp4").is_file() and measures["blink_rate"] >= 0 and "gap_correlation" in measures
    target = Target.read(out / "home" / "targets" / "walked")
    begun, trained = target.card.origin["weights"]["facial_gan"], find_weights(out / "general")
    assert begun == trained.described()  # the card tells what it came from, by digest
    shipped_digest = find_weights(shipped("facial_gan/phonetic_mel.safetensors")).described()["digest"]
    assert begun["digest"] != shipped_digest


def test_weights_of_ones_own_speak_without_enrolment(
    walked: tuple[Path, dict[str, float]], clips: Path, tmp_path: Path
) -> None:
    person = Target.read(walked[0] / "home" / "targets" / "walked")
    own = speak(clips / "part.wav", person, 0, "cpu")
    other = speak(clips / "part.wav", person, 0, "cpu", Directions(weights=walked[0] / "general"))
    assert len(own) == len(other) and np.abs(own.expression - other.expression).max() > 1e-3
    assert np.abs(other.translation.mean(0) - own.translation.mean(0)).max() < 20  # the person's place, not the mean's


def test_training_goes_on_from_weights(walked: tuple[Path, dict[str, float]], tmp_path: Path) -> None:
    out = walked[0]
    config = tmp_path / "more.yaml"
    short = "general: {epochs: 0, batch_size: 2, min_steps: 1}, fine_tune: {epochs: 0, batch_size: 2, min_steps: 1}"
    config.write_text(f"run: {tmp_path / 'more'}\nsplit: clip\nfrom: {out / 'general'}\nmodel: {{{short}}}\n")
    made = train(config, out / "prepared")
    # Few steps move the weights a little; begun anew they would have nothing in common.
    before, after = (read_tensors(find_weights(run).path)[0] for run in (out / "general", made.weights))
    name = next(key for key in before if key.startswith("generator.") and before[key].size > 100)
    assert 0 < abs(before[name] - after[name]).max() < 0.1 * abs(before[name]).max()


def test_weights_that_do_not_fit_are_refused_before_any_work(
    walked: tuple[Path, dict[str, float]], clips: Path, tmp_path: Path
) -> None:
    def refused(match: str, **settings: object) -> None:
        with pytest.raises(InputError, match=match):
            enroll(clips / "anna" / "1.mp4", "x", "c", EnrollSettings(**settings), home=tmp_path)  # type: ignore[arg-type]

    run = str(walked[0] / "general")
    refused("trained with speech encoder phonetic_mel.* for 'log_mel'", start=(run,), speech="log_mel")
    refused("two weights of 'facial_gan'", start=(run, run))
    refused("is for motion model 'arkit'.*give --motion arkit too", start=(str(shipped("arkit/log_mel.safetensors")),))
    refused("nowhere does not exist", start=("nowhere",))
    refused("holds no motion model", start=(str(shipped("phonetic/phonetic.safetensors")),))
    unfinished = tmp_path / "unfinished"
    (unfinished / "motion").mkdir(parents=True)
    shutil.copyfile(walked[0] / "general" / "motion" / "state.safetensors", unfinished / "motion" / "state.safetensors")
    refused("not finished: run the same `train` again", start=(str(unfinished),))
    assert not (tmp_path / "work").exists() or not list((tmp_path / "work").iterdir())


@pytest.mark.slow
def test_the_walk_on_people(data_dir: Path, landmarker: None, tmp_path: Path) -> None:
    """19 short clips: eleven of other speakers, eight of one, who is then enrolled from a video of 20 s."""
    for path in sorted((data_dir / "grid").glob("*.mpg")):
        (tmp_path / "clips" / path.stem).mkdir(parents=True)
        shutil.copyfile(path, tmp_path / "clips" / path.stem / path.name)
    for path in sorted((data_dir / "clips").glob("*.mp4")):
        (tmp_path / "clips" / "address").mkdir(exist_ok=True)
        shutil.copyfile(path, tmp_path / "clips" / "address" / path.name)
    person = data_dir / "reference_video" / "weekly_address_20s.mp4"
    walk = Walk(tmp_path / "clips", person, tmp_path / "out", epochs=60, budget_s=150, least_confidence=0.0)
    measures = walk()
    assert measures["gap_correlation"] > 0.6 and measures["gap_amplitude"] > 0.5


def test_motion_of_the_target_is_what_was_taught(walked: tuple[Path, dict[str, float]]) -> None:
    """Two steps of fine-tuning stay near the weights that they began from."""
    out = walked[0]
    general = read_tensors(find_weights(out / "general").path)[0]
    own = read_tensors(out / "home" / "targets" / "walked" / MOTION)[0]
    for name, value in general.items():
        if name.startswith("generator.") and value.size > 100:
            assert abs(own[name] - value).max() < 0.1 * abs(value).max(), name
