"""DeepSpeech's scores of 29 symbols as speech features (FACIAL, section 4.1; VOCA, Cudeiro et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from face_model.tracks import SPEECH_RATE_HZ, SpeechFeatures, resample
from foundation.progress import track
from preprocessing.speech.deepspeech.graph import load_graph
from preprocessing.speech.deepspeech.mfcc import FRONT_END_HZ, ClipNormalizer, stream_cepstra, to_16_bit
from preprocessing.speech.encoder import StreamEncoder, no_sample, row_count
from preprocessing.speech.symbols import SYMBOL_RATE_HZ, SYMBOLS
from preprocessing.speech.windows import windows

CORE_S, CONTEXT_S = 280, 10


class DeepSpeech(StreamEncoder):
    """16 kHz sound to DeepSpeech's scores: space, a-z, apostrophe, blank; not normalised, as the paper uses them.

    The graph gives 50 rows a second, the k-th of the 25 ms from k / 50 s on and, since it listens both ways, of the
    whole clip; they are interpolated linearly to 30. A clip of up to five minutes goes through the graph in one piece,
    as in the published code; a longer one in windows that see ten seconds of each neighbour. The normalisation is the
    whole clip's either way.

    Args:
        path: the frozen graph of DeepSpeech 0.1 (`output_graph.pb`).

    Raises:
        InputError: no such file, not that graph, or TensorFlow is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.graph = load_graph(path)
        self.name, self.rate_hz, self.dimension = "deepspeech", SYMBOL_RATE_HZ, len(SYMBOLS)

    def encode(self, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
        """See `SpeechEncoder`."""
        total = 0

        def counted() -> Iterable[np.ndarray]:
            nonlocal total
            for piece in pieces:
                total += len(piece)
                yield to_16_bit(piece)

        rows = list(stream_cepstra(counted()))
        if total == 0:
            raise no_sample()
        logits = self._logits(np.concatenate(rows))
        values = resample(logits, FRONT_END_HZ, self.rate_hz, row_count(total, self.rate_hz))
        return SpeechFeatures(values, self.rate_hz, self.name, total / SPEECH_RATE_HZ)

    def _logits(self, rows: np.ndarray) -> np.ndarray:
        clip = ClipNormalizer(rows)
        cuts = list(windows(len(rows), round(CORE_S * FRONT_END_HZ), round(CONTEXT_S * FRONT_END_HZ)))
        shown = track(cuts, "DeepSpeech") if len(cuts) > 1 else cuts
        return np.concatenate([self.graph(clip.stacked(cut.first, cut.last))[cut.kept] for cut in shown])
