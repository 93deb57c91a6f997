"""Networks that finish mouths, side by side, on people whom none of them saw: how near, how sharp, how fast.

    python -m benchmarks.mouths CLIP... --networks NAME=FILE ... --work FOLDER [--steps 200] [--name NAME]

Mouths of the last 15% of each clip are painted from the mouths of other moments, by each network as it is and after so
many steps on the person's own first 85%; all get the same examples in the same order. Footage is kept in the work
folder. Also painted at half size, as films of 256 rows are. Writes `benchmarks/results/mouths_NAME.json`.

| measure | of the mouth's own pixels |
|---|---|
| dB | PSNR against the real mouth |
| detail | mean squared Laplacian over the real mouth's |
| leak, levels | by how much the picture changes, but for its light, where the frame that is painted on has other lips |
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.optim import AdamW

from benchmarks.result_files import RESULTS, Measure, command_line, part_table, write_results
from face_model import mp478
from render2video.footage.config import FootageConfig
from render2video.footage.footage import Footage
from render2video.footage.mouth import batch_of
from render2video.footage.network import MouthFinisher
from render2video.footage.store import FOOTAGE_FILE, read_footage
from render2video.footage.trainable import FootageTrainable
from scripts.train_mouths import HIDDEN, WORKING_PX, footage_of

LEARNED = 0.85
JUDGED, LEARNED_FROM, PAIRS = 60, 160, 24  # examples
TIMED = 21
UNTOUCHED = "nothing added"
Example = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Person:
    """judged, learned: examples of the last part and of the first. pairs: maps of one mouth on two frames each."""

    judged: list[Example]
    learned: list[Example]
    pairs: list[tuple[np.ndarray, np.ndarray]]

    @staticmethod
    def of(footage: Footage) -> Person:
        """From a clip's footage, with a fixed seed."""
        draw = np.random.default_rng(0)
        source = FootageTrainable(footage, replace(FootageConfig(), general=False), WORKING_PX, 0)
        first = round(LEARNED * len(footage))
        own, rest = source.usable[source.usable < first], source.usable[source.usable >= first]
        judged = rest[np.linspace(0, len(rest) - 1, min(len(rest), JUDGED)).astype(int)]
        learned = draw.choice(own, LEARNED_FROM)
        pairs = rest[np.linspace(0, len(rest) - 1, min(len(rest), PAIRS)).astype(int)]
        return Person(
            [source.example(int(i), draw) for i in judged], [source.example(int(i), draw) for i in learned],
            [_pair(source, int(i)) for i in pairs],
        )


def _pair(source: FootageTrainable, index: int) -> tuple[np.ndarray, np.ndarray]:
    """The same mouth on two frames with about the same head, one of them with open lips and one with shut ones."""
    footage, points = source.footage, source.footage.points_px[index]
    mouths, heads = source.nearest(index)
    gaps = footage.gaps_mm[heads]
    window = source.mouths.window(points)

    def taken(base: int) -> np.ndarray:
        return source.mouths.taken(footage.frames, base, footage.points_px[base], points, window)

    mouth = taken(int(mouths[0]))
    one, other = (
        source.mouths.unfinished(taken(int(heads[k])), mouth, points, window).maps
        for k in (int(gaps.argmin()), int(gaps.argmax()))
    )
    return one, other


def added(network: MouthFinisher | None, maps: np.ndarray) -> np.ndarray:
    """`[3, M, M]`: what a network adds."""
    if network is None:
        return np.zeros_like(maps[:3])
    with torch.inference_mode():
        made: np.ndarray = network(batch_of([maps], "cpu"))[0].numpy()
    return made


