"""A look before the work: what `enroll --check` and `synth --check` understood of what they were given."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from face_model.tracks import SPEECH_RATE_HZ
from foundation.places import choosing, free_bytes
from preprocessing.media import probe, read_frames, stream_sound
from preprocessing.media.colour import Colours
from preprocessing.media.hearing import hearing, sound_streams
from preprocessing.media.source import first_frame, open_media
from preprocessing.tracking import face_tracker
from render2video.painter import load_painter
from talking_head.doctor.machine import ENOUGH_BYTES
from talking_head.enrollment.from_video import SHORTEST_S
from talking_head.enrollment.order import EnrollOrder
from talking_head.heads.face_models import model_of
from talking_head.motion.people import told_unheard, unheard
from talking_head.motion.speaking import Directions, encoder_for, speakers
from talking_head.synth.film import Order
from talking_head.synth.framing import Framing, Shot
from talking_head.target.card import DEFAULT_MODEL, Target, checked_id
from talking_head.target.consent import Consent, consent_of
from talking_head.target.given import readable
from talking_head.target.settings import EnrollSettings

log = logging.getLogger(__name__)

FACE_LOOKS, LOOKS_FPS = 6, 2.0  # frames of a video's start in which a face is looked for, and how many a second
_UNNAMED, _UNSAID = "unnamed", "not said"  # what is checked in place of a name or a consent that was not given
NO_FACE = "no face is seen in the first {:g} s"


@dataclass(frozen=True)
class Look:
    """What was understood. facts: names and values, for people and programs. warnings: what to know, in a line each."""

    facts: dict[str, Any]
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"checked": True, **self.facts, "warnings": list(self.warnings)}


@contextmanager
def warnings_of_rooms() -> Iterator[list[str]]:
    """A list that fills with what all rooms warn of meanwhile."""
    kept: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record.getMessage())

    handler = Keep(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield kept
    finally:
        logging.getLogger().removeHandler(handler)


def look_at_enrolment(
    video: Path | str, target_id: str | None, consent: str | Consent | None, settings: EnrollSettings | None = None,
    *, home: Path | str | None = None, replace: bool = False,
) -> Look:
    """What `enroll` with the same arguments understands of them, checked as it does; nobody is enrolled. Without a name
    or a consent, the video alone is looked at.

    Raises:
        InputError: as `enroll`, as far as it can be told without work.
    """
    settings, statement = (settings or EnrollSettings()).checked(), consent_of(consent or _UNSAID)
    with choosing(home), readable(Path(video)) as source, warnings_of_rooms() as warned:
        order = EnrollOrder.checked(source, checked_id(target_id or _UNNAMED), statement, settings, SHORTEST_S)
        if target_id is None:
            facts = _enrolment(order, None)
        else:
            with order.home.lock(order.target_id):
                facts = _enrolment(order, order.done(replace))
    unsaid = {"person", "state", "place"} if target_id is None else set()
    unsaid |= {"consent"} if consent is None else set()
    return Look({name: fact for name, fact in facts.items() if name not in unsaid}, tuple(warned))


def look_at_synthesis(
    audio: Path | str, target: str, output: Path | str, *, driving: Path | str | None = None,
    directions: Directions | None = None, seed: int = 0, label: bool = True, device: str = "auto",
    home: Path | str | None = None, certificate: Path | str | None = None, key: Path | str | None = None,
    framing: Framing | None = None, force: bool = False,
) -> Look:
    """What `synthesize` with the same arguments understands of them, checked as it does; no film is made.

    Raises:
        InputError: as `synthesize`, as far as it can be told without work.
    """
    with choosing(home), readable(Path(audio)) as heard, warnings_of_rooms() as warned:
        order = Order.checked(
            heard, target, output, driving, directions or Directions(), seed, label, device, certificate, key,
            framing or Framing(), force,
        )
        return Look(_film(order), (*warned, *order.notes))


def _enrolment(order: EnrollOrder, done: Target | None) -> dict[str, Any]:
    if done is not None:
        state = "already enrolled from this: nothing is to be done but what --motion adds"
    elif (order.home.targets / order.target_id).exists():
        state = "replaces the one of that name"
    else:
        state = "resumes" if order.work_folder.is_dir() else "new"
    seen = _video(order.source) if order.photo is None else _photo(order)
    if order.photo is None and unheard(order.source):
        log.warning("%s", told_unheard(order.source, order.settings.motion))
    free = free_bytes(order.home.path)
    if free < ENOUGH_BYTES:
        log.warning("%s: %.1f GB free; an enrollment may need %.0f", order.home.path, free / 1e9, ENOUGH_BYTES / 1e9)
    begun = {name: "nothing" if start is None else str(start.path) for name, start in order.begun.items()}
    plan = {} if order.photo is not None else {
        "painted_px": order.settings.size_px, "profile": order.settings.profile, "device": order.device,
        **({"budget_s": order.settings.budget_s} if order.settings.steps is None else {"steps": order.settings.steps}),
    }  # fmt: skip
    return {
        "person": order.target_id, "state": state, "consent": order.consent.statement,
        "source": str(order.source), **seen,
        **plan, "motion_begins_from": begun, "place": str(order.home.targets / order.target_id),
        "free_bytes": free,
    }


def _photo(order: EnrollOrder) -> dict[str, Any]:
    assert order.photo is not None
    height_px, width_px = order.photo.picture_rgb.shape[:2]
    return {
        "kind": "photo", "width_px": width_px, "height_px": height_px, "face_px": _face_px(order.photo.landmarks_px),
    }


def _face_px(landmarks_px: np.ndarray) -> int:
    xy = landmarks_px[:, :2]
    return round(float((xy.max(0) - xy.min(0)).max()))


def _video(source: Path) -> dict[str, Any]:
    info = probe(source)
    tracker = face_tracker()
    try:
        found = [tracker.confirm(frame) for frame in islice(read_frames(source, LOOKS_FPS), FACE_LOOKS)]
    finally:
        tracker.close()
    sizes = [_face_px(faces[0].landmarks_px) for faces in found if faces]
    if not sizes:
        log.warning("%s: %s", source, NO_FACE.format(FACE_LOOKS / LOOKS_FPS))
    return {
        "kind": "video", "width_px": info.width_px, "height_px": info.height_px, "fps": round(info.fps, 3),
        "variable_rate": info.variable_frame_rate, "rotation_degrees": info.rotation_degrees,
        "length_s": round(info.duration_s, 2), "colour": _colour(source), "sound": _sound(source),
        "face_px": max(sizes, default=0), "faces_seen": f"in {len(sizes)} of the {len(found)} frames looked at",
    }


def _colour(source: Path) -> str:
    first = first_frame(source)
    colours = None if first is None else Colours.of(first[0])
    if colours is None or not colours.needs_conversion:
        return "BT.709, standard range"
    return f"{colours.name}, brought to BT.709"


def _sound(source: Path) -> str:
    """Which of a file's sounds is heard, for people."""
    heard = hearing(source)
    if heard is None:
        return "none"
    with open_media(source) as container:
        streams = sound_streams(container)
        stream = streams[heard.stream]
        context = stream.codec_context
        kind = f"{context.name}, {context.sample_rate} Hz, {context.channels} channel{'s' * (context.channels != 1)}"
        return f"track {heard.stream + 1} of {len(streams)}: {kind}"


