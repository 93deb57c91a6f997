"""The self-test: each metric's answer to each planted fault, on one real video.

The reference is the real video; "truth" is that video against itself, the ceiling. Faults are planted in a recompressed
copy. A metric tells a fault when its answer is worse than the recompressed copy's by more than twice what a stronger
recompression moves it, and by more than a hundredth of its own size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.clips import Clip, Pair
from evaluation.controls import BASE, FAULTS, NOISE, Fault, shift_s, shift_sound
from evaluation.loading import load_clip, retracked
from evaluation.network_registry import METRICS, SOUND_SHIFTS, Metric
from foundation.errors import InputError
from foundation.progress import track
from preprocessing.tracking import FaceTracker, face_tracker

_NOISE_TIMES, _LEAST_SHARE = 2.0, 0.01


@dataclass(frozen=True)
class SelfTest:
    """Answers of the metrics. answers: metric -> control ("truth", "recompressed", "recompressed_more" or a fault) ->
    value.

    sound_offset_s: how late the video's own sound was found and set right by.
    """

    video: str
    sound_offset_s: float
    answers: Mapping[str, Mapping[str, float]]

    def told(self, metric: str, fault: str) -> bool:
        """Whether a metric orders the faultless copy above a fault, beyond what a stronger recompression does."""
        values = self.answers[metric]
        good = {name: METRICS[metric].goodness(value, values["truth"]) for name, value in values.items()}
        best, faulty = good[BASE.name], good[fault]
        if not (np.isfinite(best) and np.isfinite(faulty)):
            return False
        noise = abs(best - good[NOISE.name]) if np.isfinite(good[NOISE.name]) else 0.0
        return best - faulty > max(_NOISE_TIMES * noise, _LEAST_SHARE * abs(values[BASE.name]))

    def failures(self, metric: str) -> tuple[str, ...]:
        """The faults that a metric is meant to see and does not."""
        return tuple(f for f in METRICS[metric].faults if f in self.answers[metric] and not self.told(metric, f))

    def offset_error_s(self) -> float:
        """The largest error of the recovered offset over the planted shifts of the sound."""
        found = self.answers["sync_offset"]
        shifts = {name: shift_s(name) for name in SOUND_SHIFTS if name in found}
        return max(abs(found[name] - found[BASE.name] - shift) for name, shift in shifts.items())

    def table(self) -> str:
        """Markdown: a row a metric, with the faults that it must tell. Bold: told; struck out: not told."""
        head = ("metric", "goal", "truth", "recompressed", "faults that it must tell, and its answer", "in the report")
        lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        for name, values in self.answers.items():
            metric = METRICS[name]
            faults = ", ".join(self._cell(name, fault) for fault in metric.faults if fault in values)
            cells = (metric.title, metric.better, _short(values["truth"]), _short(values[BASE.name]), faults)
            lines.append(f"| {' | '.join(cells)} | {'yes' if metric.default else 'no'} |")
        return "\n".join(lines)

    def _cell(self, metric: str, fault: str) -> str:
        mark = "**" if self.told(metric, fault) else "~~"
        return f"{FAULTS[fault].title} {mark}{_short(self.answers[metric][fault])}{mark}"


def self_test(
    path: Path | str,
    faults: Iterable[str] = tuple(FAULTS),
    cache: Path | None = None,
    tracker: FaceTracker | None = None,
) -> SelfTest:
    """Plant each fault in a real video and ask every metric.

    Its sound is first set right by the measured offset, since footage from the wild is often late.

    Args:
        path: a real video with sound, 10 s or more.
        faults: names of `controls.FAULTS`.
        cache: folder of cached tracks.
        tracker: MediaPipe by default; one that is given is not closed.

    Raises:
        InputError: no face, no sound, or an unknown fault.
    """
    clip = load_clip(path, cache=cache)
    if clip.sound is None:
        raise InputError(f"{path} has no sound", "a video of a person speaking")
    offset_s = clip.sync.offset_s
    truth = shift_sound(clip, -offset_s)
    chosen = [NOISE, *(_fault(name) for name in faults)]
    own = tracker or face_tracker()
    base = _planted(BASE, truth, own)
    pairs = {"truth": Pair(truth, truth), BASE.name: Pair(base, truth)}
    answers = {m.name: {name: float(m.measure(pair)) for name, pair in pairs.items()} for m in _asked(truth)}
    for fault in track(chosen, "planting faults"):
        pair = Pair(_planted(fault, truth if fault is NOISE else base, own), truth)
        for metric in _asked(truth):
            known = fault.of_sound and "sound" not in metric.needs  # the picture is the base's: so is the answer
            values = answers[metric.name]
            values[fault.name] = values[BASE.name] if known else float(metric.measure(pair))
    if tracker is None:
        own.close()
    return SelfTest(clip.name, offset_s, answers)


def _fault(name: str) -> Fault:
    if name not in FAULTS:
        raise InputError(f"fault '{name}'", f"one of {', '.join(FAULTS)}")
    return FAULTS[name]


def _asked(clip: Clip) -> list[Metric]:
    """Every metric that a pair of clips with sound and frames can answer."""
    return [m for m in METRICS.values() if m.possible(Pair(clip, clip))]


def _planted(fault: Fault, truth: Clip, tracker: FaceTracker) -> Clip:
    faulty = fault.change(truth)
    return retracked(faulty, tracker) if fault.retrack else faulty


def _short(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "–"
