"""C2PA manifests in mp4 files: embed one, read one back. All that knows c2pa-python is here."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from foundation.errors import InputError
from talking_head.provenance.signing import Identity

GENERATOR = "talking-head"
CREATED, OPENED, EDITED = "c2pa.created", "c2pa.opened", "c2pa.edited"
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED, COMPOSITE = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"  # all of it, or parts
ASSERTION = "talking-head.synthesis"
FILM = "film"  # among the claims' models: the film that was edited
UNTRUSTED = "signingCredential.untrusted"  # says nothing about the film: nobody vouches for who signed it
MANIFEST_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # C2PA 2.1, appendix A.5.1: the `uuid` box's type
# Nothing is fetched: neither manifests that lie elsewhere nor lists of revoked certificates.
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}


@dataclass(frozen=True)
class Manifest:
    """What a manifest says. claims: of ours, None when another program made it. failures: C2PA's codes of what does not
    hold. signer: organisation and name on the certificate; serial: its number. trusted: a given certificate vouches."""

    claims: dict[str, Any] | None
    failures: list[str]
    signer: str
    serial: str
    trusted: bool


def available() -> bool:
    """Whether c2pa-python is installed and loads."""
    try:
        import c2pa  # noqa: F401
    except (ImportError, OSError, RuntimeError):  # RuntimeError: its native library is missing or of another system
        return False
    return True


def embed(film: Path, signed: Path, title: str, claims: dict[str, Any], identity: Identity) -> None:
    """Write a copy of an mp4 that carries a signed manifest.

    c2pa-python hashes in pieces of 256 MB: a film of 14 MB takes 40 MB of memory, one of 670 MB or more about 0.5 GB.

    Raises:
        InputError: the certificate is refused.
        OSError: reading or writing failed, a full disk say.
    """
    with film.open("rb") as source, signed.open("w+b") as goal:
        _sign("video/mp4", source, _Watched(goal), title, claims, identity)


def check(identity: Identity) -> None:
    """Sign a picture of one pixel, so that a bad certificate is told before hours of work, not after.

    Raises:
        InputError: C2PA refuses the certificate.
    """
    import cv2
    import numpy as np

    picture = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes()
    _sign("image/png", io.BytesIO(picture), _Watched(io.BytesIO()), "check", {}, identity)


class _Watched:
    """A file whose errors are kept: c2pa-python swallows them and says that something went wrong."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None
        self.read, self.seek, self.tell, self.readinto = file.read, file.seek, file.tell, file.readinto  # type: ignore[attr-defined]

    def write(self, data: bytes) -> int:
        return self._keeping(self.file.write, data)

    def flush(self) -> None:
        self._keeping(self.file.flush)

    def _keeping(self, act: Any, *given: Any) -> Any:
        try:
            return act(*given)
        except OSError as error:
            self.error = self.error or error
            raise


def _sign(
    kind: str, source: BinaryIO, goal: _Watched, title: str, claims: dict[str, Any], identity: Identity
) -> None:
    import c2pa

    try:
        given = (identity.algorithm, identity.chain_pem, identity.key_pem)
        info = c2pa.C2paSignerInfo(given[0].encode(), given[1].encode(), given[2].encode(), None)
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder.from_json(_definition(title, claims)) as builder:
            builder.sign(signer, kind, source, goal)
        goal.flush()
    except c2pa.C2paError as error:
        if goal.error is not None:
            raise goal.error from error
        remedy = "leave --certificate and --key out to sign as this machine"
        if identity.local:
            remedy = "check this machine's clock; else delete the folder identity in its home to have a new one made"
        raise InputError(f"C2PA refuses to sign ({error})", "a certificate for signing claims", remedy) from error


def _definition(title: str, claims: dict[str, Any]) -> str:
    made_by = {"name": GENERATOR, "version": str(claims.get("version", "0"))}
    kind = claims.get("source_type", GENERATED)
    done = {"action": action_of(kind), "digitalSourceType": SOURCE_TYPES + kind, "softwareAgent": made_by}
    content: dict[str, Any] = {"claim_generator_info": [made_by], "title": title}
    actions = [done]
    if kind == COMPOSITE:  # C2PA 2.1, 18.15: what was edited was opened, and is named
        film = "sha256:" + claims["models"][FILM]
        content["ingredients"] = [{"title": "the original film", "relationship": "parentOf", "instance_id": film}]
        actions = [{"action": OPENED, "parameters": {"ingredientIds": [film]}}, done]
    assertions = [{"label": "c2pa.actions", "data": {"actions": actions}}, {"label": ASSERTION, "data": claims}]
    return json.dumps(content | {"assertions": assertions})


def action_of(source_type: str) -> str:
    """C2PA's name of what was done to make a film of that kind."""
    return EDITED if source_type == COMPOSITE else CREATED


def has_manifest(path: Path) -> bool:
    """Whether an mp4 carries a C2PA manifest, sound or not, told without c2pa-python.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return any(kind == b"uuid" and file.read(16) == MANIFEST_BOX for kind in _boxes(file, path.stat().st_size))


def _boxes(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Types of an mp4's outermost boxes (ISO 14496-12, 4.2); at each, the file stands where its content begins."""
    start = 0
    while start + 8 <= size:
        file.seek(start)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        yield kind
        if length < 8:  # 0: up to the end; less than its own head: not an mp4
            return
        start += length


def read(path: Path, trusted_pem: str = "") -> Manifest:
    """The manifest in an mp4, checked against the film's bytes. Nothing is fetched from a network.

    Args:
        path: an mp4 that `has_manifest`.
        trusted_pem: certificates of authorities that are trusted to vouch for signers.

    Raises:
        InputError: the manifest itself is broken.
        OSError: the file cannot be read.
    """
    import c2pa

    trust = {"trust": {"user_anchors": trusted_pem}} if trusted_pem else {}
    with path.open("rb") as file, _told(path):
        context = c2pa.Context.from_dict(OFFLINE | trust)
        with c2pa.Reader("video/mp4", file, context=context) as reader:
            content = json.loads(reader.json())
    active = content.get("manifests", {}).get(content.get("active_manifest"), {})  # absent when it is broken
    state, results = content.get("validation_state"), content.get("validation_results", {}).get("activeManifest", {})
    failures = {entry["code"] for entry in results.get("failure", [])} - {UNTRUSTED}
    if state not in ("Valid", "Trusted"):
        failures = failures or {"invalid"}
    signature = active.get("signature_info", {})
    signer = ", ".join(signature[key] for key in ("issuer", "common_name") if signature.get(key))
    return Manifest(
        _claims(active), sorted(failures), signer, str(signature.get("cert_serial_number", "")), state == "Trusted"
    )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    import c2pa

    try:
        yield
    except (c2pa.C2paError, ValueError) as error:
        raise InputError(f"{path}: its manifest is broken ({error})", "a film unchanged since it was made") from error


def _claims(active: dict[str, Any]) -> dict[str, Any] | None:
    """What this product's manifest claims; None when another program made it."""
    makers = [info.get("name") for info in active.get("claim_generator_info", [])]
    content = {entry["label"]: entry.get("data") for entry in active.get("assertions", [])}
    claims = content.get(ASSERTION)
    return claims if GENERATOR in makers and isinstance(claims, dict) else None
