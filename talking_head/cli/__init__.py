"""The command line `talking-head`. Each verb imports what it needs when it runs, so that `--help` is instant."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from foundation.parallel import QUIET_THREADS
from foundation.progress import details
from talking_head.cli import (
    assets,
    batching,
    data,
    demo,
    doctor,
    dubbing,
    emotions,
    exporting,
    forgetting,
    importing,
    judging,
    live,
    making,
    saying,
    studio,
    targets,
    training,
)
from talking_head.cli.common import NO_MEMORY_LEFT, UsageError, memory_is_full

EPILOG = (
    "First make a target from a video or a photo of one person (`enroll`), then let it speak (`synth`). "
    "Any command can be stopped at any time: the same command then resumes where it can."
)


class _Program(TyperGroup):
    """Tells mistakes in a command's words as all others are told: in one line, without a box."""

    def main(self, *args: Any, **options: Any) -> Any:
        if not options.get("standalone_mode", True):
            return super().main(*args, **options)
        try:
            code = super().main(*args, **options | {"standalone_mode": False})
        except UsageError as error:
            sys.exit(_told(error))
        except typer.Abort:
            sys.exit(1)
        sys.exit(code or 0)


def _told(error: Any) -> int:
    """Tell a mistake; returns the exit code. There is none to tell where the help was shown for want of any word."""
    message = " ".join(error.format_message().split()).rstrip(".?").replace(". Did", "; did")
    if type(error).__name__ != "NoArgsIsHelpError":
        command = error.ctx.command_path if error.ctx else "talking-head"
        print(f"error: {message[:1].lower()}{message[1:]}; see {command} --help", file=sys.stderr)
    return int(error.exit_code)


app = typer.Typer(
    cls=_Program, name="talking-head", no_args_is_help=True, rich_markup_mode="markdown",
    pretty_exceptions_enable=False, add_completion=False, epilog=EPILOG, help="Speech in, a talking person out.",
)
VERBS = (
    demo.demo, making.enroll, making.synth, saying.say, batching.batch, dubbing.dub, exporting.export,
    importing.transfer, live.live, making.track, judging.evaluate, judging.compare, judging.verify, forgetting.forget,
    training.train, studio.studio, doctor.doctor,
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(targets.app, name="targets")
app.add_typer(emotions.app, name="emotions")
app.add_typer(assets.app, name="assets")
app.add_typer(importing.app, name="import")
app.add_typer(data.app, name="data")


def _show_version(wanted: bool) -> None:
    if wanted:
        from talking_head import __version__

        print(f"talking-head {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what is for experts too: losses while something is learned.")
    ] = False,
) -> None:
    details(verbose)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {record.getMessage()}"


def _stop(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # unwinds, so that temporary files go


def main() -> None:
    """Entry point: exit code 0 done, 2 a mistake of the user's told in one line, 130 stopped, 1 a mistake of ours."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name that the terminal cannot show does not stop a command
        sys.stdout.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # mediapipe's: that its cache's folder is a temporary one
    signal.signal(signal.SIGTERM, _stop)
    for variable, value in QUIET_THREADS.items():
        os.environ.setdefault(variable, value)
    try:
        app(prog_name="talking-head")
    except Exception as error:  # before a verb is at work, as its words are read
        if not memory_is_full(error):
            raise
        print(NO_MEMORY_LEFT, file=sys.stderr)
        sys.exit(2)
