"""What each curve filter does to the ARKit regressor's own curves on speech that it was not taught.

    python -m benchmarks.arkit_filters VIDEO [--speech FILE ...] [--weights FILE] [--json OUT.json]

Prints a Markdown table. Jitter is the root mean square of the curves' second difference (as `evaluation.metrics.head`
counts it for a head), over the 36 values of mouth, jaw, cheeks and nose, at 60 a second; its fall is against the
unfiltered curves. Amplitude ratio is the deviation of the filtered curve over that of the unfiltered one: of jawOpen,
and the mean over the ten values that move most. Closed is how much of the unfiltered jaw's and lips' deepest closings
(the tenth of its valleys that are lowest) is kept. Against the truth, on VIDEO: correlation and amplitude of jawOpen as
the face tracker saw it; the truth's own jitter stands in the first row. Delay: when a sudden step is half over.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.signal import find_peaks

from face_model.arkit import ARKIT_NAMES
from face_model.tracks import FaceTrack, Sound, SpeechFeatures
from foundation.files import write_json
from foundation.shipped import shipped
from motion_models.arkit import ArkitRegressor, curve_filter, curve_filters
from motion_models.arkit.filters import DEFAULT, NONE
from motion_models.arkit.statistics import ASIDE, JAW_OPEN, curves_at
from preprocessing.media import read_sound
from preprocessing.speech import speech_encoder
from talking_head.enrollment.tracking import TRACK, sound_in_step, track

FPS = 60.0
LIVELY = 10  # curves, those that move most, whose amplitude is averaged
DEEP_SHARE = 0.1
SPOKEN = ~ASIDE


def jitter(values: np.ndarray) -> float:
    """Root mean square of the second difference of curves `[T, K]`, in thousandths."""
    return float(1000 * np.sqrt(np.square(np.diff(values[:, SPOKEN], 2, axis=0)).mean()))


def lively(values: np.ndarray) -> np.ndarray:
    """Indices of the curves of the mouth that move most."""
    spread = np.where(SPOKEN, values.std(axis=0), 0)
    return np.argsort(spread)[-LIVELY:]


def closings_kept(plain: np.ndarray, filtered: np.ndarray) -> float:
    """Of how far jawOpen `[T]` falls from its mean in its deepest valleys, the share that is left."""
    mean = plain.mean()
    valleys, _ = find_peaks(-plain)
    deep = valleys[np.argsort(plain[valleys])[: max(1, round(DEEP_SHARE * len(valleys)))]]
    near = np.stack([filtered[np.clip(deep + shift, 0, len(plain) - 1)] for shift in (-2, -1, 0, 1, 2)]).min(axis=0)
    return float((mean - near).mean() / (mean - plain[deep]).mean())


def delay_ms(name: str) -> float:
    """How late half of a step of 0.3 comes."""
    step = np.concatenate([np.zeros(120), np.full(120, 0.3)])[:, None]
    out = curve_filter(name)(step, FPS)[:, 0]
    after = int(np.argmax(out >= 0.15))
    exact = after - (out[after] - 0.15) / max(out[after] - out[after - 1], 1e-9)
    return round(1000 * (exact - 119.5) / FPS, 3) + 0.0


def rows_of(
    model: ArkitRegressor, sounds: list[SpeechFeatures], truth: tuple[np.ndarray, float] | None
) -> list[dict[str, float | str]]:
    """A row for each filter. truth: jawOpen `[T]` of the first sound, and its frames a second."""
    plain = [model.with_filter(NONE).values(sound, fps=FPS) for sound in sounds]
    chosen = [lively(values) for values in plain]
    base = float(np.mean([jitter(values) for values in plain]))
    rows: list[dict[str, float | str]] = []
    for name in curve_filters():
        made = [model.with_filter(name).values(sound, fps=FPS) for sound in sounds]
        pairs = list(zip(plain, made, chosen, strict=True))
        row: dict[str, float | str] = {
            "filter": name,
            "jitter, 1/1000": float(np.mean([jitter(values) for values in made])),
            "jitter falls, times": base / float(np.mean([jitter(values) for values in made])),
            "amplitude, jawOpen": float(np.mean([b[:, JAW_OPEN].std() / a[:, JAW_OPEN].std() for a, b, _ in pairs])),
            "amplitude, ten curves": float(np.mean([(b[:, c].std(0) / a[:, c].std(0)).mean() for a, b, c in pairs])),
            "closings kept": float(np.mean([closings_kept(a[:, JAW_OPEN], b[:, JAW_OPEN]) for a, b, _ in pairs])),
            "delay, ms": delay_ms(name),
        }
        if truth is not None:
            seen, fps = truth
            said = curves_at(made[0][:, [JAW_OPEN]], FPS, np.arange(len(seen)) / fps)[:, 0]
            row["correlation with the truth"] = float(np.corrcoef(said, seen)[0, 1])
            row["amplitude against the truth"] = float(said.std() / seen.std())
        rows.append(row)
    return rows


def table(rows: list[dict[str, float | str]]) -> str:
    """Markdown."""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for row in rows:
        cells = [value if isinstance(value, str) else f"{value:.3g}" for value in row.values()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def measured_track(video: Path, folder: Path) -> FaceTrack:
    """The video's track, made once."""
    if not (folder / TRACK).is_file():
        track(video, folder)
    return FaceTrack.load(folder / TRACK)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, help="a video of somebody speaking that took no part in training")
    parser.add_argument("--speech", type=Path, nargs="*", default=[], help="other sounds to take the curves of")
    parser.add_argument("--weights", type=Path, help="an ARKit regressor; otherwise the shipped one")
    parser.add_argument("--out", type=Path, default=Path("out/arkit_filters"), help="folder for the video's track")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    asked = parser.parse_args()
    model = ArkitRegressor.load(asked.weights or shipped("arkit/log_mel.safetensors"))
    encoder = speech_encoder(model.speech_extractor)
    measured = measured_track(asked.video, asked.out)
    sounds: list[Sound] = [sound_in_step(asked.video, measured), *(read_sound(path) for path in asked.speech)]
    seen, fps = measured.arkit[:, JAW_OPEN].astype(np.float64), measured.motion.fps
    own = curves_at(measured.arkit.astype(np.float64), fps, np.arange(round(measured.motion.duration_s * FPS)) / FPS)
    rows = rows_of(model, [encoder(sound) for sound in sounds], (seen, fps))
    print(f"{len(sounds)} sounds, {sum(s.duration_s for s in sounds):.0f} s; {int(SPOKEN.sum())} of {len(ARKIT_NAMES)} "
          f"values; the default is {DEFAULT}; the tracker's own jitter on the video: {jitter(own):.3g}\n")  # fmt: skip
    print(table(rows))
    if asked.json:
        write_json(asked.json, {"rows": rows, "tracker_jitter": jitter(own)})


if __name__ == "__main__":
    main()
