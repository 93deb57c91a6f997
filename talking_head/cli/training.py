"""`talking-head train`: general training from a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from talking_head.cli.common import JsonOption, Outcome, verb


@verb
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of one that ships.")],
    as_json: JsonOption = False,
) -> Outcome:
    """Train a general motion model on a folder of videos, as a configuration says. The same command resumes."""
    from talking_head.training import train as run

    result = run(config)
    learned = f"learned from {result.clips} clips of {result.speakers} speakers"
    data = {"weights": str(result.weights), "clips": result.clips, "speakers": result.speakers}
    return Outcome(f"{result.weights}: {learned}", data)
