"""The demo: the built-in target says the shipped text."""

from __future__ import annotations

from pathlib import Path

from foundation.shipped import shipped
from talking_head.synth.film import Synthesis, synthesize

TARGET, SPEECH = "astronaut", "astronaut/speech.flac"


def demo(
    output: Path | str = "demo.mp4", *, label: bool = True, device: str = "auto", force: bool = False
) -> Synthesis:
    """Make an mp4 of the built-in target introducing the project; nothing is downloaded.

    Args:
        output: the mp4 to write.
        label: whether a small visible line says that it is generated.
        device: `auto`, `cpu` or `cuda`.
        force: whether a file of that name may be replaced.

    Raises:
        InputError: as `synthesize`, or an installation that lacks the built-in target.
    """
    return synthesize(shipped(SPEECH), TARGET, output, label=label, device=device, force=force)
