"""Where the studio keeps things: `HOME/studio`, in which no name comes from a client."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from foundation.places import writable
from talking_head.target.card import Target
from talking_head.target.home import Home
from talking_head.target.removing import PREVIEWS, SERVER_LOCK

KEY = re.compile(r"[a-f0-9]{24}")


def new_key() -> str:
    """A name for an upload or a job that nobody guesses."""
    return secrets.token_hex(12)


@dataclass(frozen=True)
class StudioPlace:
    """Folders and the database of a home's studio."""

    home: Home

    @property
    def folder(self) -> Path:
        return self.home.studio

    @property
    def database(self) -> Path:
        return self.folder / "jobs.sqlite"

    @property
    def lock(self) -> Path:
        """Held by a studio at work."""
        return self.folder / SERVER_LOCK

    @property
    def uploads(self) -> Path:
        return self.folder / "uploads"

    @property
    def jobs(self) -> Path:
        return self.folder / "jobs"

    @property
    def previews(self) -> Path:
        """Preview films of people, by id."""
        return self.folder / PREVIEWS

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def preview_film(self, person: Target) -> Path:
        """Where the preview of a person as they are now lies, or will."""
        state = hashlib.sha256(repr(person.mark).encode()).hexdigest()[:12]
        return self.previews / f"{person.id}-{state}.mp4"

    def made(self) -> StudioPlace:
        """The place itself, with its folders, which nobody but their owner may look into.

        Raises:
            InputError: the home cannot be written.
        """
        writable(self.home.path)
        for folder in (self.folder, self.uploads, self.jobs, self.previews, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self
