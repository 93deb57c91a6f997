"""`--check`: everything that can be told without work is told, and nothing is made."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from foundation.errors import InputError
from preprocessing.media import read_frames
from talking_head.cli import app
from talking_head.doctor.look_before import look_at_enrolment, look_at_synthesis
from talking_head.enrollment.from_video import enroll
from talking_head.synth.film import synthesize
from talking_head.synth.framing import Framing
from talking_head.target.card import Target
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings
from tests.preprocessing.making import write_media
from tests.talking_head.media import nobody, voice

runner = CliRunner()
pytestmark = pytest.mark.usefixtures("landmarker")


def made_in(folder: Path) -> list[str]:
    """Files that a command left, but for the empty lock that all share."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
                  and path.suffix != ".lock")  # fmt: skip


def test_a_video_is_understood_and_nobody_is_enrolled(footage: Path, tmp_path: Path) -> None:
    words = ["enroll", str(footage), "--id", "ana", "--consent", "yes", "--check", "--home", str(tmp_path)]
    told = runner.invoke(app, [*words, "--json"])
    assert told.exit_code == 0, told.stderr
    facts = json.loads(told.stdout)
    assert (facts["person"], facts["state"], facts["consent"]) == ("ana", "new", "yes")
    assert (facts["width_px"], facts["height_px"], facts["fps"], facts["length_s"]) == (512, 512, 25.0, 6.0)
    assert facts["sound"].startswith("track 1 of 1: aac") and "BT.709" in facts["colour"]
    assert facts["faces_seen"] == "in 6 of the 6 frames looked at" and 120 < facts["face_px"] < 250
    assert facts["checked"] and facts["warnings"] == [] and made_in(tmp_path) == []
    shown = runner.invoke(app, words).stdout
    assert "512" in shown and "nothing was made" in shown


