"""A dub as it is wanted: all of it that can be is checked and found out before any work."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from face_model import mp478
from face_model.tracks import SPEECH_RATE_HZ
from foundation.errors import InputError
from foundation.files import sha256
from preprocessing.media import nothing_to_hear, probe, stream_sound
from preprocessing.tracking.people import check_face
from talking_head import __version__
from talking_head.enrollment.order import present
from talking_head.enrollment.stages import digest
from talking_head.provenance.claims import sidecar_of, signing_identity
from talking_head.provenance.signing import Identity
from talking_head.synth.film import checked_output
from talking_head.target.card import Target, checked_id, find_target, sweep
from talking_head.target.consent import Consent, consent_of
from talking_head.target.given import check_name
from talking_head.target.home import Home
from talking_head.target.settings import checked_seed, device_name

log = logging.getLogger(__name__)

LENGTHS = ("sound", "video", "longest")
MIN_BUDGET_S = 30.0
TOLERATED_S = 0.5  # by which a background may be longer or shorter than the film without a word
UNNAMED = "dub"  # what the unfinished work of a dub is called that keeps nobody


@dataclass(frozen=True)
class DubSettings:
    """How to dub. budget_s: time for tracking and learning. face: who is meant (`preprocessing.tracking.people`).
    length: of the new film, the sound's, the video's, or the longer one. size_px: at which the face is painted. steps:
    training steps instead of the budget. label: whether a small visible line says that it is generated.
    """

    budget_s: float = 300.0
    face: str | None = None
    length: str = "sound"
    size_px: int = 512
    steps: int | None = None
    seed: int = 0
    label: bool = True
    device: str = "auto"

    def checked(self) -> DubSettings:
        """The settings themselves.

        Raises:
            InputError: one of them is out of its range.
        """
        if self.length not in LENGTHS:
            raise InputError(f"--length '{self.length}'", f"one of {', '.join(LENGTHS)}")
        if self.steps is None and self.budget_s < MIN_BUDGET_S:
            raise InputError(f"a budget of {self.budget_s:g} s", f"at least {MIN_BUDGET_S:g} s", "give more time")
        check_face(self.face)
        checked_seed(self.seed)
        return self


@dataclass(frozen=True)
class DubOrder:
    """What is to be made of which film.

    film_sha256: of it. audio: the new words. goal: the new film. consent: to it. person: the target who speaks.
    keep_as: id of the target that what was learned becomes. background: what sounds under the words. signer: None where
    nobody signs. key: changes with all that decides what is learned.
    """

    home: Home
    video: Path
    film_sha256: str
    audio: Path
    goal: Path
    consent: Consent
    person: Target | None
    keep_as: str | None
    background: Path | None
    settings: DubSettings
    device: str
    signer: Identity | None
    key: str

    @classmethod
    def checked(
        cls, video: Path, audio: Path, output: Path | str, consent: str | Consent, target: str | None,
        keep_as: str | None, background: Path | None, settings: DubSettings,
        certificate: Path | str | None, key: Path | str | None, force: bool,
    ) -> DubOrder:
        """See `dub`, whose arguments and errors these are."""
        home = Home.find()
        goal = checked_output(output, audio, force=force)
        for name, given in (("the film", video), ("the background", background)):
            if given is not None and goal.exists() and given.exists() and goal.samefile(given):
                raise InputError(f"output '{goal}' is {name}", "another file", "give another name")
        check_name(goal, sidecar_of(goal))
        if target is not None and keep_as is not None:
            raise InputError("--id with --target", "one of them", f"'{target}' is kept already")
        person = None if target is None else find_target(home, target)
        if person is not None and person.card.face_model != mp478.ID:
            received = f"target '{person.id}', who moves face model '{person.card.face_model}'"
            raise InputError(received, f"one of '{mp478.ID}'", "leave --target out: the film teaches")
        said = person.card.consent if person is not None else consent_of(consent)
        said.check(f"the consent of target '{person.id}'" if person is not None else "the consent")
        if not probe(video).has_video:
            raise InputError(f"{video} has no pictures", "a film that shows a person", "give a film")
        for sound in (audio, background):
            if sound is not None:
                nothing_to_hear(sound)  # refuses what has no sound
        _compare_lengths(video, background)
        signer = signing_identity(home, certificate, key)
        film = sha256(video)
        deciding = {k: v for k, v in asdict(settings).items() if k not in ("label", "length", "device")}
        named = digest({"film": film, "settings": deciding, "version": __version__})
        order = cls(
            home, video, film, audio, goal, said, person, None if keep_as is None else checked_id(keep_as), background,
            settings, device_name(settings.device), signer, named,
        )
        order.kept()
        return order

    @property
    def work_folder(self) -> Path:
        """Of the unfinished dub."""
        return self.home.work / f"{self.keep_as or UNNAMED}-{self.key[:12]}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the work, and the name of who is kept, to this process.

        Raises:
            InputError: another process has one of them.
        """
        with ExitStack() as stack:
            stack.enter_context(self.home.lock(self.work_folder.name))
            if self.keep_as is not None:
                stack.enter_context(self.home.lock(self.keep_as))
                sweep(self.home, self.keep_as)
            yield

    def kept(self) -> Target | None:
        """The target that is to be kept, where it is there already.

        Raises:
            InputError: there is one of that name, made otherwise or damaged.
        """
        found = None if self.keep_as is None else present(self.home, self.keep_as, replace=False)
        if found is None or (found.card.key == self.key and found.card.consent.same_as(self.consent)):
            return found
        raise InputError(
            f"target '{self.keep_as}' exists, made from another source, settings or consent", "a new id",
            f"give another --id, or `talking-head targets remove {self.keep_as}`",
        )


def _compare_lengths(video: Path, background: Path | None) -> None:
    """Warn of a background that is clearly not as long as the film."""
    if background is None:
        return
    film_s, sound_s = probe(video).duration_s, sum(len(piece) for piece in stream_sound(background)) / SPEECH_RATE_HZ
    if abs(film_s - sound_s) > TOLERATED_S:
        done = "silence follows it" if sound_s < film_s else "what is longer is cut off"
        log.warning("%s lasts %.1f s and %s %.1f s: %s", background, sound_s, video, film_s, done)
