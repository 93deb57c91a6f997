"""A `Target`: one person who can be made to speak, as a folder that is whole or absent."""

from __future__ import annotations

import difflib
import os.path
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files import read_json, sha256, write_json
from foundation.shipped import shipped
from talking_head.target.consent import Consent
from talking_head.target.home import Home, interrupted, new_folder, sweep_folder

CARD, MOTION, VIDEO, APPEARANCE, PREVIEW = (
    "target.json", "motion.safetensors", "render2video.safetensors", "appearance.safetensors", "preview.jpg",
)
FILES = (CARD, MOTION, VIDEO, APPEARANCE, PREVIEW)
DEFAULT_MODEL = "facial_gan"  # every target has this motion model; others are learned when asked for
FORMAT_VERSION = 1
# Windows keeps some names for devices.
ID_PATTERN = re.compile(r"(?!(?:con|prn|aux|nul|(?:com|lpt)[0-9])$)[a-z0-9][a-z0-9_-]{0,63}")


def motion_file(name: str) -> str:
    """Name of the file in a target that holds the motion model of that name."""
    return MOTION if name == DEFAULT_MODEL else f"motion_{name}.safetensors"


def checked_id(target_id: str) -> str:
    """The id itself.

    Raises:
        InputError: it could be anything but a plain folder name on every system.
    """
    if not ID_PATTERN.fullmatch(target_id):
        raise InputError(
            f"target id {target_id[:80]!r}", "1 to 64 of a-z, 0-9, '_' and '-', starting with a letter or a digit",
            "choose a plain name such as 'ana'",
        )
    return target_id


@dataclass(frozen=True)
class MotionStatistics:
    """Mean and deviation over the reference video of the flat 71-vector (`FaceMotion.pack`), and its length."""

    mean: list[float]
    deviation: list[float]
    frames: int


@dataclass(frozen=True)
class TargetCard:
    """`target.json`.

    fps: of the frames this target makes. size_px: side of the picture the network paints. width_px, height_px: of the
    full frame. crop: the square of it that the network paints (left_px, top_px, side_px). origin: where the likeness
    comes from (file name, sha256). settings: it was made with, and key: the digest of all that decided the result.
    quality: what was measured at enrollment.
    """

    id: str
    face_model: str
    fps: float
    size_px: int
    width_px: int
    height_px: int
    crop: dict[str, int]
    motion_statistics: MotionStatistics
    origin: dict[str, Any]
    consent: Consent
    versions: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    quality: dict[str, float] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    @classmethod
    def read(cls, path: Path) -> TargetCard:
        """Read a `target.json`.

        Raises:
            InputError: absent, not JSON, of another version, or a field is missing or unknown.
        """
        content = read_json(path)
        version = content.get("format_version") if isinstance(content, dict) else None
        if version != FORMAT_VERSION:
            raise InputError(f"{path} has format version {version}", f"version {FORMAT_VERSION}", "enroll it again")
        try:
            parts = {"consent": Consent, "motion_statistics": MotionStatistics}
            card = cls(**{k: parts[k](**v) if k in parts else v for k, v in content.items()})
            wrong = card._wrong()
            if wrong:
                raise TypeError(f"its {wrong[0]} is of the wrong kind")
            return card
        except (TypeError, AttributeError) as error:
            names = ", ".join(f.name for f in fields(cls))
            raise InputError(f"{path} does not fit ({error})", f"the fields {names}", "enroll it again") from error

    def _wrong(self) -> list[str]:
        """Names of fields that hold what no target can."""
        fits = {name: _is_number(getattr(self, name), int) for name in ("size_px", "width_px", "height_px")}
        fits |= {"fps": _is_number(self.fps, int, float), "id": isinstance(self.id, str)}
        tables = "crop", "origin", "versions", "settings", "quality"
        fits |= {name: isinstance(getattr(self, name), dict) for name in tables}
        fits |= {name: isinstance(getattr(self, name), str) for name in ("face_model", "key")}
        fits["consent"] = all(isinstance(value, str) for value in asdict(self.consent).values())
        return [name for name, good in fits.items() if not good]


def _is_number(value: object, *kinds: type) -> bool:
    return type(value) in kinds and 0 < value <= 100_000  # type: ignore[operator]


