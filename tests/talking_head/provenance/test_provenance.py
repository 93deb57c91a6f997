"""Films that say that they are synthetic: signed or with a sidecar, read back, and told when changed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import talking_head
from foundation.errors import InputError
from preprocessing.media import VideoWriter, read_frames, read_sound
from talking_head.cli import app
from talking_head.provenance.claims import Claims, Trust, consent_digest, marked, sidecar_of, signing_identity, verify
from talking_head.provenance.label import tags
from talking_head.provenance.manifest import CREATED, GENERATED, SOURCE_TYPES, available, embed, has_manifest
from talking_head.provenance.signing import CHAIN, KEY, find_identity, local_identity
from talking_head.target.card import Target, find_target
from talking_head.target.home import Home
from tests.talking_head.media import nobody, voice
from tests.talking_head.target.test_target import make_target

runner = CliRunner()
needs_c2pa = pytest.mark.skipif(not available(), reason="c2pa-python is not installed")
CONSENT = "I agree, Ana"  # of `make_target`


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.find(tmp_path / "home")
    make_target(home, "ana")
    return home


@pytest.fixture
def without_c2pa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)  # makes its import fail


def person(home: Home) -> Target:
    return find_target(home, "ana")


def write_film(path: Path, sound: Path | None = None, count: int = 20) -> None:
    with VideoWriter(path, 25, 128, 128, sound_source=sound, metadata=tags("ana", "1.0")) as writer:
        for frame in nobody(count):
            writer.write(frame)


def make_film(home: Home, goal: Path, **signer: Path) -> Path:
    identity = signing_identity(home, signer.get("certificate"), signer.get("key"))
    with marked(goal, Claims.of(person(home), label=True), identity) as film:
        write_film(film)
    return goal


def command(*words: object) -> tuple[int, str, str]:
    result = runner.invoke(app, [str(word) for word in words])
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def refused(home: Home, film: Path, reason: str) -> None:
    code, out, err = command("verify", film, "--home", home.path)
    assert code == 2 and out == "" and len(err.strip().splitlines()) == 1, (code, out, err)
    assert reason in err, err


@needs_c2pa
def test_a_film_says_what_it_is(home: Home, tmp_path: Path) -> None:
    """Read with c2pa-python itself, not through our own reader."""
    import c2pa

    film = make_film(home, tmp_path / "o.mp4")
    with film.open("rb") as file, c2pa.Reader("video/mp4", file) as reader:
        content = reader.get_active_manifest()
        assert reader.get_validation_state() == "Valid"
    said = {entry["label"].split(".v")[0]: entry["data"] for entry in content["assertions"]}
    (action,) = said["c2pa.actions"]["actions"]
    assert action["action"] == "c2pa.created" == CREATED
    assert action["digitalSourceType"].endswith("/digitalsourcetype/trainedAlgorithmicMedia")
    claims = said["talking-head.synthesis"]
    assert claims["target"] == "ana" and claims["version"] == talking_head.__version__
    assert claims["consent_sha256"] == hashlib.sha256(CONSENT.encode()).hexdigest()
    motion = person(home).folder / "motion.safetensors"
    assert claims["models"]["motion.safetensors"] == hashlib.sha256(motion.read_bytes()).hexdigest()


@needs_c2pa
def test_verify_reads_it_back(home: Home, tmp_path: Path) -> None:
    film = make_film(home, tmp_path / "o.mp4")
    found = talking_head.verify(film, home=home.path)
    assert found.trust is Trust.OWN and found.consent_kept is True and found.claims.visible_label
    code, out, _ = command("verify", film, "--home", home.path)
    assert code == 0 and "ana" in out and "this machine's own" in out and found.claims.consent_sha256 in out
    code, out, _ = command("verify", film, "--home", home.path, "--json")
    report = json.loads(out)
    assert code == 0 and report["ok"] and report["trust"] == "own" and report["claims"]["target"] == "ana"


@needs_c2pa
def test_another_machine_sees_an_intact_film_of_an_unknown_signer(home: Home, tmp_path: Path) -> None:
    film = make_film(home, tmp_path / "o.mp4")
    elsewhere = Home.find(tmp_path / "elsewhere")
    found = verify(film, home=elsewhere.path)
    assert found.trust is Trust.UNKNOWN and found.consent_kept is None
    assert not elsewhere.path.exists(), "reading makes no identity"
    local_identity(elsewhere)
    assert verify(film, home=elsewhere.path).trust is Trust.UNKNOWN
    assert verify(film, home=elsewhere.path, certificate=home.path / "identity" / CHAIN).trust is Trust.GIVEN


@needs_c2pa
def test_a_changed_byte_of_the_film_is_told(home: Home, tmp_path: Path) -> None:
    film = make_film(home, tmp_path / "o.mp4")
    whole, changed = film.read_bytes(), tmp_path / "changed.mp4"
    empty = range(whole.index(b"free") - 4, whole.index(b"free") + 4)  # C2PA leaves empty boxes out
    places = np.linspace(whole.index(b"moov") - 4, len(whole) - 1, 60).astype(int)
    for at in (int(place) for place in places if place not in empty):
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError):
            verify(changed, home=home.path)
    changed.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
    refused(home, changed, "was changed: assertion.bmffHash.mismatch")
    changed.write_bytes(whole[:-1])
    refused(home, changed, "changed.mp4")


@needs_c2pa
def test_any_broken_byte_of_the_manifest_is_told_or_harmless(home: Home, tmp_path: Path) -> None:
    """C2PA protects what a manifest says, not its padding; whatever breaks, nothing but `InputError` comes out."""
    film = make_film(home, tmp_path / "o.mp4")
    whole, claims = film.read_bytes(), verify(film, home=home.path).claims
    for at in range(0, whole.index(b"moov"), 43):
        film.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert verify(film, home=home.path).claims == claims
        except InputError:
            continue


@needs_c2pa
def test_claims_cannot_be_rewritten(home: Home, tmp_path: Path) -> None:
    film = make_film(home, tmp_path / "o.mp4")
    digest = consent_digest(person(home)).encode()
    assert digest in film.read_bytes()
    film.write_bytes(film.read_bytes().replace(digest, b"0" * 64))
    refused(home, film, "assertion.hashedURI.mismatch")


def test_a_film_without_a_manifest_is_told_with_its_tag(home: Home, tmp_path: Path) -> None:
    write_film(tmp_path / "bare.mp4")
    assert not has_manifest(tmp_path / "bare.mp4")
    refused(home, tmp_path / "bare.mp4", "has no manifest and no invisible mark, though its tag says 'synthetic media")
    (tmp_path / "text.mp4").write_text("not a film")
    refused(home, tmp_path / "text.mp4", "has no manifest and no invisible mark; expected a film made by talking-head")
    (tmp_path / "empty.mp4").touch()
    refused(home, tmp_path / "empty.mp4", "has no manifest")
    refused(home, tmp_path / "absent.mp4", "does not exist")
    refused(home, tmp_path, "is a folder")


@needs_c2pa
def test_a_manifest_of_another_program_is_not_ours(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talking_head.provenance.manifest.GENERATOR", "another")
    film = make_film(home, tmp_path / "o.mp4")
    monkeypatch.undo()
    refused(home, film, "of another program")


HOSTILE = [
    {"target": 5}, {"target": "ana\x1b[2J"}, {"models": []}, {"models": {"a\nb": "c"}}, {"models": {"a": None}},
    {"visible_label": "no"}, {"version": "9" * 10_000},
]


@needs_c2pa
@pytest.mark.parametrize("change", HOSTILE)
def test_claims_that_mean_harm(home: Home, tmp_path: Path, change: dict) -> None:
    """Anyone can sign anything in our name: what is read is not trusted to be of its kind."""
    film, claims = tmp_path / "o.mp4", asdict(Claims.of(person(home), label=True))
    write_film(tmp_path / "bare.mp4")
    embed(tmp_path / "bare.mp4", film, "o.mp4", claims | change, local_identity(home))
    refused(home, film, "the claims lack")


@needs_c2pa
def test_signing_leaves_frames_and_sound_alone(home: Home, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", voice(0.8), 16_000)
    identity = signing_identity(home, None, None)
    bare = tmp_path / "bare.mp4"
    write_film(bare, tmp_path / "a.wav")
    with marked(tmp_path / "o.mp4", Claims.of(person(home), label=False), identity) as film:
        film.write_bytes(bare.read_bytes())
    for one, other in zip(read_frames(bare), read_frames(tmp_path / "o.mp4"), strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(read_sound(bare).samples, read_sound(tmp_path / "o.mp4").samples)
    with av.open(str(tmp_path / "o.mp4")) as container:
        assert "synthetic" in container.metadata["comment"], "the tag stays"
    content = (tmp_path / "o.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "still playable while it loads"


def test_without_c2pa_a_sidecar_says_the_same(home: Home, tmp_path: Path, without_c2pa: None) -> None:
    film = make_film(home, tmp_path / "o.mp4")
    assert not has_manifest(film) and not (home.path / "identity").exists()
    said = json.loads((tmp_path / "o.mp4.provenance.json").read_text())
    assert said["sha256"] == hashlib.sha256(film.read_bytes()).hexdigest() and said["signed"] is False
    assert said["action"] == CREATED and said["digitalSourceType"] == SOURCE_TYPES + GENERATED
    found = verify(film, home=home.path)
    assert found.trust is Trust.UNSIGNED and found.consent_kept and found.claims.target == "ana"
    assert command("verify", film, "--home", home.path)[0] == 0
    film.write_bytes(film.read_bytes()[:-1] + b"x")
    refused(home, film, "was changed")
    sidecar_of(film).write_text("{}")
    refused(home, film, "claims lack")


@needs_c2pa
def test_without_c2pa_a_signed_film_says_what_to_install(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make_film(home, tmp_path / "o.mp4")
    monkeypatch.setitem(sys.modules, "c2pa", None)
    refused(home, film, "pip install c2pa-python")
    with pytest.raises(InputError, match="c2pa-python"):
        signing_identity(home, tmp_path / "c.pem", tmp_path / "k.pem")


@needs_c2pa
def test_a_signed_film_takes_an_older_sidecar_away(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "c2pa", None)
        film = make_film(home, tmp_path / "o.mp4")
    make_film(home, film)
    assert not sidecar_of(film).exists() and verify(film, home=home.path).trust is Trust.OWN


@needs_c2pa
def test_the_local_identity_is_made_once_and_kept_private(home: Home) -> None:
    first = local_identity(home)
    assert local_identity(home) == first and first.key_pem not in repr(first)
    folder = home.path / "identity"
    assert sorted(p.name for p in folder.iterdir()) == [CHAIN, KEY]
    if os.name == "posix":
        assert stat.S_IMODE((folder / KEY).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / CHAIN).write_text(first.chain_pem[:300])
    with pytest.raises(InputError, match="damaged"):
        local_identity(home)


def own_pair(folder: Path, days: int = 10, purpose: bool = True) -> dict[str, Path]:
    """A signer's certificate issued by an authority of its own, made apart from the product's code, on P-384."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    root, key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Studio Ana")])
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "An authority")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(days=20)).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
    )
    if purpose:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, critical=False)
    top = (
        x509.CertificateBuilder().subject_name(issuer).issuer_name(issuer).public_key(root.public_key())
        .serial_number(8).not_valid_before(now - timedelta(days=20)).not_valid_after(now + timedelta(days=10))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    (folder / "authority.pem").write_bytes(top.sign(root, hashes.SHA384()).public_bytes(ser.Encoding.PEM))
    (folder / "own.pem").write_bytes(builder.sign(root, hashes.SHA384()).public_bytes(ser.Encoding.PEM))
    # the old format of keys, as openssl writes it
    secret = key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.TraditionalOpenSSL, ser.NoEncryption())
    (folder / "own.key").write_bytes(secret)
    locked = ser.BestAvailableEncryption(b"secret")
    (folder / "locked.key").write_bytes(key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, locked))
    (folder / "other.key").write_bytes(
        root.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    )
    return {"certificate": folder / "own.pem", "key": folder / "own.key"}


