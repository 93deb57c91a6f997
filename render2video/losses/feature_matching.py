"""Feature matching (Wang et al. 2018, equation 4): made frames must excite the discriminators as the real ones do.

The L1 distance of all stages but the verdict, averaged over stages and scales: what the verdict thinks is the
adversarial loss's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from render2video.losses.adversarial import Outputs


def feature_matching_loss(real: Outputs, made: Outputs) -> Tensor:
    """The mean L1 distance. No gradient flows into `real`."""
    pairs = zip(real, made, strict=True)
    terms = [
        (r.detach() - m).abs().mean() for real_scale, made_scale in pairs
        for r, m in zip(real_scale[:-1], made_scale[:-1], strict=True)
    ]
    return torch.stack(terms).mean()