def _film(order: Order) -> dict[str, Any]:
    """
    Raises:
        InputError: the motion model, its encoder or the driving file lack something.
    """
    person, card = order.person, order.person.card
    length_s = sum(len(piece) for piece in stream_sound(order.audio)) / SPEECH_RATE_HZ
    if order.driving is None:
        for model in speakers(person, order.directions, order.device):
            encoder_for(model.speech_extractor, person)
        moved_by = order.directions.model or DEFAULT_MODEL
    else:
        from talking_head.formats.driving import read_motion

        read_motion(order.driving, card)
        moved_by = str(order.driving)
    size = card.width_px, card.height_px
    if order.framing != Framing():
        with person.unchanged():
            shot = Shot.of(load_painter(person.folder, model_of(card), order.device), card, order.framing)
        size = shot.width_px, shot.height_px
    return {
        "person": person.id, "consent": card.consent.statement, "enrolled": card.consent.date,
        "sound": _sound(order.audio), "length_s": round(length_s, 3), "frames": max(1, round(length_s * card.fps)),
        "fps": card.fps, "width_px": size[0], "height_px": size[1], "moved_by": moved_by,
        "device": order.device, "output": str(order.goal), "labelled": order.label,
        "signed_by": _signer(order), "free_bytes": free_bytes(order.goal.absolute().parent),
    }


def _signer(order: Order) -> str:
    if order.signer is None:
        return "nobody"
    return "this machine's own certificate" if order.signer.local else "the certificate given"
