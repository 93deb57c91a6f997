"""Memory that is freed and asked for again at every frame stays with the process."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# Names and numbers of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES, LARGEST_BYTES = 256 << 20, 32 << 20  # free memory that is kept; from here on a piece goes back at once


@cache
def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, where it is glibc; whether it does.

    By default it hands arrays of some megabytes back to the system, which then clears every page of the next ones: a
    third of the processor time of painting a photo.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(option(M_MMAP_THRESHOLD, LARGEST_BYTES) and option(M_TRIM_THRESHOLD, KEPT_BYTES))
