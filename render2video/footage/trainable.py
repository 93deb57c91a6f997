"""Training of the network that finishes mouths, on one person's footage.

A frame of the footage is the truth. It is painted anew from other frames: its mouth from one with about the same lips,
and, as in a film with a free head, the rest from one whose head stands otherwise; or, as in a dub, from itself. So the
network never sees the lips that it has to paint, and learns to trust the mesh.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import nn
from torch.optim import AdamW, Optimizer

from foundation.watching import show
from render2video.footage.bend import Bend
from render2video.footage.config import FootageConfig
from render2video.footage.footage import Footage
from render2video.footage.mouth import MouthPainter, batch_of
from render2video.footage.network import MouthFinisher
from training.schedules import cosine_decay, set_learning_rate

AWAY_S = 0.3  # a mouth or a head from nearer in time would be the truth itself
CHOICES = 8  # nearest frames that mouths and heads are drawn from


class FootageTrainable:
    """What `training.train` runs."""

    def __init__(
        self, footage: Footage, config: FootageConfig, working_px: int, seed: int, device: str = "cpu"
    ) -> None:
        self.footage, self.config, self.device = footage, config, device
        self.mouths = MouthPainter(Bend(footage.head, footage.follow), footage.eyes_px, working_px)
        self.usable = np.flatnonzero(footage.usable)
        torch.manual_seed(seed)
        general = MouthFinisher.general(working_px, config.width, config.fold) if config.general else None
        finisher = general or MouthFinisher(working_px, config.width, config.fold)
        self.networks = nn.ModuleDict({"generator": finisher}).to(device)
        rated = AdamW(self.networks.parameters(), lr=config.network_rate if general is None else config.tuning_rate)
        self.optimizers: Mapping[str, Optimizer] = {"all": rated}
        self.nearest = lru_cache(maxsize=None)(self._nearest)

    def _nearest(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Frames whose mouths, and whose heads, could stand in for a frame's, nearest first."""
        footage = self.footage
        near = np.abs(np.arange(len(footage)) - index) < AWAY_S * footage.motion.fps
        out = near | ~footage.usable
        points = footage.points_px[index]
        found = []
        mouths = footage.mouth_costs(footage.lips_mm[index], footage.motion.rotation[index])
        for costs in (mouths, footage.head_distance(points)):
            order = np.argsort(np.where(out, np.inf, costs), kind="stable")[:CHOICES]
            found.append(order[~out[order]] if (~out[order]).any() else np.array([index]))
        return found[0], found[1]

    def example(self, index: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Maps `[MAP_COUNT, M, M]`, truth `[3, M, M]` 0-1 and where the network may add `[1, M, M]`, of a frame."""
        footage, points = self.footage, self.footage.points_px[index]
        mouths, heads = self.nearest(index)
        mouth = int(mouths[min(generator.geometric(0.4) - 1, len(mouths) - 1)])
        base = index if generator.random() < self.config.own_share else int(generator.choice(heads))
        window = self.mouths.window(points)
        under, taken = (
            self.mouths.taken(footage.frames, i, footage.points_px[i], points, window) for i in (base, mouth)
        )
        unfinished = self.mouths.unfinished(under, taken, points, window)
        truth = self.mouths.small(footage.frames.window(index, window.rows, window.columns).astype(np.float32) / 255)
        added = self.mouths.small(unfinished.added).reshape(1, *truth.shape[:2])
        return unfinished.maps, np.ascontiguousarray(truth.transpose(2, 0, 1)), added

    def look(self) -> np.ndarray:
        """The frame with the widest mouth, as the network now paints it from another's: what a watcher sees."""
        index = int(self.usable[self.footage.gaps_mm[self.usable].argmax()])
        frames, points = self.footage.frames, self.footage.points_px
        window, other = self.mouths.window(points[index]), int(self.nearest(index)[0][0])
        mouth = self.mouths.taken(frames, other, points[other], points[index], window)
        finisher, frame = self.networks["generator"].eval(), frames[index].copy()
        under = frame[window.rows, window.columns]
        frame[window.rows, window.columns] = self.mouths.painted(
            under, mouth, points[index], window, finisher, self.device
        )
        return frame

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One batch of frames drawn at random."""
        optimizer = self.optimizers["all"]
        set_learning_rate(optimizer, cosine_decay(progress))
        chosen = generator.choice(self.usable, min(self.config.batch, len(self.usable)), replace=False)
        examples = [self.example(int(i), generator) for i in chosen]
        maps, truth, added = (batch_of(list(part), self.device) for part in zip(*examples, strict=True))
        start, hidden = maps[:, :3], maps[:, 6:7]
        weight = added * (1 + self.config.mouth_weight * hidden)
        error = start + added * self.networks["generator"](maps) - truth
        loss = (weight * error.abs()).sum() / weight.sum() / 3
        untouched = (weight * (start - truth).abs()).sum() / weight.sum() / 3
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.networks.parameters(), self.config.clip_norm)
        optimizer.step()
        show(self.look)
        return {"l1": float(loss.detach()), "untouched": float(untouched)}