def halved(example: Example) -> Example:
    """The same at half the size."""
    return tuple(part.reshape(len(part), WORKING_PX // 2, 2, -1, 2).mean((2, 4)) for part in example)  # type: ignore[return-value]


def judged(network: MouthFinisher | None, examples: Sequence[Example]) -> dict[str, float]:
    """Error and sharpness over the mouths of examples."""
    errors, sharp, real = [], [], []
    for maps, truth, share in examples:
        inside = maps[HIDDEN] > 0.5
        if not inside.any():
            continue
        picture = np.clip(maps[:3] + share * added(network, maps), 0, 1)
        errors.append(float(np.square(picture - truth)[:, inside].mean()))
        for kept, shown in ((sharp, picture), (real, truth)):
            edges = cv2.Laplacian(np.ascontiguousarray(shown.transpose(1, 2, 0), np.float32), cv2.CV_32F)
            kept.append(float(np.square(edges)[inside].mean()))
    return {"dB": float(-10 * np.log10(np.mean(errors))), "detail": float(np.sum(sharp) / np.sum(real))}


def leak(network: MouthFinisher | None, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """See the module's table, in grey levels."""
    changes = []
    for one, other in pairs:
        inside = np.minimum(one[HIDDEN], other[HIDDEN]) > 0.98
        if inside.any():
            change = (added(network, one) - added(network, other))[:, inside]
            changes.append(float(np.square(change - change.mean(1, keepdims=True)).mean()))
    return 255 * float(np.sqrt(np.mean(changes)))


class Rehearsed(FootageTrainable):
    """Enrollment's own training of a network, on examples that are there already."""

    def __init__(self, network: MouthFinisher, examples: Sequence[Example]) -> None:
        self.config, self.device, self.examples = FootageConfig(), "cpu", examples
        self.usable = np.arange(len(examples))
        self.networks = torch.nn.ModuleDict({"generator": network})
        self.optimizers = {"all": AdamW(network.parameters(), lr=self.config.tuning_rate)}

    def example(self, index: int, generator: np.random.Generator) -> Example:
        return self.examples[index]


def tuned(network: MouthFinisher, examples: Sequence[Example], steps: int) -> MouthFinisher:
    """A copy that learned from a person's own examples."""
    made, draw = deepcopy(network).train(), np.random.default_rng(1)
    source = Rehearsed(made, examples)
    for step in range(steps):
        source.training_step(step, step / steps, draw)
    return made.eval()


def milliseconds(network: MouthFinisher, side_px: int) -> float:
    """Of processor time a call, one thread, the median."""
    maps, spent_s = torch.rand(1, network.network.enter[0].in_channels // network.fold**2, side_px, side_px), []
    with torch.inference_mode():
        for _ in range(TIMED):
            begun_s = time.thread_time()
            network(maps)
            spent_s.append(time.thread_time() - begun_s)
    return 1000 * float(np.median(spent_s))


def told(
    part: str, system: str, person: Person, network: MouthFinisher | None, half: MouthFinisher | None, when: str = ""
) -> list[Measure]:
    """All measures of one network, and of its like for half the size."""
    found = judged(network, person.judged) | {"leak, levels": leak(network, person.pairs)}
    small = judged(half, [halved(example) for example in person.judged])
    found |= {f"{name} at half size": value for name, value in small.items()}
    return [Measure(part, f"{name}{when}", system, value) for name, value in found.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--networks", nargs="+", required=True, metavar="NAME=FILE")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--name", default="compared")
    given = parser.parse_args()
    torch.set_num_threads(1)
    networks = {name: Path(file) for name, _, file in (text.partition("=") for text in given.networks)}
    measured: list[Measure] = []
    for name, file in networks.items():
        for side in (WORKING_PX, WORKING_PX // 2):
            network = MouthFinisher.read(file, side).eval()
            measured.append(Measure("time", f"{side} x {side}, ms a call", name, milliseconds(network, side)))
    for clip in given.clips:
        folder, part = given.work / clip.stem, clip.stem
        whole = (folder / FOOTAGE_FILE).is_file()
        person = Person.of(read_footage(folder, mp478.load()) if whole else footage_of(clip, folder))
        measured += told(part, UNTOUCHED, person, None, None)
        for name, file in networks.items():
            network, half = (MouthFinisher.read(file, side).eval() for side in (WORKING_PX, WORKING_PX // 2))
            measured += told(part, name, person, network, half)
            if given.steps:
                own = tuned(network, person.learned, given.steps)
                lesser = tuned(half, [halved(example) for example in person.learned], given.steps)
                measured += told(part, name, person, own, lesser, f", {given.steps} own steps")
        print(part_table(measured, part, {}, ""), flush=True)
        write_results(
            RESULTS / f"mouths_{given.name}.json", command_line("benchmarks.mouths"), given.clips[0].name, measured
        )
    print(part_table(measured, "time", {}, ""))


if __name__ == "__main__":
    main()
