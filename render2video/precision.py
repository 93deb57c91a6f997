"""Which arithmetic the networks run in: bfloat16 where the processor has it, float32 elsewhere."""

from __future__ import annotations

from functools import lru_cache

import torch


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