def test_a_video_alone_can_be_checked(footage: Path, tmp_path: Path) -> None:
    """What the README and docs/recording.md tell people to type."""
    told = runner.invoke(app, ["enroll", str(footage), "--check", "--home", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.stderr
    facts = json.loads(told.stdout)
    assert facts["faces_seen"] == "in 6 of the 6 frames looked at" and made_in(tmp_path) == []
    assert not {"person", "state", "place", "consent"} & set(facts)
    for given, missing in (([], "--id"), (["--id", "ana"], "--consent")):
        refused = runner.invoke(app, ["enroll", str(footage), *given, "--home", str(tmp_path)])
        assert refused.exit_code == 2 and f"missing option '{missing}'" in refused.stderr.lower()


def test_what_is_odd_is_warned_of(tmp_path: Path) -> None:
    video = write_media(tmp_path / "v.mp4", nobody(150), sound=voice(6.0))
    look = look_at_enrolment(video, "ana", "yes", home=tmp_path / "home")
    assert any("no face is seen in the first 3 s" in line for line in look.warnings)
    assert look.facts["faces_seen"] == "in 0 of the 6 frames looked at"


def test_a_photo_is_understood(footage: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), next(iter(read_frames(footage)))[..., ::-1])
    facts = look_at_enrolment(tmp_path / "p.png", "ana", "yes", home=tmp_path / "home").facts
    assert facts["kind"] == "photo" and (facts["width_px"], facts["height_px"]) == (512, 512)
    assert made_in(tmp_path) == ["p.png"]


@pytest.mark.parametrize("fault", ["id", "consent", "bytes", "settings", "motion", "short", "silent", "home"])
def test_the_check_refuses_what_enrolment_would(fault: str, footage: Path, tmp_path: Path) -> None:
    given = {"video": footage, "target_id": "ana", "consent": "yes", "settings": EnrollSettings()}
    given |= {"home": tmp_path / "h"} | {
        "id": {"target_id": "../ana"}, "consent": {"consent": "  "}, "bytes": {"consent": os.fsdecode(b"caf\xe9")},
        "settings": {"settings": EnrollSettings(size_px=300)}, "motion": {"settings": EnrollSettings(motion=("emot",))},
        "short": {"video": write_media(tmp_path / "s.mp4", nobody(25), sound=voice(1.0))},
        "silent": {
            "video": write_media(tmp_path / "q.mp4", nobody(150), sound=np.zeros(96_000)),
            "settings": EnrollSettings(motion=("karras2017",)),
        },
        "home": {"home": tmp_path / "s.mp4" / "no"},
    }[fault]
    with pytest.raises(InputError) as checked:
        look_at_enrolment(**given)  # type: ignore[arg-type]
    with pytest.raises(InputError) as refused:
        enroll(**given)  # type: ignore[arg-type]
    assert str(checked.value) == str(refused.value)


def test_it_says_what_would_become_of_a_target_of_that_name(
    enrolled: tuple[Home, Target], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talking_head.doctor import look_before as looking

    monkeypatch.setattr(looking, "SHORTEST_S", 1.0)
    home = enrolled[0].path
    same = look_at_enrolment(clip, "ana", "for tests", EnrollSettings(steps=2), home=home)
    assert same.facts["state"].startswith("already enrolled")
    other = EnrollSettings(steps=3)
    with pytest.raises(InputError, match="exists, made with steps 2 and not 3"):
        look_at_enrolment(clip, "ana", "for tests", other, home=home)
    assert look_at_enrolment(clip, "ana", "for tests", other, home=home, replace=True).facts["state"].startswith("repl")


def test_a_film_is_understood_and_not_made(spoken: Path, tmp_path: Path) -> None:
    words = ["synth", str(spoken), "--target", "astronaut", "-o", str(tmp_path / "o.mp4"), "--check"]
    told = runner.invoke(app, [*words, "--json", "--home", str(tmp_path / "home")])
    assert told.exit_code == 0, told.stderr
    facts = json.loads(told.stdout)
    assert (facts["person"], facts["fps"], facts["frames"], facts["length_s"]) == ("astronaut", 25.0, 303, 12.135)
    assert facts["sound"] == "track 1 of 1: flac, 16000 Hz, 1 channel" and "this machine" in facts["signed_by"]
    assert facts["output"] == str(tmp_path / "o.mp4") and not (tmp_path / "o.mp4").exists()


def test_a_films_size_is_that_of_the_film(tmp_path: Path) -> None:
    sound = write_media(tmp_path / "a.wav", [], sound=voice(0.2), sound_codec="pcm_s16le")
    framing, home = Framing("9:16", 320), tmp_path / "home"
    facts = look_at_synthesis(sound, "astronaut", tmp_path / "o.mp4", framing=framing, home=home).facts
    made = synthesize(sound, "astronaut", tmp_path / "o.mp4", framing=framing, home=home)
    assert (facts["width_px"], facts["height_px"], facts["frames"]) == (made.width_px, made.height_px, made.frames)


def test_a_silent_sound_is_warned_of(tmp_path: Path) -> None:
    sound = write_media(tmp_path / "a.wav", [], sound=np.zeros(8000), sound_codec="pcm_s16le")
    look = look_at_synthesis(sound, "astronaut", tmp_path / "o.mp4", home=tmp_path / "home")
    assert any("silent" in line for line in look.warnings)


@pytest.mark.parametrize("fault", ["target", "output", "certificate", "motion", "driving"])
def test_the_check_refuses_what_synthesis_would(fault: str, spoken: Path, tmp_path: Path) -> None:
    from talking_head.motion.directions import Directions

    given = {"audio": spoken, "target": "astronaut", "output": tmp_path / "o.mp4", "home": tmp_path / "home"}
    given |= {
        "target": {"target": "astronaud"}, "output": {"output": tmp_path / "o.avi"},
        "certificate": {"certificate": tmp_path / "none.pem", "key": tmp_path / "none.pem"},
        "motion": {"directions": Directions("karras2017", "gloomy")}, "driving": {"driving": tmp_path / "none.csv"},
    }[fault]
    with pytest.raises(InputError) as checked:
        look_at_synthesis(**given)  # type: ignore[arg-type]
    with pytest.raises(InputError) as refused:
        synthesize(**given)  # type: ignore[arg-type]
    assert str(checked.value) == str(refused.value) and not (tmp_path / "o.mp4").exists()


@pytest.mark.skipif(os.name != "posix", reason="file names of any bytes are POSIX's")
def test_a_video_whose_name_is_no_text_is_tracked_to_the_end(footage: Path, tmp_path: Path) -> None:
    from talking_head.enrollment.tracking import track
    from tests.talking_head.media import person_clip

    clip = person_clip(footage, tmp_path / "clip.mp4", 1.0)
    named = Path(os.fsdecode(bytes(tmp_path) + b"/v\xff.mp4"))
    shutil.move(clip, named)
    made = track(named, tmp_path / "out", cache=tmp_path / "cache")
    assert "v\\udcff.mp4" in made.report_path.read_text(encoding="utf-8")
