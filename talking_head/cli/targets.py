"""`talking-head targets`: who can speak here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foundation.errors import InputError
from talking_head.cli.common import ForceOption, HomeOption, JsonOption, Outcome, readable_size, verb
from talking_head.target.home import Home

if TYPE_CHECKING:
    from talking_head.target.carrying import CarriedTarget

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="List, show, carry and remove targets.")
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The target's id.", show_default=False)]


@app.command("list")
@verb
def list_(home: HomeOption = None, as_json: JsonOption = False) -> Outcome:
    """List every target: the built-in ones and your own."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from talking_head.target.card import list_targets

    place = Home.find(home)
    found = list_targets(place)
    if found and not as_json:
        table = Table("id", "size", "fps", "enrolled", "consent", "on disk")
        for target in found:
            card = target.card
            enrolled = "built in" if target.built_in else card.consent.date
            size = readable_size(target.size_bytes())
            table.add_row(card.id, str(card.size_px), f"{card.fps:.5g}", enrolled, escape(card.consent.statement), size)
        Console().print(table)
    data = {"home": str(place.path), "targets": [t.describe() for t in found] if as_json else []}
    return Outcome(f"{len(found)} target{'s' * (len(found) != 1)}; your own live in {place.targets}", data)


@app.command()
@verb
def show(target_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False) -> Outcome:
    """Show all that is known of a target: origin, consent, quality, versions, files."""
    from talking_head.target.card import find_target

    content = find_target(Home.find(home), target_id).describe()
    if not as_json:
        for line in _lines({k: v for k, v in content.items() if k != "motion_statistics"}):
            print(line)
    return Outcome(f"target '{target_id}' in {content['folder']}", content)


def _lines(content: dict[str, Any], indent: str = "") -> Iterator[str]:
    """One line a value, the names in a column; what is nested stands below its name."""
    width = max(map(len, content), default=0)
    for name, value in content.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{name}"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{name:{width}}  {'-' if value in ({}, None, '') else value}"


@app.command()
@verb
def remove(
    target_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Whom to forget.", show_default=False)
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Forget all of your own targets.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Delete all that is kept of people: targets, unfinished work, imports, and cached tracks of faces.

    What is kept where: docs/storage.md.
    """
    from talking_head.target.removing import remove_all, remove_targets

    ids = target_ids or []
    if everybody == bool(ids):
        given = f"--all and {ids[0]}" if ids else "nothing to remove"
        raise InputError(given, "ids, or --all", "see talking-head targets list")
    removed = remove_all(home) if everybody else remove_targets(ids, home)
    whose = ", ".join(removed.ids) or "nobody"
    summary = f"removed all that was kept of {whose}: {len(removed.paths)} files and folders"
    data = {"ids": list(removed.ids), "removed": [str(path) for path in removed.paths], "bytes": removed.bytes}
    return Outcome(f"{summary}, {readable_size(removed.bytes)}", data)


@app.command("export")
@verb
def export_(
    target_id: IdArgument,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The file to write; ID.person when left out.", show_default=False),
    ] = None,
    force: ForceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Write a target into one file, with its consent, for another machine."""
    from talking_head.target.carrying import SUFFIX, export_target

    made = export_target(target_id, output or Path(f"{target_id}{SUFFIX}"), home=home, force=force)
    return Outcome(f"{made.path}: target '{made.target}', {readable_size(made.bytes)}", _told(made))


@app.command("import")
@verb
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `targets export` wrote.", show_default=False)],
    as_id: Annotated[str | None, typer.Option("--as", help="Another id.", show_default=False)] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a target of that id.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Take over a target from such a file, which is checked; its consent comes with it."""
    from talking_head.target.carrying import import_target

    made = import_target(file, as_id=as_id, home=home, replace_old=replace)
    return Outcome(f"target '{made.target}' is here; consent: {made.consent}", _told(made))


def _told(made: CarriedTarget) -> dict[str, Any]:
    return asdict(made) | {"path": str(made.path)}
