"""A live person: sound in time whatever painting costs, silence at once when stopped, one painter for all."""

from __future__ import annotations

import asyncio
import threading
import time

import av
import cv2
import numpy as np
import pytest

from talking_head.studio.answers import StudioError
from talking_head.studio.live.encoding import CODECS
from talking_head.studio.live.rooms import Rooms
from talking_head.studio.live.settings import LiveSettings
from talking_head.studio.live.viewers import LOST_S, UNSEEN_S, Mailbox
from talking_head.studio.live.wire import VIDEO, Packet
from tests.talking_head.studio.live.fake import (
    LOUD,
    PATIENT,
    QUIET,
    FakeSpeaker,
    Watching,
    fake_person,
    person_of,
)
from tests.waiting import until


def test_frames_carry_the_instant_of_the_sound_that_they_show() -> None:
    person, viewer = person_of(FakeSpeaker(), PATIENT), Watching()
    person.add(viewer)
    source = person.mouths.source(16_000, paced=False)
    until(lambda: len(viewer.sounds) > 10)
    source.push(np.full(4800, 0.5, np.float32))
    until(lambda: any(not event["speaking"] for event in viewer.events))
    until(lambda: viewer.pictures[-1][0] > viewer.sounds[-1][0] - 0.2)
    person.close()
    loud = [time_s for time_s, samples in viewer.sounds if samples.max() > 0.4]
    shown = [time_s for time_s, picture in viewer.pictures if picture[0, 0, 0] == LOUD]
    assert loud[-1] - loud[0] == pytest.approx(0.28, abs=0.021) and len(shown) >= 7
    assert all(any(abs(a - b) < 0.041 for b in loud) for a in shown)
    instants = [time_s for time_s, _ in viewer.sounds]
    np.testing.assert_allclose(np.diff(instants), 0.02, atol=1e-6)  # no hole, nothing twice
    assert [event["speaking"] for event in viewer.events] == [True, False]


def test_a_painter_that_is_too_slow_skips_frames_and_holds_no_sound_up() -> None:
    speaker = FakeSpeaker(cost_s=0.12)  # three times what there is
    person, viewer = person_of(speaker), Watching()
    person.add(viewer)
    until(lambda: len(viewer.sounds) > 100 and speaker.skipped > 10)
    # Who painted every frame would by now be more than a second behind, and ever further.
    until(lambda: viewer.pictures[-1][0] > viewer.sounds[-1][0] - 0.6)
    person.close()
    assert len(viewer.pictures) > 3 and (np.diff([time_s for time_s, _ in viewer.pictures]) > 0).all()


def test_sound_goes_on_while_a_picture_is_painted_for_ever() -> None:
    speaker, viewer, go_on = FakeSpeaker(), Watching(), threading.Event()
    person = person_of(speaker)
    speaker.paint = go_on.wait
    person.add(viewer)
    until(lambda: len(viewer.sounds) > 60)
    assert not viewer.pictures
    go_on.set()
    until(lambda: viewer.pictures)
    person.close()


def test_a_face_that_missed_sound_goes_on_at_the_right_instant() -> None:
    speaker = FakeSpeaker()
    settings = LiveSettings(lost_s=0.4)
    person, viewer = person_of(speaker, settings), Watching()
    person.add(viewer)
    until(lambda: len(viewer.pictures) > 3)
    go_on = threading.Event()
    speaker.paint = go_on.wait  # it stands still
    stood = len(viewer.sounds)
    until(lambda: len(viewer.sounds) > stood + 50)
    go_on.set()
    until(lambda: person.counts.missed > 10)
    source = person.mouths.source(16_000, paced=False)
    source.push(np.full(960_000, 0.5, np.float32))
    until(lambda: any(picture[0, 0, 0] == LOUD for _, picture in viewer.pictures))
    person.close()
    loud = [time_s for time_s, samples in viewer.sounds if samples.max() > 0.4]
    shown = [time_s for time_s, picture in viewer.pictures if picture[0, 0, 0] == LOUD]
    assert all(loud[0] - 0.041 < time_s < loud[-1] + 0.021 for time_s in shown)


def test_a_stop_is_silence_within_a_frame() -> None:
    person, viewer = person_of(FakeSpeaker()), Watching()
    person.add(viewer)
    person.mouths.source(16_000, paced=False).push(np.full(160_000, 0.5, np.float32))
    until(lambda: len(viewer.sounds) > 10 and viewer.sounds[-1][1].max() > 0.4)
    heard = len(viewer.sounds)
    person.stop()
    stopped_s = viewer.sounds[-1][0]
    until(lambda: len(viewer.sounds) > heard + 20)
    told = next(event for event in viewer.events if event["type"] == "stopped")
    loud = [time_s for time_s, samples in viewer.sounds if samples.max() > 0]
    assert loud[-1] <= stopped_s + 0.021  # the piece that was under way
    assert loud[-1] <= told["time_s"] + 1e-6 <= stopped_s + 0.041
    until(lambda: viewer.pictures[-1][1][0, 0, 0] == QUIET)
    person.close()


