"""What people give by accident: bytes that are no text, names too long, pipes; and a target replaced under a film."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from foundation.errors import InputError
from foundation.files import atomic_path
from foundation.shipped import shipped
from preprocessing.media import probe
from talking_head.enrollment.from_video import enroll
from talking_head.synth.film import checked_output, synthesize
from talking_head.target.card import Target, new_target, write_card
from talking_head.target.given import longest_name_bytes, readable
from talking_head.target.home import Home
from tests.preprocessing.making import write_media
from tests.talking_head.media import voice
from tests.talking_head.target.test_target import make_target

ROOT = Path(__file__).resolve().parents[3]
posix = pytest.mark.skipif(os.name != "posix", reason="bytes in names and named pipes are POSIX's")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return write_media(tmp_path / "a.wav", [], sound=voice(0.5), sound_codec="pcm_s16le")


@posix
def test_a_name_that_is_no_text_is_refused_before_painting(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="UTF-8"):
        synthesize(sound, "astronaut", os.fsdecode(bytes(tmp_path) + b"/bad\xff.mp4"), home=tmp_path / "home")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav"]


@posix
def test_a_consent_that_is_no_text_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="consent with bytes that are not UTF-8") as caught:
        enroll(tmp_path / "absent.mp4", "ana", os.fsdecode(b"caf\xe9"), home=tmp_path / "home")
    str(caught.value).encode()
    assert not list(tmp_path.iterdir())


@posix
def test_a_film_may_have_the_longest_name_and_no_longer(sound: Path, tmp_path: Path) -> None:
    most = longest_name_bytes(tmp_path)
    made = synthesize(sound, "astronaut", tmp_path / f"{'é' * ((most - 4) // 2)}.mp4", home=tmp_path / "home")
    assert made.signed and probe(made.output).has_video
    with pytest.raises(InputError, match="shorter name"):
        checked_output(tmp_path / f"{'a' * (most - 3)}.mp4", sound)
    with pytest.raises(InputError, match="provenance.json beside it"):  # a webm is told of in a file beside it
        checked_output(tmp_path / f"{'a' * (most - 10)}.webm", sound, ".webm")


def test_a_temporary_name_is_no_longer_than_names_may_be(tmp_path: Path) -> None:
    goal = tmp_path / f"{'x' * (longest_name_bytes(tmp_path) - 4)}.bin"
    with atomic_path(goal) as temporary:
        temporary.write_bytes(b"whole")
    assert goal.read_bytes() == b"whole"


@posix
def test_a_pipe_is_read_like_a_file(sound: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "speech"
    os.mkfifo(fifo)
    threading.Thread(target=lambda: fifo.write_bytes(sound.read_bytes()), daemon=True).start()
    made = synthesize(fifo, "astronaut", tmp_path / "o.mp4", home=tmp_path / "home")
    assert abs(made.duration_s - 0.5) < 0.05


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="no /dev/stdin")
def test_standard_input_is_told_by_its_name(tmp_path: Path) -> None:
    words = ["synth", "/dev/stdin", "--target", "astronaut", "-o", str(tmp_path / "never.mp4")]
    command = [sys.executable, "-m", "talking_head", *words]
    done = subprocess.run(command, input=b"no sound at all" * 9, capture_output=True, cwd=ROOT)
    told = done.stderr.decode()
    assert done.returncode == 2 and told.startswith("error: /dev/stdin ") and told.count("\n") == 1


@posix
def test_a_device_is_refused() -> None:
    with pytest.raises(InputError, match="is a device"), readable(Path("/dev/zero")):
        pass


def copied(home: Home, target_id: str) -> Target:
    with new_target(home, target_id) as folder:
        for path in shipped("astronaut").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    return Target.read(home.targets / target_id)


@pytest.mark.parametrize("change", ["replaced", "removed", "card"])
def test_a_target_that_changes_while_a_film_begins_never_mixes_two_people(
    change: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from talking_head.synth import film as synthesis

    home = Home.find(tmp_path / "home")
    person = copied(home, "ana")
    speak = synthesis.speak

    def meanwhile(*given: object, **more: object) -> object:
        motion = speak(*given, **more)  # type: ignore[arg-type]
        if change == "replaced":
            copied(home, "ana")
        elif change == "card":
            write_card(person.folder, person.card)
        else:
            make_target(home, "ana")
            (home.targets / "ana" / "render2video.safetensors").unlink()
        return motion

    monkeypatch.setattr(synthesis, "speak", meanwhile)
    with pytest.raises(InputError, match="changed by another command|does not exist|ana"):
        synthesize(sound, "ana", tmp_path / "o.mp4", home=home.path)
    assert not (tmp_path / "o.mp4").exists()
    monkeypatch.undo()
    if change != "removed":
        assert synthesize(sound, "ana", tmp_path / "o.mp4", home=home.path).frames > 5
