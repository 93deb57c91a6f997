"""A motion, or what a target does while it says a sound, into a file of another kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from face_model.tracks import FaceIdentity
from foundation.errors import InputError
from foundation.files import read_tensors
from talking_head.exporting.arkit import LIVE_LINK_FPS, live_link_of_motion
from talking_head.exporting.driving import SUFFIXES, read_motion
from talking_head.exporting.gltf import write_gltf
from talking_head.exporting.livelink import write_live_link
from talking_head.exporting.tables import write_npz, write_openface
from talking_head.home import Home, writable
from talking_head.settings import device_name
from talking_head.target import APPEARANCE, Target, find_target

FORMATS = {"livelink": ".csv", "gltf": ".glb", "npz": ".npz", "openface": ".csv"}


@dataclass(frozen=True)
class Export:
    """What was written. frames, fps: of the file."""

    output: Path
    format: str
    target: str
    duration_s: float
    frames: int
    fps: float


def export(
    source: Path | str, target: str, output: Path | str, *, format: str, fps: float = LIVE_LINK_FPS, seed: int = 0,
    device: str = "auto", home: Path | str | None = None,
) -> Export:
    """Write the motion of a target for other programs.

    Args:
        source: a sound or video file, which the target then says; or a motion file: .safetensors, .npz, Live Link .csv.
        target: id of a target.
        output: the file to write.
        format: `livelink`, `gltf`, `npz` or `openface`.
        fps: of a Live Link file; the others keep the motion's own rate.
        seed: the same seed gives the same motion of a sound.
        device: `auto`, `cpu` or `cuda`.
        home: where targets live.

    Raises:
        InputError: no such format or target, a name that does not end as the format asks, a source that is no sound and
            no motion, or a place that cannot be written.
    """
    source, goal = Path(source), _checked(Path(output), Path(source), format)
    if not 1 <= fps <= 240:
        raise InputError(f"{fps:g} frames a second", "1 to 240")
    person = find_target(Home.find(home), target)
    if source.suffix.lower() in SUFFIXES:
        motion = read_motion(source, person.card)
    else:
        from talking_head.speaking import speak  # which itself reads motion files

        motion = speak(source, person, seed, device_name(device))
    count, rate = len(motion), motion.fps
    if format == "livelink":
        curves = live_link_of_motion(motion, fps)
        write_live_link(curves, goal)
        count, rate = len(curves), fps
    elif format == "gltf":
        write_gltf(motion, goal, identity_of(person), person.id)
    elif format == "npz":
        write_npz(motion, goal)
    else:
        write_openface(motion, goal)
    return Export(goal, format, person.id, count / rate, count, rate)


def _checked(goal: Path, source: Path, format: str) -> Path:
    if format not in FORMATS:
        raise InputError(f"format '{format}'", f"one of {', '.join(FORMATS)}")
    if goal.suffix.lower() != FORMATS[format]:
        raise InputError(f"output '{goal}'", f"a name that ends in {FORMATS[format]}, as {format} does")
    if goal.is_dir():
        raise InputError(f"output '{goal}' is a folder", "a file name", "give another name")
    if goal.exists() and source.exists() and goal.samefile(source):
        raise InputError(f"output '{goal}' is the input", "another file", "give another name")
    writable(goal.absolute().parent)
    return goal


def identity_of(person: Target) -> FaceIdentity:
    """The shape and colours of a target's face."""
    look, about = read_tensors(person.folder / APPEARANCE)
    identity, texture, illumination = (look[f"person.{name}"] for name in ("identity", "texture", "illumination"))
    return FaceIdentity(identity, texture, illumination, float(about["blink_gain"]))
