"""Routes of people: who can speak here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO

from fastapi import APIRouter
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from foundation.errors import InputError
from talking_head.studio.answers import ERRORS, StudioError, told
from talking_head.studio.desk import Desk, DeskOf
from talking_head.studio.forgetting import forget_job, jobs_about, previews_of
from talking_head.studio.jobs.kinds.films import PreviewAsked
from talking_head.studio.jobs.store import FAILED, OPEN, RUNNING
from talking_head.studio.place import new_key
from talking_head.studio.sandbox import Sandbox
from talking_head.studio.uploads_kept import find_upload, forget_upload
from talking_head.target.card import CARD, DEFAULT_MODEL, PREVIEW, Target, find_target, list_targets
from talking_head.target.carrying import SUFFIX, export_target, import_target
from talking_head.target.home import Home
from talking_head.target.removing import remove_targets

PIECE_BYTES = 1 << 16  # a client that does not read holds as much
CARRIED = "carried-"  # how files begin that a killed server left
EMOTIONS = "talking_head.studio.emotions:emotions_of"
router = APIRouter(prefix="/v1/people", tags=["people"])


class ConsentTold(BaseModel):
    statement: str
    date: str


class Preview(BaseModel):
    """Addresses. film_ready: whether the film is made already; the first request for it makes it."""

    picture: str
    film: str
    film_ready: bool


class Person(BaseModel):
    """A person who can be made to speak. kind: video or photo, what they were learned from."""

    id: str
    kind: str
    built_in: bool
    consent: ConsentTold
    quality: dict[str, Any]
    bytes: int
    fps: float
    width_px: int
    height_px: int
    size_px: int
    profile: str
    motion_models: list[str]
    preview: Preview


def tell(desk: Desk, person: Target) -> Person:
    """A person for clients."""
    card, at = person.card, f"/v1/people/{person.id}"
    film = desk.place.preview_film(person)
    return Person(
        id=person.id, kind="photo" if "photo" in card.origin else "video", built_in=person.built_in,
        consent=ConsentTold(statement=card.consent.statement, date=card.consent.date), quality=card.quality,
        bytes=person.size_bytes(), fps=card.fps, width_px=card.width_px, height_px=card.height_px,
        size_px=card.size_px, profile=str(card.settings.get("profile", "")),
        motion_models=_motion_models(person),
        preview=Preview(picture=f"{at}/preview.jpg", film=f"{at}/preview.mp4", film_ready=film.is_file()),
    )


def _motion_models(person: Target) -> list[str]:
    """Names of those that the person has a file of."""
    names = (path.stem.removeprefix("motion_") for path in sorted(person.folder.glob("motion_*.safetensors")))
    return [DEFAULT_MODEL, *names]


def find_person(desk: Desk, person: str) -> Target:
    """The person of that id.

    Raises:
        StudioError: there is none.
    """
    try:
        return find_target(desk.home, person)
    except InputError as error:
        raise StudioError(404, error.received, error.expected, error.remedy) from error


@router.get("")
def people(desk: DeskOf) -> list[Person]:
    """Everybody who can speak here."""
    return [tell(desk, person) for person in list_targets(desk.home)]


class Import(BaseModel):
    """upload: of what an export gave. id: another than its own."""

    upload: str
    id: str | None = None
    replace: bool = False


@router.post("/import", status_code=201, responses=ERRORS)
def take_over(asked: Import, desk: DeskOf) -> Person:
    """Take over a person from one file, which is checked; their consent comes with it."""
    kept = find_upload(desk.place, asked.upload)
    try:
        made = import_target(kept.path, as_id=asked.id, home=desk.home.path, replace_old=asked.replace)
    except InputError as error:
        raise StudioError(400, *told(error, {str(kept.path): kept.name}, desk.home.path).values()) from error
    forget_upload(desk.place, asked.upload)
    return tell(desk, find_person(desk, made.target))


class PersonInFull(Person):
    """With what emotions each motion model that has some can be asked for."""

    emotions: dict[str, list[str]]


@router.get("/{person}", responses=ERRORS)
def one(person: str, desk: DeskOf) -> PersonInFull:
    """One person, and the emotions that can be asked for."""
    found = find_person(desk, person)
    felt = _emotions(desk.sandbox, found.id, desk.home, found.mark)
    return PersonInFull(**tell(desk, found).model_dump(), emotions=felt)


@lru_cache(256)
def _emotions(sandbox: Sandbox, person: str, home: Home, mark: tuple[int, ...]) -> dict[str, list[str]]:
    """Looked up in a process that has imported torch anyway."""
    try:
        found = sandbox.run(EMOTIONS, person, str(home.path), seconds=30.0, memory_bytes=2_000_000_000)
    except InputError:
        return {}
    return {str(name): list(map(str, names)) for name, names in found.items()}


@router.get("/{person}/export", responses=ERRORS)
async def carry(person: str, desk: DeskOf) -> StreamingResponse:
    """A person as one file, with their consent, for another machine."""
    found = await asyncio.to_thread(find_person, desk, person)
    async with desk.carrying:
        file, size = await asyncio.to_thread(_carried, desk, found)
    headers = {
        "Cache-Control": "no-store", "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{found.id}{SUFFIX}"',
    }
    return StreamingResponse(_pieces(file), media_type="application/octet-stream", headers=headers)


def _carried(desk: Desk, person: Target) -> tuple[BinaryIO, int]:
    """An open file that nobody finds, and its size."""
    path = desk.place.folder / f"{CARRIED}{new_key()}{SUFFIX}"
    try:
        export_target(person.id, path, home=desk.home.path)
        return path.open("rb"), path.stat().st_size
    finally:
        path.unlink(missing_ok=True)  # it stays readable, and goes with whoever reads it


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


@router.get("/{person}/preview.jpg", responses=ERRORS)
def picture(person: str, desk: DeskOf) -> FileResponse:
    """A picture of the person."""
    found = find_person(desk, person)
    return FileResponse(found.folder / PREVIEW, media_type="image/jpeg", headers={"Cache-Control": "no-cache"})


@router.get("/{person}/preview.mp4", responses={202: {"description": "it is being made: ask again"}, **ERRORS})
def film(person: str, desk: DeskOf) -> Response:
    """A few seconds of the person speaking. The first request makes it and answers 202 with `{job}`; ask again then."""
    found = find_person(desk, person)
    path = desk.place.preview_film(found)
    if path.is_file():
        return FileResponse(path, media_type="video/mp4", headers={"Cache-Control": "no-cache"})
    asked = PreviewAsked(target=found.id).model_dump()
    made = [job for job in desk.store.all() if job.kind == "preview" and job.asked == asked]
    if any(job.state == FAILED and job.made_at > (found.folder / CARD).stat().st_mtime for job in made[:1]):
        raise StudioError(409, f"the preview of '{found.id}', which could not be made", "one that can", "see its job")
    job = next((job for job in made if job.state in OPEN), None) or desk.store.add("preview", asked)
    return JSONResponse({"job": job.job}, 202, headers={"Retry-After": "3"})


@router.delete("/{person}", responses=ERRORS)
def remove(person: str, desk: DeskOf) -> dict[str, Any]:
    """Delete all that is kept of a person: what was learned, uploads it was learned from, films made here of them."""
    found = find_person(desk, person)
    if found.built_in:
        raise StudioError(409, f"'{found.id}', who is built in", "a person of your own", "built-in ones stay")
    theirs = jobs_about(desk.store, found.id)
    if any(job.state == RUNNING for job in theirs):
        raise StudioError(409, f"'{found.id}', whom a job works on", "nobody at work", "cancel the job first")
    removed = remove_targets([found.id], desk.home.path)
    size = removed.bytes
    for path in previews_of(desk.place, found.id):
        size += path.stat().st_size
        path.unlink()
    for job in theirs:
        forget_job(desk.place, desk.store, job)
    return {"id": found.id, "files": len(removed.paths), "bytes": size, "jobs": len(theirs)}
