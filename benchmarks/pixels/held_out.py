"""Held-out frames painted from their own motion, against the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from benchmarks.person import regions
from benchmarks.pixels.person import Measured, Telling
from benchmarks.result_files import Measure
from evaluation.metrics.image import psnr_db
from face_model import mp478
from preprocessing.media import read_frames
from render2video.painter import load_painter
from render2video.person_video import PersonVideo, load_person_video, prepare_person_video
from talking_head.target.card import Target

PART = "held-out frames, own motion"
CROP_PX = 256
Masks = Callable[[int], dict[str, np.ndarray | None]]


def held_out(person: Measured, footage: Target, fast: Target | None) -> list[Measure]:
    """PSNR by part of the frame, at the video's own size and at the scale that `fast` paints at.

    The mesh that is painted from trembles as tracked; `footage, steadied` gets it steadied by the held-out frames
    themselves, as the footage's is.
    """
    real = person.painter(footage)
    painted = {
        "footage": list(real.frames(person.held_out)),
        "footage, steadied": list(Telling(real, person.steady(real)).frames(person.held_out)),
    }
    if fast is not None:
        painted["fast"] = list(load_painter(fast.folder, mp478.load()).frames(person.held_out))
    folder = person.out / "track"
    prepare_person_video(
        read_frames(person.video, person.fps), person.track, CROP_PX, folder, mp478.load()
    )
    crops = load_person_video(folder, person.track, mp478.load())
    found: list[Measure] = []
    for system, frames in painted.items():
        found += scores(system, frames, person.frames, lambda k: person.parts(k, "face", "mouth", "whole frame"), "")
        small = [crops.crop.cut(frame, CROP_PX) for frame in frames]
        found += scores(system, small, list(crops.crops[person.learn :]), small_masks(crops, person.learn), " at 256")
    return found


def small_masks(crops: PersonVideo, learn: int) -> Masks:
    """The drawn face and mouth of held-out crops, as `benchmarks.person` has them."""
    def of(index: int) -> dict[str, np.ndarray | None]:
        named = regions(crops, learn + index)
        return {"face": named["face"], "mouth": named["mouth"], "whole crop": None}

    return of


def scores(
    system: str, made: Iterable[np.ndarray], truth: Iterable[np.ndarray], masks: Masks, scale: str, part: str = PART
) -> list[Measure]:
    """Mean PSNR over frames in each part of the picture."""
    values: dict[str, list[float]] = {}
    for index, (one, other) in enumerate(zip(made, truth, strict=True)):
        for region, mask in masks(index).items():
            values.setdefault(region, []).append(psnr_db(one, np.asarray(other), mask))
    return [Measure(part, f"{region}{scale}, dB", system, float(np.mean(v))) for region, v in values.items()]
