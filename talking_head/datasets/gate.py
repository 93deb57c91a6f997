"""Which clips are good enough to learn from, by the numbers of their report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from foundation.errors import InputError
from preprocessing.sync import TRUSTED


@dataclass(frozen=True)
class Gate:
    """What a clip must have. The numbers are those of `preprocessing.report.ClipQuality`.

    offset_confidence: below it nobody knows whether lips and sound go together, and a clip that is late teaches the
    wrong mouth; very short clips often stay below.
    """

    shortest_s: float = 2.0
    lost_share: float = 0.1
    several_share: float = 0.2
    face_size_px: float = 64.0
    sharpness: float = 0.01
    turn_degrees: float = 60.0
    silence_share: float = 0.9
    offset_confidence: float = TRUSTED

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value):  # nothing is less than NaN: every clip would pass
                raise InputError(f"{name} of {value}", "a number")

    def complaints(self, quality: Mapping[str, Any]) -> tuple[str, ...]:
        """Why a clip is left out, in order of what is measured; empty for a good one."""
        return tuple(self._complaints(quality))

    def _complaints(self, quality: Mapping[str, Any]) -> Iterator[str]:
        if quality["duration_s"] < self.shortest_s:
            yield f"{quality['duration_s']:.1f} s long, less than {self.shortest_s:g}"
        if quality["lost_share"] > self.lost_share:
            yield f"face lost in {quality['lost_share']:.0%} of the frames, more than {self.lost_share:.0%}"
        if quality["several_share"] > self.several_share:
            yield f"several faces in {quality['several_share']:.0%} of the frames, more than {self.several_share:.0%}"
        if quality["face_size_px"] < self.face_size_px:
            yield f"a face of {quality['face_size_px']:.0f} px, less than {self.face_size_px:g}"
        if quality["sharpness"] < self.sharpness:
            yield f"sharpness {quality['sharpness']:.4f}, less than {self.sharpness:g}"
        if max(quality["turn_degrees"]) > self.turn_degrees:
            yield f"head turns of {max(quality['turn_degrees']):.0f} degrees, more than {self.turn_degrees:g}"
        if not quality["has_sound"]:
            yield "no sound"
        elif quality["silence_share"] > self.silence_share:
            yield f"{quality['silence_share']:.0%} silence, more than {self.silence_share:.0%}"
        elif quality["sound_offset_confidence"] < self.offset_confidence:
            told = quality["sound_offset_confidence"]
            yield f"lips and sound: confidence {told:.2f}, less than {self.offset_confidence:g}"
