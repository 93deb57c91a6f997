"""SyncNet (Chung and Zisserman 2016) and its lip-sync errors LSE-D and LSE-C (Prajwal et al. 2020).

Two towers, five frames of the face at 25 fps and 0.2 s of MFCC, into one space of 1024 dimensions. The layers carry the
names of the published weights (`syncnet_v2.model`), so that file loads as it is. What it cannot see, and what to mind:
codecs move its numbers by 0.4-1.2 without a visible change, networks trained on it score above real video, and it
correlates -0.16 with people (THEval, 2026).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor, nn

from evaluation.clips import Clip
from evaluation.networks.weights import fill, read_state
from face_model.tracks import Sound
from foundation.errors import InputError

FPS, MFCC_HZ, FACE_PX = 25.0, 100, 224
FRAMES, MFCC_STEPS, MFCC_SIZE, EMBEDDING = 5, 20, 13, 1024
MAX_SHIFT = 15  # frames either way (the authors' `vshift`)
_CROP_MARGIN = 0.4  # of the face box's half side: more below, as much at the sides (the authors' `crop_scale`)
_WHAT, _ORIGIN = "SyncNet weights (syncnet_v2.model)", "www.robots.ox.ac.uk/~vgg/software/lipsync"
_BATCH = 16


@dataclass(frozen=True)
class LipSyncError:
    """distance: LSE-D, mean distance at the best shift, lower is better (real video about 6-8). confidence: LSE-C,
    median over shifts less the best, higher is better (real video about 6-9). offset_frames: the best shift at 25 fps;
    positive, the sound is late.
    """

    distance: float
    confidence: float
    offset_frames: int


class SyncNet(nn.Module):
    """The two towers. Layer names and sizes are those of the published weights."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_block2d(1, 64, 3, 1),
            nn.MaxPool2d(1, 1),
            *_block2d(64, 192, 3, 1),
            nn.MaxPool2d(3, (1, 2)),
            *_block2d(192, 384, 3, 1),
            *_block2d(384, 256, 3, 1),
            *_block2d(256, 256, 3, 1),
            nn.MaxPool2d(3, 2),
            *_block2d(256, 512, (5, 4), 0),
        )
        self.netfcaud = _head()
        self.netcnnlip = nn.Sequential(
            *_block3d(3, 96, (5, 7, 7), (1, 2, 2), 0),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_block3d(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_block3d(256, 256, (1, 3, 3), 1, (0, 1, 1)),
            *_block3d(256, 256, (1, 3, 3), 1, (0, 1, 1)),
            *_block3d(256, 256, (1, 3, 3), 1, (0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_block3d(256, 512, (1, 6, 6), 1, 0),
        )
        self.netfclip = _head()

    def sound(self, mfcc: Tensor) -> Tensor:
        """Embeddings `[N, 1024]` of MFCC `[N, 1, 13, 20]`."""
        return self.netfcaud(self.netcnnaud(mfcc).flatten(1))

    def lips(self, frames: Tensor) -> Tensor:
        """Embeddings `[N, 1024]` of faces `[N, 3, 5, 224, 224]`, BGR 0-255."""
        return self.netfclip(self.netcnnlip(frames).flatten(1))


def load_syncnet(path: Path | str) -> SyncNet:
    """SyncNet with the published weights, from a local file.

    Raises:
        InputError: the file is absent or holds something else.
    """
    network = SyncNet()
    fill(network, read_state(path, _WHAT, _ORIGIN), path, _WHAT)
    return network.eval()


def lip_sync_error(clip: Clip, network: SyncNet) -> LipSyncError:
    """LSE-D and LSE-C of a clip, which is read at 25 fps (nearest frame).

    Definition: embeddings of every five frames and of the sound at every shift of +-15 frames; the mean over time of
    their Euclidean distance. Region: the face, cut as wide as the authors' detector box would be (from landmarks:
    scores differ a little from theirs).

    Raises:
        InputError: no sound, no frames, or less than a quarter of a second.
    """
    if clip.sound is None or clip.frames is None:
        raise InputError(f"{clip.name} lacks {'sound' if clip.sound is None else 'frames'}", "a video with sound")
    faces = _faces(clip)
    features = mfcc(clip.sound)
    steps = MFCC_HZ // int(FPS)
    count = min(len(faces) - FRAMES, (len(features) - MFCC_STEPS) // steps)
    if count < 1:
        raise InputError(f"{clip.name} lasts {clip.duration_s:.2f} s", "at least 0.28 s of picture and sound")
    seen, heard = [], []
    with torch.inference_mode():
        for start in range(0, count, _BATCH):
            at = range(start, min(start + _BATCH, count))
            seen.append(network.lips(torch.stack([_video_tensor(faces[k : k + FRAMES]) for k in at])))
            windows = np.stack([features[k * steps : k * steps + MFCC_STEPS].T for k in at])
            heard.append(network.sound(torch.from_numpy(windows[:, None].astype(np.float32))))
    return shift_search(torch.cat(seen), torch.cat(heard))


def shift_search(seen: Tensor, heard: Tensor) -> LipSyncError:
    """The lip-sync error of embeddings `[N, D]` of lips and sound; the sound is padded with zeros outside the clip (as
    the authors do).
    """
    padded = nn.functional.pad(heard, (0, 0, MAX_SHIFT, MAX_SHIFT))
    shifts = range(2 * MAX_SHIFT + 1)
    means = torch.stack([nn.functional.pairwise_distance(seen, padded[s : s + len(seen)]).mean() for s in shifts])
    best = int(means.argmin())
    return LipSyncError(float(means[best]), float(means.median() - means[best]), best - MAX_SHIFT)


def mfcc(sound: Sound) -> np.ndarray:
    """`[T, 13]` at 100 Hz: 25 ms windows without taper, pre-emphasis 0.97, 26 mel filters to the Nyquist frequency,
    512-point FFT, sine lifter 22,
    the first coefficient replaced by the log energy (Davis and Mermelstein 1980, with the settings that SyncNet was
    trained on)."""
    rate_hz, size, filters, lifter = sound.rate_hz, 512, 26, 22
    wave = sound.samples.astype(np.float64) * 32768  # it was trained on 16-bit integers
    wave = np.append(wave[:1], wave[1:] - 0.97 * wave[:-1])
    window, hop = round(0.025 * rate_hz), rate_hz // MFCC_HZ
    count = 1 + max(0, int(np.ceil((len(wave) - window) / hop)))
    wave = np.pad(wave, (0, max(0, (count - 1) * hop + window - len(wave))))
    spectrum = np.fft.rfft(wave[np.arange(count)[:, None] * hop + np.arange(window)], size)
    power = np.abs(spectrum) ** 2 / size
    tiny = np.finfo(float).eps
    energy = np.maximum(power.sum(1), tiny)
    cepstrum = dct(
        np.log(np.maximum(power @ _mel_filters(filters, size, rate_hz).T, tiny)), type=2, axis=1, norm="ortho"
    )
    cepstrum = cepstrum[:, :MFCC_SIZE] * (1 + lifter / 2 * np.sin(np.pi * np.arange(MFCC_SIZE) / lifter))
    cepstrum[:, 0] = np.log(energy)
    return cepstrum


def _mel_filters(count: int, size: int, rate_hz: int) -> np.ndarray:
    """Triangles `[count, size / 2 + 1]` even on the mel scale from 0 to half the rate."""
    edges_mel = np.linspace(0, 2595 * np.log10(1 + rate_hz / 2 / 700), count + 2)
    edges = np.floor((size + 1) * 700 * (10 ** (edges_mel / 2595) - 1) / rate_hz)
    bins = np.arange(size // 2 + 1)[None]
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / np.maximum(middle - low, 1)
    falling = (high - bins) / np.maximum(high - middle, 1)
    return np.where((bins >= low) & (bins < middle), rising, np.where((bins >= middle) & (bins < high), falling, 0.0))


def _faces(clip: Clip) -> list[np.ndarray]:
    """Face crops `[224, 224, 3]` BGR uint8 at 25 fps."""
    assert clip.frames is not None
    wanted = np.round(np.arange(int(clip.duration_s * FPS)) * clip.fps / FPS).astype(int)
    crops = {k: _crop(frame, clip.landmarks_px[k]) for k, frame in enumerate(clip.frames()) if k < len(clip)}
    return [crops[k] for k in wanted if k in crops]


def _crop(frame: np.ndarray, landmarks_px: np.ndarray) -> np.ndarray:
    low, high = landmarks_px[:468, :2].min(0), landmarks_px[:468, :2].max(0)
    half = float(max(high - low)) / 2
    (x, y), side = (low + high) / 2, half * (1 + _CROP_MARGIN)
    scale = FACE_PX / (2 * side)
    matrix = np.array([[scale, 0, (side - x) * scale], [0, scale, (half - y) * scale]])
    crop = cv2.warpAffine(frame, matrix, (FACE_PX, FACE_PX), flags=cv2.INTER_LINEAR, borderValue=(110, 110, 110))
    return np.ascontiguousarray(crop[..., ::-1])


def _video_tensor(faces: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(faces)).permute(3, 0, 1, 2).float()


def _block2d(inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()


def _block3d(
    inputs: int,
    outputs: int,
    kernel: tuple[int, int, int],
    stride: int | tuple[int, int, int],
    padding: int | tuple[int, int, int],
) -> tuple[nn.Module, ...]:
    return nn.Conv3d(inputs, outputs, kernel, stride, padding), nn.BatchNorm3d(outputs), nn.ReLU()


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, EMBEDDING))
