"""What the package says that it needs and offers, against what its code imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.test_architecture import ROOMS, python_files

ROOT = Path(__file__).resolve().parents[1]
MODULES = {  # where a module is not called as its package is
    "opencv-contrib-python": "cv2", "pillow": "PIL", "pillow-heif": "pillow_heif", "pyyaml": "yaml",
    "c2pa-python": "c2pa", "face-alignment": "face_alignment", "py-feat": "feat",
}
OPTIONAL = {"nvdiffrast"}  # built from source only, so no extra can offer it
# Where torch writes for it, nobody imports it by name.
BY_OTHERS = {"tensorboard": "torch.utils.tensorboard"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


THROUGH_OTHERS = {"websockets"}  # what uvicorn speaks WebSocket with, if it is there


def modules_of(requirements: list[str]) -> set[str]:
    names = (re.split(r"[<>=\[;~! ]", requirement)[0] for requirement in requirements)
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def imported() -> tuple[set[str], str]:
    """Modules of others that the rooms import, and the rooms' whole text."""
    found: set[str] = set()
    texts = []
    for path in (path for room in ROOMS for path in python_files(room)):
        texts.append(path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(texts[-1])):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {*ROOMS, "configs", "checkpoints", "__future__"}, "\n".join(texts)


def test_what_is_imported_is_declared_and_what_is_declared_is_imported(project: dict[str, Any]) -> None:
    found, _ = imported()
    core = modules_of(project["dependencies"])
    extras = modules_of([one for extra in project["optional-dependencies"].values() for one in extra])
    assert core <= found | THROUGH_OTHERS, "declared, and imported by nobody"
    assert found <= core | extras | OPTIONAL, "imported, and declared by nobody"


def test_each_extra_is_imported_and_tested(project: dict[str, Any]) -> None:
    found, text = imported()
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for extra, requirements in project["optional-dependencies"].items():
        for module in modules_of(requirements) if extra not in ("dev", "docs") else ():
            named = BY_OTHERS.get(module, module)
            by_name = re.search(rf"([\"']){re.escape(module)}(\1|\.)|(from|import) {re.escape(named)} ", text)
            assert module in found or by_name, f"{extra}: nobody imports it"
            assert re.search(rf"\b({re.escape(module)}|{re.escape(extra)})\b", tests), f"{extra}: nobody tests it"


def locked() -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each package that CI installs by its hash."""
    text = (ROOT / ".ci" / "lock.txt").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9-]+)==(\S+)((?: \\\n {4}--hash=sha256:[0-9a-f]{64})*)", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)), "a line that pins nothing"
    return {name: (version, hashes.count("--hash")) for name, version, hashes in found}


def test_the_lock_agrees_with_what_is_declared(project: dict[str, Any]) -> None:
    """`make lock` makes it anew. It is closed: nothing that a locked package needs is taken from outside of it."""
    requirements = pytest.importorskip("packaging.requirements")
    named = pytest.importorskip("packaging.utils").canonicalize_name
    lock, extras = locked(), project["optional-dependencies"]
    assert all(hashes for _, hashes in lock.values()) and "torch" not in lock
    for said in [*project["dependencies"], *extras["dev"], *extras["docs"], *extras["webrtc"]]:
        wanted = requirements.Requirement(said)
        if wanted.name != "torch":
            assert wanted.specifier.contains(lock[named(wanted.name)][0]), f"{said} is declared, and locked another"
    for name, (version, _) in lock.items():
        try:
            here = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for said in (here.requires or ()) if here.version == version else ():
            wanted = requirements.Requirement(said)
            if wanted.name != "torch" and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
                assert wanted.specifier.contains(lock[named(wanted.name)][0]), f"{name} needs {said}"


def test_every_room_tells_that_it_is_typed(project: dict[str, Any]) -> None:
    assert [room for room in ROOMS if not (ROOT / room / "py.typed").is_file()] == []
    assert '"**/py.typed"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
