"""Steps a second of general training with the published widths: generator and discriminator of FACIAL-GAN, one step of
each, on made-up data.

    python -m benchmarks.speed.training_steps [--device cuda] [--batch 64] [--steps 50]
"""

from __future__ import annotations

import argparse
import time

import torch

import configs
from face_model.tracks import MOTION_SIZE, WINDOW_STEPS
from facial_gan.building import build_discriminator, build_generator
from facial_gan.config import FacialGanConfig
from facial_gan.data import WINDOW_FRAMES
from facial_gan.networks import with_velocity
from foundation.config import configure, load_yaml

FEATURES = 29  # of DeepSpeech, as published
WARM_UP = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    path = configs.find("facial_gan")
    assert path is not None, "the published configuration"
    architecture = configure(FacialGanConfig, load_yaml(path)["model"]).architecture
    generator = build_generator(architecture, FEATURES).to(given.device)
    discriminator = build_discriminator(architecture).to(given.device)
    optimizers = [torch.optim.Adam(network.parameters()) for network in (generator, discriminator)]
    speech = torch.randn(given.batch, WINDOW_FRAMES, WINDOW_STEPS, FEATURES, device=given.device)
    initial = torch.randn(given.batch, MOTION_SIZE, device=given.device)
    begun_s = 0.0
    for step in range(WARM_UP + given.steps):
        if step == WARM_UP:
            _wait(given.device)
            begun_s = time.perf_counter()
        motion = generator(speech, initial)
        for optimizer, made in zip(optimizers, (motion, motion.detach()), strict=True):
            optimizer.zero_grad(set_to_none=True)
            discriminator(with_velocity(made)).square().mean().backward()
            optimizer.step()
    _wait(given.device)
    print(f"{given.steps / (time.perf_counter() - begun_s):.2f} steps a second, batch {given.batch}, {given.device}")


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
