"""The house stands as drawn: imports follow the arrows, the core needs no CUDA-linked extras, code stays small."""

from __future__ import annotations

import ast
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
    "facial_gan": {"face_model", "training", "foundation"},
    "motion_models": {"facial_gan", "face_model", "training", "foundation"},
    "render2video": {"preprocessing", "face_model", "training", "foundation"},
    "evaluation": {"face_model", "preprocessing", "foundation"},
}
ROOMS = [*ARROWS, "talking_head"]
AROUND = ["scripts", "benchmarks", "tests"]  # they import any room; no room imports them
ARROWS["talking_head"] = set(ROOMS)
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 60


def python_files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """Line and room of every import in a file, in functions and by `import_module("...")` too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            names = [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        for name in names:
            if (room := name.split(".")[0]) in ROOMS + AROUND:
                yield node.lineno, room


@pytest.mark.parametrize("room", ROOMS)
def test_imports_follow_the_arrows(room: str) -> None:
    allowed = ARROWS[room] | {room} | (RESOURCES if room != "foundation" else set())
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for path in python_files(room) for line, target in imported_rooms(path) if target not in allowed
    ]
    assert not wrong, "\n".join(wrong)


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
