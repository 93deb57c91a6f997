"""A log of what a program does to a folder, and what a power cut could leave of it (Pillai et al., "All file systems
are not created equal", OSDI 2014).

Python's calls that change names are watched; what is written between two of them, by whatever library, is seen by
looking. Then the log is cut at every point. Of a file what was not synced is lost: all of it, what comes behind its
first half, or nothing. Of a folder's names, all changes from some one on may be missing that came since it was synced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True)
class Step:
    """One thing done. kind: make, folder, write, rename, unlink, rmdir, sync. place, goal: from the watched folder on.
    node: of the file. content: written, all of it."""

    kind: str
    place: str = ""
    goal: str = ""
    node: int = 0
    content: bytes = b""

    @property
    def folders(self) -> set[str]:
        """Whose names it changes."""
        named = {self.place, self.goal} if self.kind == "rename" else {self.place}
        return {os.path.dirname(name) for name in named} if self.kind != "write" else set()


@dataclass
class Disk:
    """Names, and what files hold: `kept` survives a power cut, `written` need not."""

    folders: set[str] = field(default_factory=lambda: {""})
    files: dict[str, int] = field(default_factory=dict)
    written: dict[int, bytes] = field(default_factory=dict)
    kept: dict[int, bytes] = field(default_factory=dict)

    def do(self, step: Step) -> None:
        if step.kind == "folder" and os.path.dirname(step.place) in self.folders:
            self.folders.add(step.place)
        elif step.kind == "make" and os.path.dirname(step.place) in self.folders:
            self.files[step.place] = step.node
        elif step.kind == "write":
            self.written[step.node] = step.content
        elif step.kind == "sync":
            self.kept[step.node] = self.written.get(step.node, b"")
        elif step.kind == "unlink":
            self.files.pop(step.place, None)
        elif step.kind == "rmdir":
            self._drop(step.place)
        elif step.kind == "rename":
            self._rename(step.place, step.goal)

    def _drop(self, place: str) -> None:
        inside = place + "/"
        self.folders = {name for name in self.folders if name != place and not name.startswith(inside)}
        self.files = {name: node for name, node in self.files.items() if not name.startswith(inside)}

    def _rename(self, place: str, goal: str) -> None:
        if place in self.files:
            self.files[goal] = self.files.pop(place)
        elif place in self.folders:
            def moved(name: str) -> str:
                return goal + name[len(place) :] if name == place or name.startswith(place + "/") else name

            self.folders = {moved(name) for name in self.folders}
            self.files = {moved(name): node for name, node in self.files.items()}

    def left(self, share: float) -> dict[str, bytes | None]:
        """What a power cut leaves, by place; None for a folder. share: of what was not synced."""
        found: dict[str, bytes | None] = dict.fromkeys(sorted(self.folders))
        for name, node in self.files.items():
            whole, synced = self.written.get(node, b""), self.kept.get(node)
            lost = synced if share == 0 and synced is not None else whole[: int(share * len(whole))]
            found[name] = whole if synced == whole else lost
        return found


def put(left: dict[str, bytes | None], folder: Path) -> None:
    """Make an empty folder what is left."""
    for name, content in left.items():
        if content is None:
            (folder / name).mkdir(exist_ok=True, parents=True)
        else:
            (folder / name).write_bytes(content)


class Recorder:
    """Watches a folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.steps = root.resolve(), []  # type: tuple[Path, list[Step]]
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._folders: set[str] = {""}
        self._look()
        for step in list(self.steps):  # what was there before is safe
            if step.kind == "make":
                self.steps.append(Step("sync", step.place, node=step.node))
        self.begun = len(self.steps)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record what happens inside."""
        with ExitStack() as stack:
            for name in ("rename", "replace", "unlink", "remove", "rmdir", "mkdir", "fsync"):
                stack.enter_context(patch.object(os, name, self._watched(name, getattr(os, name))))
            yield
        self._look()

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self._look()
            places = [self._place(arg, more) for arg in args[: 2 if name in ("rename", "replace") else 1]]
            result = real(*args, **more)
            if None not in places:
                self._note(name, [str(place) for place in places])
            return result

        return call

    def _place(self, given: Any, more: dict[str, Any]) -> str | None:
        """From the root on; None outside of it."""
        if isinstance(given, int):
            given = os.readlink(f"/proc/self/fd/{given}")
        elif more.get("dir_fd") is not None:
            given = os.path.join(os.readlink(f"/proc/self/fd/{more['dir_fd']}"), os.fspath(given))
        path = os.path.abspath(os.fspath(given))
        inside = path == str(self.root) or path.startswith(f"{self.root}/")
        return os.path.relpath(path, self.root).replace(".", "", 1) if path == str(self.root) else (
            os.path.relpath(path, self.root) if inside else None)  # fmt: skip

    def _note(self, name: str, places: list[str]) -> None:
        if name in ("rename", "replace"):
            self.steps.append(Step("rename", *places))
            self._seen = {_moved(place, *places): facts for place, facts in self._seen.items() if place != places[1]}
            self._folders = {_moved(place, *places) for place in self._folders}
        elif name == "fsync":
            node = self._seen.get(places[0], (0, 0, 0))[0]
            self.steps.append(Step("sync", places[0], node=node))
        elif name == "mkdir":
            self._folders.add(places[0])
            self.steps.append(Step("folder", places[0]))
        elif name == "rmdir":
            self._folders.discard(places[0])
            self.steps.append(Step("rmdir", places[0]))
        else:
            self._seen.pop(places[0], None)
            self.steps.append(Step("unlink", places[0]))

    def _look(self) -> None:
        """See what was made or written since."""
        for folder, folders, files in os.walk(self.root):
            at = os.path.relpath(folder, self.root)
            for name in sorted(folders):
                place = os.path.normpath(os.path.join(at, name))
                if place not in self._folders:
                    self._folders.add(place)
                    self.steps.append(Step("folder", place))
            for name in sorted(files):
                place = os.path.normpath(os.path.join(at, name))
                facts = os.stat(self.root / place)
                now = facts.st_ino, facts.st_mtime_ns, facts.st_size
                before = self._seen.get(place)
                if before == now:
                    continue
                if before is None or before[0] != now[0]:
                    self.steps.append(Step("make", place, node=now[0]))
                self.steps.append(Step("write", place, node=now[0], content=(self.root / place).read_bytes()))
                self._seen[place] = now


def _moved(name: str, place: str, goal: str) -> str:
    return goal + name[len(place) :] if name == place or name.startswith(place + "/") else name


def left_by_power_cuts(recorder: Recorder) -> Iterator[tuple[str, dict[str, bytes | None]]]:
    """Every state that a power cut could leave, once: what was cut, and what is left."""
    seen: set[frozenset[tuple[str, bytes | None]]] = set()
    steps = recorder.steps
    for end in range(recorder.begun, len(steps) + 1):
        loose = _loose(steps, recorder.begun, end)
        everything = sorted({number for numbers in loose.values() for number in numbers})
        lost_ones = [[], everything, *(numbers[at:] for numbers in loose.values() for at in range(len(numbers)))]
        for lost in lost_ones:
            disk = Disk()
            for number, step in enumerate(steps[:end]):
                if number not in lost:
                    disk.do(step)
            told = f"cut after step {end} of {len(steps)}, without {[(steps[n].kind, steps[n].place) for n in lost]}"
            for share in (0.0, 0.5, 1.0):
                left = disk.left(share)
                if (state := frozenset(left.items())) not in seen:
                    seen.add(state)
                    yield f"{told}, {share:.0%} of what was not synced", left


def _loose(steps: list[Step], begun: int, end: int) -> dict[str, list[int]]:
    """By folder, the changes of its names since it was last synced."""
    loose: dict[str, list[int]] = {}
    for number, step in enumerate(steps[begun:end], begun):
        if step.kind == "sync":
            loose.pop(step.place, None)
        for folder in step.folders if step.kind not in ("write", "sync") else ():
            loose.setdefault(folder, []).append(number)
    return loose
