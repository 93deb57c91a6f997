"""Marked as synthetic: what every film says of itself, in a signed manifest or in a file beside it, and reading it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files import atomic_path, read_json, sha256, sweep_partials, write_json
from talking_head import __version__
from talking_head.provenance import manifest
from talking_head.provenance.reading import THRESHOLD, Mark, find_mark
from talking_head.provenance.signing import (
    CERTIFICATE_VARIABLE,
    Identity,
    certificates,
    find_identity,
    local_chain,
    pem,
)
from talking_head.provenance.watermark import id_text, mark_id_of
from talking_head.target.card import FILES, Target, TargetCard, find_target, list_targets
from talking_head.target.home import Home

UNCHANGED = "a film unchanged since talking-head made it"
INSTALL = "pip install c2pa-python"
# Claims that films of earlier versions lack.
LATER = {"source_type": manifest.GENERATED, "watermark": "", "consent_until": "", "consent_purpose": ""}


@dataclass(frozen=True)
class Claims:
    """What a film says of itself.

    target: id of whose likeness it is. version: of talking-head. created: UTC, ISO 8601, by the maker's clock. models:
    sha256 of each file of the target, and of weights that spoke instead of its own. consent_sha256: of the consent
    statement in UTF-8. visible_label: whether the small visible line is on the frames. source_type: IPTC's digital
    source type: all of it generated, or parts of a film that was there before. watermark: the short id that the
    invisible mark in the picture carries; empty in films of versions that made none. consent_until, consent_purpose:
    the consent's last day, and what it is for; empty where it is not bound.
    """

    target: str
    version: str
    created: str
    models: dict[str, str]
    consent_sha256: str
    visible_label: bool
    source_type: str = manifest.GENERATED
    watermark: str = ""
    consent_until: str = ""
    consent_purpose: str = ""

    @classmethod
    def of(cls, person: Target, label: bool, weights: Path | None = None) -> Claims:
        """The claims of a film of a target, made now. weights: of a motion model, in place of the target's."""
        models = {name: sha256(person.folder / name) for name in FILES}
        models |= {"given motion weights": sha256(weights)} if weights is not None else {}
        return cls(
            person.id, __version__, datetime.now(UTC).isoformat(timespec="seconds"),
            models, consent_digest(person), label,
            watermark=id_text(mark_id(person.card)), consent_until=person.card.consent.until,
            consent_purpose=person.card.consent.purpose,
        )

    @classmethod
    def read(cls, content: object, source: Path) -> Claims:
        """The claims in parsed JSON; keys that a later version added are left out.

        Raises:
            InputError: one is missing, or not of its kind; who wrote them may mean harm.
        """
        found = content if isinstance(content, dict) else {}
        claims = {field.name: found.get(field.name) for field in fields(cls)}
        claims |= {name: found.get(name, usual) for name, usual in LATER.items()}
        models, label = claims.pop("models"), claims.pop("visible_label")
        texts = {**claims, **models} if isinstance(models, dict) else {"models": None}
        wrong = [name for name, value in texts.items() if not (_is_plain(name) and _is_plain(value))]
        wrong += [] if isinstance(label, bool) else ["visible_label"]
        if wrong:
            raise InputError(f"{source}: the claims lack {wrong[0]!a}", UNCHANGED)
        return cls(**claims, models=models, visible_label=label)  # type: ignore[arg-type]


def _is_plain(value: object) -> bool:
    """Whether it is a short text that cannot play tricks on a terminal."""
    return isinstance(value, str) and value.isprintable() and len(value) <= 128


class Trust(Enum):
    """Who vouches for a film's claims."""

    OWN = "this machine's own certificate; no authority vouches for it"
    GIVEN = "vouched for by the authority given"
    UNKNOWN = "nobody known here vouches for it"
    UNSIGNED = "nobody: an unsigned file beside the film, which anyone could have written"


