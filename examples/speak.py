"""Let a target speak a sound: calm, and framed for a telephone.

    python -m examples.speak speech.wav --target ana --out ana_speaks.mp4
"""

from __future__ import annotations

import argparse
from pathlib import Path

import talking_head


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(words)
    film = talking_head.synthesize(
        given.speech, given.target, given.out, seed=0, directions=talking_head.Directions(head="calm"),
        framing=talking_head.Framing(aspect="9:16"),
    )
    said = talking_head.verify(film.output).claims
    print(f"{film.frames} frames in {film.output}, which says that it is generated: {said.target}, {said.created}")


if __name__ == "__main__":
    main()
