"""`talking-head say`: a text in, a film out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from face_model.tracks import SPEECH_RATE_HZ
from facial_gan.synthesis import FacialGan
from foundation.shipped import shipped
from motion_models.lips import above_rest
from motion_models.look_ahead import LookAhead
from preprocessing.media import read_frames, read_sound
from talking_head.cli import app
from talking_head.motion.curves import Curves
from talking_head.motion.directions import Directions
from talking_head.motion.speaking import say
from talking_head.synth.demo import SPEECH
from talking_head.synth.streaming import BoundedMotion
from talking_head.target.card import MOTION, find_target
from talking_head.target.home import Home
from talking_head.voices.acting import LiveActing
from talking_head.voices.interface import Span
from talking_head.voices.speaking import Said
from tests.talking_head.voices.speaker import COMMAND, LETTER_S

TEXT = "Hello [nod]you. [pause 0.2] Yes"


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["say", *words])
    return done.exit_code, done.stdout, done.stderr


def test_a_text_becomes_a_film_with_its_sound(tmp_path: Path, landmarker: None) -> None:
    text, film = tmp_path / "what to say.txt", tmp_path / "film.mp4"
    text.write_text(TEXT)
    code, told, _ = run(str(text), "--target", "astronaut", "--voice", COMMAND, "-o", str(film))
    seconds = 0.5 + 0.2 + (len("Hello you.") + len("Yes")) * LETTER_S
    assert code == 0 and f"voice {COMMAND}" in told
    assert len(read_sound(film).samples) / SPEECH_RATE_HZ == pytest.approx(seconds, abs=0.06)
    assert len(list(read_frames(film))) == pytest.approx(25 * seconds, abs=2)


def test_curves_are_printed_edited_and_taken_back(tmp_path: Path, landmarker: None) -> None:
    code, told, _ = run(TEXT, "--voice", COMMAND, "--script")
    assert code == 0 and told.startswith("time_s,curve,value") and ",pitch_deg,7.0" in told
    edited, film = tmp_path / "curves.csv", tmp_path / "film.mp4"
    edited.write_text(told.replace(",7.0", ",99"))
    code, _, wrong = run("Yes", "--target", "astronaut", "--voice", COMMAND, "-o", str(film), "--curves", str(edited))
    assert code == 2 and "up to 30" in wrong and not film.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [(["Hi [dance]", "--target", "astronaut", "-o", "x.mp4"], "[dance]"), (["Hi"], "--target"),
     (["gone.txt", "--target", "astronaut", "-o", "x.mp4"], "not there"),
     (["Hi", "--target", "nobody-here", "-o", "x.mp4"], "nobody-here")],
)
def test_mistakes_are_told_and_leave_nothing(words: list[str], told: str, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TALKING_HEAD_HOME", str(tmp_path / "home"))
    code, _, wrong = run(*words, "--voice", COMMAND)
    assert code == 2 and told in wrong and not list(tmp_path.glob("*.mp4"))


def test_curves_and_phone_times_reach_the_face(landmarker: None) -> None:
    person = find_target(Home.find(), "astronaut")
    rest = FacialGan.load(person.folder / MOTION).statistics.rest
    speech = read_sound(shipped(SPEECH)).samples[: 3 * SPEECH_RATE_HZ]

    def made(how: Directions) -> tuple[np.ndarray, np.ndarray]:
        motion = say(lambda: iter([speech]), person, 0, "cpu", how)
        return above_rest(motion.expression, rest)[0], np.degrees(motion.rotation[:, 1])

    plain = made(Directions())
    widest = 10 + int(plain[0][10:60].argmax())
    told = made(Directions(lips_closed=((widest / 25 - 0.06, widest / 25 + 0.06),)))
    assert plain[0][widest] > 5 and told[0][widest] < 0.25 * plain[0][widest]
    far = np.abs(np.arange(len(plain[0])) - widest) > 12
    assert np.abs(told[0] - plain[0])[far].mean() < 0.3
    turned = made(Directions(curves=Curves.of([(0.0, "yaw_deg", 9.0)])))
    np.testing.assert_allclose(turned[1] - plain[1], 9.0, atol=1e-3)


def test_phone_times_reach_a_face_that_hears_the_sound_while_it_is_made(landmarker: None) -> None:
    person = find_target(Home.find(), "astronaut")
    rest = FacialGan.load(person.folder / MOTION).statistics.rest
    speech = read_sound(shipped(SPEECH)).samples[: 3 * SPEECH_RATE_HZ]

    def made(closed: list[Span]) -> np.ndarray:
        acting, cues = LiveActing(), Said((), tuple(closed)).live_cues
        live = BoundedMotion.of(person, Directions(lips_closed=acting.lips_closed), LookAhead(0.1), 0, "cpu")

        def pieces() -> Iterator[np.ndarray]:
            for start in range(0, len(speech), 320):
                now_s = start / SPEECH_RATE_HZ
                while cues and cues[0][0] < now_s + 0.02:
                    acting.add(now_s, cues.pop(0)[1])
                yield speech[start : start + 320]

        return above_rest(np.concatenate([part.expression for part in live(pieces())]), rest)[0]

    plain = made([])
    widest = 10 + int(plain[10:60].argmax())
    told = made([(widest / 25 - 0.06, widest / 25 + 0.06)])
    assert plain[widest] > 5 and told[widest] < 0.25 * plain[widest]
    np.testing.assert_allclose(told[: widest - 5], plain[: widest - 5], atol=1e-3)  # nothing is known ahead


def test_a_text_on_a_terminal_may_be_long() -> None:
    from talking_head.voices.speaking import text_of

    assert text_of("word " * 5000) == "word " * 5000
    assert text_of("a.b") == "a.b"
