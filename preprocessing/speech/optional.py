"""Packages that an encoder needs and the product does not."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from foundation.errors import InputError


def install_command(extra: str) -> str:
    """What a user types to get an extra's packages."""
    return f'pip install "talking-head[{extra}]"'


def installed(module: str) -> bool:
    """Whether a package is there; it is not loaded."""
    return importlib.util.find_spec(module) is not None


def require(module: str, extra: str) -> ModuleType:
    """The package.

    Raises:
        InputError: it is not installed, or does not load.
    """
    if not installed(module):
        raise InputError(f"the package {module} is not installed", f"it, for {extra}", install_command(extra))
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        received = f"the package {module} does not load ({' '.join(str(error).split())})"
        raise InputError(received, "a whole one", install_command(extra)) from error
