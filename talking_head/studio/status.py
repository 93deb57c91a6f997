"""The route that tells what this studio is and can."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from talking_head import __version__
from talking_head.doctor.machine import EXTRAS
from talking_head.studio.desk import DeskOf
from talking_head.studio.jobs.kinds import KINDS
from talking_head.studio.jobs.store import QUEUED, RUNNING

router = APIRouter(prefix="/v1", tags=["status"])
CARDS = ("/dev/nvidiactl", "/dev/dxg")  # a graphics card's driver, on Linux and in WSL


class Status(BaseModel):
    """device: cpu or cuda. extras: which optional parts are installed. limits: bytes and seconds."""

    version: str
    device: str
    extras: dict[str, bool]
    limits: dict[str, float | None]
    job_kinds: list[str]
    jobs: dict[str, int]
    token_needed: bool


@cache
def device() -> str:
    """`cuda` where torch sees a card; torch is asked only where there is a driver."""
    if not any(Path(card).exists() for card in CARDS):
        return "cpu"
    from talking_head.target.settings import device_name

    return device_name("auto")


@cache
def extras() -> dict[str, bool]:
    """Optional parts by name, and whether they are installed."""
    return {name: find_spec(module) is not None for name, (module, _) in EXTRAS.items()}


@router.get("/health")
def health() -> dict[str, bool]:
    """Whether the studio is up; asks for no token."""
    return {"ok": True}


@router.get("/status")
def status(desk: DeskOf) -> Status:
    """What this studio is, and how busy."""
    limits: dict[str, Any] = asdict(desk.settings.limits)
    counts = {state: len(desk.store.all((state,))) for state in (QUEUED, RUNNING)}
    kinds = [name for name, kind in KINDS.items() if kind.public]
    return Status(
        version=__version__, device=device(), extras=extras(), limits=limits, job_kinds=kinds, jobs=counts,
        token_needed=desk.settings.token is not None,
    )
