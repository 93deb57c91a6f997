"""What a speech encoder is, and encoding in pieces so that memory does not grow with the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import soxr

from face_model.tracks import SPEECH_RATE_HZ, Sound, SpeechFeatures
from foundation.errors import InputError
from foundation.files import content_digest

if TYPE_CHECKING:
    from torch import Tensor

CHUNK_S = 10.0


@runtime_checkable
class SpeechEncoder(Protocol):
    """Sound to a sequence of vectors, row k about the instant k / rate_hz.

    name: what `SpeechFeatures.extractor` will say; `speech_encoder(name)` makes the encoder again. rate_hz: rows a
    second. dimension: length of a row.
    """

    @property
    def name(self) -> str: ...
    @property
    def rate_hz(self) -> float: ...
    @property
    def dimension(self) -> int: ...

    def encode(self, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
        """Encode consecutive pieces of 16 kHz sound as if they were one: `max(1, round(N * rate_hz / 16000))` rows.

        Raises:
            InputError: not one sample.
        """
        ...

    def __call__(self, sound: Sound) -> SpeechFeatures:
        """Encode a sound.

        Raises:
            InputError: not one sample.
        """
        ...


Newest = Callable[[np.ndarray, int, int], np.ndarray]
"""The last rows `[count, F]` of a sound of which the samples `[N]` from `first_sample` on, a whole number of rows, are
left.
"""


class StreamEncoder:
    """The part that encoders share: give `name`, `rate_hz`, `dimension` and `encode`, get the rest."""

    name: str
    rate_hz: float
    dimension: int

    def encode(self, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
        raise NotImplementedError

    def __call__(self, sound: Sound) -> SpeechFeatures:
        samples = np.asarray(sound.samples, np.float32)
        if sound.rate_hz != SPEECH_RATE_HZ:
            samples = soxr.resample(samples, sound.rate_hz, SPEECH_RATE_HZ)
        size = round(CHUNK_S * SPEECH_RATE_HZ)
        return self.encode(samples[start : start + size] for start in range(0, len(samples), size))


class WindowedEncoder(StreamEncoder):
    """An encoder whose rows depend on near sound only: give `rows` and `context_s` instead of `encode`.

    context_s: a row of `rows` depends on no sound further away than this. lips_closed, silent: see
    `SpeechFeatures`.
    """

    context_s: float
    lips_closed: int | None = None
    silent: int | None = None

    def rows(self, samples: np.ndarray) -> np.ndarray:
        """Rows `[max(1, round(N * rate_hz / 16000)), F]` of 16 kHz samples `[N]`; outside of them is silence."""
        raise NotImplementedError

    def newest_rows(self, samples: np.ndarray, count: int) -> np.ndarray:
        """The last `count` rows of `rows(samples)`; an encoder that needs less work for them says how."""
        return self.rows(samples)[-count:]

    def following(self) -> Newest:
        """`newest_rows` of one sound that grows, asked again and again; one that remembers what does not change."""
        return lambda samples, first_sample, count: self.newest_rows(samples, count)

    def finish(self, rows: np.ndarray) -> np.ndarray:
        """What needs the whole clip (a normalisation, say): all rows `[T, F]` in, the encoder's values `[T, F]` out."""
        return rows

    def encode(self, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
        return encode_pieces(self, pieces)


def fingerprint(weights: Mapping[str, Tensor], leading: int | None = None) -> str:
    """Eight hexadecimal digits that tell weights apart, in whatever precision a file keeps the same numbers.

    leading: how many numbers of each tensor are looked at, where all would take long; None for all.
    """
    looked_at = {name: value.flatten()[:leading].float().cpu().numpy() for name, value in weights.items()}
    return content_digest(looked_at)[:8]


def row_count(samples: int, rate_hz: float) -> int:
    """Rows that stand for so many 16 kHz samples: at least one."""
    return max(1, int(samples * rate_hz / SPEECH_RATE_HZ + 0.5))  # half a row counts, wherever a sound was cut


def whole_rows(rate_hz: float) -> tuple[int, int]:
    """(rows, 16 kHz samples) of the smallest stretch that is a whole number of both."""
    samples_a_row = Fraction(SPEECH_RATE_HZ) / Fraction(rate_hz).limit_denominator(1001)
    return samples_a_row.denominator, samples_a_row.numerator


def no_sample() -> InputError:
    return InputError("sound without a sample", "at least one sample of speech")


def encode_pieces(encoder: WindowedEncoder, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
    """Encode consecutive pieces of 16 kHz sound as if they were one: each is seen with its neighbours' context.

    Cuts fall where a row falls on a whole sample, so rows come out as they would in one go.

    Raises:
        InputError: not one sample.
    """
    unit_rows, unit = whole_rows(encoder.rate_hz)
    context_units = int(np.ceil(encoder.context_s * SPEECH_RATE_HZ / unit)) + 1
    context = context_units * unit
    values: list[np.ndarray] = []
    kept, before, total = np.zeros(0, np.float32), 0, 0  # before: samples at the start of kept that are only context

    for piece in pieces:
        kept, total = np.concatenate([kept, piece]), total + len(piece)
        ready = (len(kept) - before - context) // unit  # units that have their context on the right
        if ready <= 0:
            continue
        first = before // unit * unit_rows
        values.append(encoder.rows(kept[: before + ready * unit + context])[first : first + ready * unit_rows])
        start = max(0, before + ready * unit - context)
        kept, before = kept[start:], before + ready * unit - start
    if total == 0:
        raise no_sample()
    rest = row_count(total, encoder.rate_hz) - sum(map(len, values))
    if rest > 0:
        first = before // unit * unit_rows
        values.append(encoder.rows(kept)[first : first + rest])
    rows = np.concatenate(values)
    assert len(rows) == row_count(total, encoder.rate_hz)
    finished = encoder.finish(rows).astype(np.float32)
    seconds, heard = total / SPEECH_RATE_HZ, (encoder.lips_closed, encoder.silent)
    return SpeechFeatures(finished, float(encoder.rate_hz), encoder.name, seconds, *heard)


def encode_file(encoder: SpeechEncoder, path: Path | str) -> SpeechFeatures:
    """Encode the sound of any file, read in a stream; the same as encoding it in one piece.

    A file that is silent throughout is heard as silence, not as the noise in it, which encoders bring to one level.

    Raises:
        InputError: what `preprocessing.media.read_sound` raises.
    """
    from preprocessing.media import stream_sound

    return encode_again(encoder, lambda: stream_sound(path, SPEECH_RATE_HZ, CHUNK_S))


def encode_again(encoder: SpeechEncoder, sound: Callable[[], Iterable[np.ndarray]]) -> SpeechFeatures:
    """`encode_file` of a sound that can be heard twice.

    Args:
        sound: begins it anew: consecutive pieces of 16 kHz sound, of ten seconds but for the last.
    """
    from preprocessing.media import is_silent

    silent = all(is_silent(Sound(piece)) for piece in sound())
    return encoder.encode((np.zeros_like(piece) for piece in sound()) if silent else sound())
