"""Speech in, a talking person out.

    import talking_head

    talking_head.enroll("ana.mp4", "ana", consent="I agree to be enrolled. Ana, 2026-01-01")
    talking_head.synthesize("speech.wav", "ana", "ana_speaks.mp4")

The same verbs as the command line `talking-head`. Names are imported on first use, so that this import stays quick.
"""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.report import compare, evaluate
    from foundation.errors import InputError
    from talking_head.animation.export import export
    from talking_head.batches.films import batch
    from talking_head.datasets.gate import Gate
    from talking_head.datasets.general_training import train
    from talking_head.datasets.prepare import PrepareSettings, prepare
    from talking_head.datasets.workers import Place
    from talking_head.dubbing.film import DubSettings, dub
    from talking_head.enrollment.from_video import enroll
    from talking_head.enrollment.tracking import track
    from talking_head.heads.transfer import Heads
    from talking_head.interop.transfer_files import transfer_file as transfer
    from talking_head.motion.speaking import Directions
    from talking_head.provenance.claims import verify
    from talking_head.synth.film import synthesize
    from talking_head.synth.framing import Framing
    from talking_head.synth.streaming import Speaker, TimedFrame
    from talking_head.synth.streaming import open_speaker as open
    from talking_head.target.card import Target, targets
    from talking_head.target.carrying import export_target, import_target
    from talking_head.target.removing import remove_all, remove_targets
    from talking_head.target.settings import EnrollSettings
    from talking_head.voices.film import say

UNKNOWN_VERSION = "0+unknown"


def _version() -> str:
    """The installed package's; in a checkout that is not installed, the one that it would be installed with; in a copy
    of the folders alone, `UNKNOWN_VERSION`.
    """
    with suppress(PackageNotFoundError):
        return version("talking-head")
    project = Path(__file__).resolve().parent.parent / "pyproject.toml"
    with suppress(OSError):  # there is none, or this is imported out of an archive
        # Another project's, which this package was copied into, tells nothing of us.
        if ours := re.search(r'^name = "talking-head"\nversion = "(.+)"$', project.read_text("utf-8"), re.MULTILINE):
            return ours.group(1)
    return UNKNOWN_VERSION


__version__ = _version()

_HOMES = {
    "Directions": "talking_head.motion.speaking",
    "DubSettings": "talking_head.dubbing.film",
    "EnrollSettings": "talking_head.target.settings",
    "Framing": "talking_head.synth.framing",
    "Gate": "talking_head.datasets.gate",
    "Heads": "talking_head.heads.transfer",
    "InputError": "foundation.errors",
    "Place": "talking_head.datasets.workers",
    "PrepareSettings": "talking_head.datasets.prepare",
    "Speaker": "talking_head.synth.streaming",
    "Target": "talking_head.target.card",
    "TimedFrame": "talking_head.synth.streaming",
    "batch": "talking_head.batches.films",
    "compare": "evaluation.report",
    "dub": "talking_head.dubbing.film",
    "enroll": "talking_head.enrollment.from_video",
    "evaluate": "evaluation.report",
    "export": "talking_head.animation.export",
    "export_target": "talking_head.target.carrying",
    "import_target": "talking_head.target.carrying",
    "live": "talking_head.animation.live",
    "open": "talking_head.synth.streaming:open_speaker",
    "prepare": "talking_head.datasets.prepare",
    "remove_all": "talking_head.target.removing",
    "remove_targets": "talking_head.target.removing",
    "say": "talking_head.voices.film",
    "synthesize": "talking_head.synth.film",
    "targets": "talking_head.target.card",
    "track": "talking_head.enrollment.tracking",
    "train": "talking_head.datasets.general_training",
    "transfer": "talking_head.interop.transfer_files:transfer_file",
    "verify": "talking_head.provenance.claims",
}
__all__ = [
    "Directions", "DubSettings", "EnrollSettings", "Framing", "Gate", "Heads", "InputError", "Place",
    "PrepareSettings", "Speaker", "Target", "TimedFrame", "batch", "compare", "dub", "enroll", "evaluate", "export",
    "export_target", "import_target", "live",
    "open", "prepare", "remove_all", "remove_targets", "say", "synthesize", "targets", "track", "train", "transfer",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'talking_head' has no attribute '{name}'")
    module, _, inside = _HOMES[name].partition(":")
    found = importlib.import_module(module)
    return found if module == f"{__name__}.{name}" else getattr(found, inside or name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
