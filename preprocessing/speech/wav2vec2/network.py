"""A wav2vec2 network from a local folder, run over sound of any length as if over all of it at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor, nn

from face_model.tracks import SPEECH_RATE_HZ
from foundation.errors import InputError
from foundation.progress import track
from preprocessing.speech.encoder import fingerprint, no_sample, row_count
from preprocessing.speech.optional import require
from preprocessing.speech.windows import windows

PACKAGE, EXTRA = "transformers", "wav2vec2"
EXPECTED = "a folder with a wav2vec2 model as transformers saves it (config.json, model.safetensors)"
REMEDY = "fetch a model such as facebook/wav2vec2-base-960h once, on a machine that is online, and give its folder"
CORE_S, CONTEXT_S = 20, 5
TINY_VARIANCE = 1e-7  # as in transformers' feature extractor
NOT_NEEDED = {"masked_spec_embed"}  # weights that only training uses
STATISTICS_FRAMES = 1 << 16  # of the first convolution at a time, while its statistics are taken


class ClipSound:
    """A clip's samples in a temporary file, with their mean and variance, so that memory does not grow with length."""

    def __init__(self, pieces: Iterable[np.ndarray], file: IO[bytes]) -> None:
        self._file, self.count = file, 0
        total, squares = 0.0, 0.0
        for piece in pieces:
            samples = np.ascontiguousarray(piece, np.float32)
            file.write(samples.tobytes())
            exact = samples.astype(np.float64)
            self.count += len(samples)
            total, squares = total + float(exact.sum()), squares + float(exact @ exact)
        if self.count == 0:
            raise no_sample()
        self.mean = total / self.count
        self.variance = max(squares / self.count - self.mean**2, 0.0)

    def between(self, first: int, last: int, normalised: bool) -> Tensor:
        """Samples `[1, last - first]`, of zero mean and unit variance if `normalised`; zeros outside of the clip."""
        inside = slice(min(max(first, 0), self.count), max(min(last, self.count), 0))
        self._file.seek(4 * inside.start)
        samples = np.frombuffer(self._file.read(4 * max(0, inside.stop - inside.start)), np.float32)
        if normalised:
            samples = ((samples - self.mean) / np.sqrt(self.variance + TINY_VARIANCE)).astype(np.float32)
        before = max(0, min(-first, last - first))
        return torch.from_numpy(np.pad(samples, (before, last - first - before - len(samples))))[None]


