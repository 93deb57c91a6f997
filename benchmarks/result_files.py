"""Results as files: what was measured, by which command, on which machine, at which commit; and tables made from them.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.report import versions
from foundation.files import read_json, write_json

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Measure:
    """One number. part: of the benchmark. name: what was measured, with its unit. system: what it was measured of."""

    part: str
    name: str
    system: str
    value: float


@dataclass(frozen=True)
class Asked:
    """What a measure shall be: between low and high, where they are given."""

    low: float = -np.inf
    high: float = np.inf

    def __str__(self) -> str:
        if np.isfinite(self.low) and np.isfinite(self.high):
            return f"{self.low:g} to {self.high:g}"
        return f">= {self.low:g}" if np.isfinite(self.low) else f"<= {self.high:g}"

    def met(self, value: float) -> bool:
        """Whether a value, rounded as it is shown, is within."""
        return self.low <= float(f"{value:.3g}") <= self.high


def write_results(path: Path, command: str, source: str, measured: Sequence[Measure]) -> None:
    """Write what was measured, with machine and commit. source: name of what was measured on."""
    write_json(path, {
        "command": command, "source": source, "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(), "machine": machine(), "versions": versions(),
        "measured": [asdict(m) | {"value": m.value if np.isfinite(m.value) else None} for m in measured],
    })


def read_results(path: Path) -> tuple[dict[str, Any], list[Measure]]:
    """What `write_results` wrote: everything, and the measures."""
    content = read_json(path)
    said = (row | {"value": float("nan") if row["value"] is None else row["value"]} for row in content["measured"])
    return content, [Measure(**row) for row in said]


def added(rows: Iterable[Measure]) -> list[Measure]:
    """Figures of several runs together: sums, and of what is called least or largest, that."""
    together: dict[tuple[str, str, str], float] = {}
    for row in rows:
        at = row.part, row.name, row.system
        value = together.get(at)
        if value is None:
            together[at] = row.value
        elif "least" in row.system:
            together[at] = min(value, row.value)
        else:
            together[at] = max(value, row.value) if "largest" in row.system else value + row.value
    return [Measure(*at, value) for at, value in together.items()]


def part_table(measured: Sequence[Measure], part: str, asked: Mapping[str, Asked], main: str) -> str:
    """Markdown of one part: a row a measure, a column a system, and what is asked of the main one."""
    own = [m for m in measured if m.part == part]
    systems, names = list(dict.fromkeys(m.system for m in own)), list(dict.fromkeys(m.name for m in own))
    values = {(m.name, m.system): m.value for m in own}
    wanted = bool(set(names) & set(asked))
    lines = [f"| {part} | {' | '.join(systems)} |" + (" asked |" if wanted else "")]
    lines.append("|---" * (1 + len(systems) + wanted) + "|")
    for name in names:
        cells = [shown(values.get((name, system))) for system in systems]
        if wanted and name in asked and main in systems:
            value = values.get((name, main), float("nan"))
            place = systems.index(main)
            cells[place] = f"**{cells[place]}**" if asked[name].met(value) else f"{cells[place]} (missed)"
        lines.append(f"| {name} | {' | '.join(cells)} |" + (f" {asked.get(name, '')} |" if wanted else ""))
    return "\n".join(lines)


def shown(value: float | None) -> str:
    """A number for a table, a count whole; a dash where there is none."""
    if value is None or not np.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 and value == round(value) else f"{value:.3g}"


def command_line(module: str) -> str:
    """How this program was started, without folders of this machine."""
    def short(said: str) -> str:
        name, equals, value = said.rpartition("=")
        return f"{name}{equals}{Path(value).name if Path(value).is_absolute() else value}"

    return f"python -m {module} {' '.join(map(short, sys.argv[1:]))}"


@cache
def commit() -> str:
    """The commit of this tree, as it was when first asked; `+` where it was changed since."""
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return (git("rev-parse", "HEAD") or "unknown") + ("+" if changed else "")


def machine() -> dict[str, Any]:
    """Processor, cores, memory and system."""
    told: dict[str, Any] = {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()}
    processors = Path("/proc/cpuinfo")
    if processors.is_file():
        names = [line.split(":", 1)[1].strip() for line in processors.read_text().splitlines() if "model name" in line]
        told["processor"] = names[0] if names else "unknown"
    if hasattr(os, "sysconf"):
        told["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return told
