"""A target that lives for one command: in a home of its own, which goes with it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from foundation.places import assets_folder, choosing, writable
from talking_head.enrollment.from_video import enroll
from talking_head.provenance import manifest
from talking_head.provenance.signing import local_chain, local_identity
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings

ID = "ephemeral"
PREFIX, LOCK = ".ephemeral-", "at_work"


@contextmanager
def ephemeral_target(
    source: Path | str, consent: str, settings: EnrollSettings | None = None, *, home: Path | str | None = None
) -> Iterator[Path]:
    """Enroll a person as `ID` in a home that is deleted, whatever happens; yields that home.

    Films from it are signed as this machine's. What a kill leaves is deleted by the next such command.

    Raises:
        InputError: as `enroll`.
    """
    with choosing(home):
        real, assets = Home.find(), assets_folder()
    _sweep(writable(real.work))
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=real.work))
    try:
        with FileLock(place / LOCK):
            os.symlink(writable(assets), place / "assets")
            if manifest.available():
                local_identity(real)
                os.symlink(local_chain(real).parent, place / "identity")
            enroll(source, ID, consent, settings, home=place)
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _sweep(work: Path) -> None:
    """Delete what killed commands left."""
    for place in work.glob(f"{PREFIX}*"):
        try:
            with FileLock(place / LOCK, timeout=0):
                shutil.rmtree(place, ignore_errors=True)
        except (Timeout, OSError):  # at work, or another sweeps it
            continue
