"""What a job works with: its uploads, the films of other jobs, and a folder for what it makes."""

from __future__ import annotations

import mimetypes
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files import read_json, write_json
from talking_head.studio.answers import not_found
from talking_head.studio.jobs.store import JobStore
from talking_head.studio.place import KEY, StudioPlace
from talking_head.studio.uploads_kept import Kept, find_upload
from talking_head.target.home import Home

WORK = "work"  # in a job's folder; goes when the job ends well
PROGRESS = "progress.json"  # of a job that is done elsewhere
SO_FAR = "so_far.jpg"  # how what is being made looks by now; the one file that a client gets before the job is done
NOTES = "notes.json"  # stays with the folder when a job begins anew


@dataclass
class Bench:
    """A job's place to work. folder: of the job. names: what paths are called in errors, as text."""

    place: StudioPlace
    job: str
    folder: Path
    names: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        return self.place.home

    def upload(self, key: str, *kinds: str) -> Kept:
        """An upload that must be of one of these kinds.

        Raises:
            InputError: it is not here, or of another kind.
        """
        kept = find_upload(self.place, key)
        self.names[str(kept.path)] = kept.name
        if kinds and kept.content.kind not in kinds:
            why = f" ({kept.content.why})" if kept.content.why else ""
            raise InputError(f"{kept.name}, a file of kind {kept.content.kind}{why}", " or ".join(kinds))
        return kept

    def sound(self, key: str) -> Path:
        """An upload that can be heard.

        Raises:
            InputError: it is not here, or silent by its nature.
        """
        kept = self.upload(key, "sound", "video")
        if not kept.content.has_sound:
            raise InputError(f"{kept.name}, a video without sound", "a file that has sound")
        return kept.path

    def output(self, name: str) -> Path:
        """Where to write a file that the client gets; the name is ours."""
        path = self.folder / name
        self.names[str(path)] = name
        return path

    def begin(self) -> None:
        """An empty folder; what an attempt that died left goes, but for its notes."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != NOTES:
                path.unlink()

    def note(self, content: dict[str, Any]) -> None:
        """Remember something for another attempt, or for `undo`."""
        write_json(self.folder / NOTES, content)

    def notes(self) -> dict[str, Any] | None:
        """What was noted; None when nothing was."""
        return read_json(self.folder / NOTES) if (self.folder / NOTES).is_file() else None

    def asked_of(self, job: str) -> dict[str, Any]:
        """What another job was asked for.

        Raises:
            StudioError: no such job.
        """
        found = JobStore(self.place.database).get(job)
        if found is None:
            raise not_found("a job that is not here")
        return found.asked

    def work(self) -> Path:
        """A folder for what nobody gets."""
        folder = self.folder / WORK
        folder.mkdir(exist_ok=True)
        return folder

    def film(self, job: str) -> Path:
        """The film that a finished job made.

        Raises:
            StudioError: no such job, or it made none.
        """
        film = next(iter(self._made(job, ".mp4", ".webm")), None)
        if film is None:
            raise not_found("a film of that job", "wait until it is done")
        self.names[str(film)] = film.name
        return film

    def _made(self, job: str, *suffixes: str) -> list[Path]:
        folder = self.place.jobs / job
        if not KEY.fullmatch(job) or not folder.is_dir():
            return []
        return sorted(path for path in folder.iterdir() if path.suffix in suffixes)

    def files(self) -> dict[str, str]:
        """What was made: names and media types."""
        shutil.rmtree(self.folder / WORK, ignore_errors=True)
        for name in (NOTES, SO_FAR, PROGRESS):
            (self.folder / name).unlink(missing_ok=True)
        return {path.name: _type(path) for path in sorted(self.folder.iterdir()) if path.is_file()}


def _type(path: Path) -> str:
    known = {".glb": "model/gltf-binary", ".csv": "text/csv", ".json": "application/json"}
    return known.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


