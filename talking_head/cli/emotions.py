"""`talking-head emotions`: moods that the Karras 2017 motion model learned, looked at and named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foundation.errors import InputError
from talking_head.cli.common import HomeOption, JsonOption, Outcome, verb

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Find, look at and name a target's emotions.")
TargetArgument = Annotated[str, typer.Argument(metavar="TARGET", help="The target's id.", show_default=False)]


@app.command()
@verb
def mine(
    target: TargetArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path("emotions.html"),
    count: Annotated[int, typer.Option(help="How many to look for.")] = 8,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Look for emotions in what a target's Karras 2017 learned, and show them as faces."""
    from dataclasses import asdict

    from talking_head.motion.emotions import mine_emotions

    mined = mine_emotions(target, output, count=count, home=home)
    found = [{k: v for k, v in asdict(one).items() if k != "vector"} for one in mined.candidates]
    summary = f"{len(found)} emotions in {mined.page}; now: talking-head emotions keep {target} 1=NAME 2=NAME"
    return Outcome(summary, {"page": str(mined.page), "candidates": found, "kept": list(mined.kept)})


@app.command("list")
@verb
def list_(target: TargetArgument, home: HomeOption = None, as_json: JsonOption = False) -> Outcome:
    """Name the emotions that a target can be asked for: those kept, and those that everybody has."""
    from talking_head.motion.emotions import list_emotions

    known = list_emotions(target, home=home)
    far = ", ".join(f"{name} ({away_mm:.1f} mm)" for name, away_mm in known.karras2017.items()) or "none"
    summary = f"--motion karras2017: {far}\n--motion emote: {', '.join(known.emote)}"
    return Outcome(summary, {"target": target, "karras2017": known.karras2017, "emote": list(known.emote)})


@app.command()
@verb
def keep(
    target: TargetArgument,
    names: Annotated[
        list[str], typer.Argument(metavar="INDEX=NAME...", help="Numbers of the page, named.", show_default=False)
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Name emotions that `mine` showed; `synth --motion karras2017 --emotion NAME:0.7` then knows them."""
    from talking_head.motion.emotions import keep_emotions

    known = keep_emotions(target, dict(_named(text) for text in names), home=home)
    summary = f"target '{target}' knows {', '.join(known)}"
    return Outcome(summary, {"target": target, "emotions": list(known)})


def _named(text: str) -> tuple[int, str]:
    """Number and name of `1=amused`."""
    index, _, name = text.partition("=")
    if not index.isdecimal() or not name:
        raise InputError(f"'{text}'", "INDEX=NAME, such as 1=amused")
    return int(index), name
