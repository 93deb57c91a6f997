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
    from foundation.errors import InputError
    from talking_head.enrol import enroll
    from talking_head.exporting.export import export
    from talking_head.framing import Framing
    from talking_head.provenance import verify
    from talking_head.settings import EnrolSettings
    from talking_head.speaking import Directions
    from talking_head.synthesis import synthesize
    from talking_head.target import Target, remove_target, targets
    from talking_head.tracking import track

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
    "Directions": "talking_head.speaking",
    "EnrolSettings": "talking_head.settings",
    "Framing": "talking_head.framing",
    "InputError": "foundation.errors",
    "Target": "talking_head.target",
    "enroll": "talking_head.enrol",
    "export": "talking_head.exporting.export",
    "remove_target": "talking_head.target",
    "synthesize": "talking_head.synthesis",
    "targets": "talking_head.target",
    "track": "talking_head.tracking",
    "verify": "talking_head.provenance",
}
__all__ = [
    "Directions", "EnrolSettings", "Framing", "InputError", "Target", "enroll", "export", "remove_target", "synthesize",
    "targets", "track", "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'talking_head' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
