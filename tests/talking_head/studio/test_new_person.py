"""The coach and the teleprompter."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from typing import Any

import cv2
import numpy as np
import pytest

from foundation.shipped import shipped
from preprocessing.speech.phonetic.inventory import parse_arpabet, parse_ipa
from tests.talking_head.studio.serve import Served

CMU = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"  # of 1993
PHONEMES = {  # of handbooks: Duden 6, RAE 2011 (Castilian), Fougeron & Smith 1993
    "de": "p b t d k ɡ f v s z ʃ ç x h m n ŋ l j aː ɛ eː ɪ iː ɔ oː ʊ uː ø œ ʏ yː ə aɪ aʊ ɔʏ",
    "es": "p b t d k ɡ f θ s x tʃ m n l ɾ a e i o u j w",
    "fr": "p b t d k ɡ f v s z ʃ ʒ m n ɲ l ʁ j w i e ɛ a ɔ o u y ø œ ə",
}
ESPEAK = {"en": "en-us", "de": "de", "es": "es", "fr": "fr-fr"}


def prompts(studio: Served, language: str) -> dict[str, Any]:
    status, _, content = studio.ask("GET", f"/v1/teleprompter?language={language}")
    assert status == 200
    told: dict[str, Any] = json.loads(content)
    return told


def test_english_sentences_cover_all_phones_of_english(studio: Served) -> None:
    wanted = {phone for symbol in CMU.split() for phone in parse_arpabet(symbol) or ()}
    assert len(CMU.split()) == 39 and wanted <= set(prompts(studio, "en")["phones"])


@pytest.mark.parametrize("language", PHONEMES)
def test_sentences_cover_their_language(studio: Served, language: str) -> None:
    wanted = {phone for symbol in PHONEMES[language].split() for phone in parse_ipa(symbol) or ()}
    assert not wanted - set(prompts(studio, language)["phones"])


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="no espeak-ng here")
@pytest.mark.parametrize("language", ESPEAK)
def test_phones_are_those_that_are_said(studio: Served, language: str) -> None:
    for one in prompts(studio, language)["sentences"][::4]:
        command = ["espeak-ng", "-v", ESPEAK[language], "-q", "--ipa", "--sep=_", one["text"]]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        heard = {phone for part in said.replace(" ", "_").split("_") if part.strip() for phone in parse_ipa(part) or ()}
        assert len(heard ^ set(one["phones"]) - {"SIL"}) <= 2, "versions of espeak-ng differ by a sound or two"


def test_a_language_that_nobody_wrote_for_is_told(studio: Served) -> None:
    status, received = studio.error("GET", "/v1/teleprompter?language=tlh")
    assert status == 400 and "tlh" in received


def jpeg(picture_bgr: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture_bgr)[1].tobytes()


@pytest.fixture(scope="module")
def face_bgr() -> np.ndarray:
    """The astronaut: a face that looks at the camera, in good light."""
    return cv2.imread(str(shipped("astronaut/preview.jpg")))


def look(studio: Served, picture_bgr: np.ndarray) -> dict[str, Any]:
    status, _, content = studio.ask("POST", "/v1/coach", jpeg(picture_bgr), {"Content-Type": "image/jpeg"})
    assert status == 200, content
    told: dict[str, Any] = json.loads(content)
    return told


def test_the_coach_sees_what_is_wrong(studio: Served, landmarker: None, face_bgr: np.ndarray) -> None:
    good = look(studio, face_bgr)
    assert good["face"] and good["faces"] == 1 and 0.2 < good["face_height_share"] < 0.8
    assert good["sharpness"] >= 0.5 and abs(good["yaw_deg"]) < 30 and 0.22 < good["light"] < 0.88
    small = cv2.resize(face_bgr, (200, 200))
    far = cv2.copyMakeBorder(small, 200, 280, 240, 240, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    wrong = {
        "closer": far, "dark": (face_bgr * 0.2).astype(np.uint8), "blurred": cv2.GaussianBlur(face_bgr, (0, 0), 5),
        "No face": np.full_like(face_bgr, 120),
    }  # fmt: skip
    for word, picture in wrong.items():
        assert any(word in said for said in look(studio, picture)["advice"]), word
        assert not any(word in said for said in good["advice"])
    mirrored = look(studio, face_bgr[:, ::-1])
    assert mirrored["yaw_deg"] == pytest.approx(-good["yaw_deg"], abs=4.0)


def test_the_coach_comes_back_when_its_process_dies(studio: Served, landmarker: None, face_bgr: np.ndarray) -> None:
    assert look(studio, face_bgr)["face"]
    process = studio.desk.coach.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert look(studio, face_bgr)["face"]


def test_the_coach_takes_pictures_alone(studio: Served, landmarker: None) -> None:
    for content in (b"", b"no picture", b"\xff\xd8\xff" + b"x" * 1000):
        assert studio.error("POST", "/v1/coach", content, {"Content-Type": "image/jpeg"})[0] == 400
    assert studio.error("POST", "/v1/coach", b"x" * 1_100_000)[0] == 413
    huge = jpeg(np.zeros((4000, 4000, 3), np.uint8))
    assert studio.error("POST", "/v1/coach", huge)[0] == 400
