"""How well the phonetic encoder tells visemes on recordings that it never saw, clean and disturbed.

    python -m benchmarks.phonetic [--weights FILE]

Needs the aligned recordings of `TALKING_HEAD_DATA` (else ../shared/data). Accuracy is over all frames at 50 Hz, pauses
included; `speech only` leaves out the frames that the alignment calls silence. Chance is always guessing the most
frequent class.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from rich.console import Console
from rich.table import Table
from scipy.signal import butter, sosfilt

from preprocessing.speech.phonetic.encoder import PhoneticEncoder
from preprocessing.speech.phonetic.inventory import PHONES, VISEME_NAMES, VISEME_OF_PHONE
from preprocessing.speech.phonetic.textgrid import frame_phones, read_tier

RATE_HZ, FRAME_RATE_HZ = 16000, 50
RECORDINGS = ("acoustic_corpus", "cold_corpus", "cold_corpus3")
Disturb = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(sound, phone index at 50 Hz) -> another sound."""
Recording = tuple[np.ndarray, np.ndarray]


def load(data: Path) -> list[Recording]:
    """(16 kHz mono sound, phone index at 50 Hz) of each aligned recording."""
    result = []
    for name in RECORDINGS:
        sound, rate_hz = soundfile.read(data / "speech_aligned" / f"{name}.wav", dtype="float32", always_2d=True)
        sound = soxr.resample(sound.mean(axis=1), rate_hz, RATE_HZ)
        intervals = read_tier(data / "speech_aligned" / f"{name}.TextGrid", "phones")
        result.append((sound, frame_phones(intervals, FRAME_RATE_HZ, round(len(sound) * FRAME_RATE_HZ / RATE_HZ))))
    return result


def noisy(sound: np.ndarray, labels: np.ndarray, snr_db: float, colour: float) -> np.ndarray:
    """With noise at a ratio to the mean power of what the alignment calls speech; colour 0 white, 1 pink.

    Not of what is loud: two of the recordings are of a cold, with coughs 15 dB louder than the speech.
    """
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(len(sound)))
    hz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE_HZ), 40)
    noise = np.fft.irfft(spectrum * hz ** (-colour / 2), len(sound))
    spoken = (labels > 0).repeat(round(RATE_HZ / FRAME_RATE_HZ))[: len(sound)]
    speech = np.mean(sound[: len(spoken)][spoken] ** 2)
    return (sound + noise * np.sqrt(speech / np.mean(noise**2) * 10 ** (-snr_db / 10))).astype(np.float32)


def telephone(sound: np.ndarray, _: np.ndarray) -> np.ndarray:
    """300-3400 Hz and 8-bit mu-law steps."""
    band = sosfilt(butter(4, [300, 3400], "bandpass", fs=RATE_HZ, output="sos"), sound)
    peak = np.abs(band).max()
    squeezed = np.sign(band) * np.log1p(255 * np.abs(band) / peak) / np.log(256)
    coarse = np.round(squeezed * 127) / 127
    return (np.sign(coarse) * np.expm1(np.abs(coarse) * np.log(256)) / 255 * peak).astype(np.float32)


def room(sound: np.ndarray, _: np.ndarray) -> np.ndarray:
    """A room that dies away in 0.4 s, as loud as the direct sound less 3 dB."""
    seconds = np.arange(int(0.5 * RATE_HZ)) / RATE_HZ
    tail = np.random.default_rng(1).standard_normal(len(seconds)) * np.exp(-6.9 * seconds / 0.4) * (seconds > 0.003)
    tail *= 10 ** (-3 / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    length = len(sound) + len(tail)
    return np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(tail, length), length)[: len(sound)].astype(np.float32)


CONDITIONS: dict[str, Disturb] = {
    "clean": lambda sound, _: sound,
    "white noise, 20 dB": lambda sound, labels: noisy(sound, labels, 20, 0),
    "white noise, 10 dB": lambda sound, labels: noisy(sound, labels, 10, 0),
    "pink noise, 20 dB": lambda sound, labels: noisy(sound, labels, 20, 1),
    "pink noise, 10 dB": lambda sound, labels: noisy(sound, labels, 10, 1),
    "gain -20 dB": lambda sound, _: sound * 0.1,
    "gain +10 dB": lambda sound, _: sound * 10**0.5,
    "telephone": telephone,
    "room, 0.4 s": room,
}


