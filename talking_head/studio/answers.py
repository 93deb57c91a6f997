"""What goes wrong, as clients are told it: received, expected, remedy; never a path and never a stack."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from foundation.errors import InputError

log = logging.getLogger(__name__)

# From a slash at a word's start on: two or more names. Such as `fps 25/1` or a media type have no slash at the start.
_PATH = re.compile(r"(?<![\w/:<])(?:[A-Za-z]:)?(?:[/\\][^\s'\"`,;:()<>/\\]+){2,}[/\\]?")
FAULT = {"received": "a fault of the studio's own", "expected": "none", "remedy": "see the studio's log on its machine"}


class StudioError(InputError):
    """An `InputError` with an HTTP status of its own."""

    def __init__(self, status: int, received: str, expected: str, remedy: str = "") -> None:
        super().__init__(received, expected, remedy)
        self.status = status


def not_found(what: str, remedy: str = "") -> StudioError:
    """For something that is not here."""
    return StudioError(404, what, "something that is here", remedy)


def told(error: InputError, names: Mapping[str, str] | None = None, root: Path | None = None) -> dict[str, str]:
    """An error as clients get it. names: paths as text, and what to call them. root: a folder that nobody hears of."""
    parts = {"received": error.received, "expected": error.expected, "remedy": error.remedy}
    return {name: without_paths(text, names or {}, root) for name, text in parts.items()}


def without_paths(text: str, names: Mapping[str, str], root: Path | None = None) -> str:
    """A text in which every path is called by a name, or is just `a file`."""
    for path, name in sorted(names.items(), key=lambda item: -len(item[0])):
        text = text.replace(path, name)
    if root is not None:  # it may have blanks in it
        text = re.sub(re.escape(str(root)) + r"(?:[/\\][^\s'\"`,;:()<>]*)?", "a file", text)
    return " ".join(_PATH.sub("a file", text).split())


def answer(status: int, error: Mapping[str, str], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error as a response."""
    return JSONResponse({"error": dict(error)}, status, headers=dict(headers or {}))


def _validation(error: RequestValidationError) -> dict[str, str]:
    """What is wrong with a request's JSON, in a line."""
    found = []
    for part in error.errors()[:4]:
        place = ".".join(str(step) for step in part["loc"] if step != "body")
        found.append(f"{place}: {part['msg']}" if place else str(part["msg"]))
    return {"received": "a request that does not fit", "expected": "; ".join(found)[:600], "remedy": "see /docs"}


def install(app: FastAPI) -> None:
    """Let an app tell errors so."""

    @app.exception_handler(InputError)
    async def bad_input(request: Request, error: InputError) -> JSONResponse:
        home = request.app.state.studio.home.path
        return answer(getattr(error, "status", 400), told(error, getattr(error, "names", None), home))

    @app.exception_handler(RequestValidationError)
    async def bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, _validation(error))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        what = {
            404: ("an address that leads nowhere", "one of those in /docs"),
            405: (f"method {request.method}", "one that this address takes"),
            408: ("a request that stops half-way", "all of it"), 413: ("a request that is too large", "a smaller one"),
        }
        received, expected = what.get(error.status_code, (f"status {error.status_code}", "a request as in /docs"))
        return answer(error.status_code, {"received": received, "expected": expected, "remedy": ""}, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody gets it

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s", request.method, request.url.path, exc_info=error)
        return answer(500, FAULT)


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "bad input: {error: {received, expected, remedy}}"},
    404: {"description": "not here"},
}
