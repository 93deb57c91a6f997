"""The route of the coach."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from pydantic import BaseModel

from talking_head.studio.answers import ERRORS
from talking_head.studio.desk import DeskOf

router = APIRouter(prefix="/v1/coach", tags=["new person"])


class CoachView(BaseModel):
    """What a picture shows; see `talking_head.studio.coaching.View`."""

    face: bool
    faces: int
    face_height_share: float
    face_size_px: float
    sharpness: float
    light: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    advice: list[str]


@router.post("", responses=ERRORS, openapi_extra={"requestBody": {"content": {"image/jpeg": {}}, "required": True}})
async def coach(request: Request, desk: DeskOf) -> CoachView:
    """What a picture (JPEG) of somebody before a camera shows, and what they could do better.

    `yaw_deg` is more than 0 where they turn to their own left, `pitch_deg` where they look down. `sharpness` is good
    enough from 0.5 on, `light` between 0.22 and 0.88. `advice` is empty where all is well.
    """
    return CoachView(**await asyncio.to_thread(desk.coach.look, await request.body()))
