"""A person as one file: whole and with consent on the other side, or refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from foundation.errors import InputError
from talking_head.target.card import find_target, list_targets
from talking_head.target.carrying import LIST, export_target, import_target
from talking_head.target.home import Home


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in person as a file."""
    folder = tmp_path_factory.mktemp("carried")
    return export_target("astronaut", folder / "astronaut.person", home=folder / "home").path


def changed(carried: Path, goal: Path, name: str, content: bytes | None, extra: str = "", compress: int = 0) -> Path:
    """A copy in which a member is another, or gone, or there is one more."""
    with zipfile.ZipFile(carried) as old, zipfile.ZipFile(goal, "w", compress) as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info.filename, old.read(info))
            elif content is not None:
                new.writestr(name, content)
        if extra:
            new.writestr(extra, b"x")
    return goal


def test_a_person_arrives_whole_with_their_consent(carried: Path, tmp_path: Path) -> None:
    before = find_target(Home.find(tmp_path), "astronaut")
    assert before.built_in
    made = import_target(carried, as_id="neil", home=tmp_path)
    after = find_target(Home.find(tmp_path), "neil")
    assert not after.built_in and after.card.consent == before.card.consent and made.consent
    theirs, ours = before.describe()["sha256"], after.describe()["sha256"]
    assert theirs == ours and after.card.motion_statistics == before.card.motion_statistics
    again = export_target("neil", tmp_path / "neil.person", home=tmp_path)
    with pytest.raises(InputError, match="exists"):
        import_target(again.path, home=tmp_path)
    import_target(again.path, home=tmp_path, replace_old=True)


def test_the_same_person_is_the_same_file(carried: Path, tmp_path: Path) -> None:
    again = export_target("astronaut", tmp_path / "again.person", home=tmp_path)
    assert again.path.read_bytes() == carried.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        export_target("astronaut", again.path, home=tmp_path)


def test_a_changed_or_cut_file_is_refused_and_leaves_nothing(carried: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(carried) as archive:
        listed = json.loads(archive.read(LIST))
        card = json.loads(archive.read("target.json"))
        motion = archive.read("motion.safetensors")
    card["consent"]["statement"] = "I agree to everything."
    listed["files"]["../evil.json"] = listed["files"]["target.json"]
    flipped = bytes([motion[0] ^ 1]) + motion[1:]
    bad = {
        "flipped": ("motion.safetensors", flipped, "", 0), "consent": ("target.json", json.dumps(card).encode(), "", 0),
        "lacks": ("preview.jpg", None, "", 0), "more": ("", None, "extra.json", 0),
        "path": ("", None, "../evil.json", 0),
        "listed": (LIST, json.dumps(listed).encode(), "../evil.json", 0), "no list": (LIST, None, "", 0),
        "pressed": ("", None, "", zipfile.ZIP_DEFLATED), "odd list": (LIST, b"[" * 100_000, "", 0),
    }  # fmt: skip
    for name, (member, content, extra, compress) in bad.items():
        file = changed(carried, tmp_path / f"{name}.person", member, content, extra, compress)
        with pytest.raises(InputError):
            import_target(file, as_id="neil", home=tmp_path / "home")
    whole = carried.read_bytes()
    for name, content in {"cut": whole[: len(whole) // 2], "empty": b"", "film": b"\0" * 1000}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            import_target(tmp_path / name, as_id="neil", home=tmp_path / "home")
    assert [person.id for person in list_targets(Home.find(tmp_path / "home"))] == ["astronaut"]
    assert not list(tmp_path.rglob("evil.json")) and not list((tmp_path / "home").rglob("*.safetensors"))


def test_nobody_comes_without_consent(carried: Path, tmp_path: Path) -> None:
    import hashlib

    with zipfile.ZipFile(carried) as archive:
        listed, card = json.loads(archive.read(LIST)), json.loads(archive.read("target.json"))
    card["consent"]["statement"] = " "
    content = json.dumps(card).encode()
    listed["files"]["target.json"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    listed["sha256"] = hashlib.sha256(json.dumps(listed["files"], sort_keys=True).encode()).hexdigest()
    once = changed(carried, tmp_path / "once.person", "target.json", content)
    twice = changed(once, tmp_path / "twice.person", LIST, json.dumps(listed).encode())
    with pytest.raises(InputError, match="consent"):
        import_target(twice, as_id="neil", home=tmp_path / "home")


@pytest.mark.parametrize("target", ["../x", "CON", "a/b", ""])
def test_an_id_is_a_plain_name(carried: Path, tmp_path: Path, target: str) -> None:
    if target:
        with pytest.raises(InputError):
            import_target(carried, as_id=target, home=tmp_path / "home")