class _ClipGroupNorm(nn.Module):
    """The group normalisation after the first convolution, over a whole clip though it sees only a window of it."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.moments: tuple[Tensor, Tensor] | None = None  # mean and deviation `[C, 1]`; None: of what it sees

    def forward(self, values: Tensor) -> Tensor:
        if self.moments is None:
            return self.norm(values)
        mean, deviation = self.moments
        return (values - mean) / deviation * self.norm.weight[:, None] + self.norm.bias[:, None]


class _Interpolated(nn.Module):
    """The convolutions' output `[1, C, T]` at another rate, before the transformer (Fan et al. 2022, FaceFormer)."""

    def __init__(self, convolutions: nn.Module, from_hz: int, to_hz: int) -> None:
        super().__init__()
        self.convolutions, self.from_hz, self.to_hz = convolutions, from_hz, to_hz

    def forward(self, samples: Tensor) -> Tensor:
        values = self.convolutions(samples)
        last = values.shape[-1] - 1
        rows = torch.arange(last * self.to_hz // self.from_hz + 1, device=values.device, dtype=torch.float64)
        position = rows * self.from_hz / self.to_hz
        low = position.floor().long()
        weight = (position - low).to(values.dtype)
        return torch.lerp(values[..., low], values[..., (low + 1).clamp(max=last)], weight)


class Network:
    """A wav2vec2 network and the way of it over time.

    Row k is centred on the instant k / rate_hz: half a window of silence is put before the clip.

    Args:
        folder: of the model. ctc: with its letters' scores, else without. rate_hz: of the rows; None for the
            network's own, otherwise its convolutions' output is interpolated. device: `cpu` or `cuda`.

    Raises:
        InputError: transformers is absent, the folder holds no such model, or one that lacks weights.
    """

    def __init__(self, folder: Path, ctc: bool, rate_hz: float | None = None, device: str = "cpu") -> None:
        self.folder, self.device = folder, device
        self.model, self.normalised = _load(folder, "Wav2Vec2ForCTC" if ctc else "Wav2Vec2Model")
        self.config = self.model.config
        self.fingerprint = _fingerprint(self.model)
        kernels, strides = list(self.config.conv_kernel), list(self.config.conv_stride)
        self.hop = prod(strides)
        self.reach = 1 + sum((kernel - 1) * prod(strides[:i]) for i, kernel in enumerate(kernels))
        self.own_rate_hz = SPEECH_RATE_HZ / self.hop
        self.rate_hz = self.own_rate_hz if rate_hz is None else float(rate_hz)
        if not (0 < self.rate_hz <= self.own_rate_hz and self.rate_hz.is_integer() and self.own_rate_hz.is_integer()):
            raise InputError(f"{self.rate_hz:g} rows a second", f"a whole number up to {self.own_rate_hz:g}")
        self._first_conv, self._norm = self._prepare()
        self.model.to(device)

    def _prepare(self) -> tuple[nn.Module, _ClipGroupNorm | None]:
        """The first convolution, and the group normalisation after it when there is one; both made fit for windows."""
        base = self.model.base_model
        layer, norm = base.feature_extractor.conv_layers[0], None
        if self.config.feat_extract_norm == "group":
            norm = layer.layer_norm = _ClipGroupNorm(layer.layer_norm)
        if self.rate_hz != self.own_rate_hz:
            base.feature_extractor = _Interpolated(base.feature_extractor, int(self.own_rate_hz), int(self.rate_hz))
        return layer.conv, norm

    @torch.inference_mode()
    def run(
        self, pieces: Iterable[np.ndarray], read: Callable[[Any, Tensor], Tensor], core_s: int, context_s: int
    ) -> Rows:
        """Rows of a clip.

        Args:
            pieces: of 16 kHz sound. read: makes rows `[1, T, F]` of the model and samples `[1, N]`.
            core_s, context_s: a clip longer than `core_s` and twice `context_s` is seen in windows that keep the one
                and see the other on either side.

        Raises:
            InputError: not one sample.
        """
        with tempfile.TemporaryFile() as file:
            clip = ClipSound(pieces, file)
            rows = row_count(clip.count, self.rate_hz)
            cuts = list(windows(rows, round(core_s * self.rate_hz), round(context_s * self.rate_hz)))
            if self._norm is not None:
                self._norm.moments = self._moments(clip, rows) if len(cuts) > 1 else None
            shown = track(cuts, "wav2vec2") if len(cuts) > 1 else cuts
            parts = [
                read(self.model, self._samples(clip, cut.first, cut.last))[0, cut.kept].cpu().numpy() for cut in shown
            ]
        return Rows(np.concatenate(parts), clip.count)

    def _samples(self, clip: ClipSound, first: int, last: int) -> Tensor:
        """The sound that rows from `first` to `last` are made of."""
        start, final = self._own(first), self._own(last - 1)
        begin = start * self.hop - self.reach // 2
        return clip.between(begin, begin + (final - start) * self.hop + self.reach, self.normalised).to(self.device)

    def _own(self, row: int) -> int:
        """The network's own row at a row's instant, or the next one."""
        return -int(-row * self.own_rate_hz // self.rate_hz)

    def _moments(self, clip: ClipSound, rows: int) -> tuple[Tensor, Tensor]:
        """Mean and deviation `[C, 1]` of the first convolution's output over the whole clip."""
        assert self._norm is not None
        kernel, stride = self.config.conv_kernel[0], self.config.conv_stride[0]
        total = torch.zeros(2, self.config.conv_dim[0], dtype=torch.float64)
        frames = (self._own(rows - 1) * self.hop + self.reach - kernel) // stride + 1
        for first in range(0, frames, STATISTICS_FRAMES):
            count = min(STATISTICS_FRAMES, frames - first)
            begin = first * stride - self.reach // 2
            samples = clip.between(begin, begin + (count - 1) * stride + kernel, self.normalised)
            values = self._first_conv(samples[:, None].to(self.device))[0].double().cpu()
            total += torch.stack([values.sum(dim=1), values.square().sum(dim=1)])
        mean, square = total / frames
        deviation = (square - mean**2 + self._norm.norm.eps).sqrt()
        return mean.float()[:, None].to(self.device), deviation.float()[:, None].to(self.device)


@dataclass(frozen=True)
class Rows:
    """What became of a clip. values: `[T, F]`. samples: how many 16 kHz samples it had."""

    values: np.ndarray
    samples: int

    @property
    def duration_s(self) -> float:
        return self.samples / SPEECH_RATE_HZ


def load_network(folder: Path, ctc: bool, rate_hz: float | None, device: str) -> Network:
    """The network in a folder; the one used last is kept.

    Raises:
        InputError: what `Network` raises.
    """
    if not (folder / "config.json").is_file():
        received = f"{folder} has no config.json" if folder.is_dir() else f"{folder} is not a folder"
        raise InputError(received, EXPECTED, REMEDY)
    changed_ns = max(path.stat().st_mtime_ns for path in folder.iterdir())
    return _kept(folder.resolve(), ctc, rate_hz, device, changed_ns)


@lru_cache(maxsize=1)
def _kept(folder: Path, ctc: bool, rate_hz: float | None, device: str, _changed_ns: int) -> Network:
    return Network(folder, ctc, rate_hz, device)


def _load(folder: Path, kind: str) -> tuple[Any, bool]:
    """(model in evaluation mode, whether it wants sound of zero mean and unit variance)."""
    transformers: Any = require(PACKAGE, EXTRA)
    try:
        with _quietly(transformers):
            model, report = _read(transformers, folder, kind)
            extractor = _extractor(transformers, folder)
    except InputError:
        raise
    except Exception as error:  # transformers tells a bad folder by OSError, ValueError, RuntimeError, SafetensorError
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder} cannot be loaded ({reason})", EXPECTED, REMEDY) from error
    missing = sorted(name for name in report["missing_keys"] if name.split(".")[-1] not in NOT_NEEDED)
    if missing:
        what = "a model fine-tuned to letters" if any(name.startswith("lm_head") for name in missing) else "all weights"
        raise InputError(f"{folder} lacks {', '.join(missing[:3])}", what, REMEDY)
    if extractor.sampling_rate != SPEECH_RATE_HZ:
        raise InputError(f"{folder} is for {extractor.sampling_rate} Hz", f"a model for {SPEECH_RATE_HZ} Hz", REMEDY)
    return model.eval().requires_grad_(False), bool(extractor.do_normalize)


def _read(transformers: Any, folder: Path, kind: str) -> tuple[Any, dict[str, Any]]:
    """(model, transformers' report of which weights the folder lacked)."""
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    if config.model_type != "wav2vec2" or getattr(config, "add_adapter", False):
        raise InputError(f"{folder} holds a {config.model_type} model with other layers", EXPECTED, REMEDY)
    return getattr(transformers, kind).from_pretrained(
        folder, config=config, local_files_only=True, output_loading_info=True, dtype=torch.float32
    )


@contextmanager
def _quietly(transformers: Any) -> Iterator[None]:
    """Without transformers' own bars and reports: what matters of them is told by `_load`."""
    logging = transformers.utils.logging
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def _extractor(transformers: Any, folder: Path) -> Any:
    """The folder's feature extractor; transformers' own defaults when the folder has none."""
    kind = transformers.Wav2Vec2FeatureExtractor
    if not (folder / "preprocessor_config.json").is_file():
        return kind()
    return kind.from_pretrained(folder, local_files_only=True)


def _fingerprint(model: Any) -> str:
    """Of some numbers of each weight: models of a gigabyte are common."""
    # Without the head, so that the letters and the hidden states of one folder have one fingerprint.
    weights = {name: value for name, value in model.base_model.state_dict().items() if name not in NOT_NEEDED}
    return fingerprint(weights, leading=64)

