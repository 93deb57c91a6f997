"""What general motion does with sound of any loudness, with silence, and with p, b, m: the shipped weights or a file.

    python -m benchmarks.general [--weights FILE ...]

Needs `TALKING_HEAD_DATA` (else ../shared/data). Openings are between the inner lips, above the lips at rest, as shares
of their 95th percentile in speech.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import soundfile
import soxr
from rich.console import Console
from rich.table import Table

from face_model import mp478
from face_model.tracks import MOTION_FPS, Sound
from facial_gan.synthesis import FacialGan
from foundation.shipped import shipped
from motion_models.lips import lip_gap_mm
from preprocessing.media import read_sound
from preprocessing.speech import speech_encoder
from preprocessing.speech.phonetic.inventory import parse_arpabet
from preprocessing.speech.phonetic.textgrid import Interval, read_tier

RATE_HZ = 16000
ALIGNED = ("acoustic_corpus", "cold_corpus", "cold_corpus3")
GAINS_DB = (-20, -10, 5, 10)
SILENCE_S, AT_S = 2.0, (2.2, 5.0, 8.0)
REST_SHARE, MEETING_SHARE = 0.1, 0.25


class Speaking:
    """A motion model and the encoder that it listens through."""

    def __init__(self, model: FacialGan) -> None:
        self.model, self.encode = model, speech_encoder(model.speech_extractor)
        self.closed_mm = float(lip_gap_mm(mp478.load(), model.statistics.rest[None])[0])

    def opening_mm(self, samples: np.ndarray) -> np.ndarray:
        """Opening above rest `[T]` at 30 fps for 16 kHz samples `[N]`."""
        motion = self.model.synthesize(self.encode(Sound(samples.astype(np.float32))), seed=0)
        return lip_gap_mm(mp478.load(), motion.expression) - self.closed_mm


def gain_change(speaking: Speaking, samples: np.ndarray, gain_db: float) -> float:
    """Root mean square change of the opening by a gain, in deviations of the opening."""
    plain = speaking.opening_mm(samples)
    return float(np.sqrt(np.mean((speaking.opening_mm(samples * 10 ** (gain_db / 20)) - plain) ** 2)) / plain.std())


def rest_after_s(speaking: Speaking, samples: np.ndarray, at_s: float) -> tuple[float, float]:
    """(seconds from the start of a silence put in at `at_s` until the lips are at rest for good, the largest opening
    after 0.3 s of it), the latter as a share of the 95th percentile in speech. Infinite when they never come to rest.
    """
    at, length = round(at_s * RATE_HZ), round(SILENCE_S * RATE_HZ)
    heard = np.concatenate([samples[:at], np.zeros(length, np.float32), samples[at:]])
    opening = speaking.opening_mm(heard)
    first, last = round(at_s * MOTION_FPS), round((at_s + SILENCE_S - 0.2) * MOTION_FPS)  # lips may part before speech
    speech = np.concatenate([opening[:first], opening[last:]])
    share = opening[first:last] / np.quantile(speech, 0.95)
    open_frames = np.flatnonzero(share >= REST_SHARE)
    settled = 0 if len(open_frames) == 0 else int(open_frames[-1]) + 1
    rest_s = settled / MOTION_FPS if settled < len(share) else float("inf")
    return rest_s, float(share[round(0.3 * MOTION_FPS) :].max())


def least_openings(speaking: Speaking, samples: np.ndarray, phones: list[Interval]) -> tuple[np.ndarray, np.ndarray]:
    """The smallest opening in each bilabial, and in each other consonant or vowel, as shares of the 95th percentile."""
    opening = speaking.opening_mm(samples)
    opening = opening / np.quantile(opening, 0.95)
    found: tuple[list[float], list[float]] = ([], [])
    for start_s, end_s, symbol in phones:
        phone = parse_arpabet(symbol)
        if phone is None or phone == ("SIL",):
            continue
        low, high = int(start_s * MOTION_FPS) - 1, int(np.ceil(end_s * MOTION_FPS)) + 1
        found[phone[0] not in ("P", "B", "M")].append(float(opening[max(0, low) : high + 1].min()))
    return np.array(found[0]), np.array(found[1])


def aligned(data: Path, name: str) -> tuple[np.ndarray, list[Interval]]:
    """(16 kHz mono samples, phone intervals) of an aligned recording."""
    samples, rate_hz = soundfile.read(data / "speech_aligned" / f"{name}.wav", dtype="float32", always_2d=True)
    samples = soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ)
    return samples, read_tier(data / "speech_aligned" / f"{name}.TextGrid", "phones")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, nargs="*", help="motion models; the shipped ones when left out")
    options = parser.parse_args()
    data = Path(os.environ.get("TALKING_HEAD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    files = options.weights or sorted(shipped("facial_gan").glob("*.safetensors"))
    table = Table(title="general motion, no person's footage")
    table.add_column("weights", no_wrap=True)
    for name in (
        *(f"gain {gain:+} dB" for gain in GAINS_DB), "at rest after, s", "opening in silence",
        "p b m that meet", "other phones", "least opening p b m", "others",
    ):
        table.add_column(name, justify="right")
    speech = read_sound(data / "speech" / "jfk.wav").samples
    share = MEETING_SHARE
    for path in files:
        speaking = Speaking(FacialGan.load(path))
        changes = [f"{100 * gain_change(speaking, speech, gain):.1f}%" for gain in GAINS_DB]
        rests = [rest_after_s(speaking, speech, at_s) for at_s in AT_S]
        pairs = [least_openings(speaking, *aligned(data, name)) for name in ALIGNED]
        lips, others = (np.concatenate(part) for part in zip(*pairs, strict=True))
        table.add_row(
            f"{path.parent.name}/{path.stem}", *changes, f"{max(rest for rest, _ in rests):.2f}",
            f"{100 * max(most for _, most in rests):.0f}%",
            f"{100 * (lips < share).mean():.0f}% of {len(lips)}", f"{100 * (others < share).mean():.0f}%",
            f"{100 * np.median(lips):.0f}%", f"{100 * np.median(others):.0f}%",
        )
    Console(width=180).print(table)


if __name__ == "__main__":
    main()
