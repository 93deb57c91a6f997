"""A studio from Python, on this machine or another: the same verbs, carried out where the studio runs.

    from talking_head.client import Studio

    studio = Studio("http://127.0.0.1:7860")
    studio.enroll("ana.mp4", "ana", consent="I agree to be enrolled. Ana, 2026-01-01")
    studio.synthesize("speech.wav", "ana", "ana_speaks.mp4")

Needs nothing but Python. `docs/studio_api.md` has what lies below it.
"""

from __future__ import annotations

import http.client
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from foundation.errors import InputError
from foundation.files import atomic_path

Answer = dict[str, Any]
Watch = Callable[[Answer], None]  # gets the job at each change
OVER = ("done", "failed", "cancelled")
AGAIN_S = 1.0  # before events are asked for again, where the connection broke
TRIES = 30  # of that, one after the other


@dataclass(frozen=True)
class Studio:
    """One studio. address: http(s)://HOST[:PORT]. token: where it asks for one. patience_s: for an answer to begin."""

    address: str = "http://127.0.0.1:7860"
    token: str | None = None
    patience_s: float = 60.0

    def status(self) -> Answer:
        """What the studio is and how busy."""
        return self._json("GET", "/v1/status")

    def people(self) -> list[Answer]:
        """Everybody who can speak there."""
        return self._json("GET", "/v1/people")

    def person(self, target: str) -> Answer:
        """One of them."""
        return self._json("GET", f"/v1/people/{quote(target, '')}")

    def remove(self, target: str) -> Answer:
        """Delete all that is kept of a person."""
        return self._json("DELETE", f"/v1/people/{quote(target, '')}")

    def export_person(self, target: str, output: Path | str) -> Path:
        """A person as one file."""
        return self._download(f"/v1/people/{quote(target, '')}/export", output)

    def import_person(self, file: Path | str, target: str | None = None) -> Answer:
        """Take over a person from a file that an export made. target: another id."""
        return self._json("POST", "/v1/people/import", {"upload": self.upload(file)["upload"], "id": target})

    def voices(self) -> list[Answer]:
        """What can speak a text there."""
        return self._json("GET", "/v1/voices")

    def upload(self, file: Path | str) -> Answer:
        """Send a file; `upload` in the answer is what jobs take."""
        path = Path(file)
        if not path.is_file():
            raise InputError(f"{path} does not exist", "a file")
        headers = {"X-File-Name": quote(path.name), "Content-Length": str(path.stat().st_size)}
        with path.open("rb") as body:
            return self._json("POST", "/v1/uploads", body, headers)

    def enroll(self, source: Path | str, target: str, consent: str, watch: Watch | None = None, **asked: Any) -> Answer:
        """Make a person of a video or photo; the person. asked: as the job takes it (budget, profile, size, ...)."""
        upload = self.upload(source)["upload"]
        self.wait(self.add("enroll", upload=upload, id=target, consent=consent, **asked), watch)
        return self.person(target)

    def synthesize(
        self, audio: Path | str, target: str, output: Path | str, watch: Watch | None = None, **asked: Any
    ) -> Path:
        """A film of a person saying a sound."""
        return self._made("synth", output, watch, upload=self.upload(audio)["upload"], target=target, **asked)

    def say(self, text: str, target: str, output: Path | str, watch: Watch | None = None, **asked: Any) -> Path:
        """A film of a person saying a text."""
        return self._made("say", output, watch, text=text, target=target, **asked)

    def dub(
        self, video: Path | str, audio: Path | str, output: Path | str, watch: Watch | None = None, **asked: Any
    ) -> Path:
        """A film with new words."""
        film, sound = self.upload(video)["upload"], self.upload(audio)["upload"]
        return self._made("dub", output, watch, upload=film, sound=sound, **asked)

    def export(
        self, source: Path | str, target: str, output: Path | str, *, format: str, watch: Watch | None = None,
        **asked: Any,
    ) -> Path:
        """The motion of a person saying a sound, for other programs."""
        upload = self.upload(source)["upload"]
        return self._made("export", output, watch, upload=upload, target=target, format=format, **asked)

    def evaluate(
        self, film: Path | str, reference: Path | str | None = None, watch: Watch | None = None, **asked: Any
    ) -> Answer:
        """Measures of a film, against the real one where there is one."""
        real = {} if reference is None else {"reference": self.upload(reference)["upload"]}
        upload = self.upload(film)["upload"]
        return self.wait(self.add("evaluate", upload=upload, **real, **asked), watch)["result"]["evaluation"]

    def coach(self, picture: bytes) -> Answer:
        """What a JPEG of somebody before a camera shows, and what they could do better."""
        return self._json("POST", "/v1/coach", picture, {"Content-Type": "image/jpeg"})

    def teleprompter(self, language: str = "en") -> Answer:
        """Sentences that cover the phones of a language."""
        return self._json("GET", f"/v1/teleprompter?language={quote(language, '')}")

    def curves(
        self, target: str, *, audio: Path | str | None = None, text: str | None = None, watch: Watch | None = None,
        **asked: Any,
    ) -> Answer:
        """How a person would move while they say a sound or a text, a value a frame, to be changed.

        `curves` in the answer is their key.
        """
        said = {"text": text} if audio is None else {"upload": self.upload(audio)["upload"]}
        made = self._json("POST", "/v1/curves", {"target": target, **said, **asked})
        self.wait(made["curves"], watch)
        return self._json("GET", f"/v1/curves/{quote(made['curves'], '')}")

    def change_curves(self, curves: str, changes: list[Answer]) -> Answer:
        """Change stretches, all or none: `{"name", "from": frame, "values": [...]}` each."""
        body = json.dumps({"changes": changes}).encode()
        return self._json("PATCH", f"/v1/curves/{quote(curves, '')}", body, {"Content-Type": "application/json"})

    def verify(self, job: str) -> Answer:
        """What the film that a job made says of itself."""
        return self._json("GET", f"/v1/verify/{quote(job, '')}")

    def jobs(self) -> list[Answer]:
        """All jobs, the newest first."""
        return self._json("GET", "/v1/jobs")

    def add(self, kind: str, **asked: Any) -> str:
        """Put a job into the queue; its key."""
        return str(self._json("POST", "/v1/jobs", {"kind": kind, **asked})["job"])

    def job(self, job: str) -> Answer:
        """A job as it stands."""
        return self._json("GET", f"/v1/jobs/{quote(job, '')}")

    def cancel(self, job: str) -> None:
        """Cancel a job that waits or runs; delete one that is over, with its files."""
        self._json("DELETE", f"/v1/jobs/{quote(job, '')}")

    def wait(self, job: str, watch: Watch | None = None) -> Answer:
        """The job when it is done.

        Raises:
            InputError: it failed, or was cancelled.
        """
        last: Answer = {}
        for last in self.events(job):
            if watch is not None:
                watch(last)
        if last.get("state") == "failed":
            raise InputError(*(last["error"][name] for name in ("received", "expected", "remedy")))
        if last.get("state") != "done":
            raise InputError(f"job {job}, which was cancelled", "one that goes on")
        return last

    def events(self, job: str) -> Iterator[Answer]:
        """A job at each change, until it is over; where the connection breaks, it is made again and nothing missed."""
        since, tries = -1, 0
        while True:
            try:
                headers = {"Last-Event-ID": str(since)} if since >= 0 else {}
                with self._asked("GET", f"/v1/jobs/{quote(job, '')}/events", None, headers) as response:
                    for number, told in _events(response):
                        since, tries = number, 0
                        yield told
                        if told["state"] in OVER:
                            return
            except (OSError, http.client.HTTPException):
                tries += 1
                if tries > TRIES:
                    raise
            time.sleep(AGAIN_S)

    def download(self, job: str, name: str, output: Path | str) -> Path:
        """A file that a job made; it appears when it is whole."""
        return self._download(f"/v1/jobs/{quote(job, '')}/files/{quote(name, '')}", output)

    def _made(self, kind: str, output: Path | str, watch: Watch | None, **asked: Any) -> Path:
        done = self.wait(self.add(kind, **asked), watch)
        return self.download(done["job"], done["files"][0]["name"], output)

    def _download(self, path: str, output: Path | str) -> Path:
        goal = Path(output)
        with self._asked("GET", path) as response, atomic_path(goal) as temporary, temporary.open("wb") as file:
            shutil.copyfileobj(response, file)
        return goal

    def _json(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        if isinstance(body, dict):
            sent = {name: value for name, value in body.items() if value is not None}
            body, headers = json.dumps(sent).encode(), {"Content-Type": "application/json"}
        with self._asked(method, path, body, headers) as response:
            content = response.read()
        return json.loads(content) if content else {}

    @contextmanager
    def _asked(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer that is none of an error.

        Raises:
            InputError: what the studio answered; or nobody answers.
        """
        parts = urlsplit(self.address)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.patience_s)
        allowed = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            connection.request(method, path, body, {**(headers or {}), **allowed})
            response = connection.getresponse()
            if response.status >= 400:
                raise _refused(response)
            yield response
        except ConnectionRefusedError as error:
            raise InputError(f"nobody at {self.address}", "a studio", "start one: talking-head studio") from error
        finally:
            connection.close()




def _refused(response: http.client.HTTPResponse) -> InputError:
    try:
        told = json.loads(response.read())["error"]
        return InputError(told["received"], told["expected"], told["remedy"])
    except (ValueError, KeyError, TypeError):
        return InputError(f"status {response.status} of the server", "a studio")


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[int, Answer]]:
    """Number and job of each event of a stream."""
    number = -1
    while line := response.readline():
        name, _, value = line.decode("utf-8").rstrip("\n").partition(": ")
        if name == "id":
            number = int(value)
        elif name == "data":
            yield number, json.loads(value)
