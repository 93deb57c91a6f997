"""Who may come in, and what every answer says: a wrapper around the app that sees every request first.

A page of another site that is open in the same browser can send requests here: by a name that it makes point to this
machine (DNS rebinding), or by a form or script (cross-site requests). So Host and Origin are checked before anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Iterator
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from talking_head.studio.answers import StudioError, answer, told
from talking_head.studio.settings import StudioSettings

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; worker-src 'self' blob:; "
    "frame-src 'self'; frame-ancestors 'self'; object-src 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(self), geolocation=(), interest-cohort=()",
}  # fmt: skip
OPEN_PATHS = ("/v1/health",)  # without a token: says nothing but that the server is up
UPLOAD_PATH = "/v1/uploads"
CLOSED_POLICY = 1008  # of a WebSocket: policy violated


class Guard:
    """Checks Host, Origin and token, counts what comes in, and adds headers to what goes out."""

    def __init__(self, app: ASGIApp, settings: StudioSettings) -> None:
        self.app, self.settings, self.limits = app, settings, settings.limits
        self.cookie = f"talking_head_{settings.port}"  # cookies know no ports
        key = b"" if settings.token is None else settings.token.encode()
        self.pass_mark = hmac.new(key, b"talking-head studio, a browser's pass", hashlib.sha256).hexdigest()
        self.names = {"localhost", socket.gethostname().lower(), settings.host.lower(), *map(str.lower, settings.names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope)
            refused: Response | None = self._pass(scope)
        except StudioError as error:
            refused = answer(error.status, told(error))
        if scope["type"] == "websocket":
            if refused is None:
                await self.app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": CLOSED_POLICY, "reason": "refused"})
            return
        if refused is not None:
            await refused(scope, receive, self._dressed(send))
            return
        await self.app(scope, self._counted(scope, receive), self._dressed(send))

    def _check(self, scope: Scope) -> None:
        """Refuse requests of other sites' pages.

        Raises:
            StudioError: by another host name, or from another origin.
        """
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._is_ours(host):
            raise StudioError(
                421, f"host '{host[:80]}'", "the address that the studio is served at",
                "start it with --name NAME where it is reached by another name",
            )
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if origin is not None and (changes or origin != "null"):
            theirs = urlsplit(origin).netloc.lower()
            if theirs != host.lower() and (changes or scope["type"] == "http"):
                raise StudioError(403, f"a request from {origin[:80]}", "one of the studio's own page")
        if headers.get("sec-fetch-site") == "cross-site" and (changes or headers.get("sec-fetch-mode") != "navigate"):
            raise StudioError(403, "a request of another site's page", "one of the studio's own page")

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this studio: by a known name, or by an address, which no name server turns."""
        try:
            parts = urlsplit(f"//{host}")
            name = (parts.hostname or "").lower()
            _ = parts.port
        except ValueError:
            return False
        if parts.path or parts.query or parts.username is not None or not name:
            return False
        if name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.settings.loopback

    def _pass(self, scope: Scope) -> Response | None:
        """None for who may come in; otherwise where to go, or what to say.

        Raises:
            StudioError: no token, or a wrong one.
        """
        token = self.settings.token
        if token is None or scope["path"] in OPEN_PATHS:
            return None
        headers, query = Headers(scope=scope), dict(parse_qsl(scope["query_string"].decode("latin-1")))
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), token):
            return None
        if any(_same(mark, self.pass_mark) for mark in _cookies(headers.getlist("cookie"), self.cookie)):
            return None
        if "token" in query and _same(query["token"], token):
            return None if scope["type"] == "websocket" else self._welcome(scope, query)
        raise StudioError(
            401, "a request without the studio's token", "the header Authorization: Bearer TOKEN, or once ?token=TOKEN",
            "open the address that the studio printed when it started",
        )

    def _welcome(self, scope: Scope, query: dict[str, str]) -> Response | None:
        """Give a browser its pass, and send it on to the same address without the token."""
        if scope["method"] not in SAFE_METHODS:
            return None
        rest = urlencode({name: value for name, value in query.items() if name != "token"})
        there = "/" + scope["path"].lstrip("/\\")  # never another host's
        response = RedirectResponse(there + (f"?{rest}" if rest else ""), 303)
        response.set_cookie(
            self.cookie, self.pass_mark, httponly=True, samesite="strict", secure=scope.get("scheme") == "https"
        )
        return response

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """What comes in, up to the limit, and not from who falls silent half-way."""
        most = None if scope["path"] == UPLOAD_PATH else self.limits.body_bytes
        size, whole = 0, False

        async def read() -> Message:
            nonlocal size, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self.limits.quiet_s)
            except TimeoutError as error:
                raise HTTPException(408) from error
            if message["type"] == "http.request":
                size += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if most is not None and size > most:
                    raise HTTPException(413)  # which the app lets pass where it reads
            return message

        return read

    def _dressed(self, send: Send) -> Send:
        """What goes out, with the headers that every answer has."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        return dressed


def _same(given: str, right: str) -> bool:
    """Whether two texts are the same, in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), right.encode())


def _cookies(headers: list[str], name: str) -> Iterator[str]:
    for header in headers:
        try:
            found = SimpleCookie(header).get(name)
        except CookieError:
            continue
        if found is not None:
            yield found.value