def test_nobody_watching_costs_nothing_and_time_goes_on_where_it_was() -> None:
    speaker = FakeSpeaker()
    person, viewer = person_of(speaker), Watching()
    time.sleep(0.2)
    assert person.counts.pieces == 20  # those that were prepared
    person.add(viewer)
    until(lambda: len(viewer.sounds) > 5)
    person.remove(viewer)
    time.sleep(0.1)
    heard = person.counts.pieces
    time.sleep(0.2)
    assert person.counts.pieces <= heard + 1
    person.close()
    assert speaker.closed


def test_viewers_of_a_room_share_a_painter_and_strangers_have_their_own() -> None:
    made: list[str] = []

    def load(target: str, settings: LiveSettings, home: object, seed: int) -> object:
        made.append(target)
        return fake_person(target, settings, None, seed)

    rooms = Rooms(None, LiveSettings(people=2), load)  # type: ignore[arg-type]
    one, two = rooms.enter("ana", "party"), rooms.enter("ana", "party")
    other = rooms.enter("ana")
    assert one is two and other is not one and made == ["ana", "ana"]
    assert rooms.told() == [{"room": "party", "target": "ana", "viewers": 0}]
    with pytest.raises(StudioError, match="2 people"):
        rooms.enter("ben")
    rooms.leave(other)
    secret = rooms.enter("ana", "_secret")
    assert secret is other and [room["room"] for room in rooms.told()] == ["party"]
    rooms.leave(secret)
    third = rooms.enter("ana")  # the one that is free and warm
    assert third is other and len(made) == 2
    rooms.leave(third)
    rooms.enter("ben")  # in the place of one whom nobody holds
    assert made == ["ana", "ana", "ben"]
    rooms.close()


@pytest.mark.parametrize("codec", list(CODECS))
def test_each_picture_is_one_packet_that_a_decoder_understands(codec: str) -> None:
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(0, 255, (6, 8, 3)).astype(np.uint8), (161, 121), interpolation=cv2.INTER_CUBIC)
    encoder = CODECS[codec].make(161, 121, 25.0)
    decoder = av.CodecContext.create({"h264": "h264", "vp8": "vp8", "jpeg": "mjpeg"}[codec], "r")
    decoder.thread_count = 1  # type: ignore[attr-defined]
    keys = []
    for number in range(12):
        picture = np.roll(ground, 3 * number, axis=1)
        packet = encoder(picture, number / 25, key=number == 7)
        keys.append(packet.key)
        frames = decoder.decode(av.Packet(packet.content))  # type: ignore[attr-defined]
        assert len(frames) == 1, "it holds pictures back"
        width, height = packet.size
        seen = frames[0].to_ndarray(format="rgb24").astype(float)
        assert seen.shape == (height, width, 3) and abs(width - 161) <= 1 and abs(height - 121) <= 1
        error = seen - picture[:height, :width]
        assert 10 * np.log10(255**2 / np.mean(error**2)) > 27
    assert keys == [True] * 12 if codec == "jpeg" else keys == [n in (0, 7) for n in range(12)]


def test_a_slow_viewer_gets_the_newest_and_begins_where_a_decoder_can() -> None:
    async def watch() -> tuple[Mailbox, list[Packet]]:
        box = Mailbox(asyncio.get_running_loop(), LiveSettings(video_queue=4), "h264")
        for number in range(23):
            key = number in (0, 21)
            box.packet(Packet(VIDEO, key, (2, 2), number / 25, b""))
        await asyncio.sleep(0)
        got = []
        while box._video:
            item = await box.next()
            assert isinstance(item, bytes)
            got.append(Packet.of(item))
        return box, got

    box, got = asyncio.run(watch())
    assert [round(packet.time_s * 25) for packet in got] == [21, 22] and got[0].key and box.dropped == 21


def test_who_says_what_they_saw_gets_nothing_old_out_of_the_network() -> None:
    async def watch() -> tuple[int, bool, int]:
        box = Mailbox(asyncio.get_running_loop(), LiveSettings(), "jpeg")
        box.seen(0.0)
        for number in range(50):  # all are sent at once, none is seen
            box.packet(Packet(VIDEO, True, (2, 2), number / 25, b""))
            await asyncio.sleep(0)
            while box._video:
                await box.next()
        sent, wants = box.sent, box.wants_key
        box.seen(2.0)
        box.packet(Packet(VIDEO, True, (2, 2), 2.04, b""))
        await asyncio.sleep(0)
        return sent, wants, len(box._video)

    sent, wants, waiting = asyncio.run(watch())
    assert 25 <= sent <= 28 and wants and waiting == 1


def test_who_had_to_drop_what_was_sent_gets_pictures_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("talking_head.studio.live.viewers.time.monotonic", lambda: now[0])

    async def watch() -> list[float]:
        box, got = Mailbox(asyncio.get_running_loop(), LiveSettings(), "jpeg"), list[float]()
        for number in range(150):
            now[0] += 0.04
            box.seen(0.2)  # the same each time: nothing later will ever be shown
            box.packet(Packet(VIDEO, True, (2, 2), number / 25, b""))
            await asyncio.sleep(0)
            while box._video:
                await box.next()
                got.append(number / 25)
        return got

    got = np.array(asyncio.run(watch()))
    assert np.diff(got).max() == pytest.approx(LOST_S - UNSEEN_S, abs=0.3) and got[-1] > 4.0
