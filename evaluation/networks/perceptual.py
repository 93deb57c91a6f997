"""Perceptual and distribution measures from networks that the user brings: LPIPS, FID, likeness of faces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.linalg import sqrtm
from torch import Tensor, nn

from evaluation.clips import Clip
from evaluation.networks.weights import fill, read_script, read_state
from foundation.errors import InputError

# Where ArcFace-like networks want eyes, nose tip and mouth corners in their 112 x 112 crop (Deng et al. 2019,
# insightface).
_ARCFACE_PX = np.array([[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]], np.float32)
_ARCFACE_POINTS = ((33, 133), (362, 263), (1,), (61,), (291,))
_ARCFACE_SIDE = 112
_CHANNELS = (64, 192, 384, 256, 256)


class Lpips(nn.Module):
    """Learned perceptual distance over AlexNet's features (Zhang et al. 2018, version 0.1). Lower is better, 0 and up.

    Region: whole picture. Normalisation: channels of unit length at each place. Cannot see: motion; it forgives small
    shifts.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, 1, 2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, 1, 1),
            nn.ReLU(),
        )
        self.weights = nn.ParameterList(nn.Parameter(torch.ones(1, c, 1, 1)) for c in _CHANNELS)
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[None, :, None, None], persistent=False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances `[N]` of pictures `[N, 3, H, W]` RGB 0-1."""
        total = torch.zeros(len(first))
        for a, b, weight in zip(self._stages(first), self._stages(second), self.weights, strict=True):
            total = total + ((_unit(a) - _unit(b)) ** 2 * weight).sum(1).mean((1, 2))
        return total

    def _stages(self, picture: Tensor) -> list[Tensor]:
        value, stages = ((2 * picture - 1) - self.shift) / self.scale, []
        for layer in self.features:
            value = layer(value)
            if isinstance(layer, nn.ReLU):
                stages.append(value)
        return stages


def load_lpips(alexnet: Path | str, linear: Path | str) -> Lpips:
    """LPIPS from torchvision's AlexNet weights and the `lpips` package's `weights/v0.1/alex.pth`, both local files.

    Raises:
        InputError: a file is absent or holds something else.
    """
    network = Lpips()
    what = "torchvision's AlexNet weights (alexnet-owt-*.pth)"
    fill(network.features, _named(read_state(alexnet, what, "download.pytorch.org/models"), "features."), alexnet, what)
    state = read_state(linear, "LPIPS's linear weights (alex.pth, v0.1)", "the lpips package on PyPI")
    found = [state.get(f"lin{k}.model.1.weight") for k in range(len(_CHANNELS))]
    for k, value in enumerate(found):
        if value is None or value.shape != network.weights[k].shape:
            raise InputError(
                f"{linear} lacks a right 'lin{k}.model.1.weight'", "LPIPS's linear weights (alex.pth, v0.1)"
            )
        network.weights[k].data.copy_(value)
    return network.eval()


def lpips_frames(generated: Iterable[np.ndarray], reference: Iterable[np.ndarray], network: Lpips) -> np.ndarray:
    """`[T]`: LPIPS of pictures `[H, W, 3]` uint8 at the same instants; the generated one is resized when sizes differ.
    """
    values = []
    with torch.inference_mode():
        for own, truth in zip(generated, reference, strict=False):
            if own.shape != truth.shape:
                own = cv2.resize(own, truth.shape[1::-1], interpolation=cv2.INTER_AREA)
            pictures = [torch.from_numpy(p).permute(2, 0, 1)[None].float() / 255 for p in (own, truth)]
            values.append(float(network(*pictures)))
    return np.array(values)


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of two Gaussians fitted to features `[N, D]` and `[M, D]` (Heusel et al. 2017, eq. 6). Lower is better,
    0 and up.

    Biased upwards for few samples: state N. Cannot see: order in time.

    Raises:
        InputError: fewer than two samples.
    """
    if min(len(first), len(second)) < 2:
        raise InputError(
            f"{min(len(first), len(second))} pictures", "at least two (thousands for a number worth telling)"
        )
    means = [f.mean(0) for f in (first, second)]
    covariances = [np.atleast_2d(np.cov(f, rowvar=False)) for f in (first, second)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    return float(((means[0] - means[1]) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root))


def fid(generated: Iterable[np.ndarray], reference: Iterable[np.ndarray], inception: Path | str) -> float:
    """Frechet Inception distance between the pictures of two videos. Lower is better, 0 and up.

    Args:
        generated, reference: pictures `[H, W, 3]` uint8. inception: TorchScript Inception that takes `[N, 3, H, W]`
        uint8 RGB and gives
            features `[N, D]` (such as StyleGAN's `inception-2015-12-05.pt`).

    Raises:
        InputError: the file is absent or not TorchScript, or fewer than two pictures.
    """
    network = read_script(
        inception, "a TorchScript Inception (inception-2015-12-05.pt)", "StyleGAN2-ADA's metrics (NVIDIA)"
    )
    return frechet_distance(_features(generated, network), _features(reference, network))


def face_likeness(generated: Clip, reference: Clip, recogniser: Path | str, every: int = 5) -> float:
    """Cosine similarity (CSIM) of the faces to the person's, by a recognition network. Higher is better, -1 to 1.

    Definition: mean over frames of the cosine between a generated face's embedding and the mean of the reference's.
    Region: 112 x 112 crop aligned by eyes, nose and mouth corners. Source: Deng et al. 2019. Cannot see: expression,
    motion.

    Args:
        recogniser: ONNX file of an ArcFace-like network (RGB, (x - 127.5) / 127.5, `[1, 3, 112, 112]` -> `[1, D]`).
        every: one frame in so many is looked at.

    Raises:
        InputError: the file is absent or not ONNX, or a clip without frames.
    """
    network = _onnx(recogniser)
    own, truth = (_embeddings(clip, network, every) for clip in (generated, reference))
    goal = truth.mean(0)
    return float((own @ goal / (np.linalg.norm(own, axis=1) * np.linalg.norm(goal))).mean())


def align_face(frame: np.ndarray, landmarks_px: np.ndarray) -> np.ndarray:
    """The face `[112, 112, 3]` as recognition networks want it: a similarity that brings five points to their places.
    """
    points = np.array([landmarks_px[list(p), :2].mean(0) for p in _ARCFACE_POINTS], np.float32)
    matrix, _ = cv2.estimateAffinePartial2D(points, _ARCFACE_PX, method=cv2.LMEDS)
    return cv2.warpAffine(frame, matrix, (_ARCFACE_SIDE, _ARCFACE_SIDE), flags=cv2.INTER_AREA)


def _embeddings(clip: Clip, network: cv2.dnn.Net, every: int) -> np.ndarray:
    if clip.frames is None:
        raise InputError(f"{clip.name} has no frames", "a video")
    rows = []
    for k, frame in enumerate(clip.frames()):
        if k < len(clip) and k % every == 0 and clip.valid[k]:
            face = align_face(frame, clip.landmarks_px[k])
            network.setInput(cv2.dnn.blobFromImage(face, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
            rows.append(network.forward().ravel())
    return np.array(rows)


def _onnx(path: Path | str) -> cv2.dnn.Net:
    if not Path(path).is_file():
        raise InputError(
            f"{path} does not exist", "an ArcFace-like ONNX network", "it comes from insightface's model zoo"
        )
    try:
        return cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise InputError(f"{path} does not read as ONNX", "an ArcFace-like ONNX network") from error


def _features(frames: Iterable[np.ndarray], network: torch.jit.ScriptModule) -> np.ndarray:
    rows = []
    with torch.inference_mode():
        for frame in frames:
            rows.append(network(torch.from_numpy(frame).permute(2, 0, 1)[None]).flatten(1)[0].double().numpy())
    return np.array(rows)


def _named(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _unit(values: Tensor) -> Tensor:
    return values / (values.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
