"""Routes of uploads."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from talking_head.studio.answers import ERRORS, StudioError, not_found
from talking_head.studio.desk import DeskOf
from talking_head.studio.jobs.routes import FILE_POLICY
from talking_head.studio.uploads_kept import STILL, all_uploads, display_name, find_upload, forget_upload, keep

NAME_HEADER = "x-file-name"


class Uploaded(BaseModel):
    """What was uploaded. kind: video, photo, sound or other; why: it is other."""

    upload: str
    name: str
    bytes: int
    kind: str
    seconds: float
    width_px: int
    height_px: int
    has_sound: bool
    why: str
    made_at: float


router = APIRouter(prefix="/v1/uploads", tags=["uploads"])


@router.post("", status_code=201, responses=ERRORS)
async def upload(request: Request, desk: DeskOf) -> Uploaded:
    """Send a file as the request's body. `X-File-Name`: what to call it, percent-encoded where it is not ASCII."""
    limits, place = desk.settings.limits, desk.place
    if (said := request.headers.get("content-length")) and int(said) > limits.upload_bytes:
        most = f"at most {limits.upload_bytes / 1e6:.0f} MB"
        raise StudioError(413, "a file that is too large", most, "cut or reduce it")
    if sum(kept.bytes for kept in await asyncio.to_thread(all_uploads, place)) > limits.kept_bytes:
        raise StudioError(507, "one upload more", f"at most {limits.kept_bytes / 1e9:g} GB of them together",
                          "delete some, or wait a day")  # fmt: skip
    name = display_name(request.headers.get(NAME_HEADER, ""))
    kept = await keep(place, limits, desk.sandbox, name, request.stream())
    return Uploaded(**kept.described())


@router.get("")
def uploads(desk: DeskOf) -> list[Uploaded]:
    """What was uploaded and is still here, the newest first."""
    return [Uploaded(**kept.described()) for kept in all_uploads(desk.place)]


@router.get("/{upload}", responses=ERRORS)
def one(upload: str, desk: DeskOf) -> Uploaded:
    """What an upload holds."""
    return Uploaded(**find_upload(desk.place, upload).described())


@router.get("/{upload}/file", responses=ERRORS)
def file(upload: str, desk: DeskOf) -> FileResponse:
    """What was uploaded; takes ranges, as players ask for."""
    kept = find_upload(desk.place, upload)
    with kept.path.open("rb") as opened:
        kind = media_type(opened.read(16), kept.content.kind)
    headers = {"Content-Security-Policy": FILE_POLICY, "Cache-Control": "private, max-age=3600"}
    where = "attachment" if kept.content.kind == "other" else "inline"
    return FileResponse(
        kept.path, media_type=kind, filename=kept.name, headers=headers, content_disposition_type=where
    )


@router.get("/{upload}/still.jpg", responses=ERRORS)
def still(upload: str, desk: DeskOf) -> FileResponse:
    """A small picture of a video or photo, for browsers that cannot show such a file."""
    path = find_upload(desk.place, upload).path.parent / STILL
    if not path.is_file():
        raise not_found("a picture of an upload that has none")
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def media_type(begins: bytes, kind: str) -> str:
    """Of an upload, by how it begins; for what nobody knows, one that no browser shows."""
    if kind == "other":
        return "application/octet-stream"
    known = {
        b"\x1a\x45\xdf\xa3": "webm", b"OggS": "ogg", b"RIFF": "wav", b"fLaC": "flac", b"ID3": "mpeg",
        b"\xff\xd8\xff": "jpeg", b"\x89PNG": "png", b"GIF8": "gif",
    }
    name = next((name for sign, name in known.items() if begins.startswith(sign)), None)
    if kind == "photo":
        return f"image/{name if name not in (None, 'wav') else 'webp'}"
    return f"{'audio' if kind == 'sound' else 'video'}/{name or 'mp4'}"


@router.delete("/{upload}", status_code=204, responses=ERRORS)
def delete(upload: str, desk: DeskOf) -> Response:
    """Delete an upload."""
    find_upload(desk.place, upload)
    if upload in desk.store.needed_uploads():
        raise StudioError(409, "an upload that a job needs", "one that no job waits for", "cancel the job first")
    forget_upload(desk.place, upload)
    return Response(status_code=204)
