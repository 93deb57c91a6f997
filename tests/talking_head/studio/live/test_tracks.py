"""What WebRTC sends and takes, without a network."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

pytest.importorskip("aiortc")

from aiortc.codecs.opus import OpusEncoder
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from talking_head.studio.live.settings import PIECE_S, LiveSettings
from talking_head.studio.live.tracks import MARGIN_S, MOST_DELAY_S, AtOnce, Delay, SoundTrack, Watcher
from talking_head.studio.live.webrtc import GATHERING

SETTINGS = LiveSettings()


def packet(number: int) -> RtpPacket:
    made = RtpPacket(sequence_number=number & 0xFFFF, timestamp=960 * number)
    made._data = str(number).encode()  # type: ignore[attr-defined]
    return made


def test_a_packet_of_sound_is_given_at_once_and_a_lost_one_holds_up_nobody() -> None:
    taken = AtOnce()
    numbers = [65_534, 65_535, 65_536, 65_538, 65_537, 65_539]  # over the end; one lost, which comes late
    frames = [taken.add(packet(number))[1] for number in numbers]
    assert [frame and frame.data for frame in frames] == [b"65534", b"65535", b"65536", b"65538", None, b"65539"]


def test_aiortc_still_has_what_is_put_out_of_use() -> None:
    class Open:
        state = "connected"

    assert hasattr(RTCRtpReceiver("audio", Open()), GATHERING)  # type: ignore[arg-type]


def test_each_piece_of_sound_makes_its_packet() -> None:
    async def packets() -> list[int]:
        watcher = Watcher(asyncio.get_running_loop(), SETTINGS)
        track, encoder = SoundTrack(watcher), OpusEncoder()
        watcher.delay.seconds = 0.0
        counts = []
        for number in range(10):
            watcher.sounds.append((np.zeros(SETTINGS.piece, np.float32), number * PIECE_S))
            payloads, _ = encoder.encode(await track.recv())
            counts.append(len(payloads))
        return counts

    assert asyncio.run(packets()) == [1] * 10


def test_the_delay_follows_pictures_up_at_once_and_down_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("talking_head.studio.live.tracks.time.monotonic", lambda: now[0])
    delay = Delay()

    def pictures(count: int, late_s: float) -> float:
        for _ in range(count):
            now[0] += 0.04
            delay.heard(now[0])
            delay.painted(now[0] - late_s)
        return delay.seconds

    assert pictures(300, 0.2) == pytest.approx(0.2 + MARGIN_S, abs=0.002)
    assert pictures(5, 0.4) == pytest.approx(0.2 + MARGIN_S, abs=0.01)  # a few that are late
    assert pictures(15, 0.4) == pytest.approx(0.4 + MARGIN_S)
    assert pictures(20, 0.2) > 0.3
    assert pictures(300, 0.2) == pytest.approx(0.2 + MARGIN_S, abs=0.002)
    assert pictures(100, 5.0) == MOST_DELAY_S
