"""What a kill leaves of a film, or of a key, goes when it is made again; what somebody works on stays."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from foundation.files import atomic_path, sweep_partials
from talking_head.provenance import signing
from talking_head.target.home import Home
from tests.waiting import until


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_only_what_was_left_is_swept(tmp_path: Path) -> None:
    goal = tmp_path / "ana.mp4"
    child = os.fork()
    if child == 0:
        with atomic_path(goal) as film, atomic_path(film) as signed:
            signed.write_bytes(b"half a film")
            time.sleep(1e6)
        os._exit(0)
    until(lambda: any(path.stat().st_size for path in tmp_path.iterdir()))
    sweep_partials(goal)
    assert len(list(tmp_path.iterdir())) == 2, "somebody works on them"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    others = [".ana-abcdefgh.partial.wav", ".ana-x.mp4", ".anabel-abcdefgh.partial.mp4", "ana.mp4"]
    for name in others:
        (tmp_path / name).write_bytes(b"of somebody else")
    with atomic_path(goal) as own:
        sweep_partials(goal)
        assert {path.name for path in tmp_path.iterdir()} == {*others, own.name}
        own.write_bytes(b"a film")
    assert goal.read_bytes() == b"a film"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_key_that_was_nearly_made_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography")
    home = Home(tmp_path / "home")
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(signing, "sync_tree", lambda folder: time.sleep(1e6))
        signing.local_identity(home)
        os._exit(0)
    until(lambda: any(path.stat().st_size for path in home.path.glob(f".*/{signing.KEY}")))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    made = signing.local_identity(home)
    keys = list(home.path.rglob(signing.KEY))
    assert keys == [home.path / "identity" / signing.KEY] and keys[0].read_text() == made.key_pem
