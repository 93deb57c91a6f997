"""`talking-head demo`: the first thing to try."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from talking_head.cli.common import ForceOption, HomeOption, JsonOption, LabelOption, Outcome, loading, verb


@verb
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="The mp4 to write.")] = Path("demo.mp4"),
    label: LabelOption = True,
    force: ForceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Let the built-in astronaut introduce this program: needs no file, no network and no training."""
    from dataclasses import asdict

    with loading():
        from talking_head.synth.demo import demo as run

    result = run(output, label=label, force=force)
    size = f"{result.width_px}x{result.height_px}"
    summary = f"{result.output}: {result.duration_s:.1f} s, {result.frames} frames of {size}"
    summary += "; now: talking-head synth AUDIO --target astronaut -o OUT.mp4"
    return Outcome(summary, asdict(result) | {"output": str(result.output)})
