"""Routes of jobs."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel

from talking_head.studio.answers import ERRORS, StudioError, not_found
from talking_head.studio.desk import Desk, DeskOf
from talking_head.studio.jobs.kinds import KINDS, PUBLIC
from talking_head.studio.jobs.kinds.bench import SO_FAR, Bench
from talking_head.studio.jobs.store import DONE, OPEN, QUEUED, RUNNING, Job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
# A report's page holds its own style and pictures, and no script of it runs.
FILE_POLICY = (
    "default-src 'none'; img-src 'self' data:; media-src 'self' data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'; sandbox"
)


class Progress(BaseModel):
    """stage: in words. share: of all, 0 to 1. left_s: seconds left. ahead: jobs of the kind before a waiting one."""

    stage: str
    share: float | None
    left_s: float | None
    ahead: int = 0


class MadeFile(BaseModel):
    """A file that a job made, at /v1/jobs/{job}/files/{name}."""

    name: str
    bytes: int
    type: str


class JobTold(BaseModel):
    """A job as it stands. asked: what was sent. result: what its kind tells. Times in seconds since 1970."""

    job: str
    kind: str
    state: str
    progress: Progress
    asked: dict[str, Any]
    error: dict[str, str] | None
    result: dict[str, Any]
    files: list[MadeFile]
    made_at: float
    begun_at: float | None
    ended_at: float | None


def tell(desk: Desk, job: Job) -> JobTold:
    """A job for clients."""
    ahead = desk.store.ahead(job) if job.state == QUEUED else 0
    folder, files = desk.place.jobs / job.job, []
    for name, kind in _files(job).items():
        if (folder / name).is_file():
            files.append(MadeFile(name=name, bytes=(folder / name).stat().st_size, type=kind))
    return JobTold(
        job=job.job, kind=job.kind, state=job.state, asked=job.asked, error=job.error, files=files,
        progress=Progress(stage=job.stage, share=job.share, left_s=job.left_s, ahead=ahead),
        result={name: value for name, value in job.result.items() if name != "files"},
        made_at=job.made_at, begun_at=job.begun_at, ended_at=job.ended_at,
    )


def _files(job: Job) -> dict[str, str]:
    """Names and media types of what a client may have of a job by now."""
    if job.state == RUNNING:
        return {SO_FAR: "image/jpeg"}
    files: dict[str, str] = job.result.get("files", {}) if job.state == DONE else {}
    return files


def find_job(desk: Desk, job: str) -> Job:
    """The job of that key.

    Raises:
        StudioError: there is none.
    """
    found = desk.store.get(job)
    if found is None:
        raise not_found("a job that is not here", "see GET /v1/jobs")
    return found


@router.post("", status_code=201, responses=ERRORS)
def add(asked: PUBLIC, desk: DeskOf) -> JobTold:
    """Put a job into the queue; what cannot be done is refused at once."""
    asked.check(Bench(desk.place, "", desk.place.jobs))
    if len(desk.store.all(OPEN)) >= desk.settings.limits.waiting_jobs:
        raise StudioError(429, "one job more", f"at most {desk.settings.limits.waiting_jobs} waiting", "try later")
    return tell(desk, desk.store.add(asked.kind, asked.model_dump(mode="json")))


@router.get("")
def jobs(desk: DeskOf) -> list[JobTold]:
    """All jobs, the newest first."""
    return [tell(desk, job) for job in desk.store.all() if KINDS[job.kind].public]


@router.get("/events")
async def all_events(desk: DeskOf, last_event_id: Annotated[int, Header()] = -1) -> StreamingResponse:
    """News of all jobs as server-sent events, until the client goes; see `/v1/jobs/{job}/events`."""
    since = desk.store.last_change() if last_event_id < 0 else last_event_id
    return _stream(_events(desk, None, since))


@router.get("/{job}", responses=ERRORS)
def one(job: str, desk: DeskOf) -> JobTold:
    """A job as it stands."""
    return tell(desk, find_job(desk, job))


@router.get("/{job}/events", responses=ERRORS)
async def events(job: str, desk: DeskOf, last_event_id: Annotated[int, Header()] = -1) -> StreamingResponse:
    """A job's news as server-sent events, until it is over: `progress` while it runs, `state` when that changes.

    Each event's data is the job. The first tells how it stands; a client that comes again with `Last-Event-ID` gets
    what it missed.
    """
    find_job(desk, job)
    return _stream(_events(desk, job, last_event_id))


def _stream(pieces: AsyncIterator[str]) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(pieces, media_type="text/event-stream", headers=headers)


async def _events(desk: Desk, job: str | None, since: int) -> AsyncIterator[str]:
    states: dict[str, str] = {}
    async for changed in desk.bulletin.changes(since, job):
        if changed is None:
            yield ": still here\n\n"
            continue
        if not KINDS[changed.kind].public and job is None:
            continue
        name = "progress" if states.get(changed.job) == changed.state else "state"
        states[changed.job] = changed.state
        data = json.dumps(tell(desk, changed).model_dump(mode="json"))
        yield f"id: {changed.change}\nevent: {name}\ndata: {data}\n\n"


@router.delete("/{job}", status_code=204, responses=ERRORS)
def delete(job: str, desk: DeskOf) -> Response:
    """Cancel a job that waits or runs; delete one that is over, with its files."""
    found = find_job(desk, job)
    if desk.store.cancel(found.job):
        if found.state == QUEUED:  # nobody runs it, though an attempt may have left something
            desk.supervisor.clean(found)
        return Response(status_code=204)
    if found.state == DONE:
        shutil.rmtree(desk.place.jobs / found.job, ignore_errors=True)
    else:  # what could be gone on with, if it were asked for again, is not wanted any more
        desk.supervisor.clean(found)
    desk.store.forget(found.job)
    return Response(status_code=204)


@router.get("/{job}/files/{name}", responses=ERRORS)
def file(job: str, name: str, desk: DeskOf) -> FileResponse:
    """A file that a job made; takes ranges, as players ask for."""
    found = find_job(desk, job)
    files = _files(found)
    path = next((desk.place.jobs / found.job / known for known in files if known == name), None)
    if path is None or not path.is_file():
        raise not_found("a file that this job did not make", "see the job's files")
    headers = {"Content-Security-Policy": FILE_POLICY, "Cache-Control": "private, max-age=3600"}
    kind = files[name]
    shown = kind.partition("/")[0] in ("video", "audio", "image") or kind in ("text/html", "application/json")
    where = "inline" if shown else "attachment"
    return FileResponse(path, media_type=kind, filename=name, headers=headers, content_disposition_type=where)
