"""Files that once broke a reader, and a few broken ones for each; `make fuzz MINUTES=30` tries many more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fuzz.__main__ import broken, fault_of
from tests.fuzz.readers import Reader, all_readers

CORPUS = Path(__file__).parent / "corpus"
FOUND = sorted(path for path in CORPUS.iterdir() if path.suffix != ".txt" and path.name != ".gitkeep")


@pytest.fixture(scope="session")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return {reader.name: reader for reader in all_readers(tmp_path_factory.mktemp("fuzz") / "seeds")}


@pytest.mark.slow
@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found_is_mended(path: Path, readers: dict[str, Reader], tmp_path: Path) -> None:
    name = Path(f"{path}.txt").read_text(encoding="utf-8").splitlines()[0]
    shutil.copy(path, tmp_path / f"x{path.suffix}")
    assert fault_of(readers[name], tmp_path / f"x{path.suffix}") == ""


@pytest.mark.slow
def test_a_few_broken_files_for_every_reader(readers: dict[str, Reader], tmp_path: Path) -> None:
    for reader in readers.values():
        for number in range(10):
            data, suffix = broken(reader, number, seed=7)
            place = tmp_path / "in"
            place.mkdir()
            (place / f"x{suffix}").write_bytes(data)
            assert fault_of(reader, place / f"x{suffix}") == "", (reader.name, number)
            shutil.rmtree(place)


def test_a_fault_is_seen(tmp_path: Path) -> None:
    def careless(path: Path) -> None:
        (path.parent / "left").touch()

    def wrong(path: Path) -> None:
        raise KeyError(path.name)

    (tmp_path / "x").write_bytes(b"")
    assert "left" in fault_of(Reader("careless", (), (), careless), tmp_path / "x")
    assert fault_of(Reader("wrong", (), (), wrong), tmp_path / "x").startswith("KeyError at")
    assert fault_of(Reader("right", (), (), lambda path: None), tmp_path / "x") == ""
