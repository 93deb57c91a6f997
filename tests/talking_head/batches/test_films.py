"""Many films: what fails is told and tried again, what is there is left, and a person is loaded once."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

import talking_head
from preprocessing.media import probe
from talking_head.batches.films import OUTCOMES
from talking_head.synth import film as synth_film

LENGTH_S = 0.4


def sound(path: Path, seed: int) -> None:
    samples = np.random.default_rng(seed).normal(scale=0.1, size=round(16_000 * LENGTH_S))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 20_000).astype("<i2").tobytes())


def test_films_are_made_failures_told_and_all_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = 0
    load = synth_film.load_painter

    def counted(*given: object, **named: object) -> object:
        nonlocal loads
        loads += 1
        return load(*given, **named)

    monkeypatch.setattr(synth_film, "load_painter", counted)
    for seed, name in enumerate(("a", "b")):
        sound(tmp_path / f"{name}.wav", seed)
    jobs, out, home = tmp_path / "jobs.csv", tmp_path / "films", tmp_path / "home"
    jobs.write_text("audio,target,output\na.wav,astronaut,\nmissing.wav,astronaut,late.mp4\nb.wav,astronaut,sub/b\n")
    told: list[str] = []
    first = talking_head.batch(jobs, out, home=home, told=told.append)
    assert set(first.made) == {"a_astronaut.mp4", "sub/b.mp4"} and set(first.failed) == {"late.mp4"}
    assert len(told) == 3 and sum(line.startswith("failed: late.mp4 (line 3)") for line in told) == 1
    assert loads == 1, "the second film takes what the first has loaded"
    assert probe(out / "sub/b.mp4").duration_s == pytest.approx(LENGTH_S, abs=0.05)
    rows = [json.loads(line) for line in (out / OUTCOMES).read_text().splitlines()]
    assert sorted(row["outcome"] for row in rows) == ["failed", "made", "made"]

    before = (out / "a_astronaut.mp4").stat().st_mtime_ns
    sound(tmp_path / "missing.wav", 3)
    again = talking_head.batch(jobs, out, home=home)
    assert set(again.made) == {"late.mp4"} and again.present == 2 and not again.failed
    assert (out / "a_astronaut.mp4").stat().st_mtime_ns == before
    sound(tmp_path / "b.wav", 9)
    (out / "late.mp4").unlink()
    third = talking_head.batch(jobs, out, home=home)
    assert set(third.made) == {"late.mp4", "sub/b.mp4"}, "what is gone or has another sound is made again"
