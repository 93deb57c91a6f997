"""The regressor of Deng et al. 2019 in its authors' later (PyTorch) release: ResNet-50 (He et al. 2016, with the stride
on the 3 x 3 convolution) without its classifier, and a linear head for each group of coefficients. Parameter names are
those of the published weights.

    [B, 3, 224, 224] -> 64 at 112 -> 256 at 56 -> 512 at 28 -> 1024 at 14 -> 2048 at 7 -> mean [B, 2048] -> [B, 257]
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from face_model.deng import EXPRESSION_SIZE, IDENTITY_SIZE, PICTURE_PX, TEXTURE_SIZE
from foundation.errors import InputError

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # channels inside a block, blocks
WIDENING = 4  # channels that leave a block, over those inside
FEATURES = STAGES[-1][0] * WIDENING
# Identity, expression, texture, angles, light, translation across the picture, translation in depth.
HEADS = (IDENTITY_SIZE, EXPRESSION_SIZE, TEXTURE_SIZE, 3, 27, 2, 1)
NETWORK_KEY = "net_recon"  # in the published file, beside its optimizer's state
PARALLEL_PREFIX = "module."


class _Block(nn.Module):
    """A bottleneck: 1 x 1, 3 x 3 with the stride, 1 x 1, and the input added."""

    def __init__(self, given: int, inside: int, stride: int) -> None:
        super().__init__()
        leaving = inside * WIDENING
        self.conv1, self.bn1 = nn.Conv2d(given, inside, 1, bias=False), nn.BatchNorm2d(inside)
        self.conv2, self.bn2 = nn.Conv2d(inside, inside, 3, stride, 1, bias=False), nn.BatchNorm2d(inside)
        self.conv3, self.bn3 = nn.Conv2d(inside, leaving, 1, bias=False), nn.BatchNorm2d(leaving)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or given != leaving:
            self.downsample = nn.Sequential(nn.Conv2d(given, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class _Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, STAGES[0][0], 7, 2, 3, bias=False), nn.BatchNorm2d(STAGES[0][0])
        given = STAGES[0][0]
        for number, (inside, blocks) in enumerate(STAGES, start=1):
            stage = nn.Sequential()
            for index in range(blocks):
                stage.append(_Block(given, inside, stride=2 if number > 1 and index == 0 else 1))
                given = inside * WIDENING
            self.add_module(f"layer{number}", stage)

    def forward(self, pictures: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(pictures)))
        x = functional.max_pool2d(x, 3, 2, 1)
        for number in range(1, len(STAGES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean((2, 3), keepdim=True)


class DengRegressor(nn.Module):
    """Pictures to coefficients; see `load_regressor`. Untrained when built."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = _Backbone()
        self.final_layers = nn.ModuleList(nn.Conv2d(FEATURES, size, 1) for size in HEADS)

    def forward(self, pictures: Tensor) -> Tensor:
        """The flat coefficients `[B, 257]` in the order of `DengCoefficients.pack`.

        Args:
            pictures: `[B, 3, 224, 224]`, RGB, 0-1, from `cut`.
        """
        assert pictures.shape[1:] == (3, PICTURE_PX, PICTURE_PX), f"pictures {tuple(pictures.shape)}"
        features = self.backbone(pictures)
        return torch.cat([head(features) for head in self.final_layers], dim=1).flatten(1)


def load_regressor(path: Path | str) -> DengRegressor:
    """The regressor with the user's weights (`epoch_20.pth` of the published model), ready to run on the CPU.

    The file is read as data: nothing in it is run.

    Raises:
        InputError: no such file, not weights, or of another network; what does not fit is named.
    """
    path = Path(path)
    expected = "the published epoch_20.pth of Deep3DFaceRecon_pytorch"
    if not path.is_file():
        raise InputError(f"{path} does not exist", expected)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path} is not readable as weights ({reason})", expected) from error
    weights = content.get(NETWORK_KEY, content) if isinstance(content, dict) else content
    if not isinstance(weights, dict):
        raise InputError(f"{path} holds a {type(weights).__name__}", expected)
    weights = {str(name).removeprefix(PARALLEL_PREFIX): value for name, value in weights.items()}
    with torch.device("meta"):  # without spending time on random numbers that the file replaces
        regressor = DengRegressor()
    _check(weights, regressor, path, expected)
    regressor.load_state_dict(weights, assign=True)
    return regressor.float().eval().requires_grad_(False)


def _check(weights: dict[str, Tensor], regressor: DengRegressor, path: Path, expected: str) -> None:
    wanted = regressor.state_dict()
    missing, strange = sorted(wanted.keys() - weights.keys()), sorted(weights.keys() - wanted.keys())
    if missing or strange:
        parts = [f"lacks {len(missing)} tensors, such as {missing[0]}"] if missing else []
        parts += [f"has {len(strange)} of another network, such as {strange[0]}"] if strange else []
        raise InputError(f"{path} {' and '.join(parts)}", expected)
    for name, value in wanted.items():
        given = weights[name]
        if not isinstance(given, Tensor) or given.shape != value.shape:
            shape = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise InputError(f"{path}: {name} is {shape}", str(tuple(value.shape)))
        if given.is_floating_point() and not given.isfinite().all():
            raise InputError(f"{path}: {name} holds NaN or infinity", "finite numbers", "copy the file again")
