"""`talking-head train`: general training from a configuration."""

from __future__ import annotations

import os
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

import configs
from talking_head.cli.common import JsonOption, Outcome, verb


@verb
def train(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help=f"A YAML file, or one that ships: {', '.join(configs.names())}."),
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Videos, or what `data prepare` made; else the configuration's.", show_default=False),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Weights to go on from: a file, or a run's folder.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Train a general motion model on a folder of videos, as a configuration says. The same command resumes.

    On several cards or machines: `torchrun --nproc-per-node 8 -m talking_head train CONFIG --data PREPARED`.
    """
    from talking_head.datasets.general_training import train as run

    result = run(config, data, start)
    if int(os.environ.get("RANK", "0")):
        raise typer.Exit  # the first of torchrun's processes tells
    learned = f"learned from {result.clips} clips of {result.speakers} speakers"
    told: dict[str, Any] = {"weights": str(result.weights), "clips": result.clips, "speakers": result.speakers}
    report = {
        what: {name: value if isfinite(value) else None for name, value in measures.items()}
        for what, measures in result.report.items()
    }
    told |= {"best": result.best and str(result.best), "page": result.page and str(result.page), "report": report}
    for what, measures in result.report.items():
        names = ("lip_gap", "lip_width", "lip_gap_amplitude", "closures", "pose_spread", "blinks")
        learned += f"; {what}: " + ", ".join(f"{n} {measures[n]:.2f}" for n in names if n in measures)
    learned += f"; page in {result.page}" if result.page else ""
    return Outcome(f"{result.weights}: {learned}", told)
