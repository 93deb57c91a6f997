"""What others' networks cost on this machine: their layers, built from their published tables, with random weights.

    python -m benchmarks.speed.peers [--target ana] [--home HOME] [--calls 5] [--name NAME]

FACIAL's video generator, 512 x 512: pix2pixHD's global generator (Wang et al. 2018, 3.1) over nine pictures with eye
maps and the frame before; `render2video/paper` with its published sizes. The 96-pixel lip-sync generator: Wav2Lip
(Prajwal et al. 2020, and its code's table), face encoder, sound encoder, decoder with skips, 36 M parameters. A plain
U-Net at 160: five levels of two 3x3 convolutions, 32 to 512 channels (Ronneberger et al. 2015), such as is taught a
person.

One picture a call, one thread, processor time of the median call, in whatever arithmetic is fast here; multiply-adds
are counted. Ours beside them in the same run: the mouth's network and, with a target, whole frames of it. Theirs are
the network alone: pasting the mouth or head back comes on top. Writes `benchmarks/results/peers_NAME.json`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.result_files import RESULTS, Measure, command_line, part_table, write_results
from benchmarks.speed.clock import reference_ms
from benchmarks.speed.stages import one_thread
from face_model.tracks import FaceMotion
from render2video.footage.config import FootageConfig
from render2video.footage.mouth import MAP_COUNT
from render2video.footage.network import MouthFinisher
from render2video.footage.painter import FootagePainter
from render2video.painter import load_painter
from render2video.paper.config import PaperConfig
from render2video.paper.generator import PaperGenerator
from render2video.precision import fast_arithmetic, for_painting
from talking_head.heads.face_models import model_of
from talking_head.target.card import find_target
from talking_head.target.home import Home

PART = "one picture, one thread"
LIP_SYNC_PX, PLAIN_PX, PAPER_PX, OURS_PX = 96, 160, 512, 128
MEL = 80, 16  # bands and steps of sound that the lip-sync generator hears
PAINTED, WARM_UP = 60, 10  # frames


class Block(nn.Module):
    """A convolution with batch norm and ReLU; residual where it adds what it was given."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int | tuple[int, int] = 1, padding: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        made = self.body(x)
        return torch.relu(made + x if self.residual else made)


def residuals(channels: int, count: int) -> list[nn.Module]:
    return [Block(channels, channels, residual=True) for _ in range(count)]


def grown(inputs: int, outputs: int, count: int, stride: int = 2) -> nn.Sequential:
    """A transposed convolution, and residual blocks."""
    padding, more = (1, 1) if stride == 2 else (0, 0)
    up = nn.ConvTranspose2d(inputs, outputs, 3, stride, padding, more)
    return nn.Sequential(up, nn.BatchNorm2d(outputs), nn.ReLU(), *residuals(outputs, count))


class LipSync(nn.Module):
    """Wav2Lip's generator."""

    def __init__(self) -> None:
        super().__init__()
        stages: list[nn.Sequential] = [nn.Sequential(Block(6, 16, 7, 1, 3))]
        for inputs, outputs, count in ((16, 32, 2), (32, 64, 3), (64, 128, 2), (128, 256, 2), (256, 512, 1)):
            stages.append(nn.Sequential(Block(inputs, outputs, stride=2), *residuals(outputs, count)))
        stages.append(nn.Sequential(Block(512, 512, padding=0), Block(512, 512, 1, 1, 0)))
        self.face = nn.ModuleList(stages)
        self.sound = nn.Sequential(
            Block(1, 32), *residuals(32, 2), Block(32, 64, stride=(3, 1)), *residuals(64, 2),
            Block(64, 128, stride=3), *residuals(128, 2), Block(128, 256, stride=(3, 2)), *residuals(256, 1),
            Block(256, 512, padding=0), Block(512, 512, 1, 1, 0),
        )  # fmt: skip
        self.picture = nn.ModuleList([
            nn.Sequential(Block(512, 512, 1, 1, 0)), grown(1024, 512, 1, stride=1), grown(1024, 512, 2),
            grown(768, 384, 2), grown(512, 256, 2), grown(320, 128, 2), grown(160, 64, 2),
        ])  # fmt: skip
        self.leave = nn.Sequential(Block(80, 32), nn.Conv2d(32, 3, 1), nn.Sigmoid())

    def forward(self, face: Tensor, sound: Tensor) -> Tensor:
        """`[B, 3, 96, 96]` of the picture with its lower half hidden and another one `[B, 6, 96, 96]`, and of a mel
        spectrogram `[B, 1, 80, 16]`.
        """
        kept = []
        for stage in self.face:
            face = stage(face)
            kept.append(face)
        made = self.sound(sound)
        for stage in self.picture:
            made = torch.cat((stage(made), kept.pop()), dim=1)
        return self.leave(made)


