"""Who imports whom in this house, read from its files; and who may.

`tests/test_architecture.py` holds the house to it, `scripts.draw_imports` draws it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESOURCES = {"configs", "checkpoints"}  # shipped files and their look-up; they import nothing of ours

ARROWS: dict[str, set[str]] = {
    "foundation": set(),
    "configs": set(),
    "checkpoints": set(),
    "face_model": {"foundation"},
    "preprocessing": {"face_model", "foundation"},
    "training": {"foundation"},
    "motion_models": {"face_model", "training", "foundation"},
    "facial_gan": {"motion_models", "face_model", "training", "foundation"},
    "render2video": {"preprocessing", "face_model", "training", "foundation"},
    "evaluation": {"face_model", "preprocessing", "foundation"},
}
ROOMS = [*ARROWS, "talking_head"]
AROUND = ["scripts", "benchmarks", "tests"]  # they import any room; no room imports them
ARROWS["talking_head"] = set(ROOMS)
# Folders of the product, lower ones first: none imports one that stands after it.
FOLDERS = (
    "assets", "target", "provenance", "heads", "formats", "motion", "synth", "voices", "animation", "enrollment",
    "dubbing", "interop", "datasets", "batches", "doctor", "studio", "cli",
)
NAMED = re.compile(r"[a-z_0-9]+(\.[a-z_0-9]+)+:\w+")  # a module and what is in it, as registries name it


def python_files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@cache
def imported_modules(path: Path) -> list[tuple[int, str]]:
    """Line and dotted name of every import of ours, in functions too, and of every string that names one of our modules
    and what is in it (`"package.module:name"`, or what `import_module` is given). `from package import module` gives
    `package.module`.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            folder = ROOT / node.module.replace(".", "/")
            inside = [alias.name for alias in node.names if (folder / f"{alias.name}.py").is_file()]
            names = [f"{node.module}.{name}" for name in inside] or [node.module]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            names = [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMED.fullmatch(node.value):
            names = [node.value.partition(":")[0]]
        found += [(node.lineno, name) for name in names if name.split(".")[0] in ROOMS + AROUND]
    return found


def imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import in a file, in functions and in strings too."""
    for line, name in imported_modules(path):
        yield line, name.split(".")[0]


def file_of(module: str) -> Path | None:
    """The file of a module of ours, or of a package; None where a name stands for neither."""
    place = ROOT / module.replace(".", "/")
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def graph_of_modules() -> dict[Path, set[Path]]:
    """Which files import which, over all rooms; without what an `__init__.py` gives out, which is only for callers."""
    files = [path for room in ROOMS for path in python_files(room) if path.name != "__init__.py"]
    return {path: {found for _, name in imported_modules(path) if (found := file_of(name))} - {path} for path in files}


def circles(graph: dict[Path, set[Path]]) -> list[list[str]]:
    """Groups of files that import each other, directly or through others (Tarjan's strongly connected components)."""
    order: dict[Path, int] = {}
    low: dict[Path, int] = {}
    stack: list[Path] = []
    found: list[list[str]] = []

    def visit(path: Path) -> None:
        order[path] = low[path] = len(order)
        stack.append(path)
        for target in graph.get(path, ()):
            if target not in order:
                visit(target)
            if target in stack:
                low[path] = min(low[path], low[target])
        if low[path] == order[path]:
            group = stack[stack.index(path) :]
            del stack[stack.index(path) :]
            if len(group) > 1:
                found.append(sorted(str(member) for member in group))

    for path in graph:
        if path not in order:
            visit(path)
    return found


def arrows_of_rooms() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    return {
        room: {target for path in python_files(room) for _, target in imported_rooms(path)} - {room} for room in ROOMS
    }


def arrows_of_folders() -> dict[str, set[str]]:
    """Which folders of the product each of them imports."""
    found: dict[str, set[str]] = {}
    for folder in FOLDERS:
        names = [name.split(".") for p in python_files(f"talking_head/{folder}") for _, name in imported_modules(p)]
        product = {parts[1] for parts in names if parts[0] == "talking_head" and len(parts) > 1}
        found[folder] = (product & set(FOLDERS)) - {folder}
    return found
