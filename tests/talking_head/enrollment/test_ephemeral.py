"""A target that lives for one command leaves nothing of the person."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from PIL import Image
from typer.testing import CliRunner

from foundation.errors import InputError
from preprocessing.media import read_frames, read_sound
from talking_head.cli import app
from talking_head.enrollment import ephemeral
from talking_head.enrollment.ephemeral import ID, PREFIX, ephemeral_target
from talking_head.provenance.claims import Provenance, verify
from talking_head.target.card import find_target
from talking_head.target.home import Home
from tests.talking_head.target.test_target import make_target


def fake(source: Path, target_id: str, consent: str, settings: object, *, home: Path) -> None:
    if str(source) == "bad":
        raise InputError("no face", "one")
    make_target(Home(home), target_id)


def left(home: Path) -> set[str]:
    """Names of all that is kept, but for what is of the machine or of everybody."""
    kept = (path for path in home.rglob("*") if path.is_file() and path.parent.name not in ("identity", "assets"))
    return {path.name for path in kept} - {".identity.lock"}


def test_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ephemeral, "enroll", fake)
    killed = tmp_path / "work" / f"{PREFIX}x"
    killed.mkdir(parents=True)
    (killed / "face.bin").write_bytes(b"x")
    with ephemeral_target("a.jpg", "yes", home=tmp_path) as place, ephemeral_target("b", "yes", home=tmp_path) as other:
        assert find_target(Home(place), ID).id == ID and place.is_dir() and other.is_dir(), "one spares the other"
        assert not killed.exists(), "what a kill left is gone"
        assert (place / "identity").resolve() == (tmp_path / "identity").resolve()
    with pytest.raises(InputError), ephemeral_target("bad", "yes", home=tmp_path):
        pass
    assert left(tmp_path) == set() and list((tmp_path / "work").iterdir()) == []


@pytest.mark.slow
def test_a_film_and_nothing_else(footage: Path, landmarker: None, tmp_path: Path) -> None:
    Image.fromarray(next(iter(read_frames(footage)))).save(tmp_path / "ana.png")
    soundfile.write(tmp_path / "said.wav", read_sound(footage).samples[:8000], 16_000)
    home, film = tmp_path / "home", tmp_path / "film.mp4"
    words = ["synth", tmp_path / "said.wav", "--target", tmp_path / "ana.png", "--ephemeral", "-o", film]
    words += ["--home", home]
    refused = CliRunner().invoke(app, [str(word) for word in words])
    assert refused.exit_code == 2 and "--consent" in refused.output
    made = CliRunner().invoke(app, [*map(str, words), "--consent", "I agree. Ana, 2026-01-01"])
    assert made.exit_code == 0, made.output
    found = verify(film, home=home)
    assert isinstance(found, Provenance) and found.claims.target == ID and found.trust.name == "OWN"
    assert left(home) == set()
