"""Media read in a process of its own: the same is read, and what happens to that process happens to it alone."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from foundation.confined import confined
from foundation.errors import InputError
from foundation.limits import CONFINE
from preprocessing.media import frames_at, nothing_to_hear, probe, read_frames, read_sound, timed_frames
from preprocessing.media.stills import is_still, read_still
from tests.preprocessing.making import beep, grey, write_media

log = logging.getLogger(__name__)


@confined()
def harmed(how: str) -> int:
    """What a decoder that was taken over might do."""
    if how == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "hoard":
        held = [bytes(1 << 28) for _ in range(12)]
        return len(held)
    if how == "write":
        Path("taken_over").write_text("x")
    log.warning("by \x1b[2J%d", os.getpid())
    return os.getpid()


@confined(tuple)
def counted(to: int) -> Iterator[tuple[int, np.ndarray]]:
    for number in range(to):
        yield number, np.full((2, 3), number, np.float32)


@pytest.fixture
def confining(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFINE, "1")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_media(tmp_path / "film.mp4", [grey(9 * k) for k in range(20)], sound=beep(0.8, 0.2))


def test_the_same_is_read(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> list[object]:
        frames = [frame.tobytes() for frame in read_frames(film, 12.5)]
        some = [(k, frame.tobytes()) for k, frame in frames_at(film, {1, np.int64(3)})]
        times = [(time_s, frame.tobytes()) for time_s, frame in timed_frames(film)]
        return [probe(film), frames, some, times, read_sound(film).samples.tobytes(), read_still(film), is_still(film)]

    here = read()
    monkeypatch.setenv(CONFINE, "1")
    assert read() == here and not nothing_to_hear(film)
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(InputError, match="text.mp4 does not open as media"):
        probe(tmp_path / "text.mp4")


def test_what_is_read_is_read_elsewhere(
    confining: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = harmed(""), harmed("")
    assert len({first, second, os.getpid()}) == 3
    assert f"by ?[2J{first}" in caplog.text, "what is logged there is told here, without tricks on the terminal"
    for how in ("die", "hoard", "write"):
        with pytest.raises(InputError, match=f"{how}, which needs too much memory or time to read, or breaks"):
            harmed(how)
    assert not (tmp_path / "taken_over").exists() or (tmp_path / "taken_over").stat().st_size == 0
    assert [(k, float(value.sum())) for k, value in counted(3)] == [(0, 0.0), (1, 6.0), (2, 12.0)]
    many = counted(10**9)
    assert next(many)[0] == 0
    many.close()  # type: ignore[attr-defined]
