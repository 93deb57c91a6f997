"""Progress in logs."""

from __future__ import annotations

import re

import pytest

from foundation import progress as module
from foundation.progress import called, details, listening, progress


def told(capsys: pytest.CaptureFixture[str]) -> list[int | None]:
    """Seconds left of each line, None where a line says nothing of them."""
    found = (re.search(r"\((\d+) s left\)", line) for line in capsys.readouterr().err.splitlines())
    return [int(match[1]) if match else None for match in found]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_what_loads_before_the_first_piece_does_not_tell_how_long_the_rest_takes(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("Painting", 100) as advance:
        clock[0] = 20.0  # loading
        for done in range(1, 101):
            clock[0] += 0.5
            advance(done)
    left = told(capsys)
    assert left[0] is None
    assert left[1:4] == [45, 40, 35] and left[-1] == 0


def test_resumed_work_is_not_said_to_be_nearly_done(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Learning", 100) as advance:
        for done in range(50, 71):
            clock[0] += 1.0
            advance(done)
    assert told(capsys) == [None, 40, 30]


def test_work_with_a_plain_name_shows_its_losses_to_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[tuple[str, str]] = []

    def learn() -> None:
        with progress("fine-tuning", 1) as advance:
            advance(1, "loss 0.5")

    with called("Learning how the person moves"), listening(lambda name, done, total, note: heard.append((name, note))):
        learn()
        assert capsys.readouterr().err == "Learning how the person moves: 100%\n"
        details(True)
        try:
            learn()
        finally:
            details(False)
        assert capsys.readouterr().err == "Learning how the person moves: 100% loss 0.5\n"
    learn()
    assert capsys.readouterr().err == "fine-tuning: 100% loss 0.5\n"
    assert set(heard) == {("Learning how the person moves", ""), ("Learning how the person moves", "loss 0.5")}
