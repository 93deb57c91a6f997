"""`talking-head data`: from published lists and folders of clips to data to train from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import configs
from talking_head.cli.common import FolderOption, JsonOption, OfflineOption, Outcome, verb

if TYPE_CHECKING:
    from talking_head.datasets.inspection import Inspection

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
ConfigOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE", show_default=False,
        help=f"A YAML file of settings, or one that ships: {', '.join(configs.names('prepare'))}. "
        "What stands beside it here wins.",
    ),
]  # fmt: skip


def _tell(lines: dict[str, str]) -> None:
    for name, reason in lines.items():
        print(f"skipped: {name}: {' '.join(reason.split())}", file=sys.stderr)


@app.command()
@verb
def hdtf(
    lists: Annotated[Path, typer.Option(help="The folder HDTF_dataset with the lists.", show_default=False)],
    videos: Annotated[Path, typer.Option(help="The folder of downloaded videos.", show_default=False)],
    output: FolderOption,
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
    output: FolderOption,
    speech: Annotated[
        list[str],
        typer.Option(
            show_default=False,
            help="Speech encoder; the default model's when left out. Again for more: one folder serves them all.",
        ),
    ] = [],  # noqa: B006 - typer wants a list
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
    config: ConfigOption = None,
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

    from talking_head.datasets.prepare import PrepareSettings, describe, read_prepare_settings
    from talking_head.datasets.prepare import prepare as run
    from talking_head.datasets.workers import Place, usable_cores

    given = {"offset_confidence": confidence, "face_size_px": face}
    said = PrepareSettings() if config is None else read_prepare_settings(config)
    gate = replace(said.gate, **{name: value for name, value in given.items() if value is not None})
    settings = replace(said, gate=gate, speech=tuple(speech) or said.speech)
    place: Place = Place(usable_cores() if workers is None else workers, ray)
    made = run(folder, output, settings, place)
    _tell(made.left_out | made.failed)
    parts = ", ".join(f"{count} {part}" for part, count in made.parts["speaker"].items())
    summary = (
        f"{made.manifest}: {made.used} clips of {made.speakers} speakers, {made.frames} frames ({parts} by speaker); "
        f"{len(made.left_out)} left out, {len(made.failed)} failed"
    )
    return Outcome(summary, describe(made))


@app.command("inspect")
@verb
def inspect_(
    folder: Annotated[Path, typer.Argument(metavar="PREPARED", show_default=False, help="What `prepare` made.")],
    as_json: JsonOption = False,
) -> Outcome:
    """Show splits, hours, speakers, and what was left out and why."""
    from dataclasses import asdict

    from talking_head.datasets.inspection import inspect

    found = inspect(folder)
    if not as_json:
        _show(found)
    whole = found.whole
    summary = (
        f"{folder}: {whole.clips} clips of {len(whole.speakers)} speakers, {whole.hours:.2f} h; "
        f"{len(found.rejects)} left out, {len(found.failed)} failed"
    )
    return Outcome(summary, asdict(found) | {"folder": str(folder), "used": asdict(whole)})


def _show(found: Inspection) -> None:
    from rich.console import Console
    from rich.table import Table

    from talking_head.datasets.inspection import MEASURED

    console = Console()
    table = Table("split by", "part", "clips", "minutes", "speakers")
    for kind, parts in found.splits.items():
        for part, inside in parts.items():
            names = ", ".join(f"{name} ({count})" for name, count in inside.speakers.items())
            table.add_row(kind, part, str(inside.clips), f"{60 * inside.hours:.1f}", f"{len(inside.speakers)}: {names}")
    console.print(table)
    quality = Table("used clips", "smallest", "median", "largest")
    for name, spread in found.quality.items():
        quality.add_row(MEASURED[name], *(f"{value:.3g}" for value in spread))
    console.print(quality)
    for speech, extractor in found.encoders.items():
        print(f"prepared for speech encoder {speech} ({extractor})")
    for what, lines in (("left out", found.rejects), ("failed", found.failed)):
        for name, reason in lines.items():
            print(f"{what}: {name}: {' '.join(reason.split())}")
