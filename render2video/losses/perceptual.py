"""Perceptual loss: L1 between VGG19 features of made and real frames (Johnson et al. 2016; stages and weights of Wang
et al. 2018).

Early stages answer to edges, late ones to parts; the late ones weigh most, since the early ones repeat what the
reconstruction loss says. The weights of the network are the user's to bring: nothing is downloaded.
"""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from foundation.errors import InputError

log = logging.getLogger(__name__)

# Convolutions as (index in torchvision's `vgg19().features`, input channels, output channels), up to the last stage
# compared.
_CONVOLUTIONS = (
    ((0, 3, 64),),
    ((2, 64, 64), (5, 64, 128)),
    ((7, 128, 128), (10, 128, 256)),
    ((12, 256, 256), (14, 256, 256), (16, 256, 256), (19, 256, 512)),
    ((21, 512, 512), (23, 512, 512), (25, 512, 512), (28, 512, 512)),
)
_STAGE_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # of relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
_IMAGENET_MEAN, _IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TORCHVISION, TORCHVISION_FILE = "torchvision", "vgg19-dcbb9e9d.pth"  # its own place in torch's hub folder
_REMEDY = "give torchvision's vgg19 weights as a .pth or .safetensors file, or leave the option out"


class Vgg19Features(nn.Module):
    """VGG19 up to relu5_1 (Simonyan & Zisserman 2015); parameters named as in torchvision, `features.<index>.weight`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        flat = [c for stage in _CONVOLUTIONS for c in stage]
        self.features = nn.ModuleDict({str(i): nn.Conv2d(a, b, 3, padding=1) for i, a, b in flat})
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).reshape(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_IMAGENET_DEVIATION).reshape(3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 of pictures `[B, 3, H, W]`, RGB 0-1."""
        x = (pictures - self.mean) / self.deviation
        outputs: list[Tensor] = []
        for stage in _CONVOLUTIONS:
            for k, (index, _, _) in enumerate(stage):
                if outputs and k == len(stage) - 1:  # the network halves the picture before the first layer of a block
                    x = max_pool2d(x, 2)
                x = torch.relu(self.features[str(index)](x))
            outputs.append(x)
        return outputs


class PerceptualLoss(nn.Module):
    """The weighted L1 distance between features of two batches of pictures. Frozen; gradients flow to `made` only."""

    def __init__(self, network: Vgg19Features) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """The distance of `made` from `real`, both `[B, 3, H, W]` RGB 0-1, at least 16 pixels a side."""
        with torch.no_grad():
            goal = self.network(real)
        terms = zip(_STAGE_WEIGHTS, self.network(made), goal, strict=True)
        return torch.stack([weight * (m - g).abs().mean() for weight, m, g in terms]).sum()


def load_perceptual(path: Path | str | None) -> PerceptualLoss | None:
    """The loss with weights from the user's file; None, and a warning, when there is no file to use.

    Args:
        path: a state dict of torchvision's `vgg19` (`.pth`, read without running code, or `.safetensors`);
            `torchvision` for the file that it keeps in torch's hub folder.

    Raises:
        InputError: the file is absent, damaged, or holds another network.
    """
    if path is None:
        log.warning(
            "the paper's perceptual loss is left out: it needs VGG19 weights that you bring (enroll --config: "
            "`video: {vgg_path: vgg19.pth}`, or `torchvision` for the file that it has fetched)"
        )
        return None
    path = _torchvisions() if str(path) == TORCHVISION else path
    state = _read_state(Path(path))
    network = Vgg19Features()
    wanted = network.state_dict()
    for name, value in wanted.items():
        if name not in state or state[name].shape != value.shape:
            raise InputError(f"{path} lacks {name} of shape {tuple(value.shape)}", "a vgg19 state dict", _REMEDY)
    chosen = {name: state[name].float() for name in wanted}
    if not all(bool(value.isfinite().all()) for value in chosen.values()):
        raise InputError(f"{path} holds NaN or infinite weights", "finite ones", _REMEDY)
    network.load_state_dict(chosen)
    return PerceptualLoss(network)


def _torchvisions() -> Path:
    """The file that torchvision keeps once it has fetched it; torchvision itself is not needed.

    Raises:
        InputError: it is not there.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / TORCHVISION_FILE
    if not path.is_file():
        remedy = "fetch it once: python -c \"import torchvision; torchvision.models.vgg19(weights='DEFAULT')\""
        raise InputError(f"{path} does not exist", "VGG19 weights as torchvision keeps them", remedy)
    return path


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"{path} does not exist", "VGG19 weights", _REMEDY)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers raise whatever the damage makes them stumble over
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read ({reason[:120]})", "VGG19 weights", _REMEDY) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InputError(f"{path} holds a {type(state).__name__}", "a state dict of VGG19", _REMEDY)
    return state
