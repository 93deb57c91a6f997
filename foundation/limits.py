"""Limits that a process puts on itself before it reads what anybody may have made."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

CONFINE = "TALKING_HEAD_CONFINE"  # 1: media is decoded in processes with limits (`foundation.confined`); 0: here
_LIMITED: list[bool] = []


def is_limited() -> bool:
    """Whether this process has put limits on itself."""
    return bool(_LIMITED)


def limit(memory_bytes: int, seconds: float | None = None, wall: float = 4.0) -> None:
    """The system ends this process where it wants more, and lets it write no file.

    Args:
        memory_bytes: besides what it has.
        seconds: of processor time; None: no limit.
        wall: times as much by the clock.
    """
    _LIMITED.append(True)
    with suppress(ImportError, ValueError, OSError):
        import resource

        begins_with = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (begins_with + memory_bytes, begins_with + memory_bytes))
        if seconds is not None:
            whole = int(seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(int(wall * seconds) + 1)
