"""The route that tells what a film says of itself."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from foundation.errors import InputError
from talking_head.studio.answers import ERRORS, told
from talking_head.studio.desk import DeskOf
from talking_head.studio.jobs.kinds.bench import Bench
from talking_head.studio.jobs.routes import find_job

router = APIRouter(prefix="/v1/verify", tags=["jobs"])


@router.get("/{job}", responses=ERRORS)
def verify(job: str, desk: DeskOf) -> dict[str, Any]:
    """What the film that a job made says of itself, checked: who is shown, when it was made, whose consent, who signed.

    `rows` are names and values to show; `ok` is false, with an `error`, where it says nothing or was changed.
    """
    from talking_head.provenance.claims import verify as run

    found = find_job(desk, job)
    bench = Bench(desk.place, found.job, desk.place.jobs / found.job)
    film = bench.film(found.job)
    try:
        said = run(film, home=desk.home.path)
    except InputError as error:
        return {"ok": False, "error": told(error, bench.names, desk.home.path)}
    return said.to_json() | {"path": film.name, "rows": said.rows()}
