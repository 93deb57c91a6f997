"""Where the time of a film goes: processor milliseconds a frame, stage by stage, of one thread.

    python -m benchmarks.speed.stages SPEECH --target ana [--home HOME] [--size 256x256 ...] [--frames 150]

A target from a video is measured at its own size and at each size given (a copy of it, enlarged or shrunk); one from a
photo at its own. Processor time, so other programs do not count; the encoder's own threads are counted to it. Writes
`benchmarks/results/stages_NAME.json` and prints a Markdown table.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import torch

from benchmarks.result_files import RESULTS, Measure, command_line, part_table, write_results
from benchmarks.speed.clock import Stages, reference_ms
from benchmarks.speed.sizes import at_sizes, speed_parser
from face_model.tracks import FaceMotion
from preprocessing.media import VideoWriter
from preprocessing.media.frame_file import FrameFile
from preprocessing.media.yuv import Planes
from render2video import side_by_side
from render2video.conditioning import HeadRenderer
from render2video.footage import painter as footage_painter
from render2video.footage.bend import Bend
from render2video.footage.expected import ExpectedFace
from render2video.footage.footage import Footage
from render2video.footage.inside import MouthInside
from render2video.footage.network import MouthFinisher
from render2video.footage.painter import FootagePainter
from render2video.footage.path import FootagePath
from render2video.painter import load_painter
from render2video.photo.bent import BentPhoto
from render2video.photo.lids import Lids
from render2video.photo.mouth import Mouth
from render2video.photo.warp import Warp
from talking_head.heads.face_models import model_of
from talking_head.motion.speaking import speak
from talking_head.provenance.label import Marks
from talking_head.target.card import Target, find_target
from talking_head.target.home import Home

PART = "processor milliseconds a frame"
WARM_UP = 10  # frames
OTHER = "everything else"
REFERENCE = "(a fixed piece of work, meanwhile)"
WATCHED: tuple[tuple[Any, str, str], ...] = (
    (HeadRenderer, "_posed", "posing"), (Footage, "mouth_costs", "path"), (Footage, "head_distance", "path"),
    (Footage, "turn_costs", "path"), (FrameFile, "window", "decoding"), (FrameFile, "planes", "decoding"),
    (Bend, "displacement", "bend, where"), (Bend, "sampled", "bend, pixels"), (Bend, "__call__", "bend, pixels"),
    (Bend, "planes", "bend, pixels"), (footage_painter, "morph", "morph"), (Planes, "rgb", "planes to colours"),
    (ExpectedFace, "look", "expected look"), (ExpectedFace, "put", "expected look"),
    (FootagePainter, "_paint_eyes", "eyes"), (FootagePainter, "paint_mouth", "mouth"),
    (MouthInside, "painted", "mouth's inside"), (MouthFinisher, "forward", "network"),
    (Warp, "__call__", "bend, where"), (BentPhoto, "levels", "composite"), (Mouth, "paint", "mouth's inside"),
    (Lids, "paint", "eyes"),
)  # fmt: skip


@contextmanager
def one_thread() -> Iterator[None]:
    """Frames painted one after another, in this thread."""
    before = side_by_side.side_by_side
    torch.set_num_threads(1)
    cv2.setNumThreads(1)

    def in_turn(work: Callable[[Any], Any], items: Iterable[Any], begin: Callable[[], None]) -> Iterator[Any]:
        return map(work, items)

    side_by_side.side_by_side = in_turn
    try:
        yield
    finally:
        side_by_side.side_by_side = before


def spent(target: Target, motion: FaceMotion, speech: Path, folder: Path) -> dict[str, float]:
    """Milliseconds a frame by stage."""
    painter = load_painter(target.folder, model_of(target.card))
    for _ in painter.frames(motion[:WARM_UP]):
        pass
    stages = Stages()
    for owner, attribute, name in WATCHED:
        stages.watch(owner, attribute, name)
    stages.watch_items(FootagePath, "__call__", "path")
    try:
        before_ms = reference_ms()
        with stages.stage(OTHER):
            pictures = list(painter.frames(motion))
        reference = (before_ms + reference_ms()) / 2
    finally:
        stages.leave()
    size = target.card.width_px, target.card.height_px
    marks = Marks(*size, 1, True)
    marks.alone(pictures[0])
    begun_s = time.process_time()
    with VideoWriter(folder / "film.mp4", motion.fps, *size, sound_source=speech) as writer:
        for picture in pictures:
            with stages.stage("marks"):
                marked = marks(picture)
            writer.write(marked)
    stages.seconds["encoding"] = time.process_time() - begun_s - stages.seconds["marks"]
    found = stages.milliseconds(len(motion))
    painted = sum(value for name, value in found.items() if name not in ("marks", "encoding"))
    return found | {"painting": painted, "whole": sum(found.values()), REFERENCE: reference}


def speaking_ms(target: Target, speech: Path) -> tuple[FaceMotion, float]:
    """The motion, and milliseconds a frame of encoder and motion model, all threads together."""
    speak(speech, target, 0, "cpu")
    begun_s = time.process_time()
    motion = speak(speech, target, 0, "cpu")
    return motion, 1000 * (time.process_time() - begun_s) / len(motion)


def main() -> None:
    parser = speed_parser(__doc__)
    parser.add_argument("--frames", type=int, default=150)
    given = parser.parse_args()
    target = find_target(Home.find(given.home), given.target)
    measured: list[Measure] = []
    with tempfile.TemporaryDirectory() as name, one_thread():
        folder = Path(name)
        for each in at_sizes(target, given.size, folder):
            motion, said_ms = speaking_ms(each, given.speech)
            system = f"{each.card.width_px}x{each.card.height_px}"
            measured.append(Measure(PART, "sound to motion", system, said_ms))
            found = spent(each, motion[: given.frames], given.speech, folder)
            measured += [Measure(PART, stage, system, value) for stage, value in found.items()]
            path = RESULTS / f"stages_{given.name or target.id}.json"
            write_results(path, command_line("benchmarks.speed.stages"), given.speech.name, measured)
    print(part_table(measured, PART, {}, ""))


if __name__ == "__main__":
    main()
