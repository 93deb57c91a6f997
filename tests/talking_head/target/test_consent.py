"""Consent that is bound: until a day, for a purpose; refused after it, and told by verify."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

import talking_head
from foundation.errors import InputError
from talking_head.cli import app
from talking_head.provenance.claims import Claims, marked
from talking_head.target.card import find_target, write_card
from talking_head.target.consent import Consent
from talking_head.target.home import Home
from tests.talking_head.media import nobody, voice
from tests.talking_head.target.test_target import make_target

TODAY = date.today()
YESTERDAY, TOMORROW = ((TODAY + timedelta(days=days)).isoformat() for days in (-1, 1))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.find(tmp_path / "home")
    make_target(home, "ana")
    return home


def bind(home: Home, until: str, purpose: str = "") -> None:
    person = find_target(home, "ana")
    write_card(person.folder, replace(person.card, consent=Consent("I agree, Ana", "2026-01-01", until, purpose)))


def test_nothing_is_made_after_the_last_day(home: Home, tmp_path: Path) -> None:
    sound = tmp_path / "s.wav"
    soundfile.write(sound, voice(0.3), 16000)
    bind(home, YESTERDAY)
    for make in (
        lambda: talking_head.synthesize(sound, "ana", tmp_path / "o.mp4", home=home.path),
        lambda: talking_head.open("ana", home=home.path),
    ):
        with pytest.raises(InputError, match=f"given until {YESTERDAY}"):
            make()
    assert not (tmp_path / "o.mp4").exists()
    said = CliRunner().invoke(
        app, ["synth", str(sound), "--target", "ana", "-o", str(tmp_path / "o.mp4"), "--home", str(home.path)]
    )
    assert said.exit_code == 2 and YESTERDAY in said.stderr and len(said.stderr.strip().splitlines()) == 1
    for last in (TODAY.isoformat(), TOMORROW, ""):
        bind(home, last)
        find_target(home, "ana").card.consent.check("the consent")


def test_what_cannot_bind_is_refused() -> None:
    for until, purpose in (("soon", None), ("2027-02-30", None), (YESTERDAY, None), (None, "a\nb"), (None, "x" * 200)):
        with pytest.raises(InputError):
            Consent.given("I agree", until, purpose)
    said = CliRunner().invoke(
        app, ["enroll", "none.mp4", "--id", "ana", "--consent", "I agree", "--consent-until", "never"]
    )
    assert said.exit_code == 2 and "2027-12-31" in said.stderr
    assert Consent.given(" I agree ", f" {TOMORROW} ", " a play ") == Consent(
        "I agree", TODAY.isoformat(), TOMORROW, "a play"
    )


def test_verify_tells_how_a_film_is_bound(home: Home, tmp_path: Path) -> None:
    from preprocessing.media import VideoWriter

    bind(home, TOMORROW, "the school's play")
    claims = Claims.of(find_target(home, "ana"), label=True)
    with marked(tmp_path / "o.mp4", claims, None) as film, VideoWriter(film, 25, 128, 128) as writer:
        for frame in nobody(3):
            writer.write(frame)
    told = CliRunner().invoke(app, ["verify", str(tmp_path / "o.mp4"), "--home", str(home.path)])
    assert told.exit_code == 0 and TOMORROW in told.stdout and "the school's play" in told.stdout
    assert "not bound" not in told.stdout
