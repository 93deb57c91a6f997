"""The synthetic motion corpus: dominance functions against closed forms, lips that meet, rest in silence, blinks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from face_model import mp478
from face_model.blinks import find_blinks
from face_model.tracks import BLINK, MOTION_FPS, POSE, FaceMotion, Sound, SpeechFeatures
from foundation.errors import InputError
from foundation.files import write_tensors
from motion_models.examples import MotionExample
from motion_models.lips import lip_gap_mm
from motion_models.statistics import MotionStatistics, measure_statistics
from preprocessing.speech import SpeechEncoder, speech_encoder
from preprocessing.speech.phonetic.encoder import BANDS
from preprocessing.speech.phonetic.inventory import PHONES, VISEME_NAMES, VISEME_OF_PHONE
from preprocessing.speech.phonetic.network import BOTTLENECK
from scripts.synthetic_motion.coarticulation import (
    DOMINANCE,
    LIP_LEAD_S,
    close_lips,
    dominances,
    learn_targets,
    prototypes,
    resting,
    segments_of,
)
from scripts.synthetic_motion.corpus import (
    CLIP_S,
    Articulation,
    articulate,
    articulate_heard,
    closure_share,
    learn_articulation,
    synthetic_clip,
    synthetic_examples,
)
from scripts.synthetic_motion.people import blinks, head

VISEME = {name: index for index, name in enumerate(VISEME_NAMES)}
REST = np.zeros(64, np.float32)
SOUND = 2 * BANDS + BOTTLENECK
WIDER = np.zeros((SOUND, 64))
WIDER[2] = prototypes()[VISEME["open"]]
LEARNED = Articulation(prototypes(), WIDER, np.zeros(SOUND), 1.0)
AT_LEVEL = np.zeros((90, SOUND))
ONE_BAND = np.eye(SOUND)[2]


@pytest.fixture(scope="module")
def phonetic() -> SpeechEncoder:
    return speech_encoder("phonetic")


def gap_mm(expression: np.ndarray) -> np.ndarray:
    return lip_gap_mm(mp478.load(), expression) - lip_gap_mm(mp478.load(), REST[None])


def person(seed: int = 0) -> MotionStatistics:
    motion = np.random.default_rng(seed).standard_normal((900, 71)).astype(np.float32)
    motion[:, POSE] = 0.05 * np.cumsum(motion[:, POSE], axis=0)
    return measure_statistics(motion, MOTION_FPS, REST)


def test_two_phones_share_the_face_as_the_equation_says() -> None:
    segments = [(0.0, 0.2, VISEME["open"]), (0.2, 0.4, VISEME["lips_closed"])]
    time_s = 0.22
    first, second = DOMINANCE["open"], DOMINANCE["lips_closed"]
    # Cores are 0.04-0.16 s and 0.24-0.36 s; lips are ahead of the sound.
    pulled = first.strength * np.exp(-(time_s + LIP_LEAD_S - 0.16) / first.lag_s)
    pulls = second.strength  # its core has begun for the lips
    share = dominances(segments, np.array([time_s]))[0]
    assert share[VISEME["open"]] == pytest.approx(pulled / (pulled + pulls), rel=1e-4)
    assert share.sum() == pytest.approx(1.0)


def test_a_long_vowel_holds_its_target_and_a_short_one_only_leans_towards_it() -> None:
    def most_open(length_s: float) -> float:
        middle = [(0.0, 1.0, 0), (1.0, 1.0 + length_s, VISEME["open"]), (1.0 + length_s, 3.0, 0)]
        return float(dominances(middle, np.arange(90) / 30)[:, VISEME["open"]].max())

    assert most_open(0.6) > 0.95
    assert most_open(0.04) < 0.8 * most_open(0.6)


def test_targets_are_found_again_where_there_is_footage_and_stay_prototypes_where_there_is_none() -> None:
    dice = np.random.default_rng(0)
    shares = dice.dirichlet(np.ones(12), 4000)
    shares = np.insert(shares, VISEME["hush"], 0.0, axis=1)  # never heard
    truth = dice.standard_normal((13, 64))
    wider, bands = dice.standard_normal((8, 64)), dice.standard_normal((4000, 8))
    found, louder = learn_targets(shares, bands, shares @ truth + bands @ wider, strength=0.1)
    heard = [index for index in range(13) if index != VISEME["hush"]]
    assert np.abs(found - truth)[heard].max() < 0.1 and np.abs(louder - wider).max() < 0.01
    assert np.allclose(found[VISEME["hush"]], prototypes()[VISEME["hush"]])


def test_prototypes_look_like_what_they_say() -> None:
    gap = dict(zip(VISEME_NAMES, gap_mm(prototypes().astype(np.float32)), strict=True))
    assert gap["open"] > gap["mid"] > gap["round_close"] and abs(gap["silence"]) < 1e-6
    assert gap["lips_closed"] < 0.5 and gap["lip_teeth"] < 1.0


def test_lips_meet_in_every_bilabial_and_rest_in_silence() -> None:
    order = ["silence", "open", "lips_closed", "open", "lips_closed", "mid", "silence"]
    ends = np.cumsum([0.5, 0.15, 0.05, 0.15, 0.05, 0.12, 2.0])
    starts = np.concatenate([[0.0], ends[:-1]])
    segments = [(a, b, VISEME[name]) for a, b, name in zip(starts, ends, order, strict=True)]
    gap = gap_mm(articulate(segments, AT_LEVEL, LEARNED, REST))
    open_mm = gap.max()
    assert open_mm > 3.0
    for start_s, end_s, viseme in segments:
        if VISEME_NAMES[viseme] == "lips_closed":
            assert gap[int(start_s * 30) : int(end_s * 30) + 2].min() < 0.1 * open_mm
    resting = gap[int((starts[-1] + 0.3) * 30) :]
    assert resting.max() < 0.1 * open_mm


def test_loud_vowels_are_wider_and_bilabials_close_all_the_same() -> None:
    ends = [0.8, 1.0, 3.0]
    segments = [(a, b, VISEME[v]) for a, b, v in zip([0, *ends], ends, ["open", "lips_closed", "open"], strict=False)]
    quiet, level, loud = (gap_mm(articulate(segments, AT_LEVEL + x * ONE_BAND, LEARNED, REST)) for x in (-3, 0, 0.5))
    assert np.median(loud) == pytest.approx(1.5 * np.median(level), rel=0.05)
    assert abs(loud[26]) < 1e-3 and abs(level[26]) < 1e-3
    assert quiet.min() > -1e-3  # lips do not pass through each other


def test_a_long_pause_rests_the_lips_and_a_short_one_does_not() -> None:
    frames = np.arange(90) / 30
    long = [(0.0, 0.5, VISEME["open"]), (0.5, 2.5, 0), (2.5, 3.0, VISEME["open"])]
    rests = resting(long, frames)
    assert rests[[0, 14, 85]].max() == 0.0 and rests[int(0.8 * 30) + 1 : int(2.2 * 30)].min() > 0.99
    assert not resting([(0.0, 1.0, VISEME["open"]), (1.0, 1.5, 0), (1.5, 3.0, VISEME["open"])], frames).any()
    # Silence at either end of a clip went on before and will after it.
    edges = resting([(0.0, 1.0, 0), (1.0, 2.0, VISEME["open"]), (2.0, 3.0, 0)], frames)
    assert edges[0] == 1.0 and edges[-1] == 1.0


def test_closing_moves_nothing_but_the_opening() -> None:
    expression = np.tile(prototypes()[VISEME["open"]], (30, 1)).astype(np.float32)
    closed = close_lips(expression, [(0.4, 0.6, VISEME["lips_closed"])], np.arange(30) / 30, REST)
    assert np.array_equal(closed[:6], expression[:6]) and np.array_equal(closed[-6:], expression[-6:])
    assert abs(gap_mm(closed)[14]) < 1e-3
    # The largest change of a coefficient is a small part of the expression: the jaw is not thrown shut.
    assert np.linalg.norm(closed - expression, axis=1).max() < np.linalg.norm(expression[0])


def test_runs_of_one_viseme_are_one_segment_and_unknown_phones_are_left_out() -> None:
    phones = np.array([PHONES.index("P"), PHONES.index("B"), 255, PHONES.index("AA"), PHONES.index("AA")])
    assert segments_of(phones, 10, VISEME_OF_PHONE) == [(0.0, 0.2, VISEME["lips_closed"]), (0.3, 0.5, VISEME["open"])]


def voice(seconds: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """A buzz that says `pa ma ba`, with pauses: (int16 sound, phone labels at 200 Hz)."""
    syllable = ["P"] * 16 + ["AA"] * 30 + ["M"] * 14 + ["AA"] * 30 + ["SIL"] * 80
    labels = np.array([PHONES.index(p) for p in syllable * 100], np.uint8)[: int(seconds * 200)]
    loud = np.repeat(np.array([1.0 if p == PHONES.index("AA") else 0.05 for p in labels]), 80)
    buzz = np.sin(2 * np.pi * 120 * np.arange(len(loud)) / 16000)
    return (12000 * loud * buzz).astype(np.int16), labels


def test_a_clip_has_a_whole_person_in_it_and_the_same_seed_gives_the_same(phonetic: SpeechEncoder) -> None:
    clips = [synthetic_clip(voice(), person(), LEARNED, phonetic, np.random.default_rng(3)) for _ in range(2)]
    sound, motion, segments = clips[0]
    assert np.array_equal(motion.pack(), clips[1][1].pack()) and np.array_equal(sound.samples, clips[1][0].samples)
    assert motion.duration_s == pytest.approx(CLIP_S) and len(sound.samples) == round(CLIP_S * 16000)
    met, count = closure_share(motion, segments, REST)
    assert count > 5 and met == 1.0


def test_a_corpus_speaks_with_everybodys_face(
    phonetic: SpeechEncoder, tmp_path: Path
) -> None:
    sound, labels = voice()
    write_tensors(tmp_path / "a.safetensors", {"sound": sound, "labels": labels}, {})
    people = {"anna": person(1), "ben": person(2)}
    made = synthetic_examples(tmp_path, people, LEARNED, phonetic, 5 * CLIP_S / 60)
    again = synthetic_examples(tmp_path, people, LEARNED, phonetic, 5 * CLIP_S / 60)
    assert [e.digest() for e in made] == [e.digest() for e in again] and len(made) == 5
    assert {e.speaker for e in made} == {"anna", "ben"} and all(e.made for e in made)
    with pytest.raises(InputError, match="no corpus"):
        synthetic_examples(tmp_path / "nowhere", people, LEARNED, phonetic, 1.0)


def test_people_blink_as_often_as_people_do_and_oftener_in_pauses() -> None:
    silent = np.zeros(30 * 600, bool)
    for start in range(150, len(silent), 240):
        silent[start : start + 30] = True
    found = [find_blinks(blinks(silent, np.random.default_rng(seed)), MOTION_FPS) for seed in range(4)]
    rate = np.mean([len(person_blinks) for person_blinks in found]) / 10
    assert 14 < rate < 32
    assert 0.1 < np.median([one.half_s for person_blinks in found for one in person_blinks]) < 0.4
    near = np.convolve(silent, np.ones(15), "same") > 0
    in_pauses = np.mean([near[[one.frame for one in person_blinks]].mean() for person_blinks in found])
    assert in_pauses > 1.1 * near.mean()


def test_the_head_nods_where_it_is_loud() -> None:
    samples, _ = voice(60.0)
    still = person()
    sound = Sound(samples.astype(np.float32) / 32768, 16000)
    lower, frames = [], int(len(samples) / 16000 * 30)
    for seed in range(8):
        moved = head(sound, frames, still, np.random.default_rng(seed))[:, 0]
        quiet = head(Sound(np.zeros_like(sound.samples), 16000), frames, still, np.random.default_rng(seed))[:, 0]
        lower.append((moved - quiet).mean())
    assert np.mean(lower) > 0.02 * still.scale[0]


@pytest.mark.parametrize("encoder", ["log_mel", "phonetic_mel?model=85b631f5"])
def test_articulation_is_learned_from_phonetic_features_alone(encoder: str) -> None:
    dice = np.random.default_rng(0)
    motion = FaceMotion.unpack(np.zeros((90, 71), np.float32), MOTION_FPS, mp478.ID)
    example = MotionExample(SpeechFeatures(dice.random((150, 80)), 50.0, encoder, 3.0), motion, np.ones(90, bool))
    with pytest.raises(InputError, match="another encoder"):
        learn_articulation([example])


def test_learned_articulation_moves_lips_as_far_as_the_footage_and_follows_its_loudness() -> None:
    dice = np.random.default_rng(1)
    names = ["silence", "open", "lips_closed", "mid", "round_close", "open", "silence"] * 8
    heard = np.repeat(np.eye(13)[[VISEME[name] for name in names]], 6, axis=0)
    stress = np.repeat(dice.uniform(-1, 1, len(names)), 6)[:, None] * ONE_BAND[:BANDS]
    features = SpeechFeatures(np.hstack((heard, np.zeros((len(heard), 32)), stress)), 50.0, "phonetic", len(heard) / 50)
    frames = int(len(heard) / 50 * 30)
    truth = articulate_heard(features, frames, Articulation(prototypes(), 0.2 * WIDER, np.zeros(SOUND), 1.3), REST)
    flat = np.zeros((frames, 71), np.float32)
    flat[:, 7:], flat[:, BLINK] = truth, 0.0
    flat[:, POSE] = dice.standard_normal((frames, 6))
    example = MotionExample(features, FaceMotion.unpack(flat, MOTION_FPS, mp478.ID), np.ones(frames, bool))
    learned = learn_articulation([example])
    made = articulate_heard(features, frames, learned, REST)
    deaf = articulate_heard(features, frames, replace(learned, follows=0 * WIDER), REST)
    follows = np.corrcoef(gap_mm(made), gap_mm(truth))[0, 1]
    assert follows > 0.97 and follows > np.corrcoef(gap_mm(deaf), gap_mm(truth))[0, 1] + 0.01
    assert gap_mm(made).std() == pytest.approx(gap_mm(truth).std(), rel=0.15)