class PlainUNet(nn.Module):
    """Ronneberger's, padded, with batch norms: a picture from a picture and the same with its mouth hidden."""

    def __init__(self, inputs: int = 6, widths: tuple[int, ...] = (32, 64, 128, 256, 512)) -> None:
        super().__init__()

        def double(one: int, two: int) -> nn.Sequential:
            return nn.Sequential(Block(one, two), Block(two, two))

        self.down = nn.ModuleList(double(one, two) for one, two in zip((inputs, *widths), widths, strict=False))
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(one, two, 2, 2) for one, two in pairs)
        self.up = nn.ModuleList(double(2 * two, two) for _, two in pairs)
        self.leave = nn.Conv2d(widths[0], 3, 1)

    def forward(self, picture: Tensor) -> Tensor:
        kept = []
        for level, part in enumerate(self.down):
            picture = part(picture if level == 0 else nn.functional.max_pool2d(picture, 2))
            kept.append(picture)
        made = kept.pop()
        for grow, part in zip(self.grow, self.up, strict=True):
            made = part(torch.cat((grow(made), kept.pop()), dim=1))
        return self.leave(made)


def systems() -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    """Networks and what they are asked."""
    sizes, ours = PaperConfig(), FootageConfig()
    paper = PaperGenerator(sizes.window, sizes.picture_channels, sizes.width, sizes.downs, sizes.blocks)
    window = torch.rand(1, sizes.window, sizes.picture_channels, PAPER_PX, PAPER_PX)
    return {
        f"FACIAL's video generator, {PAPER_PX}": (paper, (window, torch.rand(1, 3, PAPER_PX, PAPER_PX))),
        f"lip-sync generator, {LIP_SYNC_PX}": (
            LipSync(), (torch.rand(1, 6, LIP_SYNC_PX, LIP_SYNC_PX), torch.rand(1, 1, *MEL))
        ),
        f"plain U-Net, {PLAIN_PX}": (PlainUNet(), (torch.rand(1, 6, PLAIN_PX, PLAIN_PX),)),
        f"ours, the mouth's network, {OURS_PX}": (
            MouthFinisher(OURS_PX, ours.width, ours.fold), (torch.rand(1, MAP_COUNT, OURS_PX, OURS_PX),)
        ),
    }


def multiply_adds(network: nn.Module, given: tuple[Tensor, ...]) -> int:
    """Of convolutions, in one call."""
    total = 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        weights = layer.weight.numel()
        at = made if isinstance(layer, nn.Conv2d) else given[0]
        total += weights * at.shape[-2] * at.shape[-1]

    watched = [
        layer.register_forward_hook(count)  # type: ignore[arg-type]
        for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    ]
    network(*given)
    for handle in watched:
        handle.remove()
    return total


def milliseconds(network: nn.Module, given: tuple[Tensor, ...], calls: int) -> float:
    """Of processor time, the median call."""
    network(*given)
    spent_s = []
    for _ in range(calls):
        begun_s = time.thread_time()
        network(*given)
        spent_s.append(time.thread_time() - begun_s)
    return 1000 * float(np.median(spent_s))


def painted_ms(painter: FootagePainter, motion: FaceMotion) -> float:
    """A whole frame of ours, with all but encoding."""
    for _ in painter.frames(motion[:WARM_UP]):
        pass
    begun_s = time.thread_time()
    count = sum(1 for _ in painter.frames(motion))
    return 1000 * (time.thread_time() - begun_s) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--name", default="layers")
    given = parser.parse_args()
    measured: list[Measure] = []

    def told(system: str, ms: float, **more: float) -> None:
        found = more | {"ms": ms, "pictures a second": 1000 / ms}
        measured.extend(Measure(PART, name.replace("_", " "), system, value) for name, value in found.items())

    with one_thread(), torch.inference_mode():
        before_ms = reference_ms()
        for name, (network, asked) in systems().items():
            ready = for_painting(network, "cpu")
            with fast_arithmetic("cpu"):
                ms = milliseconds(ready, asked, given.calls)
                counted = multiply_adds(ready, asked) / 1e9
            size = sum(weights.numel() for weights in network.parameters()) / 1e6
            told(name, ms, million_parameters=size, billion_multiply_adds=counted)
        if given.target is not None:
            target = find_target(Home.find(given.home), given.target)
            painter = load_painter(target.folder, model_of(target.card))
            assert isinstance(painter, FootagePainter), f"{target.id} has no footage"
            motion = painter.footage.motion[:PAINTED]
            told(f"ours, a whole frame, {target.card.width_px}x{target.card.height_px}", painted_ms(painter, motion))
        measured.append(Measure(PART, "(a fixed piece of work, ms)", "ours", (before_ms + reference_ms()) / 2))
    path = RESULTS / f"peers_{given.name}.json"
    write_results(path, command_line("benchmarks.speed.peers"), "random pictures", measured)
    print(part_table(measured, PART, {}, ""))


if __name__ == "__main__":
    main()
