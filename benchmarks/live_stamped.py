"""A studio for measuring live people: pictures show their own number, and what happened when is written down.

    python -m benchmarks.live_stamped LOG        # what follows is for `talking-head studio`

LOG gets a line of JSON for each picture (`picture`: its instant in seconds; `begun`, `painted`, `sent`: seconds since
1970) and for each mark in the sound that the person hears (`mark`: its instant; `heard`). The number of a picture
stands along its lower edge, as `BITS` black and white blocks, which survive any encoder.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.live_latency import MARK_HZ
from talking_head.studio.live.person import LivePerson
from talking_head.studio.live.rooms import Rooms
from talking_head.studio.live.settings import PIECE_S, LiveSettings
from talking_head.studio.serving import bound, server
from talking_head.studio.settings import StudioSettings

BITS = 16
WINDOW_S = 0.005
LOUD, PURE = 0.01, 0.6  # mean square of full scale; the mark's share of it


def onset_s(sound: np.ndarray, rate_hz: int) -> float | None:
    """Second of a piece `[N]` at which a mark is first heard in it; None: nowhere."""
    size = round(WINDOW_S * rate_hz)
    windows = sound[: len(sound) // size * size].reshape(-1, size)
    wave = np.exp(-2j * np.pi * MARK_HZ * np.arange(size) / rate_hz)
    power = np.square(windows).mean(1)
    pure = 2 * np.square(np.abs(windows @ wave) / size) > PURE * power
    found = np.flatnonzero(pure & (power > LOUD))
    return float(found[0] * WINDOW_S) if len(found) else None


def stamped(picture: np.ndarray, number: int) -> np.ndarray:
    """A picture `[H, W, 3]` uint8 with its number; its lower edge is lost."""
    made, side = picture.copy(), picture.shape[1] // BITS
    for bit in range(BITS):
        made[-side:, bit * side : (bit + 1) * side] = 255 * (number >> bit & 1)
    return made


class Stamped(LivePerson):
    """Somebody whose pictures show their number."""

    log: Any = None  # a file

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._began_s, self._marked_s = dict[float, float](), -1.0
        self._take = self.mouths.take
        self.mouths.take = self._heard_now  # type: ignore[method-assign]

    def _heard_now(self, count: int) -> Any:
        sound, cues, speaking = self._take(count)
        found_s, now_s = onset_s(sound, self.settings.sound_hz), self.counts.pieces * PIECE_S
        if found_s is not None and now_s - self._marked_s > 1.0:  # a mark is longer than a piece
            self._marked_s = now_s
            self._write(mark=now_s + found_s, heard=time.time() - PIECE_S + found_s)
        return sound, cues, speaking

    def _on_the_stream(self, time_s: float) -> float:
        on_the_stream_s = super()._on_the_stream(time_s)
        self._began_s[on_the_stream_s] = time.time()
        return on_the_stream_s

    def _show(self, picture: np.ndarray, time_s: float) -> None:
        painted = time.time()
        super()._show(stamped(picture, round(time_s * self.speaker.fps)), time_s)
        self._write(picture=time_s, begun=self._began_s.pop(time_s, None), painted=painted, sent=time.time())

    def _write(self, **told: float | None) -> None:
        print(json.dumps(told), file=self.log, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    given = parser.parse_args()
    settings = StudioSettings(port=0).checked()
    with bound(settings) as listening, given.log.open("w", encoding="utf-8") as log:
        Stamped.log = log
        settings = settings.at(listening.getsockname()[1])
        ready = server(settings)
        rooms = Rooms(settings.home, LiveSettings(), Stamped.of)
        ready.config.app.app.state.rooms = rooms  # type: ignore[union-attr]
        print(settings.told()[0], file=sys.stderr)
        ready.run(sockets=[listening])


if __name__ == "__main__":
    main()
