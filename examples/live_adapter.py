"""A live person in another program, over the studio's WebSocket: what a LiveKit or OpenAvatarChat plugin needs.

    talking-head studio &
    python -m examples.live_adapter SPEECH.wav --target astronaut --out FOLDER

Such frameworks give sound as their synthesiser makes it, and want pictures and sound to send on, at their time; and
they call a stop when the user interrupts. `LiveAdapter` has these: `push`, `flush`, `interrupt`, and `async for`.
Replace what `run` does with each picture and sound by what your framework sends (`rtc.VideoFrame`, `rtc.AudioFrame`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import av
import cv2
import numpy as np
import soundfile
import websockets

HEAD = struct.Struct("<BBHId")  # docs/live_protocol.md
VIDEO = 1
BEHIND_S = 0.3  # by which sound waits for its picture


@dataclass(frozen=True)
class Picture:
    """rgb: `[H, W, 3]` uint8. time_s: on the clock that sound has too."""

    rgb: np.ndarray
    time_s: float


@dataclass(frozen=True)
class Sound:
    """samples: `[N]` int16. time_s: of the first."""

    samples: np.ndarray
    time_s: float


class LiveAdapter:
    """A person to whom sound is pushed, and of whom pictures and sound come, in the order of their instants.

    Args:
        url: of a studio, `ws://127.0.0.1:7860`.
        target: who.
        rate_hz: of the sound that is pushed.
        token: of the studio, if it has one.
    """

    def __init__(self, url: str, target: str, rate_hz: int, token: str | None = None) -> None:
        words = urlencode({"target": target, "rate_hz": rate_hz, "codec": "h264"})
        headers = {"Authorization": f"Bearer {token}"} if token else None
        self._connecting = websockets.connect(f"{url}/v1/live?{words}", additional_headers=headers, max_size=None)
        self._decoder = av.CodecContext.create("h264", "r")

    async def __aenter__(self) -> LiveAdapter:
        self._socket = await self._connecting.__aenter__()
        hello = json.loads(await self._socket.recv())
        if hello["type"] == "error":
            raise ValueError("; ".join(filter(None, hello["error"].values())))
        self.fps, self.sound_hz = hello["fps"], hello["sound_hz"]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._connecting.__aexit__(*error)

    async def push(self, samples: np.ndarray) -> None:
        """Sound `[N]` int16, as much as there is: it may come faster than it is spoken."""
        await self._socket.send(samples.astype("<i2").tobytes())

    async def flush(self) -> None:
        """The utterance is over."""
        await self._socket.send('{"type": "end"}')

    async def interrupt(self) -> None:
        """The user speaks: fall silent."""
        await self._socket.send('{"type": "stop"}')

    async def __aiter__(self) -> AsyncIterator[Picture | Sound]:
        """Pictures, and sound from 20 ms to 20 ms, in silence too: the person lives. Sound waits for its picture."""
        waiting: list[Sound] = []
        hushed_s = 0.0
        async for message in self._socket:
            if isinstance(message, str):
                event = json.loads(message)
                if event["type"] == "stopped":  # what waits is not said any more
                    hushed_s = event["time_s"]
                continue
            kind, _, _, _, time_s = HEAD.unpack_from(message)
            content = message[HEAD.size :]
            if kind == VIDEO:
                for frame in self._decoder.decode(av.Packet(content)):
                    yield Picture(frame.to_ndarray(format="rgb24"), time_s)
                continue
            waiting.append(Sound(np.frombuffer(content, "<i2"), time_s))
            while waiting and waiting[0].time_s <= time_s - BEHIND_S:
                sound = waiting.pop(0)
                silent = np.zeros_like(sound.samples)
                yield Sound(silent if sound.time_s < hushed_s else sound.samples, sound.time_s)


async def run(given: argparse.Namespace) -> tuple[int, float]:
    """Let somebody say a file; returns how many pictures came, and seconds of sound."""
    speech, rate_hz = soundfile.read(given.speech, dtype="int16", always_2d=True)
    pictures, heard = 0, [np.zeros(0, np.int16)]
    async with LiveAdapter(given.url, given.target, rate_hz, given.token) as person:
        for piece in np.array_split(speech[:, 0], max(1, round(len(speech) / rate_hz / 0.1))):
            await person.push(piece)  # as a synthesiser would, faster than it is spoken
        await person.flush()
        async for item in person:
            if isinstance(item, Picture):
                name = given.out / f"{item.time_s:07.3f}.jpg"
                cv2.imwrite(str(name), cv2.cvtColor(item.rgb, cv2.COLOR_RGB2BGR))
                pictures += 1
            else:
                heard.append(item.samples)
                if sum(map(len, heard)) / person.sound_hz > len(speech) / rate_hz + 0.5:
                    break
        soundfile.write(given.out / "sound.wav", np.concatenate(heard), person.sound_hz)
        return pictures, sum(map(len, heard)) / person.sound_hz


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--url", default="ws://127.0.0.1:7860")
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--token")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(words)
    given.out.mkdir(parents=True, exist_ok=True)
    pictures, seconds = asyncio.run(run(given))
    print(f"{pictures} pictures and {seconds:.1f} s of sound in {given.out}")


if __name__ == "__main__":
    main()
