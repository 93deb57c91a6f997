"""New words on a film's own frames.

    python -m examples.dub ana.mp4 new_words.wav --out dubbed.mp4 --consent "I agree to be dubbed. Ana, 2026-01-01"
"""

from __future__ import annotations

import argparse
from pathlib import Path

import talking_head


def main(words: list[str] | None = None, settings: talking_head.DubSettings | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--consent", required=True)
    given = parser.parse_args(words)
    made = talking_head.dub(given.film, given.speech, given.out, consent=given.consent, settings=settings)
    print(f"{made.painted_frames} of {made.frames} frames painted anew, in {given.out}")


if __name__ == "__main__":
    main()
