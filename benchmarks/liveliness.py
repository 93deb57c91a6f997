"""THEval's geometric measures of films of a person saying their own words, beside the real video of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

import talking_head
from benchmarks.lips import Rows
from evaluation.clips import Clip
from evaluation.loading import load_clip
from evaluation.metrics import theval
from face_model.tracks import FaceTrack, Sound
from talking_head.enrollment.tracking import sound_in_step
from talking_head.motion.speaking import speak
from talking_head.target.card import Target

OURS, REPLAYED_POSE, OWN_MOTION = "ours", "ours with the real pose", "own motion painted"


def liveliness(video: Path, track: FaceTrack, target: Target, learn: int, out: Path) -> tuple[Rows, list[str]]:
    """Scores over the held-out part and over the whole video, and why those of ours under 0.9 fall short.

    The real person's other stretches, as long as the held-out one, show what a score can be expected to be: nobody
    moves twice alike.

    Args:
        learn: frames, from the start, that the target was made from.
        out: folder for films and their tracks; the target's home is its sub-folder `home`.
    """
    sound = sound_in_step(video, track)
    real = replace(load_clip(video, cache=out / "cache"), sound=sound)
    films = {
        name: replace(load_clip(path, cache=out / "cache"), sound=sound)
        for name, path in _films(track, target, sound, out).items()
    }
    held = len(real) - learn
    truth = part(real, learn, len(real)).theval
    stretches = [part(real, start, start + held).theval for start in range(0, learn - held, held)]
    rows: Rows = {}
    for name in ("overall", *theval.MEASURES):
        others = [theval.scores(stretch, truth)[name] for stretch in stretches]
        rows[f"THEval {name}, held out, other stretches of the real video"] = float(np.nanmean(others))
        for film, clip in films.items():
            scored = theval.scores(part(clip, learn, len(clip)).theval, truth)
            rows[f"THEval {name}, held out, {film}"] = scored[name]
            rows[f"THEval {name}, whole video, {film}"] = theval.scores(clip.theval, real.theval)[name]
    reasons = _lines("held out", part(films[OURS], learn, len(real)).theval, truth)
    return rows, reasons + _lines("whole video", films[OURS].theval, real.theval)


def part(clip: Clip, start: int, stop: int) -> Clip:
    """Some frames of a clip, with their sound and without pictures."""
    chosen, sound = slice(start, stop), clip.sound
    if sound is not None:
        first, last = (round(at / clip.fps * sound.rate_hz) for at in (start, stop))
        sound = Sound(sound.samples[first:last], sound.rate_hz)
    return Clip(clip.name, clip.fps, clip.landmarks_px[chosen], clip.valid[chosen], clip.blink[chosen], sound)


def _films(track: FaceTrack, target: Target, sound: Sound, out: Path) -> dict[str, Path]:
    """Films of the target saying the video's own sound."""
    heard = out / "own_sound.wav"
    soundfile.write(heard, sound.samples, sound.rate_hz)
    said = speak(heard, target, 0, "cpu")
    count = min(len(said), len(track))
    real, said = track.motion[:count], said[:count]
    motions = {
        OURS: said, OWN_MOTION: real,
        REPLAYED_POSE: replace(said, rotation=real.rotation, translation=real.translation),
    }
    films = {}
    for name, motion in motions.items():
        stem = name.replace(" ", "_")
        motion.save(out / f"{stem}.safetensors")
        films[name] = out / f"{stem}.mp4"
        talking_head.synthesize(
            heard, target.id, films[name], driving=out / f"{stem}.safetensors", label=False, home=out / "home",
            force=True,
        )
    return films


def _lines(where: str, generated: Mapping[str, float], truth: Mapping[str, float]) -> list[str]:
    return [f"{name}, {where}: {why}" for name, why in theval.reasons(generated, truth).items()]
