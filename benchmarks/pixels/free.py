"""A film of other sound, its head free: as sharp as the real video, as still, and doing what it was told."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import torch

import talking_head
from benchmarks.closed_loop import closed_loop_rows
from benchmarks.pixels.detail import detail
from benchmarks.pixels.person import Measured
from benchmarks.result_files import Measure
from evaluation.loading import load_clip
from face_model import mp478
from face_model.tracks import FaceMotion
from preprocessing.media import VideoWriter, read_frames
from render2video.painter import load_painter
from talking_head.motion.speaking import speak
from talking_head.target.card import Target

PART, SPEED = "film of other sound, free head", "speed, one thread"
WARM_UP, TIMED = 5, 60
REAL = "real video, encoded as films are"


def free_film(person: Measured, target: Target, sound: Path) -> tuple[list[Measure], Path, FaceMotion]:
    """Detail and closed loop of a film; the film, and the motion that drove it."""
    film, system = person.out / f"{target.id}_free.mp4", target.id
    talking_head.synthesize(sound, target.id, film, home=person.home, force=True)
    driving = speak(sound, target, 0, "cpu")
    found = detail(PART, system, load_clip(film, cache=person.cache), person.clip)
    loop = closed_loop_rows(film, driving, person.cache)
    return found + [Measure(PART, name, system, value) for name, value in loop.items()], film, driving


def encoded_real(person: Measured) -> list[Measure]:
    """What encoding alone does to the real video: no film can be nearer to it than this."""
    film, camera = person.out / "encoded_real.mp4", person.track.camera
    with VideoWriter(film, person.fps, camera.width_px, camera.height_px) as writer:
        for _, frame in zip(range(len(person.track)), read_frames(person.video, person.fps), strict=False):
            writer.write(frame)
    return detail(PART, REAL, load_clip(film, cache=person.cache), person.clip)


def speed(target: Target, motion: FaceMotion) -> list[Measure]:
    """Processor time of painting a frame, all threads together: what one thread would take, whatever else runs."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    painter = load_painter(target.folder, mp478.load())
    for _ in painter.frames(motion[:WARM_UP]):
        pass
    started_s, count = time.process_time(), sum(1 for _ in painter.frames(motion[:TIMED]))
    each_s = (time.process_time() - started_s) / count
    return [
        Measure(SPEED, "painting, ms a frame", target.id, 1000 * each_s),
        Measure(SPEED, "painting, times real time", target.id, float(np.divide(1, each_s * motion.fps))),
    ]
