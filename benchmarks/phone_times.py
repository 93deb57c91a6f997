"""Whether lips close better where a synthesiser tells when it says p, b and m, than where the encoder must hear it.

    python -m benchmarks.phone_times [--live] [--out benchmarks/results/phone_times.json]

Sixty of the Harvard sentences (IEEE 1969) by each voice of flite, which tells the times of its phones: the truth. Of
the target's motion: the share of p, b and m at which the opening of the lips falls below 0.15 of what it opens else
(the median of its 90% quantiles), the sound alone being heard, and the closures being told too. `--live`: while the
sound is still being made, each closure told when it begins.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soxr

from face_model.tracks import MOTION_FPS, SPEECH_RATE_HZ, Sound
from facial_gan.synthesis import FacialGan
from foundation.files import write_json
from motion_models.lips import above_rest
from motion_models.look_ahead import LookAhead
from preprocessing.speech import WindowedEncoder, heard
from talking_head.motion.directions import Directions
from talking_head.motion.speaking import encoder_for, speakers
from talking_head.studio.live.settings import LiveSettings
from talking_head.target.card import find_target
from talking_head.target.home import Home
from talking_head.voices import voice_named

VOICES = "slt", "rms", "awb", "kal16"
CLOSED_SHARE, FRAME_S = 0.15, 0.5 / MOTION_FPS
SENTENCES = Path(__file__).parent / "inputs" / "harvard.txt"


Closed = Sequence[tuple[float, float]]
Move = Callable[[FacialGan, WindowedEncoder, Sound, Closed], np.ndarray]


def whole(model: FacialGan, encoder: WindowedEncoder, sound: Sound, closed: Closed) -> np.ndarray:
    """The expression `[T, 64]` of a film."""
    return model.synthesize(encoder(sound).told(closed), seed=0).expression


def live(model: FacialGan, encoder: WindowedEncoder, sound: Sound, closed: Closed) -> np.ndarray:
    """The same of somebody who hears the sound while it is made."""
    samples = soxr.resample(sound.samples, sound.rate_hz, SPEECH_RATE_HZ).astype(np.float32)
    ahead = LookAhead(LiveSettings().look_ahead_s)
    speech = (
        known.told([span for span in closed if span[0] < known.features.duration_s])
        for known in heard(encoder, [samples], ahead.ends())
    )
    return np.concatenate([piece.expression for piece in model.bounded_stream(speech, ahead, seed=0)])


def closures(
    model: FacialGan, encoder: WindowedEncoder, voice: str, sentences: list[str], move: Move
) -> dict[str, float]:
    """Shares of closed lips, heard and told, and how far lips open otherwise (90% quantile, mm)."""
    smallest: dict[str, list[float]] = {"heard": [], "told": []}
    widest: dict[str, list[float]] = {"heard": [], "told": []}
    speaks = voice_named(f"flite:{voice}")
    for sentence in sentences:
        said = speaks.say(sentence)
        assert said.lips_closed is not None
        for name, closed in (("heard", ()), ("told", said.lips_closed)):
            opening = above_rest(move(model, encoder, said.sound, closed), model.statistics.rest)[0]
            time_s = np.arange(len(opening)) / MOTION_FPS
            for start_s, end_s in said.lips_closed:
                inside = (time_s >= start_s - FRAME_S) & (time_s < end_s + FRAME_S)
                smallest[name].append(float(opening[inside].min()))
            widest[name].append(float(np.quantile(opening, 0.9)))
    limit = CLOSED_SHARE * float(np.median(widest["heard"]))
    found = {"closures": float(len(smallest["heard"]))}
    for name in smallest:
        found[f"closed_share_{name}"] = round(float((np.array(smallest[name]) < limit).mean()), 3)
        found[f"open_mm_{name}"] = round(float(np.median(widest[name])), 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    person = find_target(Home.find(), given.target)
    model, _ = speakers(person, Directions(), "cpu")
    assert isinstance(model, FacialGan)
    encoder = encoder_for(model.speech_extractor, person)
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    assert isinstance(encoder, WindowedEncoder)
    move = live if given.live else whole
    results = {voice: closures(model, encoder, voice, sentences, move) for voice in VOICES}
    for voice, found in results.items():
        print(voice, found)
    if given.out:
        write_json(given.out, results)


if __name__ == "__main__":
    main()
