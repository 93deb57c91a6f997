"""Unfinished work in stages: each stage's outputs are whole files, and a stage that is done is not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files import read_json, write_json


def digest(content: Any) -> str:
    """Hex digest of JSON-able content, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Work:
    """A folder of stages. One is done when its outputs are there, as large as they were, made from the same inputs."""

    folder: Path

    def is_done(self, name: str, inputs: dict[str, Any]) -> bool:
        """Whether the stage was finished with these inputs and its outputs are still whole."""
        try:
            record = read_json(self._record(name))
        except InputError:
            return False
        if not isinstance(record, dict) or record.get("inputs") != digest(inputs):
            return False
        sizes = {self.folder / output: size for output, size in record.get("bytes", {}).items()}
        return all(path.is_file() and path.stat().st_size == size for path, size in sizes.items())

    def has_begun(self) -> bool:
        """Whether any stage was ever finished here."""
        return any(self.folder.glob("*.done.json"))

    def stage(
        self, name: str, inputs: dict[str, Any], outputs: Sequence[str], make: Callable[[], dict[str, Any] | None]
    ) -> dict[str, Any]:
        """Run `make` unless the stage is done; returns the notes (JSON-able) that it left, now or then.

        Args:
            name: of the stage.
            inputs: everything that its outputs depend on.
            outputs: files that `make` writes into the folder, each whole or not at all.
            make: the work; may return notes to keep.
        """
        if not self.is_done(name, inputs):
            self._record(name).unlink(missing_ok=True)
            notes = make() or {}
            sizes = {output: (self.folder / output).stat().st_size for output in outputs}
            write_json(self._record(name), {"inputs": digest(inputs), "bytes": sizes, "notes": notes})
        notes = read_json(self._record(name))["notes"]
        return dict(notes)

    def _record(self, name: str) -> Path:
        return self.folder / f"{name}.done.json"
