"""Routes of curves. A session is the job that made it, and is deleted as that is."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from talking_head.studio.answers import ERRORS
from talking_head.studio.desk import DeskOf
from talking_head.studio.jobs.kinds.curving import CurvesAsked, CurvesExportAsked, CurvesFilmAsked, find_session
from talking_head.studio.jobs.routes import JobTold, add, find_job
from talking_head.studio.jobs.store import DONE

router = APIRouter(prefix="/v1/curves", tags=["curves"])


class Begun(BaseModel):
    """curves: their key. state: of the job that makes them. values and the rest come when it is done."""

    curves: str
    state: str
    error: dict[str, str] | None = None
    target: str = ""
    fps: float = 0.0
    seconds: float = 0.0
    names: list[str] = []
    labels: dict[str, str] = {}
    units: dict[str, str] = {}
    ranges: dict[str, list[float]] = {}
    values: dict[str, list[float]] = {}
    peaks: list[float] = []


class Change(BaseModel):
    """Values of a curve from a frame on."""

    name: str = Field(max_length=40)
    first: int = Field(alias="from", ge=0)
    values: list[float] = Field(min_length=1, max_length=100_000)


class Changes(BaseModel):
    changes: list[Change] = Field(min_length=1, max_length=100)


class Format(BaseModel):
    format: Literal["livelink", "gltf", "npz", "openface"]


class Picture(BaseModel):
    aspect: Literal["9:16", "1:1", "16:9"] | None = None
    height: int | None = Field(default=None, ge=64, le=2160, multiple_of=2)
    label: bool = True


@router.post("", status_code=201, responses=ERRORS)
def begin(asked: CurvesAsked, desk: DeskOf) -> Begun:
    """Let a motion model say an upload or a text; ask for the curves until they are there."""
    job = add(asked, desk)
    return Begun(curves=job.job, state=job.state)


@router.get("/{curves}", responses=ERRORS)
def one(curves: str, desk: DeskOf) -> Begun:
    """The curves as they are now: a value a frame."""
    job = find_job(desk, curves)
    if job.state != DONE:
        return Begun(curves=job.job, state=job.state, error=job.error)
    return Begun(curves=job.job, state="ready", **find_session(desk.place, curves).told())


@router.patch("/{curves}", responses=ERRORS)
def change(curves: str, asked: Changes, desk: DeskOf) -> dict[str, Any]:
    """Change stretches of curves, all of them or none; the rest of the face follows."""
    changes = [(one.name, one.first, np.array(one.values, np.float64)) for one in asked.changes]
    return {"changed": find_session(desk.place, curves).change(changes)}


@router.get("/{curves}/frame.jpg", responses=ERRORS)
async def frame(curves: str, at: Annotated[int, Query(ge=0)], request: Request, desk: DeskOf) -> Response:
    """A frame as it is now."""
    session = find_session(desk.place, curves)
    picture = await asyncio.to_thread(_easel(request).frame, desk.home, session, at)
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "no-cache"})


@router.get("/{curves}/preview", responses=ERRORS)
async def preview(
    curves: str, request: Request, desk: DeskOf, start_s: Annotated[float, Query(alias="from", ge=0)] = 0.0,
    end_s: Annotated[float, Query(alias="to", ge=0)] = 1e6,
) -> FileResponse:
    """A stretch as a film with sound; only frames that changed are painted."""
    session = find_session(desk.place, curves)
    film = await asyncio.to_thread(_easel(request).stretch, desk.home, session, start_s, end_s)
    return FileResponse(film, media_type="video/mp4", headers={"Cache-Control": "no-cache"})


@router.post("/{curves}/export", status_code=201, responses=ERRORS)
def export(curves: str, asked: Format, desk: DeskOf) -> JobTold:
    """Write them for other programs, as a job."""
    return add(CurvesExportAsked(curves=curves, format=asked.format), desk)


@router.post("/{curves}/film", status_code=201, responses=ERRORS)
def film(curves: str, asked: Picture, desk: DeskOf) -> JobTold:
    """Make a film of them, as a job."""
    return add(CurvesFilmAsked(curves=curves, **asked.model_dump()), desk)


def _easel(request: Request) -> Any:
    """What paints, which needs torch: loaded when first asked for."""
    state = request.app.state
    if not hasattr(state, "easel"):
        from talking_head.studio.curves.painting import Easel

        state.easel = Easel()
    return state.easel


