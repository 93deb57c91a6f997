"""Safe by default: who may come in, what is taken, and what is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from foundation.errors import InputError
from foundation.shipped import shipped
from talking_head.client import Studio
from talking_head.studio.app import PAGE, REFERENCE
from talking_head.studio.guard import Guard
from talking_head.studio.sandbox import Sandbox
from talking_head.studio.settings import Limits, StudioSettings
from talking_head.studio.uploads_kept import LOOK_INTO
from tests.talking_head.studio.serve import Served, served
from tests.waiting import PATIENCE_S, until

TOKEN = "a token that nobody guesses"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A studio with a token."""
    with served(tmp_path_factory.mktemp("guarded"), token=TOKEN) as found:
        yield found


def test_only_this_machine_reaches_it_unless_it_is_told_otherwise() -> None:
    assert StudioSettings().checked().loopback and StudioSettings().checked().token is None
    made = [StudioSettings(host=host).checked().token for host in ("0.0.0.0", "::", "192.168.1.7", "studio.lan")]
    assert all(token is not None and len(token) >= 24 for token in made) and len(set(made)) == 4
    told = " ".join(StudioSettings(host="0.0.0.0").checked().told())
    assert "TLS" in told and "not encrypted" in told
    with pytest.raises(InputError, match="guessed"):
        StudioSettings(host="0.0.0.0", token="1234").checked()


def test_the_command_serves_loopback_and_ends_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "talking_head", "studio", "--port", "0", "--home", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None
            line = running.stderr.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert address, line
            until(lambda: _up(address[0]))
            again = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            assert again.returncode == 2 and "another studio" in again.stderr and "Traceback" not in again.stderr
            running.terminate()
            assert running.wait(PATIENCE_S) == 128 + 15 and "Traceback" not in running.stderr.read()
        finally:
            running.kill()


def _up(address: str) -> bool:
    try:
        return bool(Studio(address).status())
    except InputError:
        return False


@pytest.mark.parametrize("host", [
    "evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "a b", "127.0.0.1/x", "192.168.1.7",
    "0x7f.1",
])  # fmt: skip
def test_another_host_name_is_refused(studio: Served, host: str) -> None:
    status, _ = studio.error("GET", "/v1/people", headers={"Host": host})
    assert status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:7860"])
def test_names_of_this_machine_are_not(studio: Served, host: str) -> None:
    assert studio.ask("GET", "/v1/people", headers={"Host": host})[0] == 200


def test_pages_of_other_sites_can_do_nothing(studio: Served) -> None:
    job = studio.count(to=1)
    studio.client.wait(job)
    host = f"127.0.0.1:{studio.port}"
    others = ("http://evil.example", "null", "http://127.0.0.1:1", f"http://{host}.evil.example", "file://")
    for origin in others:
        for method, path in (("DELETE", f"/v1/jobs/{job}"), ("POST", "/v1/uploads"), ("POST", "/v1/jobs")):
            assert studio.error(method, path, b"x", {"Origin": origin})[0] == 403, (origin, method)
    assert studio.error("GET", "/v1/people", headers={"Origin": "http://evil.example"})[0] == 403
    cross = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert studio.error("DELETE", f"/v1/jobs/{job}", headers=cross)[0] == 403
    assert studio.error("GET", f"/v1/jobs/{job}", headers=cross)[0] == 403, "as a picture or script of theirs"
    assert studio.client.job(job)["state"] == "done"
    own = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert studio.ask("DELETE", f"/v1/jobs/{job}", headers=own)[0] == 204


def test_no_answer_lets_other_sites_read_it(studio: Served) -> None:
    for method in ("GET", "OPTIONS"):
        _, headers, _ = studio.ask(method, "/v1/people")
        assert not [name for name in headers if name.startswith("access-control-allow")]


