"""What may be chosen of the studio, and its limits."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from foundation.errors import InputError

SHORTEST_TOKEN = 12


@dataclass(frozen=True)
class Limits:
    """What the studio takes from anybody.

    upload_bytes, upload_s: of one file, and of the sound or video in it. frame_pixels: of a video's frame or a photo.
    kept_bytes, kept_s: all uploads together, and how long one is kept that no job needs. body_bytes: of a request that
    is no upload. quiet_s: a connection that says nothing for so long while it should is closed. decode_s, decode_bytes:
    processor time and memory of the process that looks into an upload. job_bytes: memory of a worker; None: three
    quarters of the machine's. waiting_jobs: in the queue. connections: open at once. attempts: how often a job begins
    whose worker dies.
    """

    upload_bytes: int = 2_000_000_000
    upload_s: float = 3600.0
    frame_pixels: int = 4096 * 4096
    kept_bytes: int = 20_000_000_000
    kept_s: float = 24 * 3600.0
    body_bytes: int = 1_000_000
    quiet_s: float = 20.0
    decode_s: float = 20.0
    decode_bytes: int = 2_000_000_000
    job_bytes: int | None = None
    waiting_jobs: int = 1000
    connections: int = 2000
    attempts: int = 3


@dataclass(frozen=True)
class StudioSettings:
    """Where the studio is served and to whom.

    token: who knows it may come in; None: everybody on this machine. names: host names that it is reached by besides
    its address, such as the one of a proxy with TLS. home: where everything is kept; None: the platform's place.
    ray: a cluster's address, whose machines do the jobs and see the home; empty: this machine does.
    warm: start at once what is slow to start, rather than when it is first needed.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    token: str | None = None
    names: tuple[str, ...] = ()
    home: Path | None = None
    ray: str = ""
    warm: bool = True
    limits: Limits = field(default_factory=Limits)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def checked(self) -> StudioSettings:
        """The settings themselves, with a token made where one is needed and none was given.

        Raises:
            InputError: a port that there is not, or a token that can be guessed.
        """
        if not 0 <= self.port <= 65_535:
            raise InputError(f"port {self.port}", "1 to 65535, or 0 for any that is free")
        if self.token is not None and (len(self.token) < SHORTEST_TOKEN or not self.token.isascii()):
            raise InputError("a token that can be guessed", f"{SHORTEST_TOKEN} or more ASCII characters",
                             "leave it out: one is made")  # fmt: skip
        if self.token is None and not self.loopback:
            return replace(self, token=secrets.token_urlsafe(24))
        return self

    def at(self, port: int) -> StudioSettings:
        """The same at the port that the system gave."""
        return replace(self, port=port)

    @property
    def address(self) -> str:
        """What to open in a browser, with the token where there is one."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token is not None else "")

    def told(self) -> list[str]:
        """What to say when it starts."""
        lines = [f"studio: {self.address} (Ctrl-C ends it)"]
        if not self.loopback:
            lines += [
                f"others reach it at port {self.port} of this machine's address, with the same ?token=...",
                "what passes is not encrypted: put a proxy with TLS before it (docs/studio_api.md), "
                "or tunnel: ssh -L 7860:127.0.0.1:7860 HOST",
            ]
        return lines


def is_loopback(host: str) -> bool:
    """Whether an address or name can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
