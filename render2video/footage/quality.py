"""How well a person's own mouths are painted, told at the end of an enrolment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from render2video.footage.mouth import batch_of
from render2video.footage.painter import FootagePainter
from render2video.footage.trainable import FootageTrainable

MEASURED = 24  # frames, spread over the footage


def mouth_psnr_db(painter: FootagePainter) -> float:
    """PSNR over the mouth of real frames whose mouth is painted anew, from the mouths of other moments."""
    footage = painter.footage
    own = replace(painter.config, own_share=1.0)
    examples = FootageTrainable(footage, own, painter.generator.working_px, 0)
    usable = np.flatnonzero(footage.usable)
    chosen = usable[np.linspace(0, len(usable) - 1, min(len(usable), MEASURED)).astype(int)]
    errors: list[float] = []
    for index in map(int, chosen):
        maps, truth, added = examples.example(index, np.random.default_rng(index))
        with torch.inference_mode():
            residual = painter.generator(batch_of([maps], painter.device))[0].cpu().numpy()
        hidden = maps[6] > 0.5
        if hidden.any():
            made = np.clip(maps[:3] + added * residual, 0, 1)
            errors.append(float(np.square(made - truth)[:, hidden].mean()))
    return float(-10 * np.log10(max(float(np.mean(errors)), 1e-9)))