def test_without_the_token_nobody_comes_in(guarded: Served) -> None:
    paths = ("/", "/v1/people", "/docs/", "/openapi.json", "/v1/status", "/v1/people/astronaut/preview.jpg", "/v1/../x")
    for path in paths:
        assert guarded.error("GET", path)[0] == 401, path
        assert guarded.error("GET", path, headers={"Authorization": "Bearer nearly"})[0] == 401
        assert guarded.error("GET", f"{path}?token=nearly")[0] == 401
        assert guarded.error("GET", path, headers={"Cookie": f"talking_head_0={TOKEN}"})[0] == 401
    assert guarded.error("POST", "/v1/uploads", b"x")[0] == 401
    assert guarded.ask("GET", "/v1/health")[0] == 200
    assert guarded.client.status()["token_needed"]


def test_a_browser_gets_a_cookie_once_that_no_other_site_can_use(guarded: Served) -> None:
    status, headers, _ = guarded.ask("GET", f"/?token={TOKEN.replace(' ', '+')}&room=say")
    assert (status, headers["location"]) == (303, "/?room=say"), "the token leaves the address"
    said = headers["set-cookie"]
    assert "SameSite=strict" in said and "HttpOnly" in said and TOKEN not in said
    cookie = {"Cookie": said.split(";")[0]}
    assert guarded.ask("GET", "/v1/people", headers=cookie)[0] == 200
    assert guarded.error("GET", "/v1/people", headers=cookie | {"Origin": "http://evil.example"})[0] == 403
    status, headers, _ = guarded.ask("GET", f"//evil.example/?token={TOKEN.replace(' ', '+')}")
    assert not headers.get("location", "/").startswith("//")


HOST = (b"host", b"127.0.0.1:7860")


@pytest.mark.parametrize(("token", "headers", "query", "enters"), [
    (None, [HOST], b"", True), (None, [HOST, (b"origin", b"http://127.0.0.1:7860")], b"", True),
    (None, [HOST, (b"origin", b"http://evil.example")], b"", False), (None, [HOST, (b"origin", b"null")], b"", False),
    (None, [(b"host", b"evil.example")], b"", False), (TOKEN, [HOST], b"", False),
    (TOKEN, [HOST, (b"authorization", b"Bearer " + TOKEN.encode())], b"", True),
    (TOKEN, [HOST], b"token=" + TOKEN.replace(" ", "+").encode(), True), (TOKEN, [HOST], b"token=x", False),
])  # fmt: skip
def test_a_websocket_is_checked_as_everything_else(
    token: str | None, headers: list[tuple[bytes, bytes]], query: bytes, enters: bool
) -> None:
    entered, sent = [], []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        entered.append(scope["path"])

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/v1/live", "headers": headers, "query_string": query, "scheme": "ws"}
    asyncio.run(Guard(app, StudioSettings(token=token))(scope, receive, send))
    assert (entered, sent) == ((["/v1/live"], []) if enters else ([], ["websocket.close"]))


def test_an_upload_that_is_too_large_is_refused_and_gone(tmp_path: Path) -> None:
    with served(tmp_path, limits=Limits(upload_bytes=100_000, upload_s=5.0)) as studio:
        assert studio.error("POST", "/v1/uploads", b"x" * 100_001)[0] == 413

        with socket.create_connection(("127.0.0.1", studio.port), timeout=PATIENCE_S) as line:  # one that never ends
            head = f"POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
            line.sendall(head.encode())
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 1_000_000_000:
                    line.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                    sent += 0x8000
            assert sent < 50_000_000 and b"413" in line.recv(4096), "it is told and cut off"
        status, received = studio.error("POST", "/v1/uploads", shipped("astronaut/speech.flac").read_bytes()[:99_000])
        assert status == 413 and "lasts" in received or status == 201
        until(lambda: not list(studio.desk.place.uploads.glob(".partial*")))


def test_a_request_that_is_no_upload_is_small(studio: Served) -> None:
    body = json.dumps({"kind": "synth", "target": "a" * 2_000_000, "upload": ""}).encode()
    assert studio.error("POST", "/v1/jobs", body, {"Content-Type": "application/json"})[0] == 413


