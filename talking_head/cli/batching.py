"""`talking-head batch`: many films from a list."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from talking_head.cli import common, making
from talking_head.cli.common import Outcome, loading, verb
from talking_head.cli.data import RayOption

WorkersOption = Annotated[
    int, typer.Option(min=1, help="Processes; each loads a target once, and uses a core. One uses all cores by itself.")
]


@verb
def batch(
    jobs: Annotated[
        Path,
        typer.Argument(
            metavar="JOBS.csv|JOBS.jsonl", show_default=False,
            help="A film a line: audio or text, target, output, and options of synth and say by their names.",
        ),
    ],
    output: common.FolderOption,
    workers: WorkersOption = 1,
    ray: RayOption = "",
    device: common.DeviceOption = making.DEFAULTS.device,
    certificate: making.CertificateOption = None,
    key: making.KeyOption = None,
    home: common.HomeOption = None,
    as_json: common.JsonOption = False,
) -> Outcome:
    """Make many films from a list, with a line of outcome for each.

    The same command goes on where it was, tries again what failed, and makes again what changed in the list.
    """
    with loading():
        from talking_head.batches.films import batch as run
        from talking_head.datasets.workers import Place

    made = run(
        jobs, output, Place(workers, ray), device=device, certificate=certificate, key=key, home=home,
        told=(lambda line: None) if as_json else print,
    )
    told = f"{made.folder}: {len(made.made)} films made, {made.present} were there, {len(made.failed)} failed"
    if made.failed and not as_json:
        print("\n".join(f"failed: {name}: {reason}" for name, reason in made.failed.items()))
    data = {
        "folder": str(made.folder), "made": [asdict(film) for film in made.made.values()], "failed": made.failed,
        "present": made.present,
    }
    return Outcome(told, data, 2 if made.failed else 0)
