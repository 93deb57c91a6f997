"""A live person, measured at the client: sound to picture, drift, frames dropped, silence after a stop.

    python -m benchmarks.live_latency SPEECH --target ID [--minutes 3] [--out benchmarks/results/live_latency.json]

A studio serves in a process of its own. Speech is sent as it is spoken, 20 ms at a time, with a mark in it every two
seconds: a burst of 3.5 kHz. Where the marks lie in the sound that comes back tells at which instant of the stream each
piece of speech is; from when a piece was sent until the picture of its instant came is the latency. The stream's clock
against ours, and pictures against their sound, tell of drift.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import websockets

from benchmarks.live_studio import studio
from foundation.files import write_json
from preprocessing.media import read_sound
from talking_head.studio.live.wire import VIDEO, Packet

RATE_HZ, PIECE = 16_000, 320
MARK_HZ, MARK_S, MARK_EVERY_S = 3500.0, 0.02, 2.0
SETTLE_S = 5.0  # at the beginning, that is not measured
STOPS = 5


@dataclass
class Came:
    """What came, and when (`time.perf_counter`)."""

    pictures: list[tuple[float, float]] = field(default_factory=list)  # (when, instant of the stream)
    sounds: list[tuple[float, float, np.ndarray]] = field(default_factory=list)
    bytes: int = 0

    def take(self, message: bytes | str) -> Packet | None:
        """Keep a message."""
        now = time.perf_counter()
        if isinstance(message, str):
            return None
        packet = Packet.of(message)
        self.bytes += len(message)
        if packet.kind == VIDEO:
            self.pictures.append((now, packet.time_s))
        else:
            self.sounds.append((now, packet.time_s, packet.samples))
        return packet


def marked(speech: np.ndarray, seconds: float) -> np.ndarray:
    """Speech, again and again, with the marks."""
    sound = np.resize(0.7 * speech, round(seconds * RATE_HZ)).astype(np.float32)
    time_s = np.arange(round(MARK_S * RATE_HZ)) / RATE_HZ
    burst = 0.25 * np.sin(2 * np.pi * MARK_HZ * time_s) * np.hanning(len(time_s))
    for start in range(0, len(sound) - len(burst), round(MARK_EVERY_S * RATE_HZ)):
        sound[start : start + len(burst)] += burst
    return np.asarray(np.round(np.clip(sound, -1, 1) * 32767), np.int16)


def marks_s(came: Came) -> np.ndarray:
    """Instants of the stream at which marks begin."""
    start_s = came.sounds[0][1]
    whole = np.concatenate([samples for _, _, samples in came.sounds]) / 32768
    time_s = np.arange(round(MARK_S * RATE_HZ)) / RATE_HZ
    window = np.hanning(len(time_s))
    power = sum(
        np.square(np.convolve(whole, (wave(2 * np.pi * MARK_HZ * time_s) * window)[::-1], "valid"))
        for wave in (np.sin, np.cos)
    )
    apart, found, order = round(0.9 * MARK_EVERY_S * RATE_HZ), list[int](), np.argsort(power)[::-1]
    for place in order[: 400 * len(whole) // RATE_HZ]:
        if power[place] < 0.3 * power[order[0]]:
            break
        if all(abs(place - other) > apart for other in found):
            found.append(int(place))
    return start_s + np.sort(found) / RATE_HZ


async def talk(url: str, sound: np.ndarray) -> tuple[Came, float, float]:
    """(what came, when the first piece was sent, seconds until the first picture)."""
    came, asked = Came(), time.perf_counter()
    async with websockets.connect(url, max_size=None) as socket:
        while not came.pictures:
            came.take(await socket.recv())
        first_s = time.perf_counter() - asked
        begun = time.perf_counter() + 0.1

        async def send() -> None:
            for number in range(len(sound) // PIECE):
                await asyncio.sleep(max(0.0, begun + (number + 1) * PIECE / RATE_HZ - time.perf_counter()))
                await socket.send(sound[number * PIECE : (number + 1) * PIECE].tobytes())

        sending = asyncio.create_task(send())
        while time.perf_counter() < begun + len(sound) / RATE_HZ + 1.0:
            came.take(await socket.recv())
        await sending
    return came, begun, first_s


async def stops(url: str, sound: np.ndarray) -> list[float]:
    """Seconds from asking for silence until the first silent piece of sound comes."""
    took = []
    async with websockets.connect(url, max_size=None) as socket:
        for _ in range(STOPS):
            await socket.send(np.ascontiguousarray(sound[: 10 * RATE_HZ]).tobytes())
            came, asked = Came(), 0.0
            while True:
                packet = came.take(await socket.recv())
                if packet is None or packet.kind == VIDEO:
                    continue
                loud = np.abs(packet.samples).max() > 100
                if not asked and len(came.sounds) > 100 and loud:
                    asked = time.perf_counter()
                    await socket.send('{"type": "stop"}')
                elif asked and not loud and not packet.samples.any():
                    took.append(time.perf_counter() - asked)
                    break
    return took


def measured(came: Came, begun: float, first_s: float, fps: float) -> dict[str, Any]:
    """Figures of one talk; times in ms."""
    marks = marks_s(came)
    spoken_s = np.arange(len(marks)) * MARK_EVERY_S  # of our own sound
    offset_s = float(np.median(marks - spoken_s))  # the stream's instant of our sound's beginning
    wandered_ms = 1000 * (marks - spoken_s - offset_s)
    when, instant = (np.array(column) for column in zip(*came.pictures, strict=True))
    late_ms = 1000 * (when - (begun + PIECE / RATE_HZ) - (instant - offset_s))
    used = (instant > offset_s + SETTLE_S) & (instant < offset_s + spoken_s[-1])
    heard, heard_at = (np.array([sound[k] for sound in came.sounds]) for k in (0, 1))
    behind_ms = 1000 * (when - heard[np.clip(np.searchsorted(heard_at, instant), 0, len(heard) - 1)])
    lasted = instant[used][-1] - instant[used][0]
    minute = instant[used] // 60
    slope = np.polyfit(heard_at, heard - heard_at, 1)[0]
    return {
        "seconds": round(float(lasted), 1), "first_picture_ms": round(1000 * first_s),
        "sound_to_picture_ms": _spread(late_ms[used]), "picture_after_its_sound_ms": _spread(behind_ms[used]),
        "by_minute_p50_ms": [round(float(np.median(late_ms[used][minute == m]))) for m in np.unique(minute)],
        "fps_seen": round(float(used.sum() / lasted), 2),
        "frames_missing_share": round(float(1 - used.sum() / (lasted * fps)), 4), "marks": len(marks),
        "marks_wander_ms": round(float(np.abs(wandered_ms).max()), 1), "clock_drift_ppm": round(1e6 * float(slope), 1),
        "kbit_a_second": round(came.bytes * 8 / 1000 / (when[-1] - when[0])),
    }


def _spread(values: np.ndarray) -> dict[str, int]:
    return {f"p{q}": round(float(np.percentile(values, q))) for q in (1, 50, 90, 99, 100)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--viewers", type=int, default=1, help="so many, of one person")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    speech = read_sound(given.speech).samples
    sound = marked(speech, 60 * given.minutes)
    with studio(given.target) as (address, cpu_s, card):
        url = f"ws://{address}/v1/live?target={given.target}&codec={given.codec}&seed=1"

        async def all_of_it() -> tuple[Any, list[float], float]:
            others = [asyncio.create_task(_watch(f"{url}&room=r")) for _ in range(given.viewers - 1)]
            before, at = cpu_s(), time.perf_counter()
            main_talk = await talk(f"{url}&room=r&paced=1", sound)
            used = (cpu_s() - before) / (time.perf_counter() - at)
            for other in others:
                other.cancel()
            return main_talk, await stops(url.replace("&seed=1", ""), sound), used

        (came, begun, first_s), silent_s, cores = asyncio.run(all_of_it())
    result = {
        "target": given.target, **card, "codec": given.codec, "viewers": given.viewers,
        "cores_of_this_machine": os.cpu_count(), "load_before": round(os.getloadavg()[2], 1),
        "load": round(os.getloadavg()[0], 1), "cores_used_by_the_studio": round(cores, 2),
        **measured(came, begun, first_s, card["fps"]),
        "silent_after_stop_ms": sorted(round(1000 * seconds) for seconds in silent_s),
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_json(given.out, result)


async def _watch(url: str) -> None:
    async with websockets.connect(url, max_size=None) as socket:
        async for _ in socket:
            pass


if __name__ == "__main__":
    main()