def test_who_goes_away_while_sending_leaves_nothing(studio: Served) -> None:
    before = len(studio.client._json("GET", "/v1/uploads"))
    with socket.create_connection(("127.0.0.1", studio.port)) as line:
        head = f"POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\nContent-Length: 9000000\r\n\r\n"
        line.sendall(head.encode() + b"x" * 3_000_000)
        until(lambda: list(studio.desk.place.uploads.glob(".partial*")))
    until(lambda: not list(studio.desk.place.uploads.glob(".partial*")))
    assert len(studio.client._json("GET", "/v1/uploads")) == before


def test_slow_clients_hold_nobody_up_and_are_let_go(tmp_path: Path) -> None:
    @contextlib.contextmanager
    def slow_clients(quiet_s: float) -> Iterator[tuple[Served, list[socket.socket]]]:
        with served(tmp_path, limits=Limits(quiet_s=quiet_s)) as studio, contextlib.ExitStack() as open_lines:
            host = f"Host: 127.0.0.1:{studio.port}\r\n".encode()
            post = b"POST /v1/uploads HTTP/1.1\r\n" + host + b"Content-Length: 99\r\n\r\nx"
            at = ("127.0.0.1", studio.port)
            lines = [open_lines.enter_context(socket.create_connection(at, PATIENCE_S)) for _ in range(60)]
            for number, line in enumerate(lines):
                line.sendall([b"", b"GET /v1/peo", post][number % 3])
            yield studio, lines

    with slow_clients(quiet_s=1e6) as (studio, _):
        assert studio.client.people()
    with slow_clients(quiet_s=0.5) as (_, lines):
        for line in lines:
            while line.recv(4096):  # what is told, such as 408, and then the end
                pass


