"""The phonetic encoder: sound to viseme posteriors, a bottleneck and a coarse spectrum, fifty times a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from foundation.errors import InputError
from foundation.files import read_tensors
from foundation.shipped import shipped
from preprocessing.speech.encoder import Newest, WindowedEncoder, fingerprint, row_count
from preprocessing.speech.phonetic.features import (
    CAUSAL_MEMORY_S,
    HOP_SAMPLES,
    LEVEL_WINDOW_S,
    LOUDEST_WINDOW_S,
    MEL_BANDS,
    WINDOW_SAMPLES,
    mel_filters,
    mel_power,
    normalise,
)
from preprocessing.speech.phonetic.inventory import PHONES, VISEME_NAMES, VISEME_OF_PHONE
from preprocessing.speech.phonetic.network import BOTTLENECK, RATE_HZ, PhoneticNetwork

WEIGHTS, CAUSAL_WEIGHTS = "phonetic/phonetic.safetensors", "phonetic/phonetic_causal.safetensors"
BANDS, BAND_SCALE = 8, 0.5
"""Of the gain-free spectrum: how wide a mouth opens follows loudness too, which phones do not tell."""
EDGE_FRAMES = 2  # within half a window of where a sound begins
RECEPTIVE_S = 0.8
"""More than the convolutions and the first window reach to one side."""


def load_network(path: Path) -> tuple[PhoneticNetwork, bool]:
    """(network in evaluation mode, whether it is causal) from a weight file.

    Raises:
        InputError: no such file, or weights of another inventory or network.
    """
    tensors, facts = read_tensors(path)
    if facts.get("phones") != list(PHONES):
        raise InputError(f"{path}: weights of another phone inventory", "phonetic encoder weights", "train them again")
    causal = bool(facts.get("causal"))
    network = PhoneticNetwork(causal=causal)
    try:
        network.load_state_dict({name: torch.from_numpy(value).float() for name, value in tensors.items()})
    except RuntimeError as error:
        remedy = "train them again"
        raise InputError(f"{path}: weights of another network", "phonetic encoder weights", remedy) from error
    return network.eval(), causal


def sum_over_visemes(phones: Tensor) -> Tensor:
    """Viseme posteriors `[..., 13]` from phone posteriors `[..., 41]`."""
    members = torch.nn.functional.one_hot(torch.tensor(VISEME_OF_PHONE, device=phones.device))
    return phones @ members.to(phones)


class PhoneticEncoder(WindowedEncoder):
    """16 kHz sound to what the mouth shows of it, in any language.

    A row is the posteriors of the 13 viseme classes (`VISEME_NAMES`, silence first: 1 - row[0] is voice activity), then
    the `BOTTLENECK` numbers in -1..1 from which the network tells phones, then the gain-free log-mel spectrum in
    `BANDS` bands times `BAND_SCALE`. Row k stands for the instant k / 50 s.

    Args:
        path: weights; None for the shipped ones.

    Raises:
        InputError: weights that are missing or not of this network.
    """

    lips_closed, silent = VISEME_NAMES.index("lips_closed"), VISEME_NAMES.index("silence")

    def __init__(self, path: Path | None = None) -> None:
        self.network, self.causal = load_network(shipped(WEIGHTS) if path is None else path)
        kind = "phonetic_causal" if self.causal else "phonetic"
        self.name, self.rate_hz = f"{kind}?model={fingerprint(self.network.state_dict())}", float(RATE_HZ)
        self.dimension = len(VISEME_NAMES) + BOTTLENECK + BANDS
        # The causal means forget slowly: after five times their memory what came before weighs under 1%.
        level_s = 5 * CAUSAL_MEMORY_S if self.causal else LEVEL_WINDOW_S / 2
        self.context_s = level_s + LOUDEST_WINDOW_S + 2 * RECEPTIVE_S
        self._filters = mel_filters()

    def _power(self, samples: np.ndarray, first: int = 0) -> Tensor:
        """Power in mel bands `[1, 2T + 1, 80]` at 100 Hz of 16 kHz samples `[N]`, from frame `first` on."""
        sound = np.pad(samples, (0, max(0, self._frames(samples) * HOP_SAMPLES - len(samples))))
        skipped = max(0, first - EDGE_FRAMES)  # a window at the edge hears silence
        power = mel_power(torch.from_numpy(sound[skipped * HOP_SAMPLES :].astype(np.float32))[None], self._filters)
        return power[:, first - skipped :]

    def _frames(self, samples: np.ndarray) -> int:
        return 2 * row_count(len(samples), self.rate_hz)

    def _log_mel(self, samples: np.ndarray) -> Tensor:
        """Gain-free log-mel `[1, 2T, 80]` at 100 Hz of 16 kHz samples `[N]`."""
        return normalise(self._power(samples), self.causal)[:, : self._frames(samples)]

    @torch.inference_mode()
    def phone_posteriors(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(phone posteriors `[T, 41]`, bottleneck `[T, 32]`) of 16 kHz samples `[N]`, T = max(1, round(N / 320))."""
        logits, bottleneck = self.network(self._log_mel(samples))
        return logits[0].softmax(-1).numpy(), bottleneck[0].numpy()

    def rows(self, samples: np.ndarray) -> np.ndarray:
        """`[T, 13 + 32 + 8]`: viseme posteriors, bottleneck, bands."""
        return self._rows(self._log_mel(samples))

    def newest_rows(self, samples: np.ndarray, count: int) -> np.ndarray:
        """The last `count` of `rows`; the network looks no further back than it can see."""
        return self._newest_of(self._power(samples), self._frames(samples), count)

    def following(self) -> Newest:
        """See `WindowedEncoder.following`: the power of what was heard before does not change."""
        kept, kept_from = torch.zeros(1, 0, MEL_BANDS), 0

        def newest(samples: np.ndarray, first_sample: int, count: int) -> np.ndarray:
            nonlocal kept, kept_from
            first = first_sample // HOP_SAMPLES
            kept, kept_from = kept[:, max(0, first - kept_from) :], first
            power = torch.cat([kept, self._power(samples, kept.shape[1])], dim=1)
            whole = max(0, (len(samples) - WINDOW_SAMPLES // 2) // HOP_SAMPLES + 1)  # windows of which all was heard
            kept = power[:, :whole]
            return self._newest_of(power, self._frames(samples), count)

        return newest

    def _newest_of(self, power: Tensor, frames: int, count: int) -> np.ndarray:
        """The last `count` rows of `rows`, of the power in mel bands."""
        seen = 2 * (count + round(RECEPTIVE_S * self.rate_hz))
        beyond = power.shape[1] - frames
        log_mel = normalise(power, self.causal, seen + beyond)
        return self._rows(log_mel[:, : log_mel.shape[1] - beyond][:, -seen:])[-count:]

    @torch.inference_mode()
    def _rows(self, log_mel: Tensor) -> np.ndarray:
        logits, bottleneck = self.network(log_mel)
        visemes = sum_over_visemes(logits[0].softmax(-1))
        bands = log_mel[0].reshape(len(visemes), 2, BANDS, MEL_BANDS // BANDS)[:, 0].mean(-1) * BAND_SCALE
        return torch.cat([visemes, bottleneck[0], bands], dim=1).numpy()