def posteriors(encoder: PhoneticEncoder, sound: np.ndarray, frames: int) -> np.ndarray:
    """Phone posteriors `[frames, 41]`."""
    return encoder.phone_posteriors(sound)[0][:frames]


def measure(encoder: PhoneticEncoder, recordings: list[Recording], disturb: Disturb) -> dict[str, float]:
    """Accuracies over all recordings together."""
    viseme_of = np.array(VISEME_OF_PHONE)
    guessed, truth = [], []
    for sound, labels in recordings:
        frames = posteriors(encoder, disturb(sound, labels), len(labels))
        known = labels >= 0
        guessed.append(frames[known])
        truth.append(labels[known])
    phones, labels = np.concatenate(guessed), np.concatenate(truth)
    visemes = phones @ np.eye(len(VISEME_NAMES))[viseme_of]
    right = visemes.argmax(axis=1) == viseme_of[labels]
    speech = labels != 0
    top3 = (np.argsort(visemes, axis=1)[:, -3:] == viseme_of[labels][:, None]).any(axis=1)
    return {
        "viseme": right.mean(), "speech only": right[speech].mean(), "in the best 3": top3.mean(),
        "phone": (phones.argmax(axis=1) == labels).mean(), "silence": ((visemes[:, 0] > 0.5) == ~speech).mean(),
    }


def gain_change(encoder: PhoneticEncoder, recordings: list[Recording], gain_db: float) -> float:
    """Largest change of any viseme posterior by a gain."""
    return max(
        float(np.abs(encoder.rows(sound * 10 ** (gain_db / 20))[:, :13] - encoder.rows(sound)[:, :13]).max())
        for sound, _ in recordings
    )


def speed(encoder: PhoneticEncoder) -> float:
    """Seconds of sound a second of work, on one thread."""
    torch.set_num_threads(1)
    sound = np.random.default_rng(0).standard_normal(RATE_HZ * 30).astype(np.float32) * 0.1
    encoder.rows(sound)
    started_s = time.perf_counter()
    encoder.rows(sound)
    return 30 / (time.perf_counter() - started_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    data = Path(os.environ.get("TALKING_HEAD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    recordings = load(data)
    encoder = PhoneticEncoder(options.weights)
    labels = np.concatenate([labels[labels >= 0] for _, labels in recordings])
    visemes = np.array(VISEME_OF_PHONE)[labels]
    table = Table(title=f"frame accuracy, {len(labels) / FRAME_RATE_HZ:.0f} s of real speech never trained on")
    names = ("viseme", "speech only", "in the best 3", "phone", "silence")
    for name in ("condition", *names):
        table.add_column(name, justify="left" if name == "condition" else "right")
    spoken = visemes[visemes > 0]
    chance = {
        "viseme": np.bincount(visemes).max() / len(visemes), "speech only": np.bincount(spoken).max() / len(spoken),
        "in the best 3": np.sort(np.bincount(visemes))[-3:].sum() / len(visemes),
        "phone": np.bincount(labels).max() / len(labels), "silence": max((visemes == 0).mean(), (visemes > 0).mean()),
    }
    table.add_row("chance", *(f"{100 * chance[name]:.1f}" for name in names))
    for condition, disturb in CONDITIONS.items():
        result = measure(encoder, recordings, disturb)
        table.add_row(condition, *(f"{100 * result[name]:.1f}" for name in names))
    for name, recording in zip(RECORDINGS, recordings, strict=True):
        result = measure(encoder, [recording], CONDITIONS["clean"])
        table.add_row(f"  {name}", *(f"{100 * result[column]:.1f}" for column in names))
    console = Console(width=100)
    console.print(table)
    parameters = sum(value.numel() for value in encoder.network.parameters())
    times = speed(encoder)
    console.print(f"{parameters / 1e6:.2f} M parameters, {len(PHONES)} phones, {times:.0f} x real time on one thread")
    changes = ", ".join(f"{gain:+} dB: {gain_change(encoder, recordings, gain):.4f}" for gain in (-20, -10, 10))
    console.print(f"largest change of a viseme posterior by gain: {changes}")


if __name__ == "__main__":
    main()
