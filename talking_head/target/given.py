"""What a user gives, checked before any work: texts, names of files, and files that come through a pipe."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.errors import InputError

LONGEST_NAME_BYTES = 255  # of a file, where the system does not say


def checked_consent(consent: str) -> str:
    """The statement, without blanks around it.

    Raises:
        InputError: it is empty, or holds bytes that are no text: it could be signed by nobody.
    """
    if not consent.strip():
        example = '--consent "I agree to be enrolled. NAME, DATE"'
        raise InputError("an empty consent", "who allows the use of this likeness", f"say {example}")
    if not is_text(consent):
        raise InputError(
            f"a consent with bytes that are not UTF-8 ({consent.strip()[:60]!a})", "text in UTF-8",
            "set the terminal's or script's encoding to UTF-8 and give it again",
        )
    return consent.strip()


def is_text(words: str) -> bool:
    """Whether it can be written as UTF-8: arguments of other bytes cannot."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_name(goal: Path, longest: Path | None = None) -> None:
    """Refuse a name that a film cannot have.

    Args:
        goal: the film.
        longest: the longest name of a file that will lie beside it; None: the film's own.

    Raises:
        InputError: bytes that are not UTF-8 (the film's title is signed, as text), or too long a name.
    """
    if not is_text(goal.name):
        raise InputError(f"output {goal.name!a}", "a name in UTF-8", "give another name")
    most = longest_name_bytes(goal.parent)
    size = len(os.fsencode((longest or goal).name))
    if size > most:
        beside = f" with {longest.name[len(goal.name):]} beside it" if longest is not None else ""
        raise InputError(
            f"output '{goal.name[:40]}...'{beside}, a name of {size} bytes", f"at most {most}", "give a shorter name"
        )


def longest_name_bytes(folder: Path) -> int:
    """How long a file's name may be in a folder."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows; a folder that is not there; a system that does not say
        return LONGEST_NAME_BYTES


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """The file itself; what comes through a pipe (a FIFO, `/dev/stdin`) meanwhile lies in a temporary file, since it is
    read more than once.

    Raises:
        InputError: a terminal, or another device; and what is raised inside, in the words of the user's name for it.
    """
    if path.is_char_device() or path.is_block_device() or path.is_socket():
        raise InputError(f"{path} is a device", "a file, or a pipe", "give a file, or pipe one in: cat FILE | ...")
    if not path.is_fifo():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="talking-head-") as folder:
        kept = Path(folder) / path.name
        with path.open("rb") as pipe, kept.open("wb") as file:
            shutil.copyfileobj(pipe, file)
        try:
            yield kept
        except InputError as error:
            received = error.received.replace(str(kept), str(path))
            raise InputError(received, error.expected, error.remedy) from error