@dataclass(frozen=True)
class Provenance:
    """What is known of a film that is unchanged.

    signer: organisation and name on the certificate, empty when unsigned. consent_kept: whether the consent is the one
    kept here with the target of that id; None when there is no such target.
    """

    path: Path
    claims: Claims
    trust: Trust
    signer: str = ""
    consent_kept: bool | None = None

    def rows(self) -> dict[str, str]:
        """What to show people: names and values."""
        consent = {True: "; as kept with the target", False: "; NOT the one kept with the target", None: ""}
        claims = self.claims
        models = {f"  {name}": digest for name, digest in claims.models.items()}
        return {
            "target": claims.target, "created": claims.created, "made by": f"{manifest.GENERATOR} {claims.version}",
            "source type": f"{claims.source_type} ({manifest.action_of(claims.source_type)})",
            "consent sha256": claims.consent_sha256 + consent[self.consent_kept],
            "consent until": self._until(), "consent for": claims.consent_purpose or "not said",
            "visible label": "yes" if claims.visible_label else "no",
            "invisible mark": claims.watermark or "none", "model sha256": "", **models,
            "signed by": f"{self.signer}: {self.trust.value}" if self.signer else self.trust.value,
        }

    def _until(self) -> str:
        last, made = self.claims.consent_until, self.claims.created[:10]
        if not last:
            return "not bound"
        today = datetime.now(UTC).date().isoformat()
        passed = "; the film was made AFTER it" if made > last else "; it has passed" if today > last else ""
        return last + passed

    def told(self) -> str:
        """In a line."""
        return f"{self.path}: synthetic, and unchanged since it was made"

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self) | {"path": str(self.path), "trust": self.trust.name.lower(), "ok": True}


@dataclass(frozen=True)
class Marked:
    """What the invisible mark tells of a film or picture whose manifest is gone: that it is generated, and a short id
    (None: not legible). whose: the targets here whose films bear that id.
    """

    path: Path
    mark: Mark
    whose: tuple[str, ...]

    def rows(self) -> dict[str, str]:
        """What to show people: names and values."""
        strength = f"{self.mark.strength:.1f} (found from {THRESHOLD} on)"
        return {
            "invisible mark": f"generated by {manifest.GENERATOR}; {strength}",
            "short id": id_text(self.mark.mark_id) if self.mark.mark_id is not None else "not legible",
            "target": ", ".join(self.whose) or "none of those here",
            "signed by": "nobody: the manifest is gone, and the picture may have been changed",
        }

    def told(self) -> str:
        """In a line."""
        return f"{self.path}: synthetic, by its invisible mark; nothing tells whether it was changed since"

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        mark = asdict(self.mark) | {"mark_id": None if self.mark.mark_id is None else id_text(self.mark.mark_id)}
        return {"path": str(self.path), "trust": "mark", "mark": mark, "whose": list(self.whose), "ok": True}


def mark_id(card: TargetCard) -> int:
    """The short id in the frames of a target's films: of the person as enrolled, and of the consent to it."""
    return mark_id_of(card.id, card.key, card.consent.statement, card.consent.date)


def consent_digest(person: Target) -> str:
    """sha256 of a target's consent statement in UTF-8."""
    return hashlib.sha256(person.card.consent.statement.encode(errors="surrogateescape")).hexdigest()


def sidecar_of(film: Path) -> Path:
    """Where the claims of an unsigned film lie: `film.mp4.provenance.json`."""
    return film.with_name(film.name + ".provenance.json")


def signing_identity(home: Home, certificate: Path | str | None, key: Path | str | None) -> Identity | None:
    """Who will sign, checked before any work begins; None without c2pa-python.

    Raises:
        InputError: a certificate is given that cannot sign, or the home cannot be written.
    """
    if manifest.available():
        identity = find_identity(home, certificate, key)
        if not identity.local:
            manifest.check(identity)
        return identity
    if certificate or key:
        raise InputError("a certificate to sign with", "c2pa-python, which is not installed", INSTALL)
    return None


@contextmanager
def marked(goal: Path, claims: Claims, identity: Identity | None) -> Iterator[Path]:
    """Yield where to write a film; when the block ends well the film, carrying its claims, takes the goal's place.

    Signed when there is an identity, else with a sidecar, which is there before the film is.

    Raises:
        InputError: no space left, or the certificate is refused; the goal is as it was before.
    """
    film = goal
    try:
        sweep_partials(goal)
        with atomic_path(goal) as film:
            yield film
            if identity is None:
                write_json(sidecar_of(goal), _statement(film, claims))
            else:
                with atomic_path(film) as signed:
                    manifest.embed(film, signed, goal.name, asdict(claims), identity)
        if identity is not None and os.path.lexists(sidecar_of(goal)):  # of an older film; a name too long is nobody's
            sidecar_of(goal).unlink()
    except InputError as error:  # tell the user's name of it, not the temporary one
        raise InputError(error.received.replace(str(film), str(goal)), error.expected, error.remedy) from error


