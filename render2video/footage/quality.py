"""How well a person's own mouths are painted, told at the end of an enrollment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from render2video.footage.mouth import batch_of
from render2video.footage.painter import FootagePainter, Step, Wanted
from render2video.footage.trainable import FootageTrainable

OTHER_S = 0.5  # from which on a moment is another one
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


def best_of(painters: Sequence[FootagePainter]) -> FootagePainter:
    """The painter whose mouths are nearest to the person's own.

    A network that had time for a step or two is worse than the one that it began from: by 3 dB in a case we saw.
    """
    return painters[0] if len(painters) == 1 else max(painters, key=mouth_psnr_db)


def from_other_moments(painter: FootagePainter, index: int) -> np.ndarray | None:
    """A frame of the footage `[H, W, 3]` uint8 as it is painted from others; None where there are none."""
    footage = painter.footage
    near = np.abs(np.arange(len(footage)) - index) < OTHER_S * footage.motion.fps
    out = near | ~footage.usable
    if out.all():
        return None
    want = Wanted(footage.points_px[index], footage.lips_mm[index], footage.motion[index : index + 1])
    heads = footage.head_distance(want.points_px)
    mouths = footage.mouth_costs(want.lips_mm, want.motion.rotation[0])
    base, mouth = (int(np.where(out, np.inf, costs).argmin()) for costs in (heads, mouths))
    frame = painter.base(Step(base), want)
    painter.paint_finished(frame, want, [(mouth, 1.0)], base)
    return frame
