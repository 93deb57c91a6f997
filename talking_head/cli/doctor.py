"""`talking-head doctor`: what works on this machine, what is missing, and the one command that mends each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foundation.errors import InputError
from foundation.progress import say
from talking_head.cli.common import HomeOption, JsonOption, OfflineOption, Outcome, readable_duration, verb
from talking_head.target.home import Home

if TYPE_CHECKING:
    from talking_head.doctor.proofs import Proof

PLACES = "With --deep: files and folders of parts that you brought (BFM, FLAME, OpenFace, DeepSpeech, ...)."
FETCH = "First get all that can be got: the landmark model (4 MB), then what `assets list` tells of (405 MB)."
DEEP = "Read those parts, and those found, and prove each by figures."


@verb
def doctor(
    places: Annotated[list[Path] | None, typer.Argument(metavar="[FILE_OR_FOLDER]...", help=PLACES)] = None,
    deep: Annotated[bool, typer.Option("--deep", help=DEEP)] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help=FETCH)] = False,
    offline: OfflineOption = False, home: HomeOption = None, as_json: JsonOption = False,
) -> Outcome:
    """Say what works on this machine, what is missing, and the one command that mends each."""
    if fetch:
        from talking_head.assets.fetching import fetch_all

        for problem in fetch_all():
            say(f"not fetched: {problem}")
    if deep:
        return _deep(places or [], as_json)
    if places:
        raise InputError(f"{places[0]} without --deep", "a file to prove, and --deep", "add --deep")
    from rich.console import Console
    from rich.markup import escape

    from talking_head.doctor.machine import State, examine

    checks = examine(_found(home))
    if not as_json:
        console = Console(soft_wrap=True, highlight=False)
        colours = {State.WORKS: "green", State.MISSING: "bold red", State.OPTIONAL: "dim"}
        for check in checks:
            mend = f"  ->  {check.remedy}" if check.remedy else ""
            colour = colours[check.state]
            console.print(f"[{colour}]{check.state.value:8}[/]  {check.name}: {escape(check.found + mend)}")
    broken = [check.name for check in checks if check.state is State.MISSING]
    verdict = f"missing: {', '.join(broken)}" if broken else "everything needed is here"
    data = {"ok": not broken, "checks": [{**asdict(check), "state": check.state.value} for check in checks]}
    return Outcome(verdict, data, code=1 if broken else 0)


def _found(home: Path | None) -> Home | None:
    with suppress(InputError):
        return Home.find(home)
    return None


def _deep(places: list[Path], as_json: bool) -> Outcome:
    """The parts that the user brought, each proved by figures."""
    from talking_head.doctor.proofs import State, prove

    proofs = prove(places)
    if not as_json:
        _show(proofs)
    broken = [proof.title for proof in proofs if proof.state is State.FAILS]
    works = sum(proof.state is State.WORKS for proof in proofs)
    verdict = f"{works} work, {len(proofs) - works - len(broken)} not here"
    verdict = f"{verdict}, fails: {', '.join(broken)}" if broken else verdict
    data = {"ok": not broken, "proofs": [proof.to_json() for proof in proofs]}
    return Outcome(verdict, data, code=1 if broken else 0)


def _show(proofs: list[Proof]) -> None:
    from rich.console import Console
    from rich.markup import escape

    from talking_head.doctor.proofs import State

    console = Console(soft_wrap=True, highlight=False)
    colours = {State.WORKS: "green", State.FAILS: "bold red", State.NOT_HERE: "dim"}
    for proof in proofs:
        words = [proof.place, proof.problem] if proof.place else [proof.problem]
        told = ": ".join(word for word in words if word)
        took = f" ({readable_duration(proof.seconds)})" if proof.place else ""
        mend = f"  ->  {proof.remedy}" if proof.remedy else ""
        line = f"{proof.title}{took}: {told}{mend}" if told else f"{proof.title}{took}{mend}"
        console.print(f"[{colours[proof.state]}]{proof.state.value:8}[/]  {escape(line)}")
        for figure in proof.figures:
            mark = "[green]ok[/] " if figure.right else "[bold red]no[/] "
            console.print(f"            {mark} {escape(str(figure))}")
