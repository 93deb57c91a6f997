"""wav2vec2 (Baevski et al. 2020) as speech features: its letters in DeepSpeech's order, or its hidden states."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from face_model.tracks import SpeechFeatures, resample
from foundation.errors import InputError
from preprocessing.speech.encoder import StreamEncoder, row_count
from preprocessing.speech.symbols import SYMBOL_RATE_HZ, SYMBOLS
from preprocessing.speech.wav2vec2.letters import letters_of
from preprocessing.speech.wav2vec2.network import CONTEXT_S, CORE_S, load_network

log = logging.getLogger(__name__)


@cache
def _tell(folder: Path, lacking: str) -> None:
    """Once, not for each clip."""
    if lacking:
        log.warning("%s lacks the symbols %s: they get the lowest score of each row", folder, lacking)


class Wav2vec2Letters(StreamEncoder):
    """16 kHz sound to the scores of DeepSpeech's 29 symbols, 30 times a second, from a fine-tuned wav2vec2.

    The same symbols in the same order at the same rate as `DeepSpeech` gives, and scores (not probabilities) too; not
    the same numbers: a motion model is trained for one of the two. What becomes of tokens that are none of the 29, and
    of symbols that the model lacks, is told at `Letters`.

    Args:
        folder: a model with letters, as transformers saves it. device: `cpu` or `cuda`.
        core_s, context_s: sound longer than `core_s` and twice `context_s` is seen in windows that keep the one and
            see the other on either side. All that is normalised over the clip stays so.

    Raises:
        InputError: transformers is not installed, or no such model in the folder.
    """

    def __init__(self, folder: Path, device: str = "cpu", core_s: int = CORE_S, context_s: int = CONTEXT_S) -> None:
        self.network = load_network(folder, True, None, device)
        self.letters = letters_of(folder, self.network.config.vocab_size)
        _tell(folder, " ".join(self.letters.lacking))
        self.core_s, self.context_s = core_s, context_s
        self.name = f"wav2vec2?model={self.network.fingerprint}"
        self.rate_hz, self.dimension = SYMBOL_RATE_HZ, len(SYMBOLS)

    def encode(self, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
        """See `SpeechEncoder`."""
        rows = self.network.run(pieces, lambda model, samples: model(samples).logits, self.core_s, self.context_s)
        count = row_count(rows.samples, self.rate_hz)
        values = resample(self.letters(rows.values), self.network.rate_hz, self.rate_hz, count)
        return SpeechFeatures(values, self.rate_hz, self.name, rows.duration_s)


class Wav2vec2Hidden(StreamEncoder):
    """16 kHz sound to the hidden states of a wav2vec2.

    Args:
        folder: a model as transformers saves it; one with letters will do too.
        layer: 0 is what enters the transformer, n what its n-th layer gives; -1 the last.
        rate_hz: rows a second; below the network's own (50) its convolutions' output is interpolated before the
            transformer, as EMOTE (Danecek et al. 2023) has it at 25.
        device, core_s, context_s: see `Wav2vec2Letters`.

    Raises:
        InputError: transformers is not installed, no such model in the folder, no such layer, or no such rate.
    """

    def __init__(
        self, folder: Path, layer: int = -1, rate_hz: float | None = None, device: str = "cpu", core_s: int = CORE_S,
        context_s: int = CONTEXT_S,
    ) -> None:
        self.network = load_network(folder, False, rate_hz, device)
        layers = self.network.config.num_hidden_layers
        if not -layers - 1 <= layer <= layers:
            raise InputError(f"layer {layer} of {folder}", f"0 to {layers}, or -1 for the last")
        self.layer = layer % (layers + 1)
        self.core_s, self.context_s = core_s, context_s
        self.rate_hz, self.dimension = self.network.rate_hz, int(self.network.config.hidden_size)
        options = f"layer={self.layer}&rate_hz={self.rate_hz:g}&model={self.network.fingerprint}"
        self.name = f"wav2vec2_hidden?{options}"

    def encode(self, pieces: Iterable[np.ndarray]) -> SpeechFeatures:
        """See `SpeechEncoder`."""

        def read(model: Any, samples: Tensor) -> Tensor:
            return model(samples, output_hidden_states=True).hidden_states[self.layer]

        rows = self.network.run(pieces, read, self.core_s, self.context_s)
        return SpeechFeatures(rows.values, self.rate_hz, self.name, rows.duration_s)
