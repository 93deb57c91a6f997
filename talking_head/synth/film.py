"""Synthesis: sound in, an mp4 of a target saying it out; a chain of iterators, so memory does not grow with length."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from face_model.tracks import FaceMotion
from foundation.errors import InputError
from foundation.places import choosing, writable
from foundation.progress import track
from preprocessing.media import TransparentWriter, VideoWriter, nothing_to_hear
from render2video.painter import Painter, load_painter
from talking_head import __version__
from talking_head.heads.face_models import model_of
from talking_head.motion.speaking import Directions, follow, speak
from talking_head.motion.weights import find_weights
from talking_head.provenance.claims import Claims, manifest, mark_id, marked, sidecar_of, signing_identity
from talking_head.provenance.films import remember
from talking_head.provenance.label import Marks, tags
from talking_head.provenance.signing import Identity
from talking_head.synth.framing import Framing, Shot
from talking_head.target.card import Target, find_target
from talking_head.target.given import check_name, readable
from talking_head.target.home import Home
from talking_head.target.loaded import loaded
from talking_head.target.settings import checked_seed, device_name

SILENCE_NOTE = "the sound is silent (below -60 dBFS), so the lips stay at rest"
HELD_BACK_DEG = 2.0  # fewer are seen by nobody
UNSIGNED_WEBM_NOTE = "not signed, since C2PA knows no webm: what it says of itself is in"
UNSIGNED_NOTE = "not signed, since c2pa-python is not installed: what it says of itself is in"


@dataclass(frozen=True)
class Synthesis:
    """What was made. output: the mp4. duration_s: of the film. seconds: how long making it took. note: for people.

    signed: whether it carries a signed manifest; otherwise what it says of itself lies in a file beside it.
    """

    output: Path
    target: str
    duration_s: float
    frames: int
    fps: float
    width_px: int
    height_px: int
    seed: int
    labelled: bool
    signed: bool
    seconds: float
    note: str = ""


def synthesize(
    audio: Path | str, target: str, output: Path | str, *, driving: Path | str | None = None,
    directions: Directions | None = None, seed: int = 0, label: bool = True, device: str = "auto",
    home: Path | str | None = None, certificate: Path | str | None = None, key: Path | str | None = None,
    framing: Framing | None = None, force: bool = False,
) -> Synthesis:
    """Make an mp4 of a target saying what a sound says.

    Args:
        audio: any sound or video file with sound, of any length.
        target: id of a target.
        output: the mp4 to write; it appears when it is whole. A webm where the background is transparent.
        driving: a motion file to follow instead (.safetensors, .npz, Live Link .csv); the sound decides the length.
        directions: which motion model speaks, and how.
        seed: the same seed gives the same film.
        label: whether a small visible line says that it is generated; the file's tag says it always.
        device: `auto`, `cpu` or `cuda`.
        home: where targets live, and the certificate made here that films are signed with.
        certificate: a PEM file to sign with instead.
        key: the certificate's private key, PEM.
        framing: the picture's shape and height, and what is behind the person; None: as the target's.
        force: whether a file of that name may be replaced.

    Raises:
        InputError: no such target, a damaged one, no sound, an output that is not an mp4, is there already or cannot be
            written, a framing that there is not, or a certificate that cannot sign.
    """
    started_s = time.monotonic()
    with choosing(home), readable(Path(audio)) as heard:
        order = Order.checked(
            heard, target, output, driving, directions or Directions(), seed, label, device, certificate, key,
            framing or Framing(), force,
        )
        return _made(order, started_s)


@dataclass(frozen=True)
class Order:
    """A film as it is wanted, all of it checked that can be without work. signer: None where nobody signs."""

    audio: Path
    person: Target
    goal: Path
    driving: Path | str | None
    directions: Directions
    seed: int
    label: bool
    device: str
    signer: Identity | None
    framing: Framing
    notes: tuple[str, ...]

    @classmethod
    def checked(
        cls, audio: Path, target: str, output: Path | str, driving: Path | str | None, directions: Directions,
        seed: int, label: bool, device: str, certificate: Path | str | None, key: Path | str | None, framing: Framing,
        force: bool,
    ) -> Order:
        """See `synthesize`, whose arguments and errors these are."""
        picture = framing.checked()
        goal = checked_output(output, audio, ".webm" if picture.transparent else ".mp4", force)
        checked_seed(seed)
        home = Home.find()
        person = find_target(home, target)
        person.card.consent.check(f"the consent of target '{person.id}'")
        picture.checked_for(person.id, person.card)
        where = device_name(device)
        signer = signing_identity(home, certificate, key) if not picture.transparent else None
        notes = [SILENCE_NOTE] if driving is None and nothing_to_hear(audio) else []
        unsigned = UNSIGNED_WEBM_NOTE if picture.transparent else UNSIGNED_NOTE
        notes += [] if signer else [f"{unsigned} {sidecar_of(goal).name}"]
        return cls(audio, person, goal, driving, directions, seed, label, where, signer, picture, tuple(notes))


def _made(order: Order, started_s: float) -> Synthesis:
    person, card = order.person, order.person.card
    weights = order.directions.weights
    given = None if weights is None else find_weights(weights).path
    with person.unchanged():
        if order.driving is None:
            motion = speak(order.audio, person, order.seed, order.device, order.directions)
        else:
            motion = follow(order.driving, order.audio, person, order.seed, order.device, order.directions)
        claims = Claims.of(person, order.label, given)
    with marked(order.goal, claims, order.signer) as film:
        shot, held_back = _paint(film, motion, order)
    remember(order.goal, claims, Home.find())
    notes = [note for note in (*order.notes, shot.note, held_back) if note]
    return Synthesis(
        order.goal, person.id, len(motion) / card.fps, len(motion), card.fps, shot.width_px, shot.height_px, order.seed,
        order.label, order.signer is not None, round(time.monotonic() - started_s, 3), "; ".join(notes),
    )


def _paint(film: Path, motion: FaceMotion, order: Order) -> tuple[Shot, str]:
    """Write the film; how it is framed, and a note where its head does not go as far as it was wanted to.

    What painting needs is gone when it ends, unless it is kept: signing needs memory of its own.
    """
    person, card = order.person, order.person.card

    def load() -> Painter:
        return load_painter(person.folder, model_of(card), order.device)

    with person.unchanged():
        renderer = loaded("painter", (*person.version, order.device), load)
    paints = renderer.camera.width_px, renderer.camera.height_px
    if paints != (card.width_px, card.height_px):
        said = f"frames of {card.width_px}x{card.height_px}"
        raise InputError(
            f"target '{person.id}' whose card says {said}", f"{paints[0]}x{paints[1]}, as it paints", "enroll it again"
        )
    about = tags(person.id, __version__)
    shot = Shot.of(renderer, card, order.framing)
    frames = shot.frames(renderer, motion)
    kind = TransparentWriter if order.framing.transparent else VideoWriter
    channels = 4 if order.framing.transparent else 3
    marks = Marks(shot.width_px, shot.height_px, mark_id(card), order.label, channels)
    with kind(film, card.fps, shot.width_px, shot.height_px, sound_source=order.audio, metadata=about) as writer:
        for frame in track(frames, f"Painting {order.goal.name}", len(motion)):
            writer.write(marks(frame))
    return shot, _held_back(renderer, motion)


def _held_back(painter: Painter, motion: FaceMotion) -> str:
    """A note where a person's footage has the head turned less far than a motion wants it."""
    from render2video.footage.painter import FootagePainter  # loaded where there is one, and of no use elsewhere

    degrees = painter.held_back_deg(motion) if isinstance(painter, FootagePainter) else 0.0
    if degrees < HELD_BACK_DEG:
        return ""
    return f"the head turns up to {degrees:.0f} degrees less than wanted: the footage has it no further"


def checked_output(output: Path | str, audio: Path, suffix: str = ".mp4", force: bool = False) -> Path:
    """The goal's path.

    Raises:
        InputError: a name that does not end so, a folder, a film that is there already (unless by force), in a place
            that cannot be written, or the input itself.
    """
    goal = Path(output)
    if goal.suffix.lower() != suffix:
        why = "" if suffix == ".mp4" else ", which can be transparent"
        raise InputError(f"output '{goal}'", f"a name that ends in {suffix}{why}", f"try {goal.stem or 'out'}{suffix}")
    check_name(goal.absolute(), sidecar_of(goal) if suffix != ".mp4" or not manifest.available() else None)
    if goal.is_dir():
        raise InputError(f"output '{goal}' is a folder", "a file name", "give another name")
    if goal.exists() and audio.exists() and goal.samefile(audio):
        raise InputError(f"output '{goal}' is the input", "another file", "give another name")
    if goal.exists() and not force:
        raise InputError(f"output '{goal}' exists already", "a new name", "give another name, or --force to replace it")
    writable(goal.absolute().parent, "-o")
    return goal

