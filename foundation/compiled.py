"""Machine code for loops over pixels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`njit` without the interpreter's lock, kept from run to run; compiled anew by each process where nothing
    can be kept (seconds), as for a service whose user has no home and may not write beside the code.

    Args:
        options: of `njit`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            if not os.environ.get("NUMBA_CACHE_DIR"):
                Path.home()  # where there is none, numba makes a folder called ~ in the one that the user stands in
            return njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # no home, or numba finds no folder for its cache
            return njit(nogil=True, **options)(function)

    return decorate
