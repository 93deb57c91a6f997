"""The studio's app: everything under `/v1`, the page at `/`.

A route is added by a module with a `router`, named in `ROUTERS`; what it works with is `DeskOf`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from filelock import FileLock, Timeout
from starlette.types import ASGIApp

from foundation.errors import InputError
from talking_head import __version__
from talking_head.studio import answers, coach, people, status, teleprompter, uploads, verifying
from talking_head.studio.curves import routes as curves
from talking_head.studio.desk import Desk
from talking_head.studio.guard import Guard
from talking_head.studio.jobs import routes
from talking_head.studio.live import routes as live
from talking_head.studio.live import webrtc
from talking_head.studio.place import StudioPlace
from talking_head.studio.settings import StudioSettings
from talking_head.studio.uploads_kept import sweep_uploads

PAGE, REFERENCE = Path(__file__).parent / "page", Path(__file__).parent / "reference"
ROUTERS: tuple[APIRouter, ...] = (
    status.router, people.router, uploads.router, routes.router, verifying.router, coach.router, teleprompter.router,
    live.router, webrtc.router, curves.router,
)
SWEEP_S = 600.0
THREADS = 64  # nearly all of them wait: for a voice, a person who loads, a file that is looked into


def create_app(settings: StudioSettings | None = None) -> ASGIApp:
    """The app, guarded; it holds its home's studio from start to shutdown.

    Raises:
        InputError: bad settings, or a home that cannot be written.
    """
    chosen = (settings or StudioSettings()).checked()
    desk = Desk.set_up(chosen)
    app = FastAPI(
        title="talking-head studio", version=__version__, lifespan=_lifespan, docs_url=None, redoc_url=None,
        description="Speech in, a talking person out. Errors are `{\"error\": {received, expected, remedy}}`.",
    )
    app.state.studio = desk
    answers.install(app)
    for router in ROUTERS:
        app.include_router(router)
    # FastAPI's own page of this fetches its scripts from a content network.
    app.mount("/docs", StaticFiles(directory=REFERENCE, html=True), name="reference")
    app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    return Guard(app, chosen)


def held(place: StudioPlace) -> FileLock:
    """The lock that a studio at work has on its home; the system lets go of it even after a crash.

    Raises:
        InputError: another has it.
    """
    lock = FileLock(place.lock)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        received = f"another studio, which is at work in {place.home.path}"
        raise InputError(received, "one at a time", "end it, or give another --home") from error
    return lock


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    desk: Desk = app.state.studio
    lock = held(desk.place)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "studio"))
    tasks = []
    try:
        sweep_uploads(desk.place, desk.settings.limits, desk.store.needed_uploads(), begun=True)
        for left in desk.place.folder.glob(f"*{people.CARRIED}*"):  # by a server that was killed
            left.unlink()
        desk.supervisor.start()
        if desk.settings.warm:
            desk.sandbox.warm_up()
        tasks = [asyncio.create_task(desk.bulletin.run()), asyncio.create_task(_sweep(desk)),
                 asyncio.create_task(live.sweep(app.state))]
        yield
    finally:
        await asyncio.to_thread(live.close_rooms, app.state)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        await asyncio.to_thread(desk.supervisor.stop)
        desk.sandbox.stop()
        desk.coach.stop()
        lock.release()


async def _sweep(desk: Desk) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        needed = await asyncio.to_thread(desk.store.needed_uploads)
        await asyncio.to_thread(sweep_uploads, desk.place, desk.settings.limits, needed)
