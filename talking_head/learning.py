"""The two things learned of a person: how they move when they speak, and what they look like."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from face_model import mp478
from face_model.tracks import MOTION_FPS, FaceTrack, Sound
from facial_gan.config import FacialGanConfig
from facial_gan.data import MotionExample
from facial_gan.train import fine_tune
from foundation.errors import InputError
from foundation.files import atomic_path
from foundation.shipped import shipped
from preprocessing.speech import speech_encoder
from render2video.person import PersonRenderer, train_person
from render2video.person_video import PersonVideo, load_person_video
from render2video.profiles import create_profile
from talking_head.settings import EnrolSettings
from talking_head.target import MOTION, PREVIEW
from training import Duration

MEASURED_FRAMES = 40
PREVIEW_PX = 512


def learn_motion(
    taught: FaceTrack, sound: Sound, folder: Path, settings: EnrolSettings, duration: Duration, device: str
) -> dict[str, float]:
    """Fine-tune the motion model to a person and write its file into the folder.

    Args:
        taught: the frames to learn from. sound: that goes with them, in step.
        folder: gets the run and the result.
        duration: the steps, or the time, to train.
    """
    example = motion_example(taught, sound, settings.speech)
    config = FacialGanConfig(seed=settings.seed)
    if duration.steps is not None:
        exactly = {"epochs": 0, "min_steps": duration.steps}
        config.fine_tune, config.from_scratch = (
            replace(schedule, **exactly) for schedule in (config.fine_tune, config.from_scratch)
        )
    made = fine_tune(
        example, general_weights(settings.speech), config, folder / "motion_run", device, budget_s=duration.budget_s
    )
    shutil.copyfile(made, folder / MOTION)
    return {}


def motion_example(measured: FaceTrack, sound: Sound, speech: str, speaker: str = "") -> MotionExample:
    """A track and the sound in step with it, as the motion model learns from them."""
    encoder = speech_encoder(speech)
    motion = measured.motion.resampled(MOTION_FPS)
    at_frame = np.minimum(np.arange(len(motion)) * measured.motion.fps / MOTION_FPS, len(measured) - 1)
    # A frame between two of the video's counts only when both show the face.
    valid = measured.valid[np.floor(at_frame).astype(int)] & measured.valid[np.ceil(at_frame).astype(int)]
    silence = encoder(Sound(np.zeros(2 * sound.rate_hz, np.float32), sound.rate_hz)).values
    return MotionExample(encoder(sound), motion, valid, speaker, silence[len(silence) // 2])


def general_weights(speech: str) -> Path | None:
    """The shipped motion model to start from, for a speech encoder; None when there is none."""
    try:
        return shipped(f"facial_gan/{speech}.safetensors")
    except InputError:
        return None


def learn_video(
    measured: FaceTrack, taught: int, folder: Path, settings: EnrolSettings, duration: Duration, device: str
) -> dict[str, float]:
    """Train a person's render-to-video from the crops in the folder and write its files and a preview there.

    Args:
        measured: the whole track. taught: frames, from the start, to learn from; the rest is measured on.
        folder: holds the crops, and gets the run and the results.

    Returns:
        What was measured: PSNR in dB over the face, and of the bare layers beside it.
    """
    video = load_person_video(folder, measured, mp478.load())
    config = create_profile(settings.profile).config_type()
    renderer, result = train_person(
        video[:taught], config, folder / "video_run", duration, settings.seed, device, settings.profile
    )
    renderer.save(folder)
    middle = int(np.flatnonzero(measured.valid)[measured.valid.sum() // 2])
    write_preview(next(renderer.frames(measured.motion[middle : middle + 1])), folder / PREVIEW)
    held = video[taught:] if taught < len(measured) else video
    name = "held_out_face_psnr_db" if taught < len(measured) else "learned_face_psnr_db"
    return {name: round(face_psnr_db(renderer, held), 2), "video_steps": float(result.steps)}


def face_psnr_db(renderer: PersonRenderer, video: PersonVideo) -> float:
    """PSNR over the drawn face's pixels of frames painted from their own motion, against the video's."""
    chosen = np.flatnonzero(video.track.valid)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), MEASURED_FRAMES)).astype(int)]
    errors = []
    for index in map(int, chosen):
        painted = next(renderer.crops(video.track.motion[index : index + 1])).astype(np.float64)
        errors.append(np.square(painted - video.crops[index])[video.draw(index).face].mean())
    return float(10 * np.log10(255**2 / max(np.mean(errors), 1e-9)))


def write_preview(frame_rgb: np.ndarray, path: Path) -> None:
    """A JPEG of a frame, at most 512 pixels on its longer side."""
    zoom = min(1.0, PREVIEW_PX / max(frame_rgb.shape[:2]))
    size = (max(1, round(frame_rgb.shape[1] * zoom)), max(1, round(frame_rgb.shape[0] * zoom)))
    small = cv2.resize(frame_rgb, size, interpolation=cv2.INTER_AREA)
    done, content = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.tobytes())

