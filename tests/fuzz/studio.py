"""Requests to the studio's `/v1`, as its OpenAPI describes them, broken, and sent to the app in this process.

A request is a line of JSON: method, path, query, headers, and the body as text. What only exists once a studio runs
(an upload, a job, curves) stands in it as a word in capitals. No worker runs: what a valid job does is for other
readers.
"""

from __future__ import annotations

import json
import os
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.fuzz.mutating import TEXTS, of_bytes, of_json, of_text

if TYPE_CHECKING:
    from starlette.testclient import TestClient

STREAMS = ("events",)  # paths that end when the client goes, which one in this process never does
KNOWN = {
    "upload": "UPLOAD", "sound": "UPLOAD", "reference": "UPLOAD", "keep_background": "UPLOAD", "job": "JOB",
    "curves": "CURVES", "person": "ana", "target": "ana", "name": "sound.wav", "sdp": (
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n"
        "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=rtpmap:96 VP8/90000\r\n"
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
    ),
}  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
ODD_HEADERS = (
    ("content-type", "text/plain"), ("content-type", "application/json; charset=utf-16"), ("content-type", ""),
    ("last-event-id", "x"), ("range", "bytes=5-1"), ("range", "bytes=99999999999-"), ("range", "bytes=0-1,2-3"),
    ("x-file-name", "%ff%00..%2f"), ("x-file-name", "a" * 900), ("host", "x.example"), ("origin", "http://x.example"),
    ("cookie", "a=\x7f; talking_head_7860=\u00e9"), ("authorization", "Bearer \u00e9"), ("accept-encoding", "\u00ff"),
)


