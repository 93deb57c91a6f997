"""Make the corpus: one safetensors file a voice or language, `sound` int16 at 16 kHz and `labels` uint8 at 200 Hz.

    python -m scripts.phonetic.make_corpus FOLDER

About eight hours of speech, 1 GB, in some ten minutes on one core. A file that is there already is kept, so the same
call goes on after a stop.
"""

from __future__ import annotations

import argparse
import random
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from scipy.signal import stft

from foundation.files import write_tensors
from foundation.progress import track
from preprocessing.speech.phonetic.features import SAMPLE_RATE_HZ
from preprocessing.speech.phonetic.inventory import PHONE_INDEX, timed_phones
from scripts.phonetic import voices
from scripts.phonetic.synthesisers import Espeak, Utterance, festival, flite
from scripts.phonetic.texts import cookie_sentences, fetch_texts, manual_sentences, small_talk

LABEL_RATE_HZ = 200
LABEL_SAMPLES = SAMPLE_RATE_HZ // LABEL_RATE_HZ
IGNORE = 255
LONGEST_S = 20.0
STOPS = tuple(PHONE_INDEX[phone] for phone in ("P", "T", "K", "B", "D", "G", "CH", "JH"))
LONGEST_CLOSURE_S, CLOSURE_DROP_DB = 0.15, 20.0


def give_closures_to_stops(sound: np.ndarray, labels: np.ndarray) -> None:
    """Let stops begin where it falls silent before their burst, in place; sound int16, labels at 200 Hz.

    espeak-ng marks a stop at its burst and leaves the closure, 40-100 ms of near silence, to the vowel before. Every
    other synthesiser, and every aligner of recordings, counts the closure as the stop.
    """
    power = (sound[: len(labels) * LABEL_SAMPLES].astype(np.float64).reshape(-1, LABEL_SAMPLES) ** 2).mean(axis=1)
    level_db = 10 * np.log10(power + 1.0)
    longest = round(LONGEST_CLOSURE_S * LABEL_RATE_HZ)
    for start in np.flatnonzero(np.diff(labels.astype(int))) + 1:
        if labels[start] not in STOPS or labels[start - 1] == PHONE_INDEX["SIL"]:
            continue
        first = max(0, int(start) - longest)
        limit_db = float(np.max(level_db[max(0, start - 2 * longest) : start])) - CLOSURE_DROP_DB
        # The mark may lie a frame or two before or after the burst.
        quiet = start - 1 if level_db[start - 1] < limit_db else start - 2
        while quiet >= first and level_db[quiet] < limit_db:
            quiet -= 1
        if quiet < start - 2:
            labels[quiet + 1 : start] = labels[start]


SIBILANTS = tuple(PHONE_INDEX[phone] for phone in ("S", "Z", "SH", "ZH"))
HISS_HZ = 3500.0
MARK_LEAD_S, MOST_SHIFT_S, SURE = 0.010, 0.025, 0.2


def mark_lead_s(sound: np.ndarray, labels: np.ndarray) -> float | None:
    """By how much the marks of a source come before the sound that they mark; None when it cannot be told.

    Sibilants show it: above 3.5 kHz they are loud where everything else is quiet. The lag at which the labels
    correlate best with that, found to a fraction of a label by a parabola. sound int16, labels at 200 Hz.
    """
    size = 2 * LABEL_SAMPLES
    _, _, spectrum = stft(sound.astype(np.float32), SAMPLE_RATE_HZ, nperseg=size, noverlap=size - LABEL_SAMPLES)
    power = np.abs(spectrum[:, : len(labels)]) ** 2 + 1e-6
    split = round(HISS_HZ * size / SAMPLE_RATE_HZ)
    hiss = np.log(power[split:].sum(axis=0) / power[1:split].sum(axis=0))
    marked = np.isin(labels, SIBILANTS).astype(float)
    if marked.min() == marked.max():
        return None
    most = round(MOST_SHIFT_S * LABEL_RATE_HZ) + 1
    inner = slice(most, len(labels) - most)
    lags = np.arange(-most, most + 1)
    fits = np.array([np.corrcoef(np.roll(marked, lag)[inner], hiss[inner])[0, 1] for lag in lags])
    best = int(np.nan_to_num(fits, nan=-1.0).argmax())
    if not fits[best] > SURE or best in (0, len(lags) - 1):
        return None
    before, here, after = fits[best - 1 : best + 2]
    fraction = (before - after) / (2 * (before - 2 * here + after))
    # A label stands for the 5 ms from its instant on, a frame of the spectrum for the instant itself.
    return float(lags[best] + fraction - 0.5) / LABEL_RATE_HZ


