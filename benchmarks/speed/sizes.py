"""The same person in films of other sizes: a target's footage, enlarged or shrunk, and set in a wide picture."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from face_model.cameras import camera_from_json
from foundation.files import read_tensors, write_tensors
from preprocessing.media.frame_file import FrameFile, write_frame_file
from render2video.footage.store import FOOTAGE_FILE, FRAMES_FILE, NETWORK_FILE, working_px
from render2video.profiles import FOOTAGE
from talking_head.target.card import Target, TargetCard, find_target, new_target, write_card
from talking_head.target.home import Home


def speed_parser(description: str | None) -> argparse.ArgumentParser:
    """What each measurement of speed is told: the sound, the target, and at which sizes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--size", action="append", default=[], metavar="WIDTHxHEIGHT")
    parser.add_argument("--name", help="of the results; default the target's")
    return parser


def at_sizes(target: Target, sizes: list[str], folder: Path) -> list[Target]:
    """A target, and where it is on footage its copies of other sizes, `WIDTHxHEIGHT`, made in a folder."""
    if target.card.settings["profile"] != FOOTAGE:
        return [target]
    home = Home.find(folder / "home")
    asked = [tuple(map(int, size.split("x"))) for size in sizes]
    return [target, *(sized(home, target, wide, high, 256 if high <= 256 else 512) for wide, high in asked)]


def sized(home: Home, target: Target, width_px: int, height_px: int, painted_px: int) -> Target:
    """A copy of a target on footage whose frames are as high as told, with as much beside them as their width lacks.

    What lies around the head is enlarged too, and the network's weights are taken as they are: for timing only.

    Args:
        home: where the copy lives. painted_px: the size that faces are painted at, 256 or 512.
    """
    name = f"{target.id}-{width_px}x{height_px}"
    assert target.card.settings["profile"] == FOOTAGE, f"{target.id} has no footage"
    with new_target(home, name) as folder:
        for path in target.folder.iterdir():
            if path.name != FRAMES_FILE:
                shutil.copy(path, folder / path.name)
        _scale_footage(target.folder, folder, target.card, width_px, height_px)
        arrays, described = read_tensors(folder / NETWORK_FILE)
        write_tensors(folder / NETWORK_FILE, arrays, described | {"working_px": working_px(painted_px)})
        card = replace(TargetCard.read(folder / "target.json"), id=name, width_px=width_px, height_px=height_px)
        write_card(folder, card)
    return find_target(home, name)


def _scale_footage(source: Path, goal: Path, card: TargetCard, width_px: int, height_px: int) -> None:
    zoom = height_px / card.height_px
    shrunk = round(card.width_px * zoom)
    left = (width_px - shrunk) // 2
    assert left >= 0, f"{shrunk} pixels in a picture of {width_px}"
    frames = FrameFile(source / FRAMES_FILE, card.width_px, card.height_px)

    def picture(index: int) -> np.ndarray:
        how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        scaled = cv2.resize(frames[index], (shrunk, height_px), interpolation=how)
        beside = width_px - shrunk - left
        return cv2.copyMakeBorder(scaled, 0, 0, left, beside, cv2.BORDER_REFLECT)

    write_frame_file(goal / FRAMES_FILE, map(picture, range(len(frames))), card.fps, width_px, height_px)
    arrays, described = read_tensors(source / FOOTAGE_FILE)
    camera = camera_from_json(described["camera"])
    moved = replace(
        camera, focal_px=camera.focal_px * zoom, centre_x_px=camera.centre_x_px * zoom + left,
        centre_y_px=camera.centre_y_px * zoom, width_px=width_px, height_px=height_px,
    )
    steady = arrays["steady"].astype(np.float64)
    origin = np.array((left, 0.0))
    steady[:, :, 2] = zoom * steady[:, :, 2] + origin - steady[:, :, :2] @ origin
    write_tensors(goal / FOOTAGE_FILE, arrays | {"steady": steady}, described | {"camera": moved.to_json()})