def requests_of(openapi: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """For each operation a request with all that it may say, and one with what it must."""
    for path, operations in openapi["paths"].items():
        if path.rsplit("/", 1)[-1] in STREAMS:
            continue
        for method, operation in operations.items():
            given = operation.get("parameters", [])
            filled = re.sub(r"{(\w+)}", lambda found: str(KNOWN[found[1]]), path)
            query = {p["name"]: _first(p["schema"], openapi, p["name"], True) for p in given if p["in"] == "query"}
            for kind, body in _bodies(operation, openapi):
                yield {"method": method.upper(), "path": filled, "query": query, "headers": kind, "body": body}


def _bodies(operation: dict[str, Any], openapi: dict[str, Any]) -> Iterator[tuple[dict[str, str], str | None]]:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        yield {}, None
    for kind, said in content.items():
        for schema in said.get("schema", {}).get("oneOf", [said.get("schema", {})]):
            for whole in (True, False):
                yield {"content-type": kind}, json.dumps(_first(schema, openapi, "", whole))


def _first(schema: dict[str, Any], openapi: dict[str, Any], name: str, whole: bool) -> Any:
    """A value that fits a schema. whole: with what may be left out too."""
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _first(schema[choice][0], openapi, name, whole)
    if name in KNOWN and schema.get("type") == "string":
        return KNOWN[name]
    if "const" in schema or "default" in schema:
        return schema.get("const", schema.get("default"))
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        asked = schema.get("properties", {}) if whole else schema.get("required", [])
        return {key: _first(schema["properties"][key], openapi, key, whole) for key in asked}
    if kind == "array":
        return [_first(schema["items"], openapi, name, whole)]
    return {"string": "offer", "boolean": True, "null": None}.get(str(kind), schema.get("minimum", 1))


def of_request(data: bytes, draw: random.Random) -> bytes:
    """A request with its body, path, query, headers or method changed; most often the body."""
    asked = json.loads(data)
    kind = draw.random()
    if asked["body"] is not None and kind < 0.75:
        change = of_json if kind < 0.55 else draw.choice((of_text, of_bytes))
        asked["body"] = change(asked["body"].encode(), draw).decode("latin-1")
    elif kind < 0.88:
        parts = asked["path"].split("/")
        parts[draw.randrange(3, len(parts)) if len(parts) > 3 else -1] = quote(draw.choice(TEXTS), safe="/%")
        asked["path"] = "/".join(parts)
    elif kind < 0.92:
        asked["query"][draw.choice([*asked["query"], "x"])] = draw.choice(TEXTS)
    elif kind < 0.96:
        name, value = draw.choice(ODD_HEADERS)
        asked["headers"][name] = value
    else:
        asked["method"] = draw.choice(METHODS)
    return json.dumps(asked).encode()


@dataclass
class Asking:
    """Sends a request to a studio of this process's own, and looks at the answer."""

    process: int = 0
    home: str = ""
    known: dict[str, str] = field(default_factory=dict)
    client: TestClient | None = None

    def __call__(self, path: Path) -> None:
        if self.process != os.getpid():  # a child of its own: nothing of another's is used
            self.process = os.getpid()
            self._begin()
        try:
            asked = json.loads(path.read_text(encoding="utf-8"))
            method, said = str(asked["method"]), asked["body"]
        except (ValueError, KeyError, TypeError):  # broken as JSON: no request any more
            return
        place, query, headers = (self._filled(json.dumps(asked[k])) for k in ("path", "query", "headers"))
        body = None if said is None else self._filled(said).encode("latin-1", "replace")
        assert self.client is not None
        named = [(k.encode(), v.encode("latin-1", "replace")) for k, v in json.loads(headers).items()]
        try:
            request = self.client.build_request(
                method, json.loads(place), params=json.loads(query), headers=named, content=body)  # fmt: skip
        except Exception:  # the client itself cannot say this
            return
        answer = self.client.send(request)
        assert answer.status_code < 500 or answer.status_code in (501, 507), f"{method} {place} {answer.status_code}"
        assert self.home not in answer.text, f"{method} {place} tells a path: {answer.text[:200]}"
        plain = answer.status_code in (400, 416) and "range" in request.headers  # starlette's own word on ranges
        if answer.status_code >= 400 and method != "HEAD" and not plain:
            error = answer.json()["error"]
            assert set(error) == {"received", "expected", "remedy"}, f"{method} {place} {answer.text[:200]}"
            assert all("\n" not in value and len(value) < 3000 for value in error.values()), answer.text[:200]

    def _filled(self, text: str) -> str:
        for word, value in self.known.items():
            text = text.replace(word, value)
        return text

    def _begin(self) -> None:
        """A studio with an upload, a finished job and curves; its folder goes with the fuzzing's."""
        from starlette.testclient import TestClient

        from talking_head.studio.app import create_app
        from talking_head.studio.guard import Guard
        from talking_head.studio.settings import StudioSettings
        from tests.talking_head.target.test_target import make_target

        self.home = tempfile.mkdtemp(prefix="studio-")
        app = create_app(StudioSettings(home=Path(self.home), warm=False))
        assert isinstance(app, Guard)
        desk = app.app.state.studio  # type: ignore[attr-defined]
        make_target(desk.home, "ana")
        self.client = TestClient(app, base_url="http://localhost", follow_redirects=False)
        self.known = {"CURVES": curves_made(desk)}
        self.known["JOB"] = self.known["CURVES"]
        kept = self.client.post("/v1/uploads", content=(desk.place.jobs / self.known["JOB"] / "sound.wav").read_bytes())
        self.known["UPLOAD"] = kept.json()["upload"]


def curves_made(desk: Any) -> str:
    """The key of a job whose curves are there to be edited."""
    import numpy as np
    import soundfile

    from face_model.tracks import FaceMotion
    from talking_head.studio.curves.session import CurveSession

    job = desk.store.claim("curves", desk.store.add("curves", {"kind": "curves", "target": "ana"}).kind)
    folder = desk.place.jobs / job.job
    folder.mkdir()
    soundfile.write(folder / "sound.wav", np.zeros(8000, np.float32), 16000)
    still = np.zeros((10, 3), np.float32)
    motion = FaceMotion(25.0, np.zeros((10, 64), np.float32), still, still + (0, 0, -600), np.zeros(10, np.float32))
    CurveSession.begun(folder, "ana", motion)
    assert desk.store.finish(job, {"files": {"sound.wav": "audio/x-wav"}})
    return str(job.job)
