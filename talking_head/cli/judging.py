"""`talking-head evaluate`, `compare` and `verify`: how good videos are, and what one of ours says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from foundation.errors import InputError
from talking_head.cli.common import HomeOption, JsonOption, Outcome, verb
from talking_head.identity import CERTIFICATE_VARIABLE

PageOption = Annotated[Path | None, typer.Option("--html", help="Write a page for people.", show_default=False)]
_ANY = "A video, or a folder of videos."


@verb
def evaluate(
    generated: Annotated[Path, typer.Argument(metavar="GENERATED", help=_ANY, show_default=False)],
    reference: Annotated[
        Path | None, typer.Option(help="The real video of the same speech, or a folder of them.", show_default=False)
    ] = None,
    driving: Annotated[
        Path | None, typer.Option(help="The motion that was to be shown: a track, or a video.", show_default=False)
    ] = None,
    self_test: Annotated[bool, typer.Option("--self-test", help="Plant faults in GENERATED, a real video.")] = False,
    html: PageOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Measure a talking-head video: lips, blinks, head, picture, against the real one where there is one."""
    if self_test:
        from evaluation.self_test import self_test as run

        tested = run(generated)
        failed = {name: tested.failures(name) for name in tested.answers if tested.failures(name)}
        if not as_json:
            print(tested.table())
        data: dict[str, Any] = {"answers": tested.answers, "not_told": failed, "offset_s": tested.sound_offset_s}
        return Outcome(f"{len(tested.answers)} metrics asked, {len(failed)} miss a fault", data)
    if generated.is_dir():
        return _folder(generated, reference, as_json)
    from evaluation.html import write_evaluation
    from evaluation.report import evaluate_pair, load_pair

    pair = load_pair(generated, reference, driving)
    result = evaluate_pair(pair)
    if html is not None:
        write_evaluation(html, result, pair)
    if not as_json:
        for score in result.scores:
            aim = f"   (the real one: {score.truth:.4g})" if score.truth == score.truth else ""
            print(f"{score.title:44} {score.value:10.4g} {score.unit}{aim}")
    page = f"; page in {html}" if html is not None else ""
    return Outcome(f"{generated}: {len(result.scores)} measures over {result.frames} frames{page}", result.to_json())


def _folder(generated: Path, reference: Path | None, as_json: bool) -> Outcome:
    from evaluation.report import average, evaluate_folder

    if reference is None:
        raise InputError(f"{generated} is a folder", "a folder of real videos beside it", "give --reference FOLDER")
    results = evaluate_folder(generated, reference)
    means = average(results)
    if not as_json:
        for name, value in means.items():
            print(f"{name:44} {value:10.4g}")
    data = {"mean": means, "videos": {name: result.to_json() for name, result in results.items()}}
    return Outcome(f"{len(results)} videos of {generated}", data)


@verb
def compare(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="One of each system.", show_default=False)],
    reference: Annotated[Path, typer.Option(help="The real video of the same speech.", show_default=False)],
    html: PageOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Measure several systems against one real video, side by side."""
    from rich.console import Console
    from rich.table import Table

    from evaluation.html import write_comparison
    from evaluation.report import compare as run

    results = run(videos, reference)
    if html is not None:
        write_comparison(html, results, {})
    if not as_json:
        table = Table("measure", *results)
        names = dict.fromkeys(score.name for result in results.values() for score in result.scores)
        for name in names:
            table.add_row(name, *(f"{result.value(name):.4g}" for result in results.values()))
        Console().print(table)
    page = f"; page in {html}" if html is not None else ""
    data = {name: result.to_json() for name, result in results.items()}
    return Outcome(f"{len(results)} systems, the truth among them{page}", data)


@verb
def verify(
    film: Annotated[Path, typer.Argument(metavar="FILE", help="An mp4 made by talking-head.", show_default=False)],
    certificate: Annotated[
        Path | None,
        typer.Option(envvar=CERTIFICATE_VARIABLE, help="The authority to trust, in PEM.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Read back what a film of ours says of itself; fail when it says nothing or was changed. Works offline."""
    from talking_head.provenance import verify as run

    found = run(film, certificate=certificate, home=home)
    if not as_json:
        for name, value in found.rows().items():
            print(f"{name:26} {value}")
    return Outcome(f"{film}: synthetic, and unchanged since it was made", found.to_json())
