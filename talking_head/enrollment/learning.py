"""The two things learned of a person: how they move when they speak, and what they look like."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import dataclass
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_model import mp478
from face_model.tracks import MOTION_FPS, FaceTrack, Sound
from foundation.files import atomic_path
from foundation.progress import called
from foundation.progress import track as shown_progress
from motion_models.examples import MotionExample
from preprocessing.media import read_frames
from preprocessing.speech import speech_encoder
from preprocessing.tracking.shots import find_breaks
from render2video.footage.quality import mouth_psnr_db
from render2video.footage.store import (
    FRAMES_FILE,
    read_footage,
    save_network,
    train_on_footage,
    working_px,
    write_footage,
)
from render2video.footage.wall import sampled
from render2video.person import PersonRenderer, train_person
from render2video.person_video import CROPS, PLATE, PersonVideo, load_person_video, prepare_person_video
from render2video.profiles import FOOTAGE
from render2video.rasterizer import array_rasterizer
from talking_head.enrollment.sharpness import advice, sharpness
from talking_head.heads.face_models import FaceModel
from talking_head.motion.model_registry import motion_entry
from talking_head.target.card import APPEARANCE, PREVIEW, motion_file
from talking_head.target.settings import EnrollSettings
from training import Duration

log = logging.getLogger(__name__)

LOOK_SOURCES = {FOOTAGE: (FRAMES_FILE, APPEARANCE), "fast": (CROPS, PLATE), "paper": (CROPS, PLATE)}
MEASURED_FRAMES, LEAST_MEASURED = 40, 3
MEASURED_S = 4.0  # where there is a time budget
PREVIEW_PX = 512


@dataclass(frozen=True)
class Teaching:
    """How a motion model is taught a person. start: general weights, None to begin anew. speech: name of the encoder.
    config: the model's settings, None for its defaults.
    """

    start: Path | None
    speech: str
    config: Any
    seed: int
    device: str


def learn_motion(
    name: str, taught: FaceTrack, sound: Sound, folder: Path, teaching: Teaching, duration: Duration | None
) -> dict[str, float]:
    """Teach a motion model a person and write its file into the folder.

    Args:
        name: of the model.
        taught: the frames to learn from. sound: that goes with them, in step.
        folder: gets the run and the result.
        teaching: what it begins from, and how.
        duration: the steps, or the time, to train; None for as long as its settings say.
    """
    with called("Learning how the person moves"):
        made = motion_entry(name).learn(
            [motion_example(taught, sound, teaching.speech)], teaching.start, folder / f"{name}_run", mode="person",
            duration=duration, seed=teaching.seed, device=teaching.device, config=teaching.config,
        )
    shutil.copyfile(made, folder / motion_file(name))
    return {}


def motion_example(measured: FaceTrack, sound: Sound, speech: str, speaker: str = "") -> MotionExample:
    """A track and the sound in step with it, as the motion model learns from them."""
    encoder = speech_encoder(speech)
    motion = measured.motion.resampled(MOTION_FPS)
    at_frame = np.minimum(np.arange(len(motion)) * measured.motion.fps / MOTION_FPS, len(measured) - 1)
    # A frame between two of the video's counts only when both show the face.
    low, high = np.floor(at_frame).astype(int), np.ceil(at_frame).astype(int)
    valid = measured.valid[low] & measured.valid[high]
    silence = encoder(Sound(np.zeros(2 * sound.rate_hz, np.float32), sound.rate_hz)).values
    share = (at_frame - low)[:, None].astype(np.float32)
    arkit = measured.arkit[low] * (1 - share) + measured.arkit[high] * share
    return MotionExample(encoder(sound), motion, valid, speaker, silence[len(silence) // 2], arkit)


def prepare_look(video: Path, measured: FaceTrack, taught: int, folder: Path, settings: EnrollSettings) -> None:
    """Write what a person's look is learned from into the folder: `LOOK_SOURCES` of the profile.

    Args:
        measured: the whole track of the video. taught: frames, from the start, to learn from.
    """
    model = FaceModel.parse(settings.face_model).load()
    frames = shown_progress(read_frames(video, measured.motion.fps), "Keeping the video's frames", len(measured))
    if settings.profile == FOOTAGE:
        some: list[np.ndarray] = []
        breaks = find_breaks(sampled(islice(read_frames(video, measured.motion.fps), taught), taught, some))
        still = () if breaks[1:].any() else some  # another scene has another wall
        write_footage(folder, frames, measured[:taught], model, breaks, still=still)
    else:
        prepare_person_video(frames, measured, settings.size_px, folder, model)


@called("Learning how the person looks")
def learn_look(
    measured: FaceTrack, taught: int, folder: Path, settings: EnrollSettings, config: Any, duration: Duration,
    device: str,
) -> dict[str, float]:
    """Train what paints a person from what `prepare_look` wrote; writes its files and a preview into the folder.

    Args:
        config: of the profile.

    Returns:
        What was measured.
    """
    if settings.profile != FOOTAGE:
        return learn_video(measured, taught, folder, settings, config, duration, device)
    painter, steps = train_on_footage(
        read_footage(folder, mp478.load()), config, working_px(settings.size_px), folder / "video_run",
        duration, settings.seed, device,
    )
    save_network(folder, painter.generator, painter.config)
    middle = int(np.flatnonzero(measured.valid)[measured.valid.sum() // 2])
    write_preview(next(painter.frames(measured.motion[middle : middle + 1])), folder / PREVIEW)
    found = {"learned_mouth_psnr_db": round(mouth_psnr_db(painter), 2), "video_steps": float(steps)}
    found |= sharpness(painter, measured)
    for line in advice(found):
        log.warning("%s", line)
    return found


def learn_video(
    measured: FaceTrack, taught: int, folder: Path, settings: EnrollSettings, config: Any, duration: Duration,
    device: str,
) -> dict[str, float]:
    """Train a person's render-to-video from the crops in the folder and write its files and a preview there.

    Args:
        measured: the whole track. taught: frames, from the start, to learn from; the rest is measured on.
        folder: holds the crops, and gets the run and the results.
        config: of the profile.

    Returns:
        What was measured: PSNR in dB over the face, and of the bare layers beside it.
    """
    model = FaceModel.parse(settings.face_model).load()
    video = load_person_video(folder, measured, model, array_rasterizer(settings.renderer))
    renderer, result = train_person(
        video[:taught], config, folder / "video_run", duration, settings.seed, device, settings.profile
    )
    renderer.save(folder)
    middle = int(np.flatnonzero(measured.valid)[measured.valid.sum() // 2])
    write_preview(next(renderer.frames(measured.motion[middle : middle + 1])), folder / PREVIEW)
    held = video[taught:] if taught < len(measured) else video
    within_s = MEASURED_S if settings.steps is None and settings.epochs is None else inf
    name = "held_out_face_psnr_db" if taught < len(measured) else "learned_face_psnr_db"
    return {name: round(face_psnr_db(renderer, held, within_s), 2), "video_steps": float(result.steps)}


def face_psnr_db(renderer: PersonRenderer, video: PersonVideo, within_s: float = inf) -> float:
    """PSNR over the drawn face's pixels of frames painted from their own motion, against the video's.

    within_s: after which no more frames are measured, but for the first few.
    """
    chosen = np.flatnonzero(video.track.valid)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), MEASURED_FRAMES)).astype(int)]
    errors: list[float] = []
    started_s = time.monotonic()
    for index in map(int, np.random.default_rng(0).permutation(chosen)):
        if len(errors) >= LEAST_MEASURED and time.monotonic() - started_s > within_s:
            break
        painted = next(renderer.crops(video.track.motion[index : index + 1])).astype(np.float64)
        errors.append(np.square(painted - video.crops[index])[video.draw(index).face].mean())
    return float(10 * np.log10(255**2 / max(float(np.mean(errors)), 1e-9)))


def write_preview(frame_rgb: np.ndarray, path: Path) -> None:
    """A JPEG of a frame, at most 512 pixels on its longer side."""
    zoom = min(1.0, PREVIEW_PX / max(frame_rgb.shape[:2]))
    size = (max(1, round(frame_rgb.shape[1] * zoom)), max(1, round(frame_rgb.shape[0] * zoom)))
    small = cv2.resize(frame_rgb, size, interpolation=cv2.INTER_AREA)
    done, content = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.tobytes())

