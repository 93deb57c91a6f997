"""Synthesis: sound in, an mp4 of a target saying it out; a chain of iterators, so memory does not grow with length."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from face_model import mp478
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from foundation.places import writable
from foundation.progress import track
from preprocessing.media import TransparentWriter, VideoWriter, nothing_to_hear
from render2video.person import PersonRenderer
from talking_head import __version__
from talking_head.framing import Framing, Shot
from talking_head.home import Home
from talking_head.label import stamp, tags
from talking_head.provenance import Claims, marked, sidecar_of, signing_identity
from talking_head.settings import checked_seed, device_name
from talking_head.speaking import Directions, follow, speak
from talking_head.target import Target, find_target
from talking_head.weights import find_weights

SILENCE_NOTE = "the sound is silent (below -60 dBFS), so the lips stay at rest"
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
        certificate, key: PEM files to sign with instead.
        framing: the picture's shape and height, and what is behind the person; None: as the target's.
        force: whether a file of that name may be replaced.

    Raises:
        InputError: no such target, a damaged one, no sound, an output that is not an mp4, is there already or cannot be
            written, a framing that there is not, or a certificate that cannot sign.
    """
    started_s = time.monotonic()
    audio = Path(audio)
    picture = (framing or Framing()).checked()
    goal = checked_output(output, audio, ".webm" if picture.transparent else ".mp4", force)
    checked_seed(seed)
    person = find_target(Home.find(home), target)
    where, card = device_name(device), person.card
    signer = signing_identity(Home.find(home), certificate, key) if not picture.transparent else None
    notes = [SILENCE_NOTE] if driving is None and nothing_to_hear(audio) else []
    unsigned = UNSIGNED_WEBM_NOTE if picture.transparent else UNSIGNED_NOTE
    notes += [] if signer else [f"{unsigned} {sidecar_of(goal).name}"]
    if driving is None:
        motion = speak(audio, person, seed, where, directions)
    else:
        motion = follow(driving, audio, person, seed, where, directions)
    weights = directions.weights if directions is not None else None
    given = None if weights is None else find_weights(weights).path
    with marked(goal, Claims.of(person, label, given), signer) as film:
        shot = _paint(film, goal.name, motion, person, audio, label, where, picture)
    notes += [shot.note] if shot.note else []
    return Synthesis(
        goal, person.id, len(motion) / card.fps, len(motion), card.fps, shot.width_px, shot.height_px, seed, label,
        signer is not None, round(time.monotonic() - started_s, 3), "; ".join(notes),
    )


def _paint(
    film: Path, name: str, motion: FaceMotion, person: Target, audio: Path, label: bool, device: str, framing: Framing
) -> Shot:
    """Write the film. What painting needs is gone when it ends, for signing needs memory of its own."""
    card = person.card
    renderer = PersonRenderer.load(person.folder, mp478.load(), device)
    paints = renderer.camera.width_px, renderer.camera.height_px
    if paints != (card.width_px, card.height_px):
        said = f"frames of {card.width_px}x{card.height_px}"
        raise InputError(
            f"target '{person.id}' whose card says {said}", f"{paints[0]}x{paints[1]}, as it paints", "enroll it again"
        )
    about = tags(person.id, __version__)
    shot = Shot.of(renderer, card, framing)
    frames = shot.frames(renderer, motion)
    kind = TransparentWriter if framing.transparent else VideoWriter
    with kind(film, card.fps, shot.width_px, shot.height_px, sound_source=audio, metadata=about) as writer:
        for frame in track(frames, f"Painting {name}", len(motion)):
            writer.write(stamp(frame) if label else frame)
    return shot


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
    if goal.is_dir():
        raise InputError(f"output '{goal}' is a folder", "a file name", "give another name")
    if goal.exists() and audio.exists() and goal.samefile(audio):
        raise InputError(f"output '{goal}' is the input", "another file", "give another name")
    if goal.exists() and not force:
        raise InputError(f"output '{goal}' exists already", "a new name", "give another name, or --force to replace it")
    writable(goal.absolute().parent, "-o")
    return goal

