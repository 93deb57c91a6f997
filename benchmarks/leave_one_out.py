"""Each sentence of a speaker said by a model that learned only the others, with the ceiling and the controls beside.

    python -m benchmarks.leave_one_out CLIP... --out out/leave_one_out [--steps 400] [--other-sound SPEECH]

Models learn from scratch, since shipped weights may know the speaker. Prints a Markdown table and writes
`leave_one_out.json`. Interrupted, the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import talking_head
from benchmarks.baselines import log_mel_regressor, mean_face, nearest_replay
from benchmarks.lips import SEEDS, Rows, lips_row, mean_rows, wrong_sound
from evaluation.clips import Clip
from evaluation.loading import clip_of_motion, load_clip
from evaluation.metrics.lips import gap_correlation
from evaluation.report import versions
from face_model.tracks import MOTION_FPS, FaceMotion, FaceTrack, Sound, SpeechFeatures
from facial_gan.synthesis import FacialGan
from facial_gan.train import learn as learn_motion
from foundation.files import write_json
from motion_models.examples import MotionExample
from preprocessing.media import read_sound
from preprocessing.speech import speech_encoder
from preprocessing.sync import estimate_offset
from preprocessing.tracking import track_landmarks
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import sound_in_step
from training import Duration


@dataclass(frozen=True)
class Sentence:
    """One clip: its track, the sound in step with it, its landmarks as the tracker gave them."""

    name: str
    track: FaceTrack
    sound: Sound
    seen: Clip
    example: MotionExample

    @classmethod
    def read(cls, video: Path, track: FaceTrack, out: Path) -> Sentence:
        """A clip that was tracked."""
        sound = sound_in_step(video, track)
        seen = load_clip(video, fps=MOTION_FPS, cache=out / "cache")
        return cls(video.stem, track, sound, seen, motion_example(track, sound, FacialGan.default_speech))


def tracked(videos: list[Path], out: Path) -> list[FaceTrack]:
    """The clips' tracks, all with one sound offset: clips of one programme share it, and a short one cannot tell it.

    It is the median of the clips' own, each as often as it is sure.
    """
    tracks = [talking_head.track(video, out / "tracks" / video.stem).track for video in videos]
    found = [estimate_offset(track_landmarks(v, out / "tracks" / v.stem), read_sound(v)) for v in videos]
    order = np.argsort([one.offset_s for one in found])
    weight = np.cumsum([found[i].confidence for i in order])
    shared_s = found[order[int(np.searchsorted(weight, weight[-1] / 2))]].offset_s
    print(f"sound late in all clips: {1000 * shared_s:.0f} ms", file=sys.stderr)
    return [replace(track, sound_offset_s=shared_s) for track in tracks]


def joined(others: list[Sentence], last: Sentence) -> tuple[SpeechFeatures, FaceMotion, int]:
    """The sentences in one line, the judged one last, for baselines that learn the beginning of a clip.

    Returns:
        log-mel of all, motion of all at 30 fps, and the frame where the last begins.
    """
    encode = speech_encoder("log_mel")
    line = [*others, last]
    motions = [sentence.example.motion for sentence in line]
    # Sound is cut or padded to whole frames, so that it stays in step through all joins.
    sounds = [_fitted(s.sound, len(m)) for s, m in zip(line, motions, strict=True)]
    motion = FaceMotion.unpack(np.concatenate([m.pack() for m in motions]), MOTION_FPS, motions[0].face_model)
    return encode(Sound(np.concatenate(sounds), last.sound.rate_hz)), motion, len(motion) - len(motions[-1])


def _fitted(sound: Sound, frames: int) -> np.ndarray:
    count = round(frames / MOTION_FPS * sound.rate_hz)
    return np.pad(sound.samples[:count], (0, max(0, count - len(sound.samples))))


def judge(index: int, sentences: list[Sentence], other: Sound | None, given: argparse.Namespace) -> Rows:
    """One sentence said by what the others taught."""
    last, others = sentences[index], [s for i, s in enumerate(sentences) if i != index]
    duration = Duration(steps=given.steps)
    run = given.out / f"steps_{given.steps}_seed_{given.seed}" / last.name
    path = learn_motion([s.example for s in others], None, run, mode="person", duration=duration, seed=given.seed)
    model, encode = FacialGan.load(path), speech_encoder(FacialGan.default_speech)
    truth = last.example.motion
    said = [model.synthesize(encode(last.sound), seed=seed, frames=len(truth)) for seed in range(SEEDS)]
    rows = mean_rows([lips_row("ours", motion, truth) for motion in said])
    wrong = encode(wrong_sound(last.sound, other))
    rows |= lips_row("ours, wrong sound", model.synthesize(wrong, frames=len(truth)), truth)
    heard, motion, learn = joined(others, last)
    rows |= lips_row("log-mel regressor", log_mel_regressor(heard, motion, learn)[learn:], truth)
    rows |= lips_row("nearest frame replayed", nearest_replay(heard, motion, learn)[learn:], truth)
    rows |= lips_row("mean face", mean_face(motion, learn)[learn:], truth)
    count = min(len(truth), len(last.seen))
    real = replace(clip_of_motion(truth[:count], "fitted"), valid=last.seen.valid[:count])
    rows["lip-gap correlation, the real lips through the fitted face"] = gap_correlation(
        real.head, last.seen.head
    ).at_zero
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("out/leave_one_out"))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--other-sound", type=Path, help="somebody else's speech: the wrong sound")
    given = parser.parse_args()
    videos = sorted(given.clips)
    tracks = tracked(videos, given.out)
    sentences = [Sentence.read(video, track, given.out) for video, track in zip(videos, tracks, strict=True)]
    other = read_sound(given.other_sound) if given.other_sound else None
    rows = {s.name: judge(i, sentences, other, given) for i, s in enumerate(sentences)}
    rows["mean"] = mean_rows(list(rows.values()))
    write_json(given.out / "leave_one_out.json", {
        "rows": rows, "command": " ".join(sys.argv), "seed": given.seed, "machine": platform.platform(),
        "versions": versions(),
    })
    names = list(rows)
    print(f"| measured | {' | '.join(str(i) for i in range(1, len(names)))} | mean |\n|---|{'---|' * len(names)}")
    for measured in rows["mean"]:
        print(f"| {measured} | " + " | ".join(f"{rows[name][measured]:.2f}" for name in names) + " |")
    print(json.dumps({"json": str(given.out / "leave_one_out.json")}))


if __name__ == "__main__":
    main()
