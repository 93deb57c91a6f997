"""Errors that a user can act on.

`InputError` is for anything that comes from outside (a file, an option, a checkpoint). The command line
prints its one line and exits with 2. A broken invariant of our own is an `assert`, never an `InputError`.
"""

from __future__ import annotations

import errno
from pathlib import Path

# What the system says when nothing more fits: on the disk, in what a user may have of it, in one file.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class InputError(ValueError):
    """Bad input from outside, told in one line: what came, what was expected, what to do.

    Args:
        received: what came, with its name or path.
        expected: what would have been right.
        remedy: what the user can do about it.
    """

    def __init__(self, received: str, expected: str, remedy: str = "") -> None:
        self.received, self.expected, self.remedy = received, expected, remedy
        line = f"{received}; expected {expected}"
        super().__init__(f"{line}; {remedy}" if remedy else line)


def unreadable(path: Path | str, error: OSError) -> InputError:
    """For a place that is there and gives nothing: a file of somebody else's, a folder, a broken disk."""
    return InputError(f"{path} cannot be read ({error.strerror})", "a file that you may read", "see its permissions")
