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
    """Train a general motion model on many clips, as a configuration says. The same command resumes."""
    from talking_head.training import train as run

    result = run(config)
    return Outcome(f"weights in {result.weights}", {"weights": str(result.weights), "steps": result.steps})
