"""The house stands as drawn: imports follow the arrows, the core needs no CUDA-linked extras, code stays small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    "assets", "target", "provenance", "heads", "formats", "motion", "synth", "voices", "animation", "enrol", "dubbing",
    "interop", "datasets", "doctor", "studio", "cli",
)
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 60


NAMED = re.compile(r"[a-z_0-9]+(\.[a-z_0-9]+)+:\w+")  # a module and what is in it, as registries name it


def python_files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of ours, in functions too, and of every string that names one of our modules
    and what is in it (`"package.module:name"`, or what `import_module` is given). `from package import module` gives
    `package.module`.
    """
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
        for name in names:
            if name.split(".")[0] in ROOMS + AROUND:
                yield node.lineno, name


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


@pytest.mark.parametrize("room", ROOMS)
def test_imports_follow_the_arrows(room: str) -> None:
    allowed = ARROWS[room] | {room} | (RESOURCES if room != "foundation" else set())
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for path in python_files(room) for line, target in imported_rooms(path) if target not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_folders_of_the_product_import_lower_ones_only() -> None:
    found = {path.name for path in (ROOT / "talking_head").iterdir() if (path / "__init__.py").exists()}
    assert found == set(FOLDERS), "a folder that FOLDERS does not place"
    wrong = []
    for folder in FOLDERS:
        above = set(FOLDERS[FOLDERS.index(folder) + 1 :])
        for path in python_files(f"talking_head/{folder}"):
            for line, name in imported_modules(path):
                parts = name.split(".")
                if parts[0] == "talking_head" and len(parts) > 1 and parts[1] in above:
                    wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other() -> None:
    found = [[str(Path(name).relative_to(ROOT)) for name in group] for group in circles(graph_of_modules())]
    assert not found, "\n".join(" <-> ".join(group) for group in found)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_are_absolute(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files(room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert not wrong, f"relative imports hide the arrows: {wrong}"


def test_every_package_of_the_repository_is_a_room() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages <= {*ROOMS, *AROUND}


BLOCKED_IMPORT = """
import importlib, pkgutil, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torchvision", "torchaudio", "torchcodec"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Block())
for room in sys.argv[1:]:
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, room + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print("imported")
"""


def test_core_imports_without_torchvision_torchaudio_torchcodec() -> None:
    present = [room for room in ROOMS if (ROOT / room / "__init__.py").exists()]
    command = [sys.executable, "-c", BLOCKED_IMPORT, *present]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0 and "imported" in run.stdout, run.stderr[-2000:]


@pytest.mark.parametrize("folder", [*ROOMS, *AROUND])
def test_files_and_functions_stay_small(folder: str) -> None:
    long = []
    for path in python_files(folder):
        text = path.read_text(encoding="utf-8")
        if (count := len(text.splitlines())) > MAX_FILE_LINES:
            long.append(f"{path.relative_to(ROOT)}: {count} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines")
    assert not long, "\n".join(long)


def test_the_checks_see_what_they_forbid(tmp_path: Path) -> None:
    source = tmp_path / "fault.py"
    fault = "    from talking_head import targets\n    import_module('evaluation.x')\n    import scripts.phonetic"
    source.write_text(f"import os\n\ndef f():\n{fault}")
    assert sorted(imported_rooms(source)) == [(4, "talking_head"), (5, "evaluation"), (6, "scripts")]
    source.write_text('MODELS = {"a": "facial_gan.synthesis:FacialGan", "b": "no.module of ours: x"}')
    assert list(imported_rooms(source)) == [(1, "facial_gan")]
    one, two, three = (tmp_path / name for name in ("one.py", "two.py", "three.py"))
    assert circles({one: {two}, two: {three}, three: set()}) == []
    assert circles({one: {two}, two: {three}, three: {one}}) == [sorted(map(str, (one, two, three)))]
