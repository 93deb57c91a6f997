"""`talking-head evaluate`, `compare` and `verify`: how good videos are, and what one of ours says of itself."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foundation.errors import InputError
from foundation.places import writable
from talking_head.cli.common import HomeOption, JsonOption, OfflineOption, Outcome, verb
from talking_head.provenance.signing import CERTIFICATE_VARIABLE

if TYPE_CHECKING:
    from evaluation.report import Evaluation

PageOption = Annotated[Path | None, typer.Option("--html", help="Write a page for people.", show_default=False)]
NumbersOption = Annotated[
    Path | None, typer.Option("-o", "--output", help="The .json of all numbers to write.", show_default=False)
]
SyncOption = Annotated[
    bool,
    typer.Option("--sync-fix/--no-sync-fix", help="Judge films whose sound is late or early in step, or as they are."),
]
_ANY = "A video, or a folder of videos."


def _check_places(html: Path | None, numbers: Path | None) -> None:
    """Find out before measuring whether results can be written there.

    Raises:
        InputError: a folder, or a place that cannot be written.
    """
    for option, place in (("--html", html), ("-o", numbers)):
        if place is None:
            continue
        if place.is_dir():
            raise InputError(f"output '{place}' is a folder", "a file name", "give another name")
        writable(place.absolute().parent, option)


def _told(summary: str, data: dict[str, Any], numbers: Path | None) -> Outcome:
    """The outcome, with the numbers in the file that was asked for."""
    if numbers is not None:
        from foundation.files import write_json

        write_json(numbers, data)
        summary += f"; numbers in {numbers}"
    return Outcome(summary, data)


@verb
def evaluate(
    generated: Annotated[Path, typer.Argument(metavar="GENERATED", help=_ANY, show_default=False)],
    reference: Annotated[
        Path | None, typer.Option(help="The real video of the same speech, or a folder of them.", show_default=False)
    ] = None,
    driving: Annotated[
        Path | None, typer.Option(help="The motion that was to be shown: a track, or a video.", show_default=False)
    ] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Plant faults in GENERATED, a real video: which metrics notice?")
    ] = False,
    phones: Annotated[
        Path | None, typer.Option(help="TextGrid of when which phone sounds, for closed lips.", show_default=False)
    ] = None,
    sync_fix: SyncOption = True,
    html: PageOption = None,
    numbers: NumbersOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> Outcome:
    """Measure a talking-head video: lips, blinks, head, picture, against the real one where there is one."""
    _check_places(html, numbers)
    if self_test:
        from evaluation.self_test import self_test as run

        tested = run(generated)
        failed = {name: tested.failures(name) for name in tested.answers if tested.failures(name)}
        if not as_json:
            print(tested.table())
        data: dict[str, Any] = {"answers": tested.answers, "not_told": failed, "offset_s": tested.sound_offset_s}
        return _told(f"{len(tested.answers)} metrics asked, {len(failed)} miss a fault", data, numbers)
    if generated.is_dir():
        return _folder(generated, reference, sync_fix, numbers, as_json)
    from evaluation.html import write_evaluation
    from evaluation.loading import read_phones
    from evaluation.metrics.theval import REASON_BELOW
    from evaluation.report import evaluate_pair, load_pair

    pair = load_pair(
        generated, reference, driving, read_phones(phones) if phones is not None else (), fix_sync=sync_fix
    )
    result = evaluate_pair(pair)
    if html is not None:
        write_evaluation(html, result, pair)
    if not as_json:
        _tell_sounds([result])
        for score in result.scores:
            aim = f"   (the real one: {score.truth:.4g})" if score.truth == score.truth else ""
            print(f"{score.title:44} {score.value:10.4g} {score.unit}{aim}")
        for name, why in result.reasons.items():
            print(f"THEval {name} under {REASON_BELOW:g}: {why}")
    page = f"; page in {html}" if html is not None else ""
    summary = f"{generated}: {len(result.scores)} measures over {result.frames} frames{page}"
    return _told(summary, result.to_json(), numbers)


def _tell_sounds(results: Iterable[Evaluation]) -> None:
    """A line about the sound of each film."""
    for line in {sound.told(name): None for result in results for name, sound in result.sounds.items()}:
        print(line)


def _folder(
    generated: Path, reference: Path | None, sync_fix: bool, numbers: Path | None, as_json: bool
) -> Outcome:
    from evaluation.report import average, evaluate_folder

    if reference is None:
        raise InputError(f"{generated} is a folder", "a folder of real videos beside it", "give --reference FOLDER")
    results = evaluate_folder(generated, reference, fix_sync=sync_fix)
    means = average(results)
    if not as_json:
        _tell_sounds(results.values())
        for name, value in means.items():
            print(f"{name:44} {value:10.4g}")
    data = {"mean": means, "videos": {name: result.to_json() for name, result in results.items()}}
    return _told(f"{len(results)} videos of {generated}", data, numbers)


@verb
def compare(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="One of each system.", show_default=False)],
    reference: Annotated[Path, typer.Option(help="The real video of the same speech.", show_default=False)],
    sync_fix: SyncOption = True,
    html: PageOption = None,
    numbers: NumbersOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> Outcome:
    """Measure several systems against one real video, side by side."""
    _check_places(html, numbers)
    from rich.console import Console
    from rich.table import Table

    from evaluation.html import write_comparison
    from evaluation.report import evaluate_pair, load_systems
    from foundation.progress import track

    pairs = load_systems(videos, reference, fix_sync=sync_fix)
    results = {name: evaluate_pair(pair) for name, pair in track(pairs.items(), "Measuring", len(pairs))}
    if html is not None:
        write_comparison(html, results, pairs)
    if not as_json:
        _tell_sounds(results.values())
        table = Table("measure", *results)
        titles = {score.name: (score.title, score.unit) for result in results.values() for score in result.scores}
        for name, (title, unit) in titles.items():
            values = (result.value(name) for result in results.values())
            cells = (f"{value:.4g}" if math.isfinite(value) else "-" for value in values)
            table.add_row(f"{title}, {unit}" if unit else title, *cells)
        Console().print(table)
    page = f"; page in {html}" if html is not None else ""
    data = {name: result.to_json() for name, result in results.items()}
    return _told(f"{len(results)} systems, the truth among them{page}", data, numbers)


@verb
def verify(
    film: Annotated[
        Path, typer.Argument(metavar="FILE", help="A film of talking-head, or what came of one.", show_default=False)
    ],
    certificate: Annotated[
        Path | None,
        typer.Option(envvar=CERTIFICATE_VARIABLE, help="The authority to trust, in PEM.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Read back what a film of ours says of itself; fail when it says nothing or was changed. Works offline.

    Of a film without its manifest (re-encoded, scaled, cropped) and of a picture: whether it bears our invisible mark.
    """
    from talking_head.provenance.claims import verify as run

    found = run(film, certificate=certificate, home=home)
    if not as_json:
        for name, value in found.rows().items():
            print(f"{name:26} {value}")
    return Outcome(found.told(), found.to_json())
