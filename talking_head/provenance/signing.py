"""Who signs films: a certificate made once on this machine, or the user's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from foundation.errors import InputError
from foundation.files import sync_tree
from foundation.places import writable
from talking_head.target.home import LOCK_SUFFIX, Home

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

CERTIFICATE_VARIABLE, KEY_VARIABLE = "TALKING_HEAD_CERTIFICATE", "TALKING_HEAD_KEY"
CHAIN, KEY = "chain.pem", "key.pem"
UNFINISHED = ".identity-"  # an identity's folder until it is whole
ORGANISATION = "talking-head (local)"
C2PA_SIGNING = "1.3.6.1.4.1.62558.2.1"  # extended key usage `c2pa-kp-claimSigning`, C2PA 2.1 section 14.5.1
# Films are not stamped by a time authority (that needs a network), so they hold only as long as the certificate does.
VALID_FOR = timedelta(days=30 * 365)
CLOCK_ERROR = timedelta(days=1)
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Identity:
    """What signs. chain_pem: certificates, the signer's first. key_pem: PKCS #8. algorithm: C2PA's name of it."""

    chain_pem: str
    key_pem: str = field(repr=False)
    algorithm: str
    local: bool


def find_identity(home: Home, certificate: Path | str | None = None, key: Path | str | None = None) -> Identity:
    """The user's own identity when given, here or in `TALKING_HEAD_CERTIFICATE` and `_KEY`, else this machine's.

    Raises:
        InputError: only one of the two is given, they do not fit together, or the home cannot be written.
    """
    certificate = certificate or os.environ.get(CERTIFICATE_VARIABLE)
    key = key or os.environ.get(KEY_VARIABLE)
    if certificate and key:
        return own_identity(Path(certificate), Path(key))
    if certificate or key:
        given, absent = ("certificate", "key") if certificate else ("key", "certificate")
        raise InputError(f"a {given} without its {absent}", "both or neither", f"give --{absent} too")
    return local_identity(home)


def own_identity(certificate: Path, key: Path) -> Identity:
    """The identity in two PEM files: a chain with the signer's certificate first, and its private key.

    Raises:
        InputError: not readable, encrypted, of a kind that C2PA does not know, out of date, or of different pairs.
    """
    from cryptography.hazmat.primitives import serialization

    chain = certificates(certificate)
    try:
        secret = serialization.load_pem_private_key(_read(key, "a private key in PEM"), password=None)
    except (ValueError, TypeError) as error:
        raise InputError(f"{key} ({error})", "a private key in PEM, not encrypted") from error
    shape = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if secret.public_key().public_bytes(*shape) != chain[0].public_key().public_bytes(*shape):
        raise InputError(f"{key} does not fit {certificate}", "the key of its first certificate")
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Identity(pem(*chain), secret.private_bytes(*encoding).decode(), _algorithm(secret, key), local=False)


def certificates(path: Path) -> list[x509.Certificate]:
    """The certificates in a PEM file.

    Raises:
        InputError: not readable, or none in it.
    """
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(_read(path, "certificates in PEM"))
    except ValueError as error:
        raise InputError(f"{path} holds no certificate ({error})", "certificates in PEM, the signer's first") from error


def _read(path: Path, expected: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", expected) from error


def _algorithm(key: object, path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise InputError(f"{path} is a {type(key).__name__}", "a key on P-256, P-384 or P-521, Ed25519, or RSA")


def local_chain(home: Home) -> Path:
    """Where this machine's certificates are, once it has some."""
    return home.path / "identity" / CHAIN


def local_identity(home: Home) -> Identity:
    """This machine's identity in `home/identity`, made on first use.

    Raises:
        InputError: the home cannot be written, or the identity in it is damaged.
    """
    folder = local_chain(home).parent
    if not folder.exists():
        _make(home, folder)
    chain, key = (_read(folder / name, "this machine's identity").decode("ascii", "replace") for name in (CHAIN, KEY))
    if not (chain.count("BEGIN CERTIFICATE") == chain.count("END CERTIFICATE") == 2 and "END PRIVATE KEY" in key):
        raise InputError(f"{folder} is damaged", "this machine's identity", "delete the folder to have a new one made")
    return Identity(chain, key, "es256", local=True)


def _make(home: Home, folder: Path) -> None:
    """Fill `folder`, whole or not at all, and once: others wait. What killed ones left, a key maybe, goes."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    place = writable(home.path)
    try:
        with FileLock(writable(home.locks) / f".identity{LOCK_SUFFIX}"):
            for left in place.glob(f"{UNFINISHED}*"):
                shutil.rmtree(left)
            if folder.exists():
                return
            building = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=place))  # mode 0700
            try:
                key = ec.generate_private_key(ec.SECP256R1())
                (building / CHAIN).write_text(_local_chain(key), encoding="ascii")
                encoding = (
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
                with os.fdopen(os.open(building / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(key.private_bytes(*encoding))
                sync_tree(building)
                building.rename(folder)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror})", "room for this machine's identity") from error


def _local_chain(key: EllipticCurvePrivateKey) -> str:
    """A certificate for a key, and the authority that issued it, in PEM.

    C2PA refuses a bare certificate that signs itself (C2PA 2.1, section 14.5: certificate profile). The authority's key
    is forgotten, so that nothing else can ever be issued in its name. No user name or host name is in it.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority_key = ec.generate_private_key(ec.SECP256R1())
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    authority_name, name = _name(f"authority {mark}"), _name(f"signer {mark}")
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    purposes = [x509.ObjectIdentifier(C2PA_SIGNING), ExtendedKeyUsageOID.EMAIL_PROTECTION]
    authority = (
        _certificate(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    ).sign(authority_key, hashes.SHA256())
    signer = (
        _certificate(name, authority_name, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(issuer, critical=False)
    ).sign(authority_key, hashes.SHA256())
    return pem(signer, authority)


def _name(common_name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = {NameOID.ORGANIZATION_NAME: ORGANISATION, NameOID.COMMON_NAME: common_name}
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def _certificate(name: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    from cryptography import x509

    start = datetime.now(UTC) - CLOCK_ERROR
    public = key.public_key()
    return (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(public)
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )


def pem(*chain: x509.Certificate) -> str:
    """Certificates as PEM, one after the other."""
    from cryptography.hazmat.primitives import serialization

    return "".join(certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in chain)