def on_one_clock(sound: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels moved so that they lead the sound by `MARK_LEAD_S`, whatever their source does.

    espeak-ng marks a phone where its sound begins, festival and aligners of recordings some 10 ms earlier (a frame of
    an aligner is named after its start, not its middle). A network that hears both is late for the one.
    """
    lead_s = mark_lead_s(sound, labels)
    return labels if lead_s is None else np.roll(labels, round((lead_s - MARK_LEAD_S) * LABEL_RATE_HZ))


def label(utterance: Utterance) -> tuple[np.ndarray, np.ndarray]:
    """(int16 sound, labels) of one utterance; the peak is set to half of full scale; unknown symbols are `IGNORE`."""
    count = len(utterance.sound) // LABEL_SAMPLES
    labels = np.full(count, PHONE_INDEX["SIL"], np.uint8)
    centres_s = (np.arange(count) + 0.5) / LABEL_RATE_HZ
    for start_s, end_s, phones in utterance.segments:
        pieces = [(start_s, end_s, IGNORE)] if phones is None else timed_phones(phones, start_s, end_s)
        for piece_start_s, piece_end_s, phone in pieces:
            labels[np.searchsorted(centres_s, piece_start_s) : np.searchsorted(centres_s, piece_end_s)] = phone
    sound = utterance.sound[: count * LABEL_SAMPLES]
    peak = max(float(np.abs(sound).max(initial=0.0)), 1e-6)
    return (sound * (16384 / peak)).astype(np.int16), labels


def usable(utterance: Utterance) -> bool:
    """Whether it is speech of a sane length whose symbols are nearly all known."""
    known = sum(end - start for start, end, phones in utterance.segments if phones and phones != ("SIL",))
    unknown = sum(end - start for start, end, phones in utterance.segments if phones is None)
    return len(utterance.sound) < LONGEST_S * SAMPLE_RATE_HZ and known > 0.5 and unknown < 0.1 * known


def english(root: Path, generator: random.Random) -> Iterator[str]:
    """Endless English: small talk, fortune cookies, the manual."""
    cookies, manual = cookie_sentences(root), manual_sentences(root, "C")
    while True:
        draw = generator.random()
        yield small_talk(generator) if draw < 0.4 else generator.choice(cookies if draw < 0.7 else manual)


def sentences(root: Path, language: str, generator: random.Random) -> Iterator[str]:
    """Endless sentences of one language."""
    if language == "C":
        yield from english(root, generator)
    found = manual_sentences(root, language)
    assert found, language
    while True:
        yield generator.choice(found)


def espeak_utterances(
    root: Path, engine: Espeak, language: str, names: tuple[str, ...], generator: random.Random
) -> Iterator[Utterance]:
    """Endless utterances in one language, each with its own accent, timbre, tempo and pitch."""
    for text in sentences(root, language, generator):
        variant = generator.choice(voices.ESPEAK_VARIANTS)
        voice = generator.choice(names) + (f"+{variant}" if variant else "")
        yield engine.say(text, voice, generator.randint(120, 230), generator.randint(20, 80), generator.randint(20, 90))


def flite_utterances(root: Path, voice: str, pitch_hz: float, generator: random.Random) -> Iterator[Utterance]:
    """Endless utterances of one flite voice, tempo and pitch varied."""
    for text in english(root, generator):
        yield flite(text, voice, generator.uniform(0.75, 1.3), pitch_hz * generator.uniform(0.85, 1.2))


def festival_utterances(root: Path, voice: voices.FestivalVoice, generator: random.Random) -> Iterator[Utterance]:
    """Endless utterances of one festival voice, forty a process."""
    texts = sentences(root, voice.language, generator)
    while True:
        batch = [next(texts) for _ in range(40)]
        yield from festival(batch, voice.name, voice.encoding, voice.alphabet, generator)


def write_voice(path: Path, utterances: Iterator[Utterance], minutes: float) -> None:
    """Gather utterances until there are `minutes`, then write the file."""
    sounds, labels, gathered = [], [], 0
    for utterance in utterances:
        if usable(utterance):
            sound, phones = label(utterance)
            if utterance.marks_bursts:
                give_closures_to_stops(sound, phones)
            sounds.append(sound)
            labels.append(phones)
            gathered += len(sound)
        if gathered > minutes * 60 * SAMPLE_RATE_HZ:
            break
    write_corpus_file(path, np.concatenate(sounds), np.concatenate(labels))


def write_corpus_file(path: Path, sound: np.ndarray, labels: np.ndarray) -> None:
    """One voice: int16 sound at 16 kHz, labels at 200 Hz, put on the common clock."""
    tensors = {"sound": sound, "labels": on_one_clock(sound, labels)}
    write_tensors(path, tensors, {"label_rate_hz": LABEL_RATE_HZ})


Job = tuple[Callable[[random.Random], Iterator[Utterance]], float]


def jobs(root: Path) -> dict[str, Job]:
    """File name -> (what makes its utterances from a random generator, minutes)."""
    engine = Espeak()
    made: dict[str, Job] = {}
    for name, pitch_hz in voices.FLITE_VOICES.items():
        made[f"flite_{name}"] = (partial(flite_utterances, root, name, pitch_hz), voices.FLITE_MINUTES)
    for voice in voices.FESTIVAL_VOICES:
        made[f"festival_{voice.name}"] = (partial(festival_utterances, root, voice), voice.minutes)
    for language, names in voices.ESPEAK_LANGUAGES.items():
        code, minutes = (language, voices.ESPEAK_MINUTES) if language != "C" else ("en", voices.ESPEAK_ENGLISH_MINUTES)
        made[f"espeak_{code}"] = (partial(espeak_utterances, root, engine, language, names), minutes)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="make only the files whose name contains this")
    parser.add_argument("--minutes", type=float, help="minutes a file, instead of each voice's own")
    options = parser.parse_args()
    root = fetch_texts(options.folder)
    todo = {name: job for name, job in jobs(root).items() if options.only in name}
    for name, (make, minutes) in track(todo.items(), "corpus", len(todo)):
        path = options.folder / f"{name}.safetensors"
        if not path.is_file():
            # Each file has its own seed, so that it does not depend on which were made before.
            write_voice(path, make(random.Random(zlib.crc32(name.encode()))), options.minutes or minutes)


if __name__ == "__main__":
    main()
