"""Emotions: blended over time, mined from a person whose moods are known, kept by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.curves import correlation
from face_model import mp478
from foundation.errors import InputError
from motion_models.directions import AskedEmotion, Delivery
from motion_models.karras2017 import Karras2017
from motion_models.karras2017.emotions import EmotionCourse, Emotions
from motion_models.karras2017.mining import CLOSED, Candidate, held, mine
from motion_models.karras2017.train import learn
from motion_models.lips import lip_gap_mm
from tests.facial_gan.synthetic import speech
from tests.motion_models.karras_parts import mood_of, moody_example, moody_model, small, smile
from training import Duration

BROW = 105  # a vertex of it


@pytest.fixture(scope="module")
def moody(tmp_path_factory: pytest.TempPathFactory) -> Karras2017:
    return moody_model(tmp_path_factory.mktemp("moody"))


@pytest.fixture(scope="module")
def mined(moody: Karras2017) -> list[Candidate]:
    """The four that differ most."""
    return mine(moody, mp478.load(), 4)


def known() -> Emotions:
    database = np.random.default_rng(0).standard_normal((4000, 3)).astype(np.float32)
    return Emotions(database, (1000, 3000), np.zeros(3, np.float32)).with_names({"glad": np.array([2.0, 0, 0])})


def test_white_noise_and_a_slow_wave_are_told_apart() -> None:
    assert known().slowness() == pytest.approx(np.sqrt(2), rel=0.03)
    wave = np.sin(np.arange(600) / 600 * 2 * np.pi)[:, None]
    assert Emotions(wave, (600,), np.zeros(1)).slowness() == pytest.approx(2 * np.pi / 600, rel=0.01)
    jump = np.repeat([0.0, 9.0], 300)[:, None]  # where clips meet there is no neighbour
    assert Emotions(jump, (300, 300), np.zeros(1)).slowness() == 0.0


def test_shares_and_courses() -> None:
    emotions = known()
    assert np.allclose(emotions.vector(AskedEmotion("glad", 0.25)), [0.5, 0, 0])
    course = EmotionCourse.of(emotions, [AskedEmotion("glad", 1.0, 1.0), AskedEmotion("neutral", 1.0, 3.0)])
    assert np.allclose(course.at(np.array([0.0, 1.0, 2.0, 2.5, 9.0]))[:, 0], [2, 2, 1, 0.5, 0])
    with pytest.raises(InputError, match="neutral, glad"):
        emotions.vector(AskedEmotion("angry"))
    for name in ("neutral", "", "a b"):
        with pytest.raises(InputError, match="emotion name"):
            emotions.with_names({name: np.zeros(3)})


def test_moods_are_learned_without_labels_and_mined(moody: Karras2017, mined: list[Candidate]) -> None:
    vectors = moody.parts.emotions.database
    frames = np.arange(0, len(vectors), 15)
    brows = [held(moody, vectors[k]).vertices_mm(speech(1.0, 3))[:, BROW, 1].mean() for k in frames]
    assert moody.parts.emotions.slowness() < np.sqrt(2) / 10
    assert correlation(np.array(brows), mood_of(len(vectors))[frames]) > 0.8
    fewer = mine(moody, mp478.load(), 1)
    assert [one.index for one in fewer] == [1] and 2 <= len(mined) <= 4
    assert np.array_equal(fewer[0].vector, mined[0].vector)
    felt = [mood_of(len(vectors))[round(candidate.time_s * 30)] for candidate in mined]
    assert min(felt) < -0.5 and max(felt) > 0.5  # both moods are among those that differ most
    assert all(candidate.silent_gap <= CLOSED for candidate in mined)


def test_mined_faces_can_be_told_apart(moody: Karras2017, mined: list[Candidate]) -> None:
    vectors = [moody.parts.emotions.neutral, *(candidate.vector for candidate in mined)]
    faces = [held(moody, vector).vertices_mm(speech(6.0, 7)).mean(0) for vector in vectors]
    apart_mm = [
        np.sqrt(np.square(faces[a] - faces[b]).sum(1).mean()) for a in range(len(faces)) for b in range(a)
    ]  # fmt: skip
    assert min(apart_mm) > 0.5


def corners_up_mm(model: Karras2017, emotion: str) -> float:
    """By how much the corners of the mouth are higher than with the neutral emotion, in speech that it never heard."""
    plain, asked = (m.vertices_mm(speech(4.0, 7)) for m in (model, model.directed(Delivery(emotion))))
    return float((asked - plain)[:, [61, 291], 1].mean())


def test_a_mood_that_is_taught_shows_and_outlives_learning_a_person(tmp_path: Path) -> None:
    general = moody_model(tmp_path / "general", {"smiling": smile()}, steps=250)
    taught_mm = corners_up_mm(general, "smiling")
    assert taught_mm > 1.5 and 0.2 < corners_up_mm(general, "smiling:0.5") / taught_mm < 0.8
    general.save(tmp_path / "general.safetensors")
    config = small(learning_rate=4e-3, emotion_rate=4e-3, run_frames=16)
    made = learn(
        [moody_example(8.0, 3)], tmp_path / "general.safetensors", tmp_path / "run", mode="person", config=config,
        duration=Duration(steps=40),
    )  # fmt: skip
    person = Karras2017.load(made)
    assert list(person.parts.emotions.named) == ["smiling"]
    assert corners_up_mm(person, "smiling") == pytest.approx(taught_mm, rel=0.3)
    features, face = speech(6.0, 7), mp478.load()
    gaps = [lip_gap_mm(face, m.synthesize(features).expression) for m in (person, person.directed(Delivery("smiling")))]
    assert correlation(*gaps) > 0.95


def test_two_moods_say_the_same_words_with_other_brows(moody: Karras2017, mined: list[Candidate]) -> None:
    face, features, frames = mp478.load(), speech(6.0, 7), len(moody.parts.emotions.database)
    found = sorted(mined, key=lambda candidate: float(mood_of(frames)[round(candidate.time_s * 30)]))
    low, high = (held(moody, candidate.vector).synthesize(features) for candidate in (found[0], found[-1]))
    gaps = [lip_gap_mm(face, motion.expression)[5:-5] for motion in (low, high)]
    assert correlation(*gaps) > 0.9 and np.abs(gaps[0] - gaps[1]).mean() < 0.8 * gaps[0].std()
    assert ((high.expression - low.expression) @ face.expression_mm.numpy()[:, BROW, 1]).mean() > 0.5


def test_directions(moody: Karras2017, mined: list[Candidate], tmp_path: Path) -> None:
    vector = mined[0].vector
    named = moody.with_emotions(moody.parts.emotions.with_names({"lively": vector}))
    named.save(tmp_path / "model.safetensors")
    model, features = Karras2017.load(tmp_path / "model.safetensors"), speech(4.0, 7)
    plain, lively = model.synthesize(features), model.directed(Delivery("lively")).synthesize(features)
    assert np.array_equal(model.directed(Delivery()).synthesize(features).expression, plain.expression)
    assert np.allclose(model.directed(Delivery("lively:0")).synthesize(features).expression, plain.expression)
    table = tmp_path / "emotions.csv"
    table.write_text("time_s,emotion,intensity\n1,neutral,1\n3,lively,1\n")
    blended = model.directed(Delivery(emotions=table)).synthesize(features).expression
    assert np.allclose(blended[:31], plain.expression[:31], atol=1e-5)
    assert np.allclose(blended[90:], lively.expression[90:], atol=1e-5)
    whole = np.abs(lively.expression - plain.expression).sum(1)
    share = np.abs(blended - plain.expression).sum(1)[31:90] / whole[31:90]
    assert np.abs(share - np.linspace(0, 1, 59)).max() < 0.25
    for wrong in (Delivery("lively", table), Delivery("gloomy"), Delivery(style="her")):
        with pytest.raises(InputError):
            model.directed(wrong)
