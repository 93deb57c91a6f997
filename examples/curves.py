"""Curves out, changed, and in again: what a target does while it says a sound, as Live Link Face writes it.

    python -m examples.curves speech.wav --target ana --out FOLDER

The jaw is opened half as far again; an animator would do such things in Blender or Unreal.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import talking_head

WIDER = 1.5


def widen(curves: Path, edited: Path) -> None:
    """Open the jaw further, in every row."""
    with curves.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["JawOpen"] = str(min(1.0, WIDER * float(row["JawOpen"])))
    with edited.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(words)
    given.out.mkdir(parents=True, exist_ok=True)
    curves, edited, film = (given.out / name for name in ("curves.csv", "edited.csv", "edited.mp4"))
    talking_head.export(given.speech, given.target, curves, format="livelink")
    widen(curves, edited)
    made = talking_head.synthesize(given.speech, given.target, film, driving=edited)
    print(f"{curves}, {edited}, and {made.frames} frames in {film}")


if __name__ == "__main__":
    main()
