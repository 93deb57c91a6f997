"""All motion models side by side: same footage, same split, same run, beside a log-mel baseline and the truth.

    python -m benchmarks.motion_models VIDEO --other OTHER_VIDEO --out out/motion_models

Each model learns from the first part of VIDEO alone, from no general weights, for as long as its configuration says, on
one thread, and is measured on VIDEO's last part, on the sound of other people's videos and on silence. A model that
makes no head motion shows FACIAL-GAN's, as the product does. Prints Markdown, writes `motion_models.json`. Interrupted,
the same command goes on where it was; a model that is not there is left out. `--ablation` also trains Karras 2017
without its slowness term.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.baselines import LogMelRegressor
from benchmarks.karras_emotions import ablation_rows
from benchmarks.lips import HOLD_OUT, Rows
from evaluation.clips import Clip
from evaluation.head_frame import HeadFrame
from evaluation.loading import clip_of_motion
from evaluation.metrics.blinks import rate_per_min
from evaluation.metrics.head import pose_speed_deg_s, pose_spread_deg
from evaluation.metrics.lips import gap_amplitude_ratio, gap_correlation, width_correlation
from evaluation.metrics.vertices import dynamics_deviation_mm, jitter_mm, lip_vertex_error_mm
from evaluation.mouth import LIPS, lip_gap
from evaluation.report import versions
from face_model import mp478
from face_model.tracks import MOTION_FPS, SPEECH_RATE_HZ, FaceMotion, FaceTrack, Sound, SpeechFeatures
from foundation.errors import InputError
from foundation.files import read_json, write_json
from motion_models.interface import MotionModel
from preprocessing.speech import speech_encoder
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import TRACK, sound_in_step, track
from talking_head.motion.model_registry import load_motion_model, motion_entry, motion_models
from training import Duration

SILENCE_S, SETTLED_S = 3.0, 0.5
ABOVE_LIDS_MM = 8.0  # from the corners of the eyes up: brows and forehead, which blinks do not move
FURTHEST_S, SEARCHES = 6.0, 9
BASELINE, HEAD_OF = "log-mel baseline", "facial_gan"
Speaks = Callable[[Sound, int], FaceMotion]


@dataclass(frozen=True)
class Footage:
    """A video's motion at 30 fps and its sound in step."""

    name: str
    motion: FaceMotion
    sound: Sound


@dataclass(frozen=True)
class System:
    """Something that turns sound into motion, and what it cost."""

    speaks: Speaks
    cost: Rows


def tracked(video: Path, folder: Path) -> FaceTrack:
    """A video's track, measured unless it is in the folder."""
    if not (folder / video.stem / TRACK).is_file():
        track(video, folder / video.stem)
    return FaceTrack.load(folder / video.stem / TRACK)


def footage(video: Path, measured: FaceTrack) -> Footage:
    """All of a video."""
    return Footage(video.name, measured.motion.resampled(MOTION_FPS), sound_in_step(video, measured))


def parameters(model: MotionModel | LogMelRegressor) -> int:
    """Of all networks that a model speaks with."""
    seen: dict[int, int] = {}
    held = list(vars(model).values())
    inside = [part for one in held for part in getattr(one, "__dict__", {}).values()]
    for part in held + inside:
        if isinstance(part, torch.nn.Module):
            seen |= {id(p): p.numel() for p in part.parameters()}
    return sum(seen.values())


def waits_s(model: MotionModel, features: SpeechFeatures) -> float:
    """Sound ahead of the first frame that it depends on, beyond the encoder's own; found by changing what is later."""
    plain = next(model.stream(features)).expression[0]

    def matters(after_s: float) -> bool:
        values = features.values.copy()
        values[int(np.ceil(after_s * features.rate_hz)) :] += 1.0
        changed = next(model.stream(replace(features, values=values))).expression[0]
        return not np.array_equal(changed, plain)

    low, high = 0.0, min(FURTHEST_S, features.duration_s)
    if matters(high - 0.1):
        return float("inf")
    for _ in range(SEARCHES):
        middle = (low + high) / 2
        low, high = (middle, high) if matters(middle) else (low, middle)
    return high