@dataclass(frozen=True)
class Target:
    """An enrolled person: the card and the folder it lies in."""

    folder: Path
    card: TargetCard
    built_in: bool = False
    mark: tuple[int, ...] = ()  # of the folder as it was when the card was read, where it was

    @property
    def id(self) -> str:
        return self.card.id

    @classmethod
    def read(cls, folder: Path, built_in: bool = False) -> Target:
        """The target in a folder.

        Raises:
            InputError: a file of it is missing or its card does not fit.
        """
        mark = _mark(folder)
        card = TargetCard.read(folder / CARD)
        missing = [name for name in FILES if not os.path.isfile(folder / name)]
        if missing:
            raise InputError(f"target {folder} lacks {', '.join(missing)}", "a whole target", "enroll it again")
        return cls(folder, card, built_in, mark)

    @property
    def version(self) -> tuple[str, tuple[int, ...]]:
        """Its folder and what changes when it is replaced."""
        return str(self.folder), self.mark

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Read its files inside: all of them are of the person whose card was read.

        Raises:
            InputError: it was replaced, changed or removed since.
        """
        try:
            yield
        finally:  # what an absent file raises is then no news
            if self.mark and _mark(self.folder) != self.mark:
                raise InputError(
                    f"target '{self.id}' was changed by another command meanwhile", "a target that stays as it is",
                    "run the same command again",
                )

    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.folder.iterdir())

    def describe(self) -> dict[str, Any]:
        """Everything that is known of it, ready for JSON."""
        hashes = {name: sha256(self.folder / name) for name in FILES if name != CARD}
        place = {"folder": str(self.folder), "built_in": self.built_in, "bytes": self.size_bytes()}
        return {**asdict(self.card), **place, "sha256": hashes}


def _mark(folder: Path) -> tuple[int, ...]:
    """Changes whenever a folder is replaced, or a file in it: enrollment renames whole files and folders into place."""
    try:
        facts = folder.stat()
        card = (folder / CARD).stat()
    except OSError:
        return ()
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns, card.st_ino, card.st_mtime_ns


def _folders(home: Home) -> dict[str, tuple[Path, bool]]:
    """Folder of every target by id, and whether it is built in; the user's own hide built-in ones of the same name.

    Raises:
        InputError: the folder of the user's own cannot be read.
    """
    for name in interrupted(home.targets):
        with suppress(InputError), home.lock(name):
            sweep_folder(home.targets, name)
    found: dict[str, tuple[Path, bool]] = {}
    for root, built_in in ((shipped(""), True), (home.targets, False)):
        try:
            inside = sorted(root.iterdir()) if os.path.isdir(root) else []
        except OSError as error:
            received = f"{root} cannot be read ({error.strerror})"
            raise InputError(received, "a folder of targets", "see its permissions") from error
        names = (path for path in inside if ID_PATTERN.fullmatch(path.name) and os.path.isfile(path / CARD))
        found |= {path.name: (path, built_in) for path in names}
    return dict(sorted(found.items()))


def list_targets(home: Home) -> list[Target]:
    """Every target at hand, by id. One that is damaged is left out; `find_target` tells what is wrong with it."""
    targets = []
    for folder, built_in in _folders(home).values():
        try:
            targets.append(Target.read(folder, built_in))
        except InputError:
            continue
    return targets


def find_target(home: Home, target_id: str) -> Target:
    """The target of that id.

    Raises:
        InputError: a bad id, none of that name (the nearest one is named), or damaged.
    """
    folders = _folders(home)
    if checked_id(target_id) not in folders:
        near = difflib.get_close_matches(target_id, folders, n=1, cutoff=0.4)
        remedy = f"did you mean '{near[0]}'?" if near else "make one with `talking-head enroll`"
        expected = f"one of {', '.join(list(folders)[:8])}" if folders else f"an enrolled target in {home.targets}"
        raise InputError(f"unknown target '{target_id}'", expected, remedy)
    return Target.read(*folders[target_id])


def find_own(home: Home, target_id: str) -> Target | None:
    """The user's own target of that id, None when there is none.

    Raises:
        InputError: a bad id, or it is damaged.
    """
    folder = home.targets / checked_id(target_id)
    return Target.read(folder) if (folder / CARD).is_file() else None


def sweep(home: Home, target_id: str) -> None:
    """Delete what killed builds of this target left; call it while holding the target's lock."""
    sweep_folder(home.targets, target_id)


@contextmanager
def new_target(home: Home, target_id: str) -> Iterator[Path]:
    """A folder to fill with a target's files; it takes the target's place when the block ends well, or vanishes.

    Raises:
        InputError: a bad id, a home that cannot be written, or the filled folder is not a whole target.
    """
    with new_folder(home.targets, checked_id(target_id)) as building:
        yield building
        Target.read(building)


def write_card(folder: Path, card: TargetCard) -> None:
    """Write `target.json` into a target's folder."""
    write_json(folder / CARD, asdict(card))


def targets(home: Path | str | None = None) -> list[Target]:
    """Every target at hand; `home` as everywhere: the argument, `TALKING_HEAD_HOME`, or the platform's default."""
    return list_targets(Home.find(home))
