"""`talking-head assets`: public files that other commands can use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from talking_head.cli.common import HomeOption, JsonOption, Outcome, readable_size, verb

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Fetch public files that other commands can use."
)


@app.command("list")
@verb
def list_(home: HomeOption = None, as_json: JsonOption = False) -> Outcome:
    """List what can be fetched, under which licence, and what is here."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from talking_head.assets import assets

    known = [(asset, asset.found()) for asset in assets()]
    if not as_json:
        table = Table("name", "what", "licence", "size", "here")
        for asset, folder in known:
            size = readable_size(asset.bytes)
            table.add_row(asset.name, asset.title, escape(asset.licence), size, str(folder) if folder else "no")
        Console().print(table)
    data = [
        {"name": asset.name, "bytes": asset.bytes, "licence": asset.licence, "commit": asset.commit,
         "source": asset.source, "folder": str(folder) if folder else None}
        for asset, folder in known
    ]  # fmt: skip
    here = sum(folder is not None for _, folder in known)
    return Outcome(f"{here} of {len(known)} here; fetch with: talking-head assets get NAME", {"assets": data})


@app.command()
@verb
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See `assets list`.", show_default=False)],
    to: Annotated[
        Path | None, typer.Option("--to", help="A folder for it instead of the usual one.", show_default=False)
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--from", metavar="ADDRESS", help="A copy of its files to fetch from.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Fetch an asset: a pinned version, every file checked. Stopped at any moment, the same command goes on."""
    from talking_head.assets import asset
    from talking_head.assets.fetching import fetch

    wanted = asset(name)
    result = fetch(wanted, to, address)
    summary = f"{wanted.name} is in {result.folder}: {result.fetched} files fetched, {result.kept} were there"
    data = {"folder": str(result.folder), "fetched": result.fetched, "kept": result.kept, "commit": wanted.commit}
    return Outcome(f"{summary}; {wanted.licence}", data)
