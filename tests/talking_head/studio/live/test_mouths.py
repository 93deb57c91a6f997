"""What waits to be said comes in order, at the speed at which it is spoken."""

from __future__ import annotations

import numpy as np
import pytest

from foundation.errors import InputError
from talking_head.studio.live.mouths import Mouths
from talking_head.studio.live.settings import LiveSettings
from talking_head.studio.live.texts import sentences
from talking_head.studio.live.wire import SOUND, VIDEO, Packet, samples_of, sound_packet
from talking_head.voices.cues import Cue, read_script

SETTINGS = LiveSettings()
PIECE = SETTINGS.piece


def ramp(start: int, count: int) -> np.ndarray:
    return 0.01 + np.arange(start, start + count, dtype=np.float32) / 1e5


def test_a_programs_sound_is_all_said_in_order() -> None:
    mouths = Mouths(SETTINGS)
    source = mouths.source(16_000, paced=False)
    for start in range(0, 16_000, 1000):  # a second at once
        source.push(ramp(start, 1000))
    taken = [mouths.take(PIECE) for _ in range(60)]
    sound = np.concatenate([samples for samples, _, _ in taken])
    np.testing.assert_array_equal(sound[:16_000], ramp(0, 16_000))
    assert not sound[16_000:].any() and [speaks for _, _, speaks in taken] == [True] * 50 + [False] * 10


def test_a_microphone_gathers_a_little_and_is_never_late_for_long() -> None:
    mouths = Mouths(SETTINGS)
    source = mouths.source(16_000, paced=True)
    source.push(ramp(0, PIECE))
    assert not mouths.take(PIECE)[2]  # one piece alone could be all there is for a while
    source.push(ramp(PIECE, PIECE))
    np.testing.assert_array_equal(mouths.take(PIECE)[0], ramp(0, PIECE))
    source.push(ramp(2 * PIECE, 16_000))  # after a hole in the network, a second at once
    assert source.waiting_s <= 2 * SETTINGS.begin_s and source.dropped_s > 0.9
    last = mouths.take(16_000)[0]
    assert last.max() == pytest.approx(ramp(2 * PIECE + 15_999, 1)[0])  # the newest is kept


@pytest.mark.parametrize("pauses", [True, False])
def test_what_piled_up_at_a_microphone_goes_and_words_stay(pauses: bool) -> None:
    mouths = Mouths(SETTINGS)
    source = mouths.source(16_000, paced=True)
    spoken = 0.3 * np.sin(2 * np.pi * 200 * np.arange(16 * 16_000) / 16_000).astype(np.float32)
    if pauses:
        spoken.reshape(-1, 8000)[1::2, 4000:] = 0  # a quarter of a second in every second
    late = SETTINGS.most_s - 0.02
    source.push(spoken[: round(late * 16_000)])  # what came while the machine stood still
    waited, heard = [], []
    for start in range(round(late * 16_000), len(spoken) - PIECE, PIECE):
        heard.append(mouths.take(PIECE)[0])
        waited.append(source.waiting_s)
        source.push(spoken[start : start + PIECE])
    assert waited[0] > 0.15 and max(waited[-50:]) < 0.03
    assert all(len(piece) == PIECE for piece in heard)
    loud = sum(np.count_nonzero(piece) for piece in heard) / 16_000
    said = np.count_nonzero(spoken[: round((16 - waited[-1]) * 16_000)]) / 16_000
    assert loud == pytest.approx(said, abs=0.02) if pauses else source.dropped_s == pytest.approx(0.16, abs=0.03)


def test_two_who_speak_are_both_heard_and_a_stop_clears_both() -> None:
    mouths = Mouths(SETTINGS)
    one, other = (mouths.source(16_000, paced=False) for _ in range(2))
    one.push(np.full(PIECE * 3, 0.25, np.float32))
    other.push(np.full(PIECE * 3, 0.5, np.float32))
    assert np.all(mouths.take(PIECE)[0] == 0.75)
    mouths.clear()
    assert not mouths.take(PIECE)[0].any()
    one.push(np.full(PIECE, 0.25, np.float32))
    mouths.remove(one)
    assert not mouths.take(PIECE)[2]


def test_other_rates_last_as_long() -> None:
    mouths = Mouths(SETTINGS)
    source = mouths.source(24_000, paced=False)
    tone = np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000).astype(np.float32)
    for start in range(0, 24_000, 480):
        source.push(tone[start : start + 480])
    source.push(np.zeros(0, np.float32), ended=True)
    assert source.waiting_s == pytest.approx(1.0, abs=0.002)
    spectrum = np.abs(np.fft.rfft(mouths.take(16_000)[0]))
    assert spectrum.argmax() == pytest.approx(440, abs=2)


def test_directions_come_with_the_sound_they_stand_in() -> None:
    mouths = Mouths(SETTINGS)
    source = mouths.source(16_000, paced=False)
    source.push(np.zeros(PIECE * 4, np.float32), [(0.05, Cue("nod")), (0.08, Cue("blink"))])
    cues = [[cue.what for cue in mouths.take(PIECE)[1]] for _ in range(4)]
    assert cues == [[], [], ["nod"], ["blink"]]
    source.push(np.zeros(0, np.float32), [(0.0, Cue("nod"))])  # a direction and nothing said
    assert [cue.what for cue in mouths.take(PIECE)[1]] == ["nod"]


def test_texts_are_said_sentence_by_sentence() -> None:
    parts = read_script("One [nod] two. Three! [smile] Four? Five 3.5 six")
    words = [["".join(p for p in one if isinstance(p, str)).split() for one in [sentence]][0]
             for sentence in sentences(parts)]
    assert words == [["One", "two."], ["Three!"], ["Four?"], ["Five", "3.5", "six"]]


def test_messages_come_out_as_they_went_in() -> None:
    packet = Packet(VIDEO, True, (640, 480), 12.345, b"picture")
    assert Packet.of(packet.to_bytes()) == packet
    heard = Packet.of(sound_packet(np.array([0.0, 1.0, -1.0, 2.0], np.float32), 0.5).to_bytes())
    assert heard.kind == SOUND and heard.samples.tolist() == [0, 32767, -32767, 32767]
    assert samples_of(np.array([16384, -32768], "<i2").tobytes()).tolist() == [0.5, -1.0]
    for wrong in (b"", b"x" * 15, b"\x07" + b"x" * 20):
        with pytest.raises(InputError):
            Packet.of(wrong)
    with pytest.raises(InputError):
        samples_of(b"odd")