def _statement(film: Path, claims: Claims) -> dict[str, Any]:
    return {
        "action": manifest.action_of(claims.source_type),
        "digitalSourceType": manifest.SOURCE_TYPES + claims.source_type, "claims": asdict(claims),
        "generator": manifest.GENERATOR, "sha256": sha256(film), "signed": False,
    }


def verify(
    film: Path | str, *, certificate: Path | str | None = None, home: Path | str | None = None,
    picture: bool = True,
) -> Provenance | Marked:
    """Read back what a film of ours says of itself, and check that neither it nor the film was changed.

    Where nothing is said any more (re-encoded, a screenshot), the invisible mark in the picture is looked for.

    Works offline: nothing is fetched.

    Args:
        film: an mp4; or any film or picture that may be made of one.
        certificate: PEM with the authority to trust beside this machine's own, among others maybe (a whole chain will
            do, a signer's certificate alone will not); by default the environment's `TALKING_HEAD_CERTIFICATE`.
        home: where this machine's own certificate and targets live.
        picture: whether to look for the invisible mark too, which takes seconds.

    Raises:
        InputError: the film cannot be read, says nothing of itself, was made by another program, or was changed.
    """
    path, at = Path(film), Home.find(home)
    if not path.is_file():
        raise InputError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}", "an mp4")
    try:
        if manifest.has_manifest(path):
            return _signed(path, at, certificate)
        if sidecar_of(path).is_file():
            return _unsigned(path, at)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "an mp4 that can be read") from error
    found = _marked(path, at) if picture else None
    if found is not None:
        return found
    tag = _tag(path)
    says = f", though its tag says '{tag}', which proves nothing" if tag else ""
    raise InputError(f"{path} has no manifest and no invisible mark{says}", "a film made by talking-head")


def _marked(path: Path, home: Home) -> Marked | None:
    """What its invisible mark tells; None without one, or where it is neither film nor picture."""
    try:
        mark = find_mark(path)
    except InputError:
        return None
    if mark is None:
        return None
    return Marked(path, mark, tuple(person.id for person in list_targets(home) if mark_id(person.card) == mark.mark_id))


def _signed(path: Path, home: Home, certificate: Path | str | None) -> Provenance:
    if not manifest.available():
        raise InputError(f"{path} carries a signed manifest", "c2pa-python, which reads it", INSTALL)
    certificate = certificate or os.environ.get(CERTIFICATE_VARIABLE)
    own = certificates(local_chain(home)) if local_chain(home).is_file() else []
    given = certificates(Path(certificate)) if certificate else []
    found = manifest.read(path, pem(*own, *given))
    if found.failures:
        raise InputError(f"{path} was changed: {', '.join(found.failures)}", UNCHANGED)
    if found.claims is None:
        raise InputError(f"{path} has a manifest of another program, signed by {found.signer}", UNCHANGED)
    trust = Trust.GIVEN if found.trusted else Trust.UNKNOWN
    if found.trusted and own and found.serial == str(own[0].serial_number):
        trust = Trust.OWN
    claims = Claims.read(found.claims, path)
    return Provenance(path, claims, trust, found.signer, _consent_kept(home, claims))


def _unsigned(path: Path, home: Home) -> Provenance:
    content = read_json(sidecar_of(path))
    claims = Claims.read(content.get("claims") if isinstance(content, dict) else None, sidecar_of(path))
    if content.get("sha256") != sha256(path):
        raise InputError(f"{path} was changed: it is not the film that {sidecar_of(path).name} tells of", UNCHANGED)
    return Provenance(path, claims, Trust.UNSIGNED, consent_kept=_consent_kept(home, claims))


def _consent_kept(home: Home, claims: Claims) -> bool | None:
    try:
        return consent_digest(find_target(home, claims.target)) == claims.consent_sha256
    except InputError:
        return None


def _tag(path: Path) -> str:
    """The comment in a file's metadata; empty when there is none or it is not a film."""
    import av

    try:
        with av.open(f"file:{path.absolute()}") as container:
            return container.metadata.get("comment", "")
    except (av.FFmpegError, ValueError):
        return ""
