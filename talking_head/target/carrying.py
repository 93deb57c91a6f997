"""A target as one file, to carry to another machine: a zip without compression, every byte of it under a digest.

Its first member, `talking-head.json`, lists the others with sizes and sha256, and has a sha256 of that list. The
consent travels in the target's card, so nobody is carried without it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from foundation.errors import InputError
from foundation.files import atomic_path, sha256
from foundation.places import choosing, free_bytes
from talking_head.target.card import CARD, Target, checked_id, find_own, find_target, new_target, sweep, write_card
from talking_head.target.home import Home

SUFFIX, LIST, FORM = ".person", "talking-head.json", 1
NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,60}\.(json|safetensors|jpg|mkv|mp4|html|bin)")
LIST_BYTES, PIECE_BYTES = 1_000_000, 1 << 20
DATE = (1980, 1, 1, 0, 0, 0)  # of members: the same person is the same file
WHAT = "a file that `talking-head targets export` made"


@dataclass(frozen=True)
class CarriedTarget:
    """What was written or taken over. consent: as the card has it."""

    path: Path
    target: str
    files: int
    bytes: int
    consent: str


def export_target(
    target: str, output: Path | str, *, home: Path | str | None = None, force: bool = False
) -> CarriedTarget:
    """Write a target into one file, which appears when it is whole.

    Raises:
        InputError: no such target, a name that does not end in `.person`, or a file that is there already.
    """
    goal = Path(output)
    if goal.suffix != SUFFIX:
        raise InputError(f"output '{goal}'", f"a name that ends in {SUFFIX}", f"try {goal.stem or target}{SUFFIX}")
    if goal.exists() and not force:
        raise InputError(f"output '{goal}' exists already", "a new name", "give another name, or --force to replace it")
    person = find_target(Home.find(home), target)
    with person.unchanged():
        paths = sorted(path for path in person.folder.iterdir() if NAME.fullmatch(path.name))
        listed = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in paths}
        told = {"form": FORM, "id": person.id, "files": listed, "sha256": _digest(listed)}
        with atomic_path(goal) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(LIST, DATE), json.dumps(told, indent=1, sort_keys=True))
            for path in paths:
                member = zipfile.ZipInfo(path.name, DATE)
                with path.open("rb") as file, archive.open(member, "w", force_zip64=True) as kept:
                    shutil.copyfileobj(file, kept, PIECE_BYTES)
    return CarriedTarget(goal, person.id, len(paths), goal.stat().st_size, person.card.consent.statement)


def import_target(
    file: Path | str, *, as_id: str | None = None, home: Path | str | None = None, replace_old: bool = False
) -> CarriedTarget:
    """Take over a target from such a file; it is there whole, or not at all.

    Args:
        file: what an export wrote.
        as_id: another id; None: its own.
        home: where targets live.
        replace_old: whether a target of that id may be replaced.

    Raises:
        InputError: another file, one that was changed or cut, a target without consent, or one of that id is there.
    """
    path = Path(file)
    with choosing(home):
        place = Home.find()
        try:
            with zipfile.ZipFile(path) as archive:
                return _taken_over(archive, path, as_id, place, replace_old)
        except InputError:  # which is a ValueError
            raise
        except FileNotFoundError as error:
            raise InputError(f"{path} does not exist", WHAT) from error
        except IsADirectoryError as error:
            raise InputError(f"{path} is a folder", WHAT) from error
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise InputError(f"{path} is not whole, or another file", WHAT, "export it again") from error
        except OSError as error:
            if error.errno != errno.EINVAL:  # of a place in the file where nothing can be
                raise
            raise InputError(f"{path} is not whole, or another file", WHAT, "export it again") from error


def _taken_over(
    archive: zipfile.ZipFile, path: Path, as_id: str | None, home: Home, replace_old: bool
) -> CarriedTarget:
    told = _listed(archive, path)
    target_id = checked_id(as_id or str(told["id"]))
    size = sum(facts["bytes"] for facts in told["files"].values())
    if size > free_bytes(home.path):
        raise InputError(f"{path}, a target of {size / 1e6:.0f} MB", "room for it", "free some")
    with home.lock(target_id):
        sweep(home, target_id)
        if not replace_old and (home.targets / target_id).exists() and find_own(home, target_id) is not None:
            raise InputError(f"target '{target_id}' exists", "a new id", "give --as ID, or --replace")
        with new_target(home, target_id) as folder:
            for name, facts in told["files"].items():
                with archive.open(name) as member, (folder / name).open("wb") as kept:
                    _copy(member, kept, facts, f"{path}: {name}")
            card = Target.read(folder).card
            if not card.consent.statement.strip():
                raise InputError(f"{path}: a target without consent", "one with the consent of who is shown")
            if card.id != target_id:
                write_card(folder, replace(card, id=target_id))
    return CarriedTarget(path, target_id, len(told["files"]), size, card.consent.statement)


def _listed(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """The list of what is inside, which is inside as listed.

    Raises:
        InputError: it is not.
    """
    members = {info.filename: info for info in archive.infolist()}
    info = members.pop(LIST, None)
    if info is None or info.file_size > LIST_BYTES or len(members) + 1 != len(archive.infolist()):
        raise InputError(f"{path} is another file", WHAT)
    try:
        told = json.loads(archive.read(info))
        listed = {str(name): {"bytes": int(facts["bytes"]), "sha256": str(facts["sha256"])}
                  for name, facts in told["files"].items()}  # fmt: skip
        form, digest = told["form"], told["sha256"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: a list that cannot be read", WHAT, "export it again") from error
    if form != FORM:
        raise InputError(f"{path}, of form {form!r}", f"form {FORM}", "export it with this version")
    wrong = [name for name in listed if not NAME.fullmatch(name)]
    wrong += [name for name, member in members.items()
              if name not in listed or member.file_size != listed[name]["bytes"]
              or member.compress_type != zipfile.ZIP_STORED]  # fmt: skip
    if wrong or listed.keys() != members.keys() or CARD not in listed or digest != _digest(listed):
        raise InputError(f"{path} was changed", WHAT, "export it again")
    return {"id": told.get("id", ""), "files": listed}


def _copy(member: Any, kept: BinaryIO, facts: dict[str, Any], name: str) -> None:
    """Copy a member, no more than it says, and compare its digest."""
    digest, size = hashlib.sha256(), 0
    while piece := member.read(PIECE_BYTES):
        size += len(piece)
        if size > facts["bytes"]:
            break
        digest.update(piece)
        kept.write(piece)
    if size != facts["bytes"] or digest.hexdigest() != facts["sha256"]:
        raise InputError(f"{name} was changed", "what was exported", "export it again")


def _digest(listed: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
