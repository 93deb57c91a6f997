"""The house stands as drawn: imports follow the arrows, the core needs no CUDA-linked extras, code stays small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.draw_imports import PLACE, drawing
from scripts.imports import (
    AROUND,
    ARROWS,
    FOLDERS,
    RESOURCES,
    ROOMS,
    ROOT,
    circles,
    graph_of_modules,
    imported_modules,
    imported_rooms,
    python_files,
)
from tests.waiting import PATIENCE_S

MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 60


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
    assert found == set(FOLDERS), "a folder that FOLDERS in scripts/imports.py does not place"
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


def test_the_drawing_is_current() -> None:
    assert PLACE.read_text(encoding="utf-8") == drawing(), "python -m scripts.draw_imports"


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

EXTRAS = {"talking_head.studio.live.tracks": "aiortc"}  # modules whose whole purpose is an optional package

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torchvision", "torchaudio", "torchcodec"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Block())
for room in sys.argv[1:]:
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, room + "."):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if error.name != EXTRAS.get(module.name, ""):
                    raise
print("imported")
"""


def test_core_imports_without_torchvision_torchaudio_torchcodec() -> None:
    present = [room for room in ROOMS if (ROOT / room / "__init__.py").exists()]
    command = [sys.executable, "-c", BLOCKED_IMPORT, *present]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
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
    source = tmp_path / "named.py"
    source.write_text('MODELS = {"a": "facial_gan.synthesis:FacialGan", "b": "no.module of ours: x"}')
    assert list(imported_rooms(source)) == [(1, "facial_gan")]
    one, two, three = (tmp_path / name for name in ("one.py", "two.py", "three.py"))
    assert circles({one: {two}, two: {three}, three: set()}) == []
    assert circles({one: {two}, two: {three}, three: {one}}) == [sorted(map(str, (one, two, three)))]
