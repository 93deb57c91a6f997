"""A studio that serves in this process, with a person who costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from talking_head.studio.live.rooms import Rooms
from talking_head.studio.serving import bound, server
from talking_head.studio.settings import StudioSettings
from tests.talking_head.studio.live.fake import PATIENT, fake_person
from tests.waiting import PATIENCE_S, until


@contextmanager
def serving(home: Path, load: Callable[..., Any] | None = fake_person) -> Iterator[str]:
    """`127.0.0.1:PORT` of a studio; load None: real people."""
    settings = StudioSettings(port=0, home=home, warm=False).checked()
    with bound(settings) as listening:
        settings = settings.at(listening.getsockname()[1])
        ready = server(settings)
        if load is not None:
            guard = ready.config.app
            guard.app.state.rooms = Rooms(home, PATIENT, load)  # type: ignore[union-attr]
        thread = threading.Thread(target=lambda: ready.run(sockets=[listening]), daemon=True)
        thread.start()
        until(lambda: ready.started or not thread.is_alive())
        try:
            yield f"127.0.0.1:{settings.port}"
        finally:
            ready.should_exit = True
            thread.join(PATIENCE_S)