def test_uploads_that_are_long_looked_into_hold_nobody_up(studio: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, looking = threading.Event(), Sandbox.run

    def slow(self: Sandbox, function: str, *args: Any, **limits: Any) -> Any:
        if function == LOOK_INTO:
            assert go_on.wait(PATIENCE_S)
        return looking(self, function, *args, **limits)

    monkeypatch.setattr(Sandbox, "run", slow)
    kept = len(studio.client._json("GET", "/v1/uploads"))
    with ThreadPoolExecutor(40) as clients:
        sent = [clients.submit(studio.ask, "POST", "/v1/uploads", b"x" * 300_000) for _ in range(40)]
        try:
            until(lambda: len(list(studio.desk.place.uploads.glob(".partial*/upload"))) == 40)
            studio.client.person("astronaut")
            assert studio.client.wait(studio.count(to=2))["state"] == "done"
        finally:
            go_on.set()
        assert [answer.result()[0] for answer in sent] == [201] * 40
    assert len(studio.client._json("GET", "/v1/uploads")) == kept + 40


def test_too_many_connections_push_out_those_that_say_nothing(tmp_path: Path) -> None:
    with served(tmp_path, limits=Limits(connections=30)) as studio:
        lines = [socket.create_connection(("127.0.0.1", studio.port)) for _ in range(200)]
        assert studio.client.people()
        for line in lines:
            line.close()


NAMES = [
    "../../etc/passwd", "..%2f..%2fevil", "/etc/cron.d/x", "C:\\windows\\x.mp4", "a\x00b", "x" * 5000, ".", "..",
    "CON", "%00", "%2e%2e%2f", "speech.flac\r\nX: y",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_s_name_is_never_a_path(studio: Served, name: str) -> None:
    before = _everything(studio.desk.home.path.parent)
    try:
        status, _, content = studio.ask("POST", "/v1/uploads", b"not a film", {"X-File-Name": name})
    except ValueError:
        return  # the client's own library will not send it
    if status == 201:
        told = json.loads(content)
        assert "/" not in told["name"] and "\\" not in told["name"] and len(told["name"]) <= 120
        new = _everything(studio.desk.home.path.parent) - before
        uploads = studio.desk.place.uploads
        assert all(path.parent.parent == uploads or path.parent == uploads for path in new)
        assert studio.ask("DELETE", f"/v1/uploads/{told['upload']}")[0] == 204
    assert _everything(studio.desk.home.path.parent) == before


def _everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.suffix not in (".sqlite-wal", ".sqlite-shm")}


@pytest.mark.parametrize("path", [
    "/v1/jobs/..%2f..%2fjobs.sqlite", "/v1/people/..%2f..%2fetc/preview.jpg", "/v1/uploads/..",
    "/..%2fapp.py", "/%2e%2e/%2e%2e/etc/passwd", "/docs/..%2f..%2fapp.py", "/v1/people/con", "//etc/passwd",
    "/v1/jobs/x/files/..%2f..%2f..%2fjobs.sqlite",
])  # fmt: skip
def test_addresses_do_not_lead_out(studio: Served, path: str) -> None:
    status, _, content = studio.ask("GET", path)
    assert status in (400, 404, 422) and b"sqlite" not in content and b"import" not in content


def test_no_answer_tells_a_path_or_a_stack(studio: Served) -> None:
    upload = studio.client._json("POST", "/v1/uploads", b"x")["upload"]
    asked: list[tuple[str, str, object]] = [
        ("GET", "/v1/people/nobody", None), ("GET", "/v1/jobs/none", None), ("POST", "/v1/jobs", {}),
        ("POST", "/v1/jobs", {"kind": "synth", "upload": upload, "target": "astronaut"}),
        ("POST", "/v1/jobs", {"kind": "synth", "upload": "../..", "target": "astronaut"}),
        ("POST", "/v1/jobs", {"kind": "enroll", "upload": upload, "id": "../x", "consent": "c"}),
        ("POST", "/v1/jobs", {"kind": "synth", "upload": upload, "target": "../../x"}),
        ("DELETE", "/v1/people/astronaut", None),
        ("GET", "/v1/verify/none", None), ("PUT", "/v1/jobs", None), ("GET", "/nowhere", None),
    ]  # fmt: skip
    for method, path, body in asked:
        sent = None if body is None else json.dumps(body).encode()
        status, headers, content = studio.ask(method, path, sent, {"Content-Type": "application/json"})
        assert 400 <= status < 500 and headers["content-type"] == "application/json"
        error = json.loads(content)["error"]
        assert set(error) == {"received", "expected", "remedy"} and error["received"]
        text = json.dumps(error)
        assert str(studio.desk.home.path) not in text and "Traceback" not in text and ".py" not in text
        assert "a home" not in text and "/tmp" not in text


def test_every_answer_has_its_policy_and_no_page_needs_more(studio: Served) -> None:
    for path in ("/", "/docs/", "/v1/people", "/nowhere"):
        _, headers, _ = studio.ask("GET", path)
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'self'" in policy
        assert headers["x-content-type-options"] == "nosniff" and "server" not in headers
    for page in [*PAGE.rglob("*.html"), *REFERENCE.rglob("*.html")]:
        text = page.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|https?://", text), page


def test_a_report_s_page_runs_no_script(studio: Served) -> None:
    job = studio.count(to=1)
    studio.client.wait(job)
    _, headers, _ = studio.ask("GET", f"/v1/jobs/{job}/files/count.txt")
    policy = headers["content-security-policy"]
    assert "sandbox" in policy and "default-src 'none'" in policy


@pytest.mark.slow
def test_fifty_clients_lose_nothing(studio: Served) -> None:
    jobs: list[str] = []
    faults: list[Exception] = []

    def visit(number: int) -> None:
        try:
            told = studio.client._json("POST", "/v1/uploads", bytes([number]) * 1000, {"X-File-Name": str(number)})
            assert told["bytes"] == 1000 and told["name"] == str(number)
            jobs.append(studio.count(to=1, wait_s=0.0))
            studio.client.people()
        except Exception as fault:
            faults.append(fault)

    clients = [threading.Thread(target=visit, args=(k,)) for k in range(50)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert not faults and len(jobs) == 50
    for job in jobs:
        assert studio.client.wait(job)["state"] == "done"
