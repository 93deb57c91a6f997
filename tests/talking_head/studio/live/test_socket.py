"""A conversation over the WebSocket, as a program has it."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import av
import numpy as np
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from talking_head.studio.live.wire import SOUND, VIDEO, Packet
from tests.talking_head.studio.live.fake import LOUD
from tests.waiting import PATIENCE_S


class Talk:
    """A connection, and all that came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.pictures: list[Packet] = []
        self.sounds: list[Packet] = []

    async def until(self, true: Callable[[Talk], bool]) -> None:
        while not true(self):
            message = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
            if isinstance(message, str):
                self.events.append(json.loads(message))
                continue
            packet = Packet.of(message)
            (self.pictures if packet.kind == VIDEO else self.sounds).append(packet)

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


def talk(place: str, words: str, run: Callable[[Talk], Awaitable[None]]) -> Talk:
    async def whole() -> Talk:
        async with websockets.connect(f"ws://{place}/v1/live?{words}") as socket:
            made = Talk(socket)
            await run(made)
            return made

    return asyncio.run(whole())


def test_opus_is_heard_as_it_was_said(place: str) -> None:
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    tone = (12_000 * np.sin(2 * np.pi * 440 * np.arange(19_200) / 48_000)).astype(np.int16)  # 0.4 s
    frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
    frame.sample_rate = 48_000
    packets = [bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode()]]

    async def run(talk: Talk) -> None:
        await talk.until(lambda t: len(t.sounds) > 5)
        await talk.socket.send(b"this is no packet of Opus at all" * 50)
        await talk.until(lambda t: bool(t.told("error")))
        for packet in packets:
            await talk.socket.send(packet)
        await talk.until(lambda t: bool(t.told("speaking")) and not t.told("speaking")[-1]["speaking"])

    made = talk(place, "target=fake&sound=opus", run)
    heard = np.concatenate([packet.samples for packet in made.sounds])
    loud = np.flatnonzero(np.abs(heard) > 1000)
    middle = heard[loud[0] + 800 : loud[-1] - 800].astype(float)
    assert 0.36 < (loud[-1] - loud[0]) / 16_000 < 0.44
    pitch_hz = np.abs(np.fft.rfft(middle)).argmax() * 16_000 / len(middle)
    assert abs(pitch_hz - 440) < 5 and 10_000 < np.abs(middle).max() < 14_000


def test_sound_in_frames_and_sound_out(place: str) -> None:
    async def run(talk: Talk) -> None:
        await talk.until(lambda t: len(t.sounds) > 5)
        await talk.socket.send(np.full(6400, 16000, "<i2").tobytes())  # 0.4 s, at once
        await talk.until(lambda t: bool(t.told("speaking")) and not t.told("speaking")[-1]["speaking"])

    made = talk(place, "target=fake&rate_hz=16000&codec=h264", run)
    hello = made.events[0]
    assert (hello["type"], hello["codec"], hello["fps"], hello["sound_hz"]) == ("hello", "h264", 25.0, 16_000)
    loud = np.concatenate([packet.samples for packet in made.sounds])
    assert (np.abs(loud) > 10_000).sum() == 6400  # all of it, once
    instants = [packet.time_s for packet in made.sounds]
    np.testing.assert_allclose(np.diff(instants), 0.02, atol=1e-6)
    assert all(packet.kind == SOUND and packet.size == (0, 320) for packet in made.sounds)
    decoder = av.CodecContext.create("h264", "r")
    first_loud_s = next(packet.time_s for packet in made.sounds if packet.samples.max() > 10_000)
    levels = {}
    for packet in made.pictures:
        for frame in decoder.decode(av.Packet(packet.content)):  # type: ignore[attr-defined]
            levels[round(packet.time_s, 2)] = frame.to_ndarray(format="rgb24").mean()
    brightest = min(instant for instant, level in levels.items() if level > LOUD - 20)
    assert brightest == pytest.approx(first_loud_s, abs=0.041)


def test_a_text_is_said_and_a_stop_ends_it(place: str) -> None:
    async def run(talk: Talk) -> None:
        await talk.until(lambda t: bool(t.sounds))
        await talk.socket.send(json.dumps({"type": "say", "text": "A long sentence. " * 20}))
        await talk.until(lambda t: t.sounds[-1].samples.max() > 3000)
        await talk.socket.send(json.dumps({"type": "stop"}))
        await talk.until(lambda t: bool(t.told("stopped")))
        stopped_s = talk.told("stopped")[0]["time_s"]
        await talk.until(lambda t: t.sounds[-1].time_s > stopped_s + 0.5)
        after = np.concatenate([p.samples for p in talk.sounds if p.time_s > stopped_s + 0.02])
        assert not after.any()  # nothing of what was still being made comes later

    talk(place, "target=fake", run)


def test_what_is_wrong_is_told_and_the_talk_goes_on(place: str) -> None:
    async def run(talk: Talk) -> None:
        for wrong in ("no json", "[]", '{"type": "dance"}', '{"type": "say"}', '{"type": "say", "text": "a [b]"}',
                      '{"type": "say", "text": "a", "voice": "command:id"}'):
            await talk.socket.send(wrong)
        await talk.socket.send(b"odd")
        await talk.until(lambda t: len(t.told("error")) == 7)
        await talk.socket.send('{"type": "ping", "id": 7}')
        await talk.until(lambda t: bool(t.told("pong")))

    made = talk(place, "target=fake&codec=jpeg", run)
    assert all(set(event["error"]) == {"received", "expected", "remedy"} for event in made.told("error"))
    assert made.told("pong")[0]["id"] == 7


@pytest.mark.parametrize("words", ["codec=mpeg1", "target=fake&rate_hz=1", "target=fake&room=" + "x" * 99])
def test_what_cannot_be_is_refused(place: str, words: str) -> None:
    async def run(talk: Talk) -> None:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await talk.until(lambda t: False)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4400

    assert talk(place, words, run).events[0]["type"] == "error"


def test_a_room_is_shared(place: str) -> None:
    async def whole() -> None:
        address = f"ws://{place}/v1/live?target=fake&room=party"
        async with websockets.connect(address) as one, websockets.connect(f"{address}&codec=vp8") as two:
            first, second = Talk(one), Talk(two)
            await first.until(lambda t: bool(t.sounds))
            await one.send(np.full(3200, 16000, "<i2").tobytes())
            await second.until(lambda t: bool(t.sounds) and t.sounds[-1].samples.max() > 10_000)  # both hear it
            await second.until(lambda t: bool(t.pictures))
            with urllib.request.urlopen(f"http://{place}/v1/live") as answer:
                assert json.load(answer) == [{"room": "party", "target": "fake", "viewers": 2}]
            assert second.pictures[0].key and second.events[0]["codec"] == "vp8"

    asyncio.run(whole())


def test_voices_are_told(place: str) -> None:
    with urllib.request.urlopen(f"http://{place}/v1/voices") as answer:
        told = json.load(answer)
    assert told[0]["at_hand"] and {"name", "engine", "language", "at_hand", "remedy"} == set(told[0])


def test_a_page_of_another_site_is_refused(place: str) -> None:
    async def run() -> None:
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"ws://{place}/v1/live?target=fake", origin="http://evil.example")  # type: ignore[arg-type]

    asyncio.run(run())
