"""YAML that overrides the dataclass defaults of the rooms; `find` gives the path of one by its name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def names(verb: str = "train") -> list[str]:
    """The configurations that ship for `train`, `enroll` or `prepare`, by name: `facial_gan`, `enroll/paper`."""
    return [name for name in _all() if (name.rpartition("/")[0] or "train") == verb]


def _all() -> list[str]:
    return sorted(str(path.relative_to(FOLDER).with_suffix("").as_posix()) for path in FOLDER.rglob("*.yaml"))


def find(name: str) -> Path | None:
    """The file of a shipped configuration, None when there is none of that name."""
    return FOLDER / f"{name}.yaml" if name in _all() else None
