"""Dubbing: new words on a film's own frames."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile

from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from foundation.files import sha256
from foundation.shipped import shipped
from preprocessing.media import probe, read_frames, read_sound
from render2video.footage.dub import RAMP_FRAMES, painted_shares
from talking_head.dubbing.film import DubResult, DubSettings, dub
from talking_head.motion.people import PEOPLE
from talking_head.provenance import manifest
from talking_head.provenance.claims import verify
from talking_head.synth.film import synthesize
from talking_head.target.card import MOTION, find_own, find_target
from talking_head.target.home import Home
from tests.preprocessing.making import beep, write_media
from tests.talking_head.media import person, voice

SETTINGS = DubSettings(steps=2, label=False, size_px=256)


@pytest.fixture(scope="module")
def dubbed(clip: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory):
    """The clip with other words, longer than it is."""
    folder = tmp_path_factory.mktemp("dub")
    sound = folder / "words.wav"
    soundfile.write(sound, voice(2.2), 16_000)
    made = dub(clip, sound, folder / "out.mp4", consent="for tests", settings=SETTINGS, home=folder / "home")
    return folder, sound, made


def test_what_is_not_the_lower_face_stays_the_films(dubbed, clip):
    folder, _, made = dubbed
    real, film = list(read_frames(clip)), list(read_frames(folder / "out.mp4"))
    assert film[0].shape == real[0].shape and made.painted_frames == made.frames
    upper = slice(0, real[0].shape[0] // 3)
    for one, other in zip(real, film, strict=False):
        error = np.square(one[upper].astype(float) - other[upper]).mean()
        assert -10 * np.log10(error / 255**2) > 36
    assert any(np.abs(one.astype(int) - other).max() > 60 for one, other in zip(real, film, strict=False))


def test_a_film_goes_on_as_long_as_the_words(dubbed, clip):
    folder, _, made = dubbed
    assert probe(clip).duration_s < 2 < made.duration_s
    assert made.duration_s == pytest.approx(2.2, abs=0.1)
    assert probe(folder / "out.mp4").has_sound


def test_nothing_is_kept_but_the_film(dubbed):
    folder, _, _ = dubbed
    work = folder / "home" / "work"
    assert not work.is_dir() or not list(work.iterdir())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"consent": ""}, "consent"), ({"settings": DubSettings(length="loop")}, "--length"),
        ({"settings": DubSettings(face="middle")}, "face 'middle'"), ({"target": "nobody"}, "unknown target"),
        ({"settings": DubSettings(budget_s=3)}, "budget"),
    ],
)
def test_mistakes_are_told_before_any_work(dubbed, clip, tmp_path, change, told):
    _, sound, _ = dubbed
    given = {"consent": "for tests", "settings": SETTINGS, "home": tmp_path / "home"} | change
    with pytest.raises(InputError, match=told):
        dub(clip, sound, tmp_path / "out.mp4", **given)
    assert not (tmp_path / "out.mp4").exists()


def test_painting_begins_and_ends_softly_but_not_at_cuts():
    painted = np.ones(30, bool)
    painted[10:14] = False
    breaks = np.zeros(30, bool)
    breaks[[0, 20]] = True
    shares = painted_shares(painted, breaks)
    assert (shares[10:14] == 0).all() and shares[9] == pytest.approx(1 / (RAMP_FRAMES + 1))
    assert shares[0] == 1 and shares[19] == 1 and shares[20] == 1 and shares[29] == 1
    assert (np.diff(shares[14:18]) > 0).all()


@pytest.fixture(scope="module")
def kept(footage: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, DubResult]:
    """A silent film of 1.2 s with words of 0.5 s and a beep under them, whose person is kept."""
    folder = tmp_path_factory.mktemp("kept")
    small = [cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA) for frame in person(footage, 30)]
    film = write_media(folder / "film.mp4", small)
    soundfile.write(folder / "words.wav", voice(0.5), 16_000)
    soundfile.write(folder / "music.wav", np.stack([0 * beep(1.2, 0.7, 44_100), beep(1.2, 0.7, 44_100)], 1), 44_100)
    return folder, film, _kept(folder, film)


def _kept(folder: Path, film: Path, consent: str = "for tests", **how: object) -> DubResult:
    return dub(
        film, folder / "words.wav", folder / "out.mp4", consent=consent, keep_as="ana", home=folder / "home",
        background=folder / "music.wav", settings=replace(SETTINGS, length="video", **how), force=True,
    )


def test_what_was_learned_is_kept_where_that_is_asked_for(kept: tuple[Path, Path, DubResult], tmp_path: Path) -> None:
    folder, film, made = kept
    home = Home.find(folder / "home")
    ana = find_target(home, "ana")
    assert "kept as target 'ana'" in made.note and not list(home.work.iterdir())
    card = ana.card
    assert card.consent.statement == "for tests" and card.origin["sha256"] == sha256(film)
    assert card.quality["face_share"] == 1 and card.quality["learned_mouth_psnr_db"] > 20
    assert {"report.html", "preview.jpg", "footage.mp4"} <= {path.name for path in ana.folder.iterdir()}
    said = synthesize(folder / "words.wav", "ana", tmp_path / "o.mp4", home=home.path)
    assert said.frames == 12 and (said.width_px, said.height_px) == (256, 256)
    assert verify(tmp_path / "o.mp4", home=home.path).consent_kept


def test_a_silent_film_lends_the_head_and_people_the_lips(kept: tuple[Path, Path, DubResult]) -> None:
    card, folder = find_target(Home.find(kept[0] / "home"), "ana").card, kept[0] / "home" / "targets" / "ana"
    assert card.origin["motion"] == PEOPLE
    own = FacialGan.load(folder / MOTION).statistics
    people = FacialGan.load(shipped("facial_gan/phonetic_mel.safetensors")).statistics
    assert np.allclose(own.mean[:6], card.motion_statistics.mean[:6], atol=1e-3)
    assert np.array_equal(own.rest, people.rest) and np.array_equal(own.mean[7:], people.mean[7:])


def test_the_same_dub_again_keeps_the_same_person_and_another_is_refused(kept: tuple[Path, Path, DubResult]) -> None:
    folder, film, _ = kept
    for change in ({"consent": "somebody else"}, {"seed": 1}):
        with pytest.raises(InputError, match="target 'ana' exists"):
            _kept(folder, film, **change)
    with pytest.raises(InputError, match="--id with --target"):
        dub(film, folder / "words.wav", folder / "b.mp4", target="ana", keep_as="ben", home=folder / "home")
    assert find_own(Home.find(folder / "home"), "ben") is None


def test_the_background_stays_under_the_words(kept: tuple[Path, Path, DubResult]) -> None:
    """The words end after 0.5 s; the beep is heard from 0.7 to 0.9 s, on its own side and at its own level."""
    with av.open(str(kept[2].output)) as film:
        audio = np.concatenate([f.to_ndarray() for f in film.decode(audio=0)], axis=1)
        rate_hz = film.streams.audio[0].rate
    assert rate_hz == 44_100 and len(audio) == 2

    def level(side: int, start_s: float, end_s: float) -> float:
        return float(np.sqrt(np.square(audio[side, round(start_s * rate_hz) : round(end_s * rate_hz)]).mean()))

    words = read_sound(kept[0] / "words.wav").samples
    both = [level(side, 0.05, 0.45) for side in (0, 1)]
    assert both == pytest.approx([np.sqrt(np.square(words[800:7_200]).mean())] * 2, rel=0.1)
    assert level(0, 0.72, 0.88) < 0.02 and level(1, 0.72, 0.88) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    assert level(1, 0.55, 0.65) < 0.02 and level(1, 0.95, 1.15) < 0.02


@pytest.mark.skipif(not manifest.available(), reason="c2pa-python is not installed")
def test_the_manifest_says_that_a_real_film_was_edited(kept: tuple[Path, Path, DubResult]) -> None:
    """Read with c2pa-python itself, not through our own reader."""
    import c2pa

    folder, film, made = kept
    with made.output.open("rb") as file, c2pa.Reader("video/mp4", file) as reader:
        content = reader.get_active_manifest()
        assert reader.get_validation_state() == "Valid"
    said = {entry["label"].split(".v")[0]: entry["data"] for entry in content["assertions"]}
    opened, edited = said["c2pa.actions"]["actions"]
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert edited["digitalSourceType"].endswith("/digitalsourcetype/compositeWithTrainedAlgorithmicMedia")
    (original,) = content["ingredients"]
    assert original["relationship"] == "parentOf" and original["instance_id"] == f"sha256:{sha256(film)}"
    found = verify(made.output, home=folder / "home")
    assert found.claims.models["film"] == sha256(film) and found.claims.target == "ana" and found.consent_kept
    assert found.rows()["source type"] == "compositeWithTrainedAlgorithmicMedia (c2pa.edited)"


@pytest.mark.slow
def test_a_target_lends_their_way_of_speaking_and_consent(kept: tuple[Path, Path, DubResult], tmp_path: Path) -> None:
    folder, film, _ = kept
    made = dub(film, folder / "words.wav", tmp_path / "o.mp4", target="ana", home=folder / "home", settings=SETTINGS)
    found = verify(made.output, home=folder / "home")
    assert made.frames in (12, 13) and found.claims.target == "ana" and found.consent_kept
    assert found.claims.source_type == manifest.COMPOSITE and found.claims.models["film"] == sha256(film)


def test_a_background_of_another_length_is_told(
    kept: tuple[Path, Path, DubResult], caplog: pytest.LogCaptureFixture
) -> None:
    folder, film, _ = kept
    soundfile.write(folder / "long.wav", voice(3.0), 16_000)
    with caplog.at_level(logging.WARNING), pytest.raises(InputError, match="exists"):
        dub(
            film, folder / "words.wav", folder / "b.mp4", consent="another", keep_as="ana", home=folder / "home",
            background=folder / "long.wav", settings=SETTINGS,
        )
    assert "lasts 3.0 s and" in caplog.text and "1.2 s: what is longer is cut off" in caplog.text


@pytest.mark.slow
def test_a_film_in_which_the_person_speaks_teaches_how(footage: Path, landmarker: None, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "words.wav", voice(0.5), 16_000)
    dub(
        footage, tmp_path / "words.wav", tmp_path / "o.mp4", consent="for tests", keep_as="ana", settings=SETTINGS,
        home=tmp_path / "home",
    )
    assert "motion" not in find_target(Home.find(tmp_path / "home"), "ana").card.origin