@needs_c2pa
def test_an_own_certificate(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = own_pair(tmp_path)
    film = make_film(home, tmp_path / "o.mp4", **pair)
    found = verify(film, home=home.path)
    assert found.signer == "Studio Ana" and found.trust is Trust.UNKNOWN
    assert verify(film, home=home.path, certificate=tmp_path / "authority.pem").trust is Trust.GIVEN
    assert not (home.path / "identity").exists(), "no other one is made"
    monkeypatch.setenv("TALKING_HEAD_CERTIFICATE", str(pair["certificate"]))
    monkeypatch.setenv("TALKING_HEAD_KEY", str(pair["key"]))
    assert find_identity(home).algorithm == "es384"


@needs_c2pa
@pytest.mark.parametrize(
    ("certificate", "key", "reason"),
    [
        ("own.pem", None, "give --key too"), (None, "own.key", "give --certificate too"),
        ("own.pem", "other.key", "does not fit"), ("own.pem", "locked.key", "not encrypted"),
        ("own.key", "own.key", "holds no certificate"), ("own.pem", "own.pem", "a private key in PEM"),
        ("absent.pem", "own.key", "cannot be read"),
    ],
)
def test_pairs_that_do_not_fit(
    home: Home, tmp_path: Path, certificate: str | None, key: str | None, reason: str
) -> None:
    own_pair(tmp_path)
    with pytest.raises(InputError, match=reason):
        signing_identity(home, certificate and tmp_path / certificate, key and tmp_path / key)


@needs_c2pa
@pytest.mark.parametrize("fault", [{"days": -1}, {"purpose": False}])
def test_a_certificate_that_cannot_sign_is_told_before_the_work(home: Home, tmp_path: Path, fault: dict) -> None:
    with pytest.raises(InputError, match="C2PA refuses"):
        signing_identity(home, **own_pair(tmp_path, **fault))


@needs_c2pa
@pytest.mark.parametrize("place", ["manifest", "sidecar"])
def test_a_disk_that_fills_while_signing_leaves_the_old_film(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "sidecar":
        monkeypatch.setitem(sys.modules, "c2pa", None)
    film = make_film(home, tmp_path / "o.mp4")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("talking_head.provenance.manifest._Watched._keeping", _failing_write())
    monkeypatch.setattr("talking_head.provenance.claims.write_json", full)
    with pytest.raises(InputError, match=f"no space left to write {film}"):
        make_film(home, film)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def _failing_write() -> Callable[..., None]:
    def keep(self, act: object, *given: object) -> None:  # type: ignore[no-untyped-def]
        self.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise self.error

    return keep


@pytest.mark.skipif(os.name != "posix", reason="needs a full device")
@needs_c2pa
def test_a_really_full_device_is_told(home: Home, tmp_path: Path) -> None:
    write_film(tmp_path / "bare.mp4")
    with pytest.raises(OSError, match="No space left"):
        embed(tmp_path / "bare.mp4", Path("/dev/full"), "o", {"target": "ana"}, local_identity(home))


@needs_c2pa
def test_a_synthesised_film_is_signed(enrolled: tuple[Home, Target], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", voice(0.4), 16_000)
    made = talking_head.synthesize(tmp_path / "a.wav", "ana", tmp_path / "o.mp4", home=enrolled[0].path)
    found = verify(made.output, home=enrolled[0].path)
    assert made.signed and found.trust is Trust.OWN and found.consent_kept
    assert found.claims.consent_sha256 == hashlib.sha256(b"for tests").hexdigest()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "o.mp4"]
