"""`talking-head live`: a target's face to Unreal while it says a sound, in real time."""

from __future__ import annotations

from pathlib import Path

from foundation.errors import InputError
from preprocessing.media.microphone import microphone
from talking_head.animation.listening import HOP_S, Listener, listen
from talking_head.animation.packet import Sender
from talking_head.animation.rows import first, spoken_rows
from talking_head.animation.sending import LiveResult, address_of, ahead, send
from talking_head.motion.speaking import Directions, encoder_for, habits_of, speakers
from talking_head.target.card import find_target
from talking_head.target.home import Home
from talking_head.target.settings import checked_seed, device_name

MICROPHONE = "mic"
DEFAULT_TARGET, DEFAULT_SUBJECT = "astronaut", "TalkingHead"


def live(
    audio: Path | str, to: str, *, target: str = DEFAULT_TARGET, directions: Directions | None = None,
    fps: float = 60.0, subject: str = DEFAULT_SUBJECT, seconds: float | None = None, seed: int = 0,
    device: str = "auto", home: Path | str | None = None,
) -> LiveResult:
    """Send Live Link Face packets while a target says a sound.

    Args:
        audio: any sound or video file with sound, or `mic`.
        to: `HOST:PORT`; Unreal listens on port 11111.
        target: whose head, blinks and motion models. directions: which model, and how it speaks.
        fps: packets a second.
        subject: the name that Unreal lists.
        seconds: to speak for; None to the sound's end, and with the microphone until stopped.
        seed: of all that is random.

    Raises:
        InputError: no such address, file, target or model; no microphone.
    """
    if not 1 <= fps <= 240:
        raise InputError(f"{fps:g} frames a second", "1 to 240")
    checked_seed(seed)
    address, sender = address_of(to), Sender(subject, fps)
    person, where = find_target(Home.find(home), target), device_name(device)
    model, head = speakers(person, directions or Directions(), where)
    if str(audio) == MICROPHONE:
        share = (directions or Directions()).head_share()
        own = head.habits or habits_of(person)
        listener = Listener(model, own, encoder_for(model.speech_extractor, person), fps, seed, share)
        return send(ahead(listen(microphone(seconds, HOP_S), listener)), sender, address, wait_for_late=True)
    rows = spoken_rows(Path(audio), person, model, head, fps, seed)
    return send(ahead(rows if seconds is None else first(rows, max(1, round(seconds * fps)))), sender, address)
