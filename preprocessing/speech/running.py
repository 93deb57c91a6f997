"""Encoding speech that is still being heard: rows as they are known at one instant after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from face_model.tracks import SPEECH_RATE_HZ, HeardSpeech, Sound, SpeechFeatures
from preprocessing.speech.encoder import WindowedEncoder, no_sample, row_count, whole_rows

REVISED_S = 0.8  # rows so near to what was heard last are made anew each time: as far as our networks hear to one side
SILENCE_SAMPLES = 800  # 50 ms, in which what is not silent is heard
MOST_SILENCES = 16  # of different lengths whose rows are remembered
REMEMBERED_S = 30.0  # rows that stand for the whole clip where an encoder's values are relative to it


def heard(encoder: WindowedEncoder, pieces: Iterable[np.ndarray], ends: Iterator[int]) -> Iterator[HeardSpeech]:
    """What an encoder knows of a sound at some of its instants, from what was heard until then and nothing later.

    What comes out does not depend on where the pieces are cut; memory does not grow with the sound. Sound that has not
    yet reached -60 dBFS is heard as silence, as in `encode_file`.

    Args:
        pieces: consecutive, of 16 kHz sound.
        ends: numbers of samples at which to tell, rising without end. The sound's own end is told in any case.

    Raises:
        InputError: not one sample.
    """
    running, total, end = _Running(encoder), 0, next(ends)
    for piece in pieces:
        running.take(piece)
        total += len(piece)
        while end <= total:
            yield running.known(end, ended=False)
            end = next(ends)
    if total == 0:
        raise no_sample()
    yield running.known(total, ended=True)


class _Running:
    """The sound and the rows that are still needed."""

    def __init__(self, encoder: WindowedEncoder) -> None:
        self.encoder, self.newest = encoder, encoder.following()
        self.silent, self.loud, self.looked = True, 0, 0  # loud: until when; looked: for what is
        self.unit_rows, self.unit = whole_rows(encoder.rate_hz)
        self.revised, self.remembered = (round(s * encoder.rate_hz) for s in (REVISED_S, REMEMBERED_S))
        self.samples, self.first_sample = np.zeros(0, np.float32), 0  # first_sample: a whole number of units
        self.nothing = dict[tuple[int, int], np.ndarray]()  # rows of silence by (samples, rows)
        self.rows, self.first_row = np.zeros((0, encoder.dimension), np.float32), 0

    def take(self, piece: np.ndarray) -> None:
        self.samples = np.concatenate([self.samples, np.asarray(piece, np.float32)])

    def known(self, end: int, ended: bool) -> HeardSpeech:
        """What is known once `end` samples have been heard."""
        encoder = self.encoder
        sound = self.samples[: end - self.first_sample]
        count = self.first_sample // self.unit * self.unit_rows + row_count(len(sound), encoder.rate_hz)
        since = max(self.first_row, min(self.first_row + len(self.rows), count - self.revised))
        if count > since:
            silent = self._is_silent(end)
            if silent != self.silent:  # then all of it sounds otherwise
                self.silent, self.newest = silent, encoder.following()
            rows = count - since
            newest = self._of_silence(len(sound), rows) if silent else self.newest(sound, self.first_sample, rows)
            self.rows = np.concatenate([self.rows[: since - self.first_row], newest])
        drop = max(0, len(self.rows) - self.remembered)
        self.rows, self.first_row = self.rows[drop:], self.first_row + drop
        self._forget(end)
        values = encoder.finish(self.rows).astype(np.float32)
        told = encoder.lips_closed, encoder.silent
        seconds = end / SPEECH_RATE_HZ
        return HeardSpeech(
            SpeechFeatures(values, float(encoder.rate_hz), encoder.name, seconds, *told), self.first_row, ended
        )

    def _of_silence(self, samples: int, rows: int) -> np.ndarray:
        """The newest rows of so many samples of nothing; always the same ones after a while."""
        if (samples, rows) not in self.nothing:
            if len(self.nothing) >= MOST_SILENCES:
                self.nothing.clear()
            self.nothing[samples, rows] = self.encoder.newest_rows(np.zeros(samples, np.float32), rows)
        return self.nothing[samples, rows]

    def _is_silent(self, end: int) -> bool:
        """Whether nothing of the sound that is remembered could be speech."""
        from preprocessing.media import is_silent

        if not is_silent(Sound(self.samples[self.looked - self.first_sample : end - self.first_sample])):
            self.loud = end
        self.looked = max(self.looked, end // SILENCE_SAMPLES * SILENCE_SAMPLES)
        return self.loud <= self.first_sample

    def _forget(self, end: int) -> None:
        """Let go of sound that no row to come depends on."""
        needed = end - round((REVISED_S + self.encoder.context_s) * SPEECH_RATE_HZ)
        start = max(self.first_sample, needed // self.unit * self.unit)
        self.samples, self.first_sample = self.samples[start - self.first_sample :], start
