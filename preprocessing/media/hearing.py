"""Which of a file's sounds is meant, which of its channels carry it, and at what scale: found out once a file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from foundation.confined import confined
from foundation.errors import InputError
from preprocessing.media.once import per_file
from preprocessing.media.source import decoded, open_media, sound_streams

SILENT_DBFS = -60.0
WINDOW_S = 0.05  # in which levels are measured
ENOUGH_S = 60.0  # of sound that is not silent, to judge a stream by
CANCELS_DB = 10.0  # by so much weaker than a channel, the mix of both has lost it
FULL_SCALES = (2.0**15, 2.0**23, 2.0**31)  # of whole numbers kept as floats
OVER_SCALE = 16.0  # louder floats are no hot recording: they are on another scale


@dataclass(frozen=True)
class Hearing:
    """What to hear of a file.

    stream: index among its sound streams. channel: the one of two that stands for both; None for their mean.
    scale: what samples are divided by. notes: what was chosen, for people.
    """

    stream: int
    channel: int | None = None
    scale: float = 1.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Levels:
    """Of a stream, in its windows that are not silent. loudest: RMS of the loudest window, any channel, 0-1.
    channels: power of each `[C]`; mix: of their mean. scale: see `Hearing`.
    """

    loudest: float
    channels: np.ndarray
    mix: float
    scale: float

    @property
    def silent(self) -> bool:
        return self.loudest < 10 ** (SILENT_DBFS / 20)

    @property
    def lone_channel(self) -> int | None:
        """The louder channel, where the mix has lost it."""
        best = int(np.argmax(self.channels))
        lost = self.mix < self.channels[best] * 10 ** (-CANCELS_DB / 10)
        return best if len(self.channels) > 1 and lost and self.channels[best] > 0 else None


def as_float(
    frames: Iterator[av.frame.Frame], rate_hz: int, path: Path | str
) -> Iterator[tuple[float | None, np.ndarray]]:
    """(presentation time, samples `[C, n]` float32 at rate_hz); one channel stays one, more become two.

    Raises:
        InputError: sound at a rate, or in channels, that nothing can be made of.
    """
    resampler, known = None, None
    for frame in frames:
        assert isinstance(frame, av.AudioFrame)
        kind = (frame.format.name, frame.layout.name, frame.rate)
        if kind != known:
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            resampler, known = av.AudioResampler(format="fltp", layout=layout, rate=rate_hz), kind
        assert resampler is not None
        try:
            parts = resampler.resample(frame)
        except av.error.FFmpegError as error:
            what = f"{path}: sound of {frame.rate} Hz in {frame.layout.nb_channels} channels"
            raise InputError(what, "channels of a usual layout", "export it again, in stereo") from error
        for part in parts:
            yield frame.time, part.to_ndarray()


def _plain(stream: av.AudioStream) -> bool:
    """One channel of whole numbers, or of floats that a decoder made: there is nothing to find out."""
    context = stream.codec_context
    return context.channels == 1 and not context.name.startswith(("pcm_f32", "pcm_f64"))


def _default(stream: av.AudioStream) -> bool:
    return bool(stream.disposition & Disposition.default)


@per_file
@confined(lambda told: None if told is None else Hearing(**told | {"notes": tuple(told["notes"])}))
def hearing(path: Path) -> Hearing | None:
    """What to hear of a file; None without sound.

    The sound stream that is its default, or the loudest where there is not one default, or it is silent; of two
    channels that cancel each other out, one; floats on another scale, rescaled.

    Raises:
        InputError: no such file, or not media.
    """
    with open_media(path) as container:
        streams = sound_streams(container)
        if not streams:
            return None
        if len(streams) == 1 and _plain(streams[0]):
            return Hearing(0)
        defaults = [k for k, stream in enumerate(streams) if _default(stream)]
    levels = [_levels(path, k) for k in range(len(streams))]
    loudest = max(range(len(streams)), key=lambda k: levels[k].loudest / levels[k].scale)
    chosen = defaults[0] if len(defaults) == 1 and not levels[defaults[0]].silent else loudest
    notes = []
    if len(streams) > 1:
        why = "its default" if defaults == [chosen] else "the loudest"
        notes.append(f"sound track {chosen + 1} of {len(streams)} is used, {why}")
    heard = levels[chosen]
    if heard.lone_channel is not None:
        side = ("left", "right")[heard.lone_channel]
        notes.append(f"its channels cancel each other out: the {side} one is listened to")
    if heard.scale != 1:
        notes.append(f"its samples reach beyond full scale and are divided by {heard.scale:.6g}")
    return Hearing(chosen, heard.lone_channel, heard.scale, tuple(notes))


def _levels(path: Path, index: int) -> _Levels:
    """Measured up to `ENOUGH_S` of sound that is not silent."""
    powers, mixes, tops, kept, heard_s = [], [], [], np.zeros((0, 0), np.float32), 0.0
    with open_media(path) as container:
        stream = sound_streams(container)[index]
        rate_hz = stream.rate or 16_000
        size = max(1, round(WINDOW_S * rate_hz))
        for _, block in as_float(decoded(container, stream, path), rate_hz, path):
            kept = np.concatenate([kept, block], axis=1) if len(kept) == len(block) else block
            count = kept.shape[1] // size
            if count == 0:
                continue
            pieces = kept[:, : count * size].reshape(len(kept), count, size).astype(np.float64)
            pieces, kept = np.where(np.abs(pieces) < 1e30, pieces, 0), kept[:, count * size :]
            powers.append(np.nan_to_num(pieces**2).mean(-1).T)
            mixes.append(np.nan_to_num(pieces.mean(0) ** 2).mean(-1))
            tops.append(np.abs(pieces).max((0, 2)))
            heard_s += WINDOW_S * float((powers[-1].max(-1) > 10 ** (SILENT_DBFS / 10)).sum())
            if heard_s >= ENOUGH_S:
                break
    channels = max((p.shape[1] for p in powers), default=1)
    power = np.concatenate([p for p in powers if p.shape[1] == channels] or [np.zeros((1, channels))])
    mix, top = np.concatenate(mixes or [np.zeros(1)]), np.concatenate(tops or [np.zeros(1)])
    return _Levels(math.sqrt(float(power.max())), power.mean(0), float(mix.mean()), _scale(top))


def _scale(top: np.ndarray) -> float:
    """What samples with these peaks of windows `[W]` are to be divided by."""
    usual, high = np.percentile(top, (90, 99.9))
    if usual <= OVER_SCALE:  # a hot recording is clipped, and single spikes are no scale
        return 1.0
    return next((float(scale) for scale in FULL_SCALES if high <= scale and usual > scale / 2**10), float(high))
