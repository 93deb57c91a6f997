"""Attack a studio that runs as users run it, and print what came of each attack as a Markdown table.

    python -m benchmarks.studio.attacks [--broken 200] [--half-open 10000] [--clients 50] [--uploads 80]

A studio of its own is started at a free port of this machine, in a temporary home. An attack is `held` when the studio
still answers, no answer has a path or a stack, nothing is left behind, and memory stays bounded.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from benchmarks.studio import files
from benchmarks.studio.crowd import crowded
from benchmarks.studio.prey import TOKEN, Prey, studio, until

MOST_BYTES = 600_000_000  # of the server process itself
EVIL = {"Origin": "http://evil.example"}


def paths(prey: Prey, given: argparse.Namespace) -> str:
    """Paths in addresses, names, ids."""
    tricks = ["../../etc/passwd", "..\\..\\x", "/etc/passwd", "....//....//x", "%00", "con", ".", "..", "a/b", "~root"]
    statuses = []
    for trick in tricks:
        for place in ("/v1/people/{}", "/v1/jobs/{}", "/v1/jobs/{}/files/x", "/v1/uploads/{}/file", "/{}", "/docs/{}"):
            for said in (quote(trick, ""), quote(trick), quote(quote(trick, ""), "")):
                statuses.append(prey.ask("GET", place.format(said))[0])
        status, content = prey.ask("POST", "/v1/uploads", b"x", {"X-File-Name": quote(trick)})
        if status == 201 and re.search(r"[/\\]", json.loads(content)["name"]):
            prey.faults.append(f"name {content!r}")
        body = json.dumps({"kind": "synth", "upload": trick, "target": trick}).encode()
        statuses.append(prey.ask("POST", "/v1/jobs", body, {"Content-Type": "application/json"})[0])
    odd = sorted({status for status in statuses} - {0, 400, 404, 422, 200, 307})
    if odd:
        prey.faults.append(f"statuses {odd}")
    return f"{len(statuses) + len(tricks)} tries, none led anywhere"


def oversized(prey: Prey, given: argparse.Namespace) -> str:
    """An upload that says it is too large, and one that never ends."""
    status, _ = prey.ask("POST", "/v1/uploads", b"", {"Content-Length": str(10**13)})
    with socket.create_connection(("127.0.0.1", prey.port), timeout=30) as line:
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{prey.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head.encode())
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 500_000_000:
                line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
    if status != 413 or sent >= 500_000_000:
        prey.faults.append(f"status {status}, {sent} bytes taken")
    return f"refused by its header (413); endless one cut off after {sent / 1e6:.1f} MB"


def bombs(prey: Prey, given: argparse.Namespace) -> str:
    """Files that are small here and large when they are opened."""
    told = {}
    for name, content in files.bombs().items():
        status, answer = prey.ask("POST", "/v1/uploads", content, {"X-File-Name": quote(name)})
        told[name] = json.loads(answer)["kind"] if status == 201 else str(status)
        if status == 201:
            body = json.dumps({"upload": json.loads(answer)["upload"]}).encode()
            taken, _ = prey.ask("POST", "/v1/people/import", body, {"Content-Type": "application/json"})
            if taken == 201:
                prey.faults.append(f"{name} was taken over")
    return "; ".join(f"{name}: {kind}" for name, kind in told.items())


def broken(prey: Prey, given: argparse.Namespace) -> str:
    """Broken videos, one after the other."""
    found: dict[str, int] = {}
    for content in files.broken(files.film(), given.broken):
        status, answer = prey.ask("POST", "/v1/uploads", content, {"X-File-Name": "film.mp4"})
        kind = json.loads(answer)["kind"] if status == 201 else str(status)
        found[kind] = found.get(kind, 0) + 1
    return f"{given.broken}: " + ", ".join(f"{kind} {count}" for kind, count in sorted(found.items()))


def strangers(prey: Prey, given: argparse.Namespace) -> str:
    """Pages of other sites, and other host names."""
    wrong = [
        prey.ask("POST", "/v1/uploads", b"x", EVIL)[0], prey.ask("DELETE", "/v1/people/astronaut", None, EVIL)[0],
        prey.ask("GET", "/v1/people", None, {"Host": "evil.example"})[0],
        prey.ask("POST", "/v1/jobs", b"{}", {"Origin": "null"})[0],
        prey.ask("GET", "/v1/people", None, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})[0],
        prey.ask("GET", "/v1/live?target=astronaut", None, EVIL | {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        })[0],
    ]  # fmt: skip
    if not set(wrong) <= {403, 421}:
        prey.faults.append(f"statuses {wrong}")
    return f"{len(wrong)} ways, all refused ({', '.join(map(str, wrong))})"


def no_token(prey: Prey, given: argparse.Namespace) -> str:
    """A second studio with a token, asked without it."""
    with studio(prey.home / "guarded", "--token", TOKEN) as guarded:
        routes = [("GET", path) for path in ("/", "/v1/people", "/openapi.json", "/docs/", "/v1/jobs", "/v1/live")]
        wrong = [guarded.ask(method, path, None, {"Authorization": "Bearer x"})[0] for method, path in routes]
        wrong += [guarded.ask("POST", "/v1/uploads", b"x")[0], guarded.ask("GET", "/?token=x")[0]]
        if set(wrong) != {401} or not guarded.client.people():
            prey.faults.append(f"statuses {wrong}")
        prey.faults += guarded.faults
    shutil.rmtree(prey.home / "guarded")
    return f"{len(wrong)} ways, all 401; with it, let in"


def half_open(prey: Prey, given: argparse.Namespace) -> str:
    """Connections that begin a request and never end it, while somebody wants to work."""
    lines, slowest_s, refused = [], 0.0, 0
    for number in range(given.half_open):
        try:
            line = socket.create_connection(("127.0.0.1", prey.port), timeout=10)
            line.sendall((b"GET /v1/people HTTP/1.1\r\nHost: x", b"POST /v1/up", b"")[number % 3])
            lines.append(line)
        except OSError:
            refused += 1
        if number % 1000 == 999:
            begun_s = time.monotonic()
            prey.client.people()
            slowest_s = max(slowest_s, time.monotonic() - begun_s)
    held = prey.open_files()
    for line in lines:
        line.close()
    if held > 2600:
        prey.faults.append(f"{held} open files")
    return f"{given.half_open} opened, {held} files open at the end; somebody at work waited {slowest_s:.2f} s at most"


def slow_readers(prey: Prey, given: argparse.Namespace) -> str:
    """Clients that ask for a large file and do not read it."""
    lines = []
    for _ in range(50):
        line = socket.create_connection(("127.0.0.1", prey.port), timeout=10)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(f"GET /v1/people/astronaut/export HTTP/1.1\r\nHost: 127.0.0.1:{prey.port}\r\n\r\n".encode())
        lines.append(line)
    begun_s = time.monotonic()
    prey.client.people()
    waited_s = time.monotonic() - begun_s
    for line in lines:
        line.close()
    return f"50 that do not read; somebody at work waited {waited_s:.2f} s"


def cancelled_uploads(prey: Prey, given: argparse.Namespace) -> str:
    """Uploads that stop half-way."""
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", prey.port), timeout=10) as line:
            head = f"POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1:{prey.port}\r\nContent-Length: 50000000\r\n\r\n"
            line.sendall(head.encode() + b"x" * 1_500_000)
    until(lambda: not list((prey.home / "studio" / "uploads").glob(".partial*")))
    return "50, nothing kept of them"


def odd_requests(prey: Prey, given: argparse.Namespace) -> str:
    """Requests that no client sends."""
    kind = {"Content-Type": "application/json"}
    bodies = [
        b"[" * 200_000, b"{" * 100_000, b'{"kind": "synth", "upload": "' + b"\xff\xfe" * 100 + b'"}', b"null",
        b'{"kind": "enroll", "upload": "x", "id": 7, "consent": [], "budget": 1e999}', b"NaN", b"9" * 100_000,
        b"\0" * 999,
    ]
    statuses = [prey.ask("POST", "/v1/jobs", body, kind)[0] for body in bodies]
    statuses += [prey.ask("GET", "/v1/people", None, {"X": "y" * 1_000_000})[0]]
    raw = [
        b"\x16\x03\x01\x02\0", b"GET / HTTP/9.9\r\n\r\n", b"\n" * 100_000,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]
    for content in raw:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", prey.port), timeout=25) as line:
            line.sendall(content)
            line.shutdown(socket.SHUT_WR)
            answer = line.recv(4096)
            if answer and not re.match(rb"HTTP/1\.1 4\d\d", answer):
                prey.faults.append(f"{content[:30]!r}: {answer[:30]!r}")
    if not set(statuses) <= {0, 400, 413, 422, 431}:
        prey.faults.append(f"statuses {statuses}")
    return f"{len(statuses) + len(raw)}, all refused"


def killed(prey: Prey, given: argparse.Namespace) -> str:
    """Workers that are killed while they work, twice; the job ends well."""
    upload = prey.client._json("POST", "/v1/uploads", files.speech(), {"X-File-Name": "speech.flac"})["upload"]
    job = prey.client.add("synth", upload=upload, target="astronaut", height=128)
    for _ in range(2):
        until(lambda: prey.client.job(job)["progress"]["stage"] != "", 300)
        os.kill(prey.worker("synth"), signal.SIGKILL)
        until(lambda: prey.client.job(job)["progress"]["stage"] == "", 60)
    done = prey.client.wait(job)
    prey.client.cancel(job)
    return f"two, while a film was painted; the film was made ({done['result']['duration_s']:.1f} s)"


def killed_server(prey: Prey, given: argparse.Namespace) -> str:
    """A server that is killed while a job runs, and started again."""
    home = prey.home / "second"
    with studio(home) as first:
        upload = first.client._json("POST", "/v1/uploads", files.speech())["upload"]
        job = first.client.add("synth", upload=upload, target="astronaut", height=128)
        until(lambda: first.client.job(job)["progress"]["stage"] != "", 300)
        worker = first.worker("synth")
        first.process.kill()
        first.process.wait()
        until(lambda: not Path(f"/proc/{worker}").exists(), 30)
    with studio(home) as again:
        done = again.client.wait(job)
        prey.faults += first.faults + again.faults
    shutil.rmtree(home)
    return f"its worker ended by itself; started again, the film was made ({done['result']['duration_s']:.1f} s)"


def load(prey: Prey, given: argparse.Namespace) -> str:
    """Many clients at once."""
    spans: list[float] = []

    def visit(number: int) -> None:
        try:
            begun_s = time.monotonic()
            content, name = bytes([number % 256]) * 100_000, f"file {number}"
            told = prey.client._json("POST", "/v1/uploads", content, {"X-File-Name": quote(name)})
            again = prey.client._json("GET", f"/v1/uploads/{told['upload']}")
            if (again["bytes"], again["name"]) != (100_000, name):
                prey.faults.append(f"upload {number} is {again}")
            prey.client.people()
            spans.append(time.monotonic() - begun_s)
        except Exception as fault:
            prey.faults.append(f"client {number}: {fault!r}")

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(given.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slowest_s = max(spans, default=0.0)
    return f"{given.clients} at once, each an upload and two questions: nothing lost, {slowest_s:.1f} s at most"


ATTACKS: tuple[Callable[[Prey, argparse.Namespace], str], ...] = (
    paths, oversized, bombs, broken, strangers, no_token, half_open, slow_readers, cancelled_uploads, odd_requests,
    killed, killed_server, load, crowded,
)


def main(arguments: list[str] | None = None) -> int:
    """Run all; the number of attacks that were not held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broken", type=int, default=200)
    parser.add_argument("--half-open", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--uploads", type=int, default=80)
    parser.add_argument("--only", nargs="*", default=[attack.__name__ for attack in ATTACKS])
    given = parser.parse_args(arguments)
    with contextlib.suppress(ImportError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lost = 0
    print("| attack | what came of it | held | server's memory |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, studio(Path(folder)) as prey:
        for attack in (one for one in ATTACKS if one.__name__ in given.only):
            try:
                said = attack(prey, given)
            except Exception as fault:
                prey.faults.append(repr(fault))
                said = "-"
            left = prey.left()
            held = not prey.faults and not left and prey.process.poll() is None and prey.memory_bytes() < MOST_BYTES
            memory, what = f"{prey.memory_bytes() / 1e6:.0f} MB", (attack.__doc__ or "").split(".")[0]
            told = "yes" if held else f"NO: {prey.faults[:3]} {left[:3]}"
            print(f"| {what} | {said} | {told} | {memory} |", flush=True)
            lost += not held
            prey.faults.clear()
    return lost


if __name__ == "__main__":
    sys.exit(main())
