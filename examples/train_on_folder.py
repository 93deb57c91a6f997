"""Train a motion model on a folder of people's videos, and speak through it.

    python -m examples.train_on_folder CLIPS --speech speech.wav --out FOLDER [--quick]

CLIPS: videos of one person each, a sub-folder a speaker. `--quick` shows that every step runs, with a network too small
to be worth anything. `examples/data_to_film.py` prepares, judges and enrolls too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

import talking_head
from examples.data_to_film import SMALL

QUICK = {"general": {"epochs": 0, "min_steps": 2, "batch_size": 2}, "architecture": SMALL}


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args(words)
    given.out.mkdir(parents=True, exist_ok=True)
    config = given.out / "training.yaml"
    model = QUICK if given.quick else {"losses": "ours"}
    config.write_text(yaml.safe_dump({"run": str(given.out / "run"), "model": model}))
    made = talking_head.train(config, given.clips)
    film = talking_head.synthesize(
        given.speech, "astronaut", given.out / "film.mp4", directions=talking_head.Directions(weights=made.weights)
    )
    print(f"{made.weights} of {made.clips} clips; {film.frames} frames in {film.output}")


if __name__ == "__main__":
    main()
