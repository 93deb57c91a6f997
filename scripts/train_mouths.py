"""Trains the general network that finishes mouths on many people's videos: `checkpoints/footage/mouth.safetensors`.

    python -m scripts.train_mouths CLIP... --out FOLDER [--examples 7000] [--steps 1600] [--device cuda]

Examples are made once and kept in memory (half a megabyte each); they are mirrored, and shown in other colours and
light.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from face_model import mp478
from foundation.files import write_tensors
from foundation.progress import track as shown_progress
from preprocessing.fitting import fit_clip
from preprocessing.media import read_frames
from preprocessing.tracking.measuring import Choice, measure
from render2video.footage.config import FootageConfig
from render2video.footage.footage import Footage
from render2video.footage.network import MouthFinisher
from render2video.footage.store import read_footage, write_footage
from render2video.footage.trainable import FootageTrainable
from training import Duration, train
from training.optimising import numbers, update
from training.schedules import cosine_decay, set_learning_rate

WORKING_PX, BATCH, RATE = 128, 24, 2e-3
GAMMA, CONTRAST, TINT = 0.25, 0.15, 0.1  # deviations of the logarithms
PLACE_X, HIDDEN = 8, 6  # channels of the maps: across the face, and what is hidden


def footage_of(clip: Path, folder: Path) -> Footage:
    """A clip as footage, made in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    landmarks = measure(clip, folder, Choice()).landmarks
    track = fit_clip(landmarks, read_frames(clip, landmarks.fps))
    write_footage(folder, read_frames(clip, landmarks.fps), track, mp478.load())
    return read_footage(folder, mp478.load())


def examples_of(clip: Path, folder: Path, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Maps, truth and weights (float16) of a clip's mouths."""
    footage = footage_of(clip, folder)
    source = FootageTrainable(footage, replace(FootageConfig(), general=False), WORKING_PX, 0)
    generator = np.random.default_rng([seed, len(footage)])
    chosen = generator.choice(source.usable, count)
    return [
        tuple(part.astype(np.float16) for part in source.example(int(i), generator))  # type: ignore[misc]
        for i in shown_progress(chosen, f"Mouths of {clip.name}", count)
    ]


class GeneralMouths:
    """What `training.train` runs."""

    def __init__(self, examples: list[tuple[np.ndarray, np.ndarray, np.ndarray]], seed: int, device: str) -> None:
        self.maps, self.truth, self.added = (torch.from_numpy(np.stack(part)) for part in zip(*examples, strict=True))
        self.device = device
        torch.manual_seed(seed)
        config = FootageConfig()
        self.networks = nn.ModuleDict({"generator": MouthFinisher(WORKING_PX, config.width, config.fold)}).to(device)
        self.optimizers: Mapping[str, Optimizer] = {"all": AdamW(self.networks.parameters(), lr=RATE)}

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One batch of examples drawn at random."""
        optimizer = self.optimizers["all"]
        set_learning_rate(optimizer, cosine_decay(progress))
        chosen = torch.from_numpy(generator.integers(0, len(self.maps), BATCH))
        maps, truth, added = (part[chosen].float().to(self.device) for part in (self.maps, self.truth, self.added))
        maps, truth, added = varied(maps, truth, added, generator)
        weight = added * (1 + FootageConfig().mouth_weight * maps[:, HIDDEN : HIDDEN + 1])
        error = maps[:, :3] + added * self.networks["generator"](maps) - truth
        loss = (weight * error.abs()).sum() / weight.sum() / 3
        update(loss, optimizer, self.networks.parameters(), FootageConfig().clip_norm)
        return numbers({"l1": loss})


def varied(
    maps: Tensor, truth: Tensor, added: Tensor, generator: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The same mouths, mirrored or not, in other colours and light."""
    if generator.random() < 0.5:
        maps, truth, added = maps.flip(3).clone(), truth.flip(3), added.flip(3)
        maps[:, PLACE_X] = -maps[:, PLACE_X]
    shape = len(maps), 1, 1, 1

    def drawn(deviation: float, channels: int = 1) -> Tensor:
        values = generator.normal(scale=deviation, size=(shape[0], channels, 1, 1)).astype(np.float32)
        return torch.from_numpy(np.exp(values)).to(maps.device)

    gamma, gain = drawn(GAMMA), drawn(CONTRAST) * drawn(TINT, 3)

    def lit(picture: Tensor) -> Tensor:
        return picture.clamp(0, 1) ** gamma * gain

    seen = 1 - maps[:, HIDDEN : HIDDEN + 1]
    around = lit(maps[:, 3:6] / seen.clamp(min=0.02)) * seen * (seen > 0.02)
    return torch.cat((lit(maps[:, :3]), around, maps[:, 6:]), dim=1), lit(truth), added


def main() -> None:
    """See the module's words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=7000)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    share = given.examples // len(given.clips)
    examples = [
        example for clip in given.clips
        for example in examples_of(clip, given.out / clip.stem, share, given.seed)
    ]
    trainable = GeneralMouths(examples, given.seed, given.device)
    described = {"clips": [clip.name for clip in given.clips], "examples": len(examples)}
    result = train(trainable, given.out / "run", Duration(steps=given.steps), config=described, seed=given.seed,
                   average_decay=FootageConfig().average_decay, description="mouths in general")  # fmt: skip
    assert isinstance(result.networks, nn.ModuleDict)
    weights = {k: v.cpu().numpy() for k, v in result.networks["generator"].state_dict().items()}
    config = FootageConfig()
    told = {"kind": "mouth_finisher", "width": config.width, "fold": config.fold, "working_px": WORKING_PX}
    write_tensors(given.out / "mouth.safetensors", weights, told)
    print(given.out / "mouth.safetensors")


if __name__ == "__main__":
    main()