def learned(name: str, video: Path, taught: FaceTrack, given: argparse.Namespace) -> System:
    """A motion model that learned from the taught frames."""
    entry, folder = motion_entry(name), given.out / name
    kind = entry.model
    encoder = speech_encoder(kind.default_speech)
    example = motion_example(taught, sound_in_step(video, taught), kind.default_speech)
    duration = None if given.steps is None else Duration(steps=given.steps)
    if not (folder / "cost.json").is_file():
        started, cpu = time.monotonic(), time.process_time()
        made = entry.learn([example], None, folder / "run", mode="person", duration=duration, seed=given.seed)
        minutes = {"training, CPU min": (time.process_time() - cpu) / 60, "wall": (time.monotonic() - started) / 60}
        write_json(folder / "cost.json", {"file": str(made), **minutes})
    spent = read_json(folder / "cost.json")
    model = load_motion_model(spent["file"])
    features, began = example.features, time.perf_counter()
    count = len(model.synthesize(features))
    frames_a_s, began = count / (time.perf_counter() - began), time.perf_counter()
    next(model.stream(features))
    first_ms = 1000 * (time.perf_counter() - began)
    cost = {
        "parameters": float(parameters(model)), "training, CPU min": spent["training, CPU min"],
        "frames a second": frames_a_s, "first frame waits for sound, s": waits_s(model, features),
        "first piece, ms of work": first_ms, "makes head and blinks": float(kind.moves_head),
    }
    return System(lambda sound, frames: model.synthesize(encoder(sound), seed=given.seed, frames=frames), cost)


def baseline(shown: Footage, learn: int, seed: int) -> System:
    """The log-mel regressor."""
    encoder, cpu = speech_encoder("log_mel"), time.process_time()
    features = encoder(shown.sound)
    regressor = LogMelRegressor(features, shown.motion, learn, seed)
    minutes, began = (time.process_time() - cpu) / 60, time.perf_counter()
    regressor(features, len(shown.motion))
    cost = {
        "parameters": float(parameters(regressor)), "training, CPU min": minutes,
        "frames a second": len(shown.motion) / (time.perf_counter() - began),
        "first frame waits for sound, s": 0.2, "makes head and blinks": 0.0,
    }
    return System(lambda sound, frames: regressor(encoder(sound), frames), cost)


def with_head(speaks: Speaks, head: Speaks) -> Speaks:
    """The one's face on the other's head."""

    def both(sound: Sound, frames: int) -> FaceMotion:
        face, under = speaks(sound, frames), head(sound, frames)
        return replace(face, rotation=under.rotation, translation=under.translation, blink=under.blink)

    return both


def vertices_mm(motion: FaceMotion) -> np.ndarray:
    """`[T, 478, 3]` of the mean face under a motion's expression, lids open."""
    model = mp478.load()
    expression = torch.from_numpy(np.ascontiguousarray(motion.expression))
    return model.vertices(model.mean_mm, expression, torch.zeros(len(motion))).numpy()


def upper_face() -> np.ndarray:
    """Indices of brows and forehead."""
    height = mp478.load().mean_mm[:, 1].numpy()
    return np.flatnonzero(height > height[list(mp478.EYE_CORNERS)].mean() + ABOVE_LIDS_MM)


def measures(made: FaceMotion, truth: FaceMotion) -> Rows:
    """One system on one stretch of speech."""
    heads = _head(made), _head(truth)
    shapes, upper = (vertices_mm(made), vertices_mm(truth)), upper_face()
    neutral = mp478.load().mean_mm.numpy()[upper]
    mean_mm, max_mm = lip_vertex_error_mm(shapes[0][:, LIPS], shapes[1][:, LIPS])
    return {
        "lip-gap correlation": gap_correlation(*heads).at_zero,
        "lip-width correlation": width_correlation(*heads).at_zero,
        "lip-gap amplitude ratio": gap_amplitude_ratio(*heads),
        "lip vertex error, mean, mm": mean_mm, "lip vertex error, max, mm": max_mm,
        "upper-face dynamics deviation, mm": dynamics_deviation_mm(shapes[0][:, upper], shapes[1][:, upper], neutral),
        "lip jitter, mm": jitter_mm(shapes[0][:, LIPS]),
        "blinks a minute": rate_per_min(made.blink, MOTION_FPS),
        "head spread, degrees": pose_spread_deg(heads[0]), "head speed, degrees a s": pose_speed_deg_s(heads[0]),
    }


def _head(motion: FaceMotion) -> HeadFrame:
    clip: Clip = clip_of_motion(motion, "motion")
    return clip.head


