"""What every route works with: settings, places, jobs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from talking_head.studio.coach_line import CoachLine
from talking_head.studio.jobs.events import Bulletin
from talking_head.studio.jobs.store import JobStore
from talking_head.studio.jobs.supervisor import Supervisor
from talking_head.studio.place import StudioPlace
from talking_head.studio.sandbox import Sandbox
from talking_head.studio.settings import StudioSettings
from talking_head.target.home import Home


@dataclass(frozen=True)
class Desk:
    """One studio's parts. carrying: who may write a person into a file now; others wait without holding anybody up."""

    settings: StudioSettings
    place: StudioPlace
    store: JobStore
    bulletin: Bulletin
    supervisor: Supervisor
    sandbox: Sandbox
    coach: CoachLine
    carrying: asyncio.Semaphore

    @classmethod
    def set_up(cls, settings: StudioSettings) -> Desk:
        """The parts of a studio; nothing runs yet.

        Raises:
            InputError: the home cannot be written.
        """
        place = StudioPlace(Home.find(settings.home)).made()
        store = JobStore(place.database)
        supervisor = Supervisor(place, store, settings.limits, settings.ray)
        return cls(settings, place, store, Bulletin(store), supervisor, Sandbox(), CoachLine(), asyncio.Semaphore(1))

    @property
    def home(self) -> Home:
        return self.place.home


def _desk(connection: HTTPConnection) -> Desk:
    found: Desk = connection.app.state.studio
    return found


DeskOf = Annotated[Desk, Depends(_desk)]
