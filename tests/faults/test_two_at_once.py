"""Two commands on one target: a film is whole and of one person, or refused in one line; nothing is left of either."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.errors import InputError
from preprocessing.media import read_frames
from talking_head.synth import film as synth_film
from talking_head.synth.film import synthesize
from talking_head.target import home as target_home
from talking_head.target import removing
from talking_head.target.card import find_target, list_targets
from talking_head.target.carrying import export_target, import_target
from talking_head.target.home import Home
from talking_head.target.removing import remove_targets
from tests.preprocessing.making import write_media
from tests.talking_head.media import voice

LENGTH_S = 0.4
MOMENTS = ("before it speaks", "before it paints", "amid painting", "before it is noted")


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in person as a file."""
    folder = tmp_path_factory.mktemp("carried")
    return export_target("astronaut", folder / "astronaut.person", home=folder / "home").path


def interfere(monkeypatch: pytest.MonkeyPatch, moment: str, act: Callable[[], object]) -> None:
    """Do something once at a moment of making a film."""
    name = {"before it speaks": "speak", "before it paints": "load_painter", "before it is noted": "remember"}
    if moment in name:
        own: Callable[..., object] = getattr(synth_film, name[moment])

        def first(*given: Any, **named: Any) -> object:
            act()
            return own(*given, **named)

        monkeypatch.setattr(synth_film, name[moment], first)
        return

    def halfway(frames: Iterator[Any], *_: object) -> Iterator[Any]:
        for number, frame in enumerate(frames):
            if number == 3:
                act()
            yield frame

    monkeypatch.setattr(synth_film, "track", halfway)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("other", ["replaced", "removed"])
def test_a_film_of_a_target_that_is_replaced_or_removed_meanwhile(
    moment: str, other: str, carried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, goal = tmp_path / "home", tmp_path / "films" / "ana.mp4"
    sound = write_media(tmp_path / "said.wav", [], sound=voice(LENGTH_S), sound_codec="pcm_s16le")
    goal.parent.mkdir()
    import_target(carried, as_id="ana", home=home)
    acts: dict[str, Callable[[], object]] = {
        "replaced": lambda: import_target(carried, as_id="ana", home=home, replace_old=True),
        "removed": lambda: remove_targets(["ana"], home=home),
    }
    interfere(monkeypatch, moment, acts[other])
    late = moment in ("amid painting", "before it is noted")
    if late:
        made = synthesize(sound, "ana", goal, home=home, device="cpu")
        assert len(list(read_frames(goal))) == made.frames
        assert [path.name for path in goal.parent.iterdir()] == ["ana.mp4"]
    else:
        with pytest.raises(InputError, match="changed by another command meanwhile"):
            synthesize(sound, "ana", goal, home=home, device="cpu")
        assert not list(goal.parent.iterdir()), "nothing of a film that is not made"
    left = [path.name for path in (home / "targets").iterdir()]
    assert left == (["ana"] if other == "replaced" else [])
    if other == "replaced":
        find_target(Home.find(home), "ana")


def _import_as(carried: str, home: str, told: Any) -> None:
    try:
        import_target(carried, as_id="ana", home=home, replace_old=True)
        told.put("made")
    except InputError as error:
        told.put(error.received)


@pytest.mark.parametrize("first", ["replaced", "removed"])
def test_two_that_change_one_target(first: str, carried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one replaces or removes a person, another that wants to is told in one line, and changes nothing."""
    home = tmp_path / "home"
    import_target(carried, as_id="ana", home=home)
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()

    def beside(own: Callable[..., object]) -> Callable[..., object]:
        def first(*given: object) -> object:
            other = context.Process(target=_import_as, args=(str(carried), str(home), told))
            other.start()
            other.join()
            return own(*given)

        return first

    if first == "removed":
        monkeypatch.setattr(removing, "discard", beside(removing.discard))
        remove_targets(["ana"], home=home)
        assert not [one for one in list_targets(Home.find(home)) if not one.built_in]
    else:
        monkeypatch.setattr(target_home, "_put", beside(target_home._put))
        import_target(carried, as_id="ana", home=home, replace_old=True)
        find_target(Home.find(home), "ana")
    assert told.get(timeout=60) == "another command is working on 'ana'"
    assert [path.name for path in (home / "targets").iterdir()] == (["ana"] if first == "replaced" else [])