def silence_measures(speaks: Speaks, open_gap: float) -> Rows:
    """Lips in silence, once settled. open_gap: the 95th percentile of the person's lip gap."""
    quiet = Sound(np.zeros(round(SILENCE_S * SPEECH_RATE_HZ), np.float32))
    made = speaks(quiet, round(SILENCE_S * MOTION_FPS))[round(SETTLED_S * MOTION_FPS) :]
    gap = lip_gap(_head(made))
    return {
        "widest lip gap, % of speech's 95th percentile": 100 * float(gap.max() / open_gap),
        "lip jitter, mm": jitter_mm(vertices_mm(made)[:, LIPS]),
    }


def mean_rows(rows: Sequence[Rows]) -> Rows:
    """Means over clips, by name."""
    return {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}


def systems(given: argparse.Namespace, taught: FaceTrack, shown: Footage, learn: int) -> dict[str, System]:
    """Everything that can be measured, by name; what cannot is told."""
    found = {BASELINE: baseline(shown, learn, given.seed)}
    for name in given.models:
        try:
            found[name] = learned(name, given.video, taught, given)
        except InputError as error:
            print(f"\n{name} is left out: {error}", file=sys.stderr)
            given.left_out[name] = str(error)
    head = found.get(HEAD_OF)
    if head is None:
        return found
    return {
        name: one if one.cost["makes head and blinks"] else System(with_head(one.speaks, head.speaks), one.cost)
        for name, one in found.items()
    }


def measure(given: argparse.Namespace) -> dict[str, dict[str, Rows]]:
    """Tables by title: rows by system."""
    track_of = tracked(given.video, given.tracks)
    taught = track_of[: round(len(track_of) * (1 - HOLD_OUT))]
    shown = footage(given.video, track_of)
    learn = round(len(taught) / track_of.motion.fps * MOTION_FPS)
    others = [footage(video, tracked(video, given.tracks)) for video in given.other]
    found = systems(given, taught, shown, learn)
    open_gap = float(np.percentile(lip_gap(_head(shown.motion[:learn])), 95))
    held = slice(learn, len(shown.motion))
    seconds = (held.stop - held.start) / MOTION_FPS
    tables: dict[str, dict[str, Rows]] = {f"Held-out sound, same speaker, {seconds:.1f} s": {}}
    for name, one in found.items():
        made = one.speaks(shown.sound, len(shown.motion))
        next(iter(tables.values()))[name] = measures(made[held], shown.motion[held])
    next(iter(tables.values()))["truth"] = measures(shown.motion[held], shown.motion[held])
    if others:
        title = f"Other speakers' sound, {len(others)} clips, against those speakers"
        tables[title] = {
            name: mean_rows([measures(one.speaks(o.sound, len(o.motion)), o.motion) for o in others])
            for name, one in found.items()
        } | {"truth": mean_rows([measures(o.motion, o.motion) for o in others])}
    tables["Silence"] = {name: silence_measures(one.speaks, open_gap) for name, one in found.items()}
    tables["Cost"] = {name: one.cost for name, one in found.items()}
    if given.ablation:
        sounds = [shown.sound, *(other.sound for other in others)]
        tables["Karras 2017: what slowness is for"] = ablation_rows(given, taught, sounds)
    return tables


def markdown(tables: dict[str, dict[str, Rows]]) -> str:
    """A table each: measures down, systems across."""
    parts = []
    for title, rows in tables.items():
        names = list(dict.fromkeys(name for row in rows.values() for name in row))
        lines = [f"| {title} | {' | '.join(rows)} |", "|---" * (len(rows) + 1) + "|"]
        for name in names:
            cells = (f"{row[name]:.3g}" if name in row else "-" for row in rows.values())
            lines.append(f"| {name} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--other", type=Path, action="append", default=[], help="another speaker's video; repeatable")
    parser.add_argument("--models", nargs="+", default=list(motion_models()))
    parser.add_argument("--out", type=Path, default=Path("out/motion_models"))
    parser.add_argument("--tracks", type=Path, help="folder of tracks made before; default: in OUT")
    parser.add_argument("--steps", type=int, help="training steps of every model, instead of its own configuration's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ablation", action="store_true")
    given = parser.parse_args()
    given.tracks, given.left_out = given.tracks or given.out / "tracks", {}
    torch.set_num_threads(1)
    tables = measure(given)
    write_json(given.out / "motion_models.json", {
        "tables": tables, "left_out": given.left_out, "video": given.video.name, "seed": given.seed,
        "other": [video.name for video in given.other], "command": " ".join(sys.argv), "machine": platform.platform(),
        "versions": versions(),
    })
    print(markdown(tables))
    for name, reason in given.left_out.items():
        print(f"\n{name} is left out: {reason}")


if __name__ == "__main__":
    main()
