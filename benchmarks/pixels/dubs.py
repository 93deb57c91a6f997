"""Dubs of frames that nothing was learned from: the part that is not learned gets its own words, others', or none.

The product's own road but for one thing: mouths and network are of the first part, so that no frame can be given its
own mouth back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.lips import lips_row, wrong_sound
from benchmarks.pixels.detail import detail
from benchmarks.pixels.held_out import scores
from benchmarks.pixels.person import Measured
from benchmarks.result_files import Measure
from evaluation.clips import Clip
from evaluation.loading import load_clip
from evaluation.metrics.image import psnr_db
from evaluation.metrics.lips import gap_amplitude_ratio, gap_correlation, lip_leak
from face_model.tracks import FaceMotion, Sound
from preprocessing.media import VideoWriter, read_frames, read_sound
from preprocessing.speech import speech_encoder
from render2video.footage.dub import FilmFace, FilmFrame, dubbed
from render2video.footage.painter import FootagePainter
from talking_head.dubbing.film import FILM_CRF
from talking_head.motion.model_registry import load_motion_model
from talking_head.target.card import MOTION, Target

PART = "dub of held-out frames"
PARTS = "lower face", "mouth", "whole frame"
SYSTEM, ENCODED = "footage", "real video, encoded as films are"
CHANGED_LEVELS, CHANGED_REACH = 1, 9  # a pixel is repainted where it differs by more, and for so many pixels around it


def dubs(person: Measured, target: Target, other: Path) -> list[Measure]:
    """Own words, somebody else's, and silence."""
    painter = person.painter(target)
    steady = person.steady(painter)
    own = spoken(person, target, person.sound)
    found = own_words(person, painter, steady, own)
    wrong = spoken(person, target, wrong_sound(person.sound, read_sound(other)))
    film = Dub(person, painter, steady, "wrong").filmed(wrong)
    collapsed = gap_correlation(film.head, tail(person).head).at_zero
    found.append(_lip_measure("lip-gap correlation, somebody else's sound", collapsed))
    quiet = Sound(np.zeros_like(person.sound.samples), person.sound.rate_hz)
    film = Dub(person, painter, steady, "silent").filmed(spoken(person, target, quiet))
    silence = Sound(np.zeros(round(film.duration_s * quiet.rate_hz), np.float32), quiet.rate_hz)
    found += encoded(person)
    return [*found, _lip_measure("silence: frames with open lips (LipLeak)", lip_leak(film.head, silence))]


def encoded(person: Measured) -> list[Measure]:
    """What encoding alone does to the real held-out frames: no dub can be nearer to them."""
    path, real = person.out / "encoded_tail.mp4", tail(person)
    film = write_film(person, person.frames, path)
    shown = list(read_frames(path))[: len(person.frames)]
    found = scores(ENCODED, shown, person.frames, lambda k: person.parts(k, *PARTS), "", PART)
    whole = next(m.value for m in found if m.name == "whole frame, dB")
    found.append(Measure(PART, "outside of what is repainted, dB", ENCODED, whole))
    return found + detail(PART, ENCODED, film, real)


def _lip_measure(name: str, value: float) -> Measure:
    return Measure(PART, name, SYSTEM, value)


def spoken(person: Measured, target: Target, sound: Sound) -> FaceMotion:
    """What the person's motion model makes of a sound, at the video's rate, over the whole video."""
    model = load_motion_model(target.folder / MOTION, "cpu")
    features = speech_encoder(model.speech_extractor)(sound)
    return model.synthesize(features, seed=0).resampled(person.fps, len(person.track))


def tail(person: Measured) -> Clip:
    """The real held-out part."""
    chosen = slice(person.learn, len(person.track))
    real = person.clip
    return Clip(
        "real", real.fps, real.landmarks_px[chosen], real.valid[chosen], real.blink[chosen], None,
        lambda: iter(person.frames),
    )


class Dub:
    """A film of the held-out frames with other words.

    Args:
        steady: `[T, 2, 3]` of the held-out frames.
        name: of the film.
    """

    def __init__(self, person: Measured, painter: FootagePainter, steady: np.ndarray, name: str) -> None:
        self.person, self.painter, self.steady = person, painter, steady
        self.film = person.out / f"dub_{name}.mp4"
        self.made: list[np.ndarray] = []

    def filmed(self, said: FaceMotion) -> Clip:
        """Paint and write it as the product does, and look at it again. `made` holds the frames before encoding."""
        person = self.person
        face = FilmFace(self.painter, person.held_out, self.steady)
        words = said[person.learn :].expression

        def frames() -> Iterator[FilmFrame]:
            for k, picture in enumerate(person.frames):
                yield FilmFrame(k / person.fps, k, picture, words[min(k, len(words) - 1)], 1.0)

        self.made = [frame for _, frame in dubbed(face, frames())]
        return write_film(person, self.made, self.film)


def write_film(person: Measured, frames: list[np.ndarray], path: Path) -> Clip:
    """Write frames as dubs are written, but without the visible label, and look at them again."""
    camera = person.track.camera
    with VideoWriter(path, person.fps, camera.width_px, camera.height_px, crf=FILM_CRF) as writer:
        for frame in frames:
            writer.write(frame)
    return load_clip(path, cache=person.cache)


def own_words(person: Measured, painter: FootagePainter, steady: np.ndarray, said: FaceMotion) -> list[Measure]:
    """Pictures, detail and lips of the dub with its own sound."""
    dub, real = Dub(person, painter, steady, "own"), tail(person)
    film = dub.filmed(said)
    shown = list(read_frames(dub.film))[: len(person.frames)]
    found = scores(SYSTEM, shown, person.frames, lambda k: person.parts(k, *PARTS), "", PART)
    outside, share = outside_db(shown, person.frames, dub.made)
    rows = {
        "outside of what is repainted, dB": outside, "repainted, % of the frame": 100 * share,
        "lip-gap correlation with the truth": gap_correlation(film.head, real.head).at_zero,
        "lip-gap amplitude, 1 is the truth's": gap_amplitude_ratio(film.head, real.head),
    }
    held = lips_row("of the motion alone", said[person.learn :], person.held_out)
    rows["lip-gap correlation of the motion alone"] = held["lip-gap correlation, of the motion alone"]
    found += [Measure(PART, name, SYSTEM, value) for name, value in rows.items()]
    write_strip(person.frames, shown, person.out / "dub_own.png")
    return found + detail(PART, SYSTEM, film, real)


def outside_db(shown: list[np.ndarray], real: list[np.ndarray], made: list[np.ndarray]) -> tuple[float, float]:
    """PSNR, after encoding, of what was not repainted, and the share that was."""
    values, shares = [], []
    for film, truth, painted in zip(shown, real, made, strict=True):
        changed = np.abs(painted.astype(int) - truth).max(-1) > CHANGED_LEVELS
        reach = cv2.dilate(changed.astype(np.uint8), np.ones((CHANGED_REACH, CHANGED_REACH))) > 0
        values.append(psnr_db(film, truth, ~reach))
        shares.append(reach.mean())
    return float(np.mean(values)), float(np.mean(shares))


def write_strip(real: list[np.ndarray], made: list[np.ndarray], path: Path, columns: int = 6) -> None:
    """The real frames above, the dubbed ones below."""
    chosen = np.linspace(0, len(real) - 1, columns).round().astype(int)
    rows = [np.concatenate([frames[k] for k in chosen], axis=1) for frames in (real, made)]
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])
