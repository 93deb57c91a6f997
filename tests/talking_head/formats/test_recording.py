"""Live Link Face recordings with sound: in step, gaps told, and general training on a folder of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from face_model.arkit import ARKIT_NAMES
from foundation.errors import InputError
from foundation.shipped import shipped
from motion_models.arkit import ArkitRegressor
from preprocessing.media import read_sound
from talking_head.datasets.general_training import train
from talking_head.formats.arkit import live_link_of_motion
from talking_head.formats.livelink import read_live_link, write_live_link
from talking_head.formats.recording import is_recording, recording_example, sound_beside
from tests.talking_head.formats.test_arkit import made_motion

JAW = ARKIT_NAMES.index("jawOpen")


def recorded(folder: Path, name: str, seconds: float = 3.0) -> Path:
    """A CSV at 60 a second and its sound."""
    folder.mkdir(parents=True, exist_ok=True)
    write_live_link(live_link_of_motion(made_motion(round(30 * seconds)), start_s=3600.0), folder / f"{name}.csv")
    speech = read_sound(shipped("astronaut/speech.flac"))
    soundfile.write(folder / f"{name}.wav", speech.samples[: round(seconds * speech.rate_hz)], speech.rate_hz)
    return folder / f"{name}.csv"


def test_a_recording_and_its_sound_become_an_example(tmp_path: Path) -> None:
    csv = recorded(tmp_path, "a")
    sound = sound_beside(csv)
    assert sound == tmp_path / "a.wav" and sound_beside(tmp_path / "b.csv") is None and is_recording(csv)
    (tmp_path / "other.csv").write_text("frame,pose_Rx\n")
    (tmp_path / "other.wav").touch()
    assert not is_recording(tmp_path / "other.csv")
    example = recording_example(csv, sound, "log_mel", "ana")
    curves = read_live_link(csv)
    assert len(example.motion) == 90 and example.motion.fps == 30 and example.valid.all()
    assert example.arkit is not None and np.allclose(example.arkit[:, JAW], curves.curve("JawOpen")[::2], atol=1e-6)
    assert example.features.duration_s == pytest.approx(3.0, abs=0.01) and example.speaker == "ana"
    late = recording_example(csv, sound, "log_mel", sound_late_s=0.5)
    assert len(late.motion) == 75  # half a second of sound is gone


def test_a_gap_is_not_learned_from(tmp_path: Path) -> None:
    csv = recorded(tmp_path, "a")
    curves = read_live_link(csv)
    kept = np.r_[0:60, 90:180]
    write_live_link(replace(curves, time_s=curves.time_s[kept], values=curves.values[kept]), csv)
    example = recording_example(csv, tmp_path / "a.wav", "log_mel")
    assert not example.valid[31:44].any() and example.valid[:29].all() and example.valid[46:].all()
    short = tmp_path / "short.wav"
    soundfile.write(short, np.zeros(4000), 16_000)
    with pytest.raises(InputError, match="of both"):
        recording_example(csv, short, "log_mel")


def test_a_folder_of_recordings_trains_a_general_model(tmp_path: Path) -> None:
    for speaker in ("ana", "ben"):
        recorded(tmp_path / "data" / speaker, "take")
    (tmp_path / "c.yaml").write_text(
        f"videos: {tmp_path / 'data'}\nrun: {tmp_path / 'run'}\nmotion: arkit\nmodel: {{general_steps: 2}}\n"
    )
    made = train(tmp_path / "c.yaml")
    assert (made.clips, made.speakers) == (2, 2)
    assert ArkitRegressor.load(made.weights).speech_extractor == "log_mel"
