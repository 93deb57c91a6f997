"""`examples/live_adapter.py` against a studio that serves in this process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from examples.live_adapter import LiveAdapter, Sound, main
from tests.talking_head.studio.live.fake import LOUD
from tests.talking_head.studio.live.serving import serving


def test_a_file_is_said_and_pictures_go_with_their_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate_hz = 24_000
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(rate_hz // 2) / rate_hz)
    soundfile.write(tmp_path / "speech.wav", np.concatenate([tone, np.zeros(rate_hz // 2), tone]), rate_hz)
    with serving(tmp_path / "home") as place:
        words = ["--url", f"ws://{place}", "--target", "fake", "--out", str(tmp_path / "out")]
        main([str(tmp_path / "speech.wav"), *words])
    assert "s of sound" in capsys.readouterr().out
    sound, _ = soundfile.read(tmp_path / "out" / "sound.wav")
    assert (np.abs(sound) > 0.1).sum() / 16_000 == pytest.approx(2 * 0.5 * 0.87, abs=0.05)  # of a sine's samples
    loud = {path.stem: cv2.imread(str(path)).mean() > LOUD - 20 for path in (tmp_path / "out").glob("*.jpg")}
    shown = sorted(float(name) for name, is_loud in loud.items() if is_loud)
    assert 20 < len(shown) < 30 and max(np.diff(shown)) == pytest.approx(0.5, abs=0.1)


def test_an_interruption_is_silence(tmp_path: Path) -> None:
    async def talk(place: str) -> float:
        async with LiveAdapter(f"ws://{place}", "fake", 16_000) as person:
            await person.push(np.full(960_000, 16_000, np.int16))  # a minute
            loud, silent = 0, 0
            async for item in person:
                if not isinstance(item, Sound):
                    continue
                is_loud = bool(np.abs(item.samples).max() > 1000)
                loud, silent = loud + is_loud, silent + (loud > 0 and not is_loud)
                if loud == 40 and is_loud:
                    await person.interrupt()
                if silent == 20:
                    break
            return loud * 0.02

    with serving(tmp_path / "home") as place:
        assert asyncio.run(talk(place)) < 30, "the rest of the minute is never said"


def test_who_is_not_there_is_told(tmp_path: Path) -> None:
    async def talk(place: str) -> None:
        async with LiveAdapter(f"ws://{place}", "fake", 1):
            pass

    with serving(tmp_path / "home") as place, pytest.raises(ValueError, match="1 Hz"):
        asyncio.run(talk(place))
