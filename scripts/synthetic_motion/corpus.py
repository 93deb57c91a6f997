"""Clips to learn from in which synthesised voices speak: their features, and the motion that their phone times give.

The sound is what `scripts.phonetic.make_corpus` wrote. `scripts/train_general.py --synthetic`
learns from these clips beside real ones; nothing is written, since making one takes a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from face_model import mp478
from face_model.tracks import MOTION_FPS, FaceMotion, Sound, SpeechFeatures
from foundation.errors import InputError
from foundation.files import read_tensors
from motion_models.examples import MotionExample, frame_rows
from motion_models.lips import lip_gap_mm
from motion_models.people import person_statistics
from motion_models.statistics import MotionStatistics
from preprocessing.speech import SpeechEncoder, speech_encoder
from preprocessing.speech.phonetic.encoder import BANDS
from preprocessing.speech.phonetic.inventory import VISEME_NAMES, VISEME_OF_PHONE
from scripts.phonetic.augment import Chances, disturb
from scripts.phonetic.make_corpus import LABEL_RATE_HZ, LABEL_SAMPLES
from scripts.synthetic_motion.coarticulation import (
    Segment,
    close_lips,
    dominances,
    learn_targets,
    resting,
    segments_of,
)
from scripts.synthetic_motion.people import blinks, head

PHONETIC = "phonetic"
SAME_ROWS = (PHONETIC, "phonetic_causal")  # not phonetic_mel: `sound_rows` takes the last columns for the bands
CLIP_S = 5.0
LIVELINESS = 0.15  # deviation of the logarithm of how far a speaker moves the lips
DISTURBED_SHARE = 0.3
MILD = Chances(pauses=(), room=0.4, colour=0.6, phone_band=0.0, noise=0.6, babble=0.0, clipping=0.0, noise_only=0.0)
RATE_HZ = 16000
SMOOTH_FRAMES = 1.0
"""Deviation of the smoothing of the sound, in frames: lips do not follow single pulses of the voice."""
TIMBRE_SCALE = 0.3
"""Of the bottleneck against the bands: how much less is believed of it."""


@dataclass(frozen=True)
class Articulation:
    """Learned from footage; see `scripts.synthetic_motion.coarticulation`.

    targets: `[13, 64]`, expression of each viseme above rest. follows: `[48, 64]`, what is added for each unit of
    `sound_rows` above its level. level: `[48]`, mean of these. gain: what all that must be multiplied by to move the
    lips as far as people do.
    """

    targets: np.ndarray
    follows: np.ndarray
    level: np.ndarray
    gain: float


def sound_rows(phonetic: SpeechFeatures, frames: int) -> np.ndarray:
    """What lips follow besides phones, `[frames, 48]` at 30 fps, of the phonetic encoder's features: gain-free bands,
    their change in a frame, bottleneck.
    """
    heard = gaussian_filter1d(frame_rows(phonetic, frames).astype(float), SMOOTH_FRAMES, axis=0)
    bands, timbre = heard[:, -BANDS:], heard[:, len(VISEME_NAMES) : -BANDS]
    return np.concatenate([bands, np.gradient(bands, axis=0), TIMBRE_SCALE * timbre], axis=1)


def heard_segments(phonetic: SpeechFeatures) -> list[Segment]:
    """Visemes over time as the phonetic encoder hears them."""
    heard = phonetic.values[:, : len(VISEME_NAMES)].argmax(axis=1)
    return segments_of(heard, phonetic.rate_hz, range(len(VISEME_NAMES)))


def learn_articulation(examples: Sequence[MotionExample]) -> Articulation:
    """From tracked clips whose features are the phonetic encoder's.

    Raises:
        InputError: features of another encoder.
    """
    if any(example.features.extractor.partition("?")[0] not in SAME_ROWS for example in examples):
        raise InputError("features of another encoder", "phonetic features, which tell visemes")
    names = {example.speaker for example in examples}
    rests = {name: person_statistics([e for e in examples if e.speaker == name]).rest for name in names}
    shares = [dominances(heard_segments(e.features), np.arange(len(e.motion)) / MOTION_FPS) for e in examples]
    sound = np.concatenate([sound_rows(e.features, len(e.motion)) for e in examples])
    above = np.concatenate([e.motion.expression - rests[e.speaker] for e in examples])
    level = sound.mean(axis=0)
    targets, follows = learn_targets(np.concatenate(shares), sound - level, above)
    model, learned = mp478.load(), Articulation(targets, follows, level, 1.0)
    for _ in range(3):  # lips that meet add to the swing, so the gain is found by trying
        moved = [articulate_heard(e.features, len(e.motion), learned, rests[e.speaker]) for e in examples]
        wanted = [np.std(lip_gap_mm(model, e.motion.expression)) for e in examples]
        ratio = [w / np.std(lip_gap_mm(model, m)) for w, m in zip(wanted, moved, strict=True)]
        learned = replace(learned, gain=learned.gain * float(np.median(ratio)))
    return learned


def articulate(segments: Sequence[Segment], sound: np.ndarray, learned: Articulation, rest: np.ndarray) -> np.ndarray:
    """Expression `[T, 64]` at 30 fps of somebody whose lips at rest are `rest` `[64]`.

    sound: `[T, 48]`, see `sound_rows`.
    """
    times_s = np.arange(len(sound)) / MOTION_FPS
    above = dominances(segments, times_s) @ learned.targets + (sound - learned.level) @ learned.follows
    reach = learned.gain * (1 - resting(segments, times_s))[:, None]
    return close_lips((rest + reach * above).astype(np.float32), segments, times_s, rest)


def articulate_heard(phonetic: SpeechFeatures, frames: int, learned: Articulation, rest: np.ndarray) -> np.ndarray:
    """The same, `[frames, 64]`, from what the phonetic encoder hears."""
    return articulate(heard_segments(phonetic), sound_rows(phonetic, frames), learned, rest)


def synthetic_clip(
    voice: tuple[np.ndarray, np.ndarray], person: MotionStatistics, learned: Articulation, phonetic: SpeechEncoder,
    dice: np.random.Generator,
) -> tuple[Sound, FaceMotion, list[Segment]]:
    """(sound, motion, visemes) of `CLIP_S` seconds of a voice (int16 sound, labels at 200 Hz) on a person's face.

    phonetic: hears how the clean voice sounds; the phones are known.
    """
    whole, labels = voice
    length = round(CLIP_S * LABEL_RATE_HZ)
    start = int(dice.integers(0, max(1, len(labels) - length)))
    piece, phones = whole[start * LABEL_SAMPLES : (start + length) * LABEL_SAMPLES], labels[start : start + length]
    clean = piece.astype(np.float32) / 32768.0
    frames = int(len(phones) / LABEL_RATE_HZ * MOTION_FPS)
    segments = segments_of(phones.astype(int), LABEL_RATE_HZ, VISEME_OF_PHONE)
    lively = replace(learned, gain=learned.gain * float(np.exp(dice.normal(0, LIVELINESS))))
    silent = dominances(segments, np.arange(frames) / MOTION_FPS)[:, 0] > 0.9
    heard = sound_rows(phonetic(Sound(clean, RATE_HZ)), frames)
    flat = np.concatenate([
        head(Sound(clean, RATE_HZ), frames, person, dice), blinks(silent, dice)[:, None],
        articulate(segments, heard, lively, person.rest),
    ], axis=1).astype(np.float32)
    if dice.random() < DISTURBED_SHARE:
        clean = disturb(torch.from_numpy(clean)[None], dice, MILD)[0].numpy()
    return Sound(clean, RATE_HZ), FaceMotion.unpack(flat, MOTION_FPS, mp478.ID), segments


def synthetic_examples(
    corpus: Path, people: Mapping[str, MotionStatistics], learned: Articulation, encoder: SpeechEncoder,
    minutes: float, seed: int = 0,
) -> list[MotionExample]:
    """Clips of every voice in turn, each on the face of one of the people.

    Raises:
        InputError: no corpus in the folder.
    """
    files = sorted(corpus.glob("*.safetensors"))
    if not files:
        raise InputError(f"no corpus in {corpus}", "files of scripts.phonetic.make_corpus", "make it first")
    dice = np.random.default_rng([seed, 6])
    files = [files[index] for index in dice.permutation(len(files))]
    names, phonetic = sorted(people), speech_encoder(PHONETIC)
    silence = encoder(Sound(np.zeros(2 * RATE_HZ, np.float32), RATE_HZ)).values
    made = []
    for number in range(max(1, round(minutes * 60 / CLIP_S))):
        # Nobody keeps to one voice: whose turn it is is drawn.
        file, name = files[number % len(files)], names[int(dice.integers(len(names)))]
        tensors, _ = read_tensors(file)
        voice = tensors["sound"], tensors["labels"]
        sound, motion, _ = synthetic_clip(voice, people[name], learned, phonetic, dice)
        seen = np.ones(len(motion), bool)
        made.append(MotionExample(encoder(sound), motion, seen, name, silence[len(silence) // 2], made=True))
    return made


def closure_share(motion: FaceMotion, segments: Sequence[Segment], rest: np.ndarray) -> tuple[float, int]:
    """(share of the bilabials in which the lips come within a tenth of their swing of rest, bilabials)."""
    gap = lip_gap_mm(mp478.load(), motion.expression)
    closed = float(lip_gap_mm(mp478.load(), rest[None])[0])
    limit = closed + 0.1 * (np.quantile(gap, 0.95) - closed)
    inside = [(a, b) for a, b, v in segments if VISEME_NAMES[v] == "lips_closed" and a > 0.1 and b < motion.duration_s]
    met = [gap[max(0, int(a * MOTION_FPS) - 2) : int(b * MOTION_FPS) + 2].min() <= limit for a, b in inside]
    return (float(np.mean(met)) if met else 1.0), len(met)
