"""`talking-head data`: from published lists and folders of clips to data to train from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from talking_head.cli.common import JsonOption, OfflineOption, Outcome, verb

app = typer.Typer(no_args_is_help=True, help="Prepare many people's clips for general training.")
WorkersOption = Annotated[
    int | None, typer.Option(help="Processes; one for each core when left out.", show_default=False)
]
RayOption = Annotated[
    str,
    typer.Option(
        "--ray", metavar="ADDRESS", show_default=False,
        help="Work on a Ray cluster instead: auto, HOST:6379, ray://HOST:10001, or local. Its machines must see the "
        "same folders.",
    ),
]  # fmt: skip
OutputOption = Annotated[Path, typer.Option("-o", "--output", help="The folder to write.", show_default=False)]


def _tell(lines: dict[str, str]) -> None:
    for name, reason in lines.items():
        print(f"skipped: {name}: {' '.join(reason.split())}", file=sys.stderr)


@app.command()
@verb
def hdtf(
    lists: Annotated[Path, typer.Option(help="The folder HDTF_dataset with the lists.", show_default=False)],
    videos: Annotated[Path, typer.Option(help="The folder of downloaded videos.", show_default=False)],
    output: OutputOption,
    size: Annotated[int, typer.Option(help="Side of the clips in pixels.")] = 512,
    workers: WorkersOption = None,
    ray: RayOption = "",
    as_json: JsonOption = False,
) -> Outcome:
    """Cut and crop the clips of HDTF from downloaded videos, as its lists say.

    What is missing is skipped, with a line each. The same command goes on where it was. Then: `data prepare`.
    """
    from talking_head.datasets.hdtf import cut_hdtf
    from talking_head.datasets.workers import Place, usable_cores

    made = cut_hdtf(lists, videos, output, size, Place(usable_cores() if workers is None else workers, ray))
    for line in made.skipped:
        print(f"skipped: {' '.join(line.split())}", file=sys.stderr)
    summary = f"{made.folder}: {made.made} clips cut, {made.present} were there, {len(made.skipped)} skipped"
    data = {"folder": str(made.folder), "made": made.made, "present": made.present, "skipped": list(made.skipped)}
    return Outcome(summary, data)


@app.command()
@verb
def prepare(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", show_default=False, help="Videos of one person each; a sub-folder is a speaker."
        ),
    ],
    output: OutputOption,
    speech: Annotated[str, typer.Option(help="Speech encoder; the default model's when left out.")] = "",
    confidence: Annotated[
        float | None,
        typer.Option(
            "--min-confidence", show_default=False,
            help="How sure it must be that lips and sound go together, 0 to 1. Short clips seldom reach the default.",
        ),
    ] = None,
    face: Annotated[
        float | None, typer.Option("--min-face", help="The smallest face, in pixels.", show_default=False)
    ] = None,
    workers: WorkersOption = None,
    ray: RayOption = "",
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> Outcome:
    """Measure, judge, split and pack a folder of clips, for `train`.

    The result has a manifest that tells of each clip why it is used or not. The same command goes on where it was, and
    after a change does again only what the change touches.
    """
    from dataclasses import replace

    from talking_head.datasets.gate import Gate
    from talking_head.datasets.prepare import PrepareSettings, describe
    from talking_head.datasets.prepare import prepare as run
    from talking_head.datasets.workers import Place, usable_cores

    given = {"offset_confidence": confidence, "face_size_px": face}
    gate = replace(Gate(), **{name: value for name, value in given.items() if value is not None})
    place: Place = Place(usable_cores() if workers is None else workers, ray)
    made = run(folder, output, PrepareSettings(speech, gate), place)
    _tell(made.left_out | made.failed)
    parts = ", ".join(f"{count} {part}" for part, count in made.parts["speaker"].items())
    summary = (
        f"{made.manifest}: {made.used} clips of {made.speakers} speakers, {made.frames} frames ({parts} by speaker); "
        f"{len(made.left_out)} left out, {len(made.failed)} failed"
    )
    return Outcome(summary, describe(made))
