"""Enroll a person from a video of them speaking, or from one photo.

    python -m examples.enroll ana.mp4 --id ana --consent "I agree to be enrolled. Ana, 2026-01-01"
"""

from __future__ import annotations

import argparse
from pathlib import Path

import talking_head


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--id", required=True)
    parser.add_argument("--consent", required=True)
    parser.add_argument("--budget-s", type=float, default=1200)
    given = parser.parse_args(words)
    settings = talking_head.EnrollSettings(budget_s=given.budget_s)
    made = talking_head.enroll(given.source, given.id, given.consent, settings)
    print(f"{made.target.id} in {made.target.folder}: {'was there' if made.already_done else 'is new'}")
    for name, value in made.target.card.quality.items():
        print(f"  {name} {value:g}")


if __name__ == "__main__":
    main()
