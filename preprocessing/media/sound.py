"""Sound of any file, on the clock of its pictures."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soxr
from av.container import InputContainer

from face_model.tracks import SPEECH_RATE_HZ, Sound
from foundation.confined import confined
from foundation.errors import InputError
from preprocessing.media.hearing import SILENT_DBFS, WINDOW_S, Hearing, as_float, hearing
from preprocessing.media.once import facts_of, per_file, warn_once
from preprocessing.media.source import declared_end_s, decoded, open_media, pictures_begin_s, sound_streams
from preprocessing.media.stills import is_still

log = logging.getLogger(__name__)

REMEMBERED_S = 100.0  # of sound, 6 MB; what is longer is decoded anew
_REMEMBERED: dict[tuple[Path, int, int, int], np.ndarray] = {}  # of one file
GAP_S = 0.05  # a hole in the time stamps from here on is filled with silence; smaller ones are rounding


def _exact_end_s(container: InputContainer, stream: av.AudioStream) -> float | None:
    """When the sound of an mp4 or mov ends, to the sample; other containers do not say it so exactly."""
    if "mp4" not in container.format.name or not stream.duration or not stream.time_base:
        return None
    return float((stream.duration + (stream.start_time or 0)) * stream.time_base)


def _heard(path: Path | str) -> Hearing:
    """What to hear of a file; what its owner should know of that is told once.

    Raises:
        InputError: nothing.
    """
    found = hearing(path)
    if found is None:
        what = "is a picture, and has no sound" if is_still(path) else "has no sound"
        raise InputError(f"{path} {what}", "a file with a sound stream", "give one that has")
    for note in found.notes:
        warn_once(f"{path}: {note}")
    return found


def _on_the_clock(path: Path | str) -> Iterator[tuple[int, np.ndarray]]:
    """(rate in Hz, samples `[C, n]` float32), sample 0 at time 0, of the chosen stream, at its right scale.

    Late starts and holes become silence, early starts are cut, and so is what an encoder filled its last block with.
    """
    first_s, heard = pictures_begin_s(path), _heard(path)
    with open_media(path) as container:
        stream = sound_streams(container)[heard.stream]
        rate_hz, end_s = stream.rate or SPEECH_RATE_HZ, declared_end_s(container, stream)
        origin_s = first_s
        exact_end_s = _exact_end_s(container, stream)
        limit = (end_s + 1.0) * rate_hz if end_s else math.inf
        done, channels = 0, None
        for time_s, samples in as_float(decoded(container, stream, path), rate_hz, path):
            samples = samples if heard.scale == 1 else samples / np.float32(heard.scale)
            channels = channels or len(samples)
            if len(samples) != channels:
                samples = np.repeat(samples.mean(0, keepdims=True), channels, axis=0)
            if time_s is not None:
                origin_s = time_s if origin_s is None else origin_s
                hole = round((time_s - origin_s) * rate_hz) - done
                if hole < 0 and done == 0:
                    samples = samples[:, -hole:]
                    if samples.shape[1] == 0:
                        continue
                elif (done == 0 or hole > GAP_S * rate_hz) and done + hole <= limit:
                    for start in range(0, hole, rate_hz):
                        yield rate_hz, np.zeros((channels, min(rate_hz, hole - start)), np.float32)
                    done += max(hole, 0)
            if exact_end_s is not None:
                samples = samples[:, : max(0, round((exact_end_s - (origin_s or 0.0)) * rate_hz) - done)]
            done += samples.shape[1]
            yield rate_hz, samples
    if end_s and 0 < done < (end_s - 0.5) * rate_hz:
        log.warning("%s: its sound ends after %.2f of the promised %.2f s; cut short?", path, done / rate_hz, end_s)


def _finite(blocks: Iterator[tuple[int, np.ndarray]], path: Path | str) -> Iterator[tuple[int, np.ndarray]]:
    """The same blocks with NaN and infinities silenced.

    Raises:
        InputError: not one sample came, or not one of them was a number.
    """
    total = broken = 0
    for rate_hz, samples in blocks:
        bad = ~np.isfinite(samples)
        total, broken = total + samples.size, broken + int(bad.sum())
        yield rate_hz, np.where(bad, np.float32(0), samples) if bad.any() else samples
    if total == broken:
        what = "holds no sound samples" if total == 0 else "holds only NaN as sound"
        raise InputError(f"{path} {what}", "a file with sound in it", "record or export it again")
    if broken:
        log.warning("%s: %d of %d sound samples were not numbers and are taken as silence", path, broken, total)


@confined(tuple)
def sound_blocks(path: Path | str, rate_hz: int | None = None, mono: bool = True) -> Iterator[tuple[int, np.ndarray]]:
    """(rate in Hz, samples `[C, n]` float32 in -1..1) in blocks of any length, sample 0 at time 0.

    Args:
        path: any file with sound.
        rate_hz: samples a second; None for the file's own.
        mono: mix to one channel, or the one that carries the sound; otherwise two stay two.

    Raises:
        InputError: no such file, no sound stream, no samples, or only NaN.
    """
    resampler: soxr.ResampleStream | None = None
    lone = _heard(path).channel if mono else None
    for own_hz, block in _finite(_on_the_clock(path), path):
        if mono:
            block = block.mean(0, keepdims=True) if lone is None or len(block) == 1 else block[lone : lone + 1]
        if rate_hz is None or own_hz == rate_hz:
            yield own_hz, np.clip(block, -1, 1)
            continue
        resampler = resampler or soxr.ResampleStream(own_hz, rate_hz, len(block), dtype="float32")
        yield rate_hz, np.clip(resampler.resample_chunk(np.ascontiguousarray(block.T)).reshape(-1, len(block)).T, -1, 1)
    if resampler is not None and rate_hz is not None:
        channels = len(block)
        rest = resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        yield rate_hz, np.clip(rest.reshape(-1, channels).T, -1, 1)


def _mono(path: Path, rate_hz: int) -> Iterator[np.ndarray]:
    """The sound mixed to one channel. What was last heard to its end is remembered, where it is not long: a film hears
    its sound several times, and decodes it once.
    """
    key = (*facts_of(path), rate_hz) if path.is_file() else None
    if key is not None and (known := _REMEMBERED.get(key)) is not None:
        yield known
        return
    blocks: list[np.ndarray] = []
    count = 0
    for _, block in sound_blocks(path, rate_hz):
        yield block[0]
        count += block.shape[1]
        if count <= REMEMBERED_S * rate_hz:
            blocks.append(block[0])
        else:
            blocks.clear()
    if key is not None and 0 < count <= REMEMBERED_S * rate_hz:
        _REMEMBERED.clear()
        _REMEMBERED[key] = np.concatenate(blocks)


def stream_sound(path: Path | str, rate_hz: int = SPEECH_RATE_HZ, chunk_s: float = 10.0) -> Iterator[np.ndarray]:
    """Mono sound `[N]` float32 in -1..1 in pieces of `chunk_s` seconds (the last may be shorter), sample 0 at time 0.

    Raises:
        InputError: no such file, no sound stream, no samples, or only NaN.
    """
    size = max(1, round(chunk_s * rate_hz))
    kept: list[np.ndarray] = []
    count = heard = 0
    for block in _mono(Path(path), rate_hz):
        kept.append(block)
        count, heard = count + len(block), heard + len(block)
        if count >= size:
            joined = np.concatenate(kept)
            whole = count // size * size
            yield from np.split(joined[:whole], whole // size)
            kept, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(kept)
    if not heard:  # so short that nothing is left of it at this rate
        raise InputError(f"the sound of {path} has no samples", "a sound that can be heard", "record it again")


def read_sound(path: Path | str, rate_hz: int = SPEECH_RATE_HZ) -> Sound:
    """The whole sound of any file, mono float32 in -1..1, sample 0 at time 0 (that of the first picture, if any).

    A truncated file gives what decodes, with a warning; samples that are not numbers become silence, with a warning.
    Silence is allowed: ask `is_silent`.

    Raises:
        InputError: no such file, not media, no sound stream, no samples, or only NaN.
    """
    return Sound(np.concatenate(list(stream_sound(path, rate_hz))), rate_hz)


@per_file
@confined()
def nothing_to_hear(path: Path) -> bool:
    """Whether all of a file's sound is silent, as `is_silent` has it.

    Raises:
        InputError: as `stream_sound`.
    """
    return all(is_silent(Sound(piece)) for piece in stream_sound(path))


def is_silent(sound: Sound, level_dbfs: float = SILENT_DBFS) -> bool:
    """True when no 50 ms of the sound reach `level_dbfs` (RMS, full scale 1.0): nothing that could be speech."""
    size = max(1, round(WINDOW_S * sound.rate_hz))
    samples = np.pad(sound.samples, (0, -len(sound.samples) % size)).reshape(-1, size)
    if len(samples) == 0:
        return True
    loudest = float(np.sqrt((samples.astype(np.float64) ** 2).mean(axis=1).max()))
    return loudest < 10 ** (level_dbfs / 20)
