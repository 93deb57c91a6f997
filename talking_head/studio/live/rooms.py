"""Who lives: people by room, each painted once for all who watch."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from talking_head.studio.answers import StudioError
from talking_head.studio.live.settings import LiveSettings

if TYPE_CHECKING:
    from talking_head.studio.live.person import LivePerson

LONGEST_NAME = 64


@dataclass
class Room:
    """A person and who holds them. name: empty for a room of one viewer's own. left_s: when the last holder went."""

    target: str
    name: str
    person: LivePerson
    holders: int = 0
    left_s: float = 0.0


def _loaded(target: str, settings: LiveSettings, home: Path | None, seed: int) -> LivePerson:
    """A person; what paints them, torch among it, is loaded with the first."""
    from talking_head.studio.live.person import LivePerson

    return LivePerson.of(target, settings, home, seed)


class Rooms:
    """The live people of a studio; thread-safe."""

    def __init__(
        self, home: Path | None, settings: LiveSettings | None = None,
        load: Callable[[str, LiveSettings, Path | None, int], LivePerson] = _loaded,
    ) -> None:
        self.settings, self.home, self.load = settings or LiveSettings(), home, load
        self._rooms: list[Room] = []
        self._lock = threading.Lock()  # of the list
        self._opening = threading.Lock()  # people are loaded one after another
        self._closed = False

    def enter(self, target: str, name: str = "", seed: int | None = None) -> Room:
        """A room with that person; one that nobody holds any more is taken over. May take seconds.

        Args:
            name: those who give the same one share the person; empty: a room of one's own.
            seed: of a new person; None: another one each time.

        Raises:
            StudioError: as many people live as may, or as many watch this one as may.
            InputError: no such target, or one who cannot speak while sound is made.
        """
        if len(name) > LONGEST_NAME:
            raise StudioError(400, f"a room's name of {len(name)} characters", f"at most {LONGEST_NAME}")
        with self._opening:
            found = self._found(target, name, seed)
            if found is not None:
                return found
            self._make_way()
            person = self.load(target, self.settings, self.home, secrets.randbits(32) if seed is None else seed)
            room = Room(target, name, person, holders=1)
            with self._lock:
                self._rooms.append(room)
            return room

    def leave(self, room: Room) -> None:
        """Hold a room no more; the person stays for a while."""
        with self._lock:
            room.holders -= 1
            room.left_s = time.monotonic()
            if room.holders == 0:
                room.person.mouths.clear()
                room.name = ""  # who comes next must not find another's room by its name

    def told(self) -> list[dict[str, object]]:
        """The rooms that have a name, and how many watch; nobody is told of those whose name begins with `_`."""
        with self._lock:
            return [
                {"room": room.name, "target": room.target, "viewers": room.person.viewers}
                for room in self._rooms if room.name and not room.name.startswith("_") and room.person.alive
            ]

    def sweep(self) -> None:
        """Close those whom nobody has held for long, and those that ended."""
        now = time.monotonic()
        with self._lock:
            gone = [
                room for room in self._rooms
                if not room.person.alive or (not room.holders and now - room.left_s > self.settings.linger_s)
            ]
            self._rooms = [room for room in self._rooms if room not in gone]
        for room in gone:
            room.person.close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            rooms, self._rooms, self._closed = self._rooms, [], True
        for room in rooms:
            room.person.close()

    def _found(self, target: str, name: str, seed: int | None) -> Room | None:
        with self._lock:
            for room in self._rooms:
                if room.target != target or not room.person.alive:
                    continue
                shared = bool(name) and room.name == name
                if shared or (room.holders == 0 and seed is None):
                    if room.person.viewers >= self.settings.viewers:
                        raise StudioError(503, f"{room.person.viewers} viewers of one person", "fewer", "come later")
                    room.holders, room.name = room.holders + 1, name
                    return room
        return None

    def _make_way(self) -> None:
        """Close somebody whom nobody holds, where one more would be too many.

        Raises:
            StudioError: all are held.
        """
        with self._lock:
            if len(self._rooms) < self.settings.people:
                return
            idle = min((room for room in self._rooms if room.holders == 0), key=lambda room: room.left_s, default=None)
            if idle is None:
                raise StudioError(
                    503, f"{len(self._rooms)} people who live here already", f"at most {self.settings.people}",
                    "watch one of them: give the name of their room",
                )
            self._rooms.remove(idle)
        idle.person.close()
