"""Who waits for news of jobs is woken when something changes: one look at the database for all of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from talking_head.studio.jobs.store import CLOSED, Job, JobStore

LOOK_S, KEEP_ALIVE_S = 0.2, 15.0


class Bulletin:
    """News of jobs for any number of listeners."""

    def __init__(self, store: JobStore) -> None:
        self.store = store
        self.last = store.last_change()
        self.listeners = 0
        self.news: asyncio.Condition | None = None

    async def run(self) -> None:
        """Look for changes while somebody listens; ends when cancelled."""
        self.news = asyncio.Condition()
        while True:
            await asyncio.sleep(LOOK_S)
            if not self.listeners:
                continue
            last = await asyncio.to_thread(self.store.last_change)
            if last != self.last:
                self.last = last
                async with self.news:
                    self.news.notify_all()

    async def changes(self, since: int, job: str | None = None) -> AsyncIterator[Job | None]:
        """Jobs as they change after a change, of one or of all; None now and then when nothing does.

        Of one job it ends when that is over or gone.
        """
        assert self.news is not None
        self.listeners += 1
        try:
            while True:
                looked = self.last  # what changes while we look is not waited for
                for changed in await asyncio.to_thread(self.store.changed_since, since):
                    since = changed.change
                    if job in (None, changed.job):
                        yield changed
                        if job is not None and changed.state in CLOSED:
                            return
                if job is not None and await asyncio.to_thread(self.store.get, job) is None:
                    return
                if not await self._changed(looked):
                    yield None
        finally:
            self.listeners -= 1

    async def _changed(self, last: int) -> bool:
        """Wait until the last change is another than that one; False when nothing changes for a while."""
        assert self.news is not None
        async with self.news:
            with contextlib.suppress(asyncio.TimeoutError):
                return await asyncio.wait_for(self.news.wait_for(lambda: self.last != last), KEEP_ALIVE_S)
        return False
