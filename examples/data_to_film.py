"""From a data set to a film: prepare people's clips, train on them, enroll a person from that, speak, and measure.

    python -m examples.data_to_film CLIPS --person VIDEO --out FOLDER [--epochs 50] [--budget 20m] [--quick]

CLIPS: videos of one person each, a sub-folder a speaker. VIDEO: the person to enroll; the last 15% of it are kept from
learning. `--quick` shows in a minute that every step runs, with networks too small to be worth anything. Each step is
also a command; `docs/training.md` has them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import yaml

import talking_head
from talking_head.target.settings import duration_s

HOLD_OUT = 0.15  # of the person's video
SMALL = {
    "picture_widths": [4, 4, 8, 8], "unet_widths": [8, 8], "join_widths": [8], "discriminator_width": 4,
    "local_widths": [8, 8, 8, 8],
}  # fmt: skip


@dataclass(frozen=True)
class Walk:
    """What to walk through. losses: a preset of FACIAL-GAN. epochs: of general training, 0 for `quick`'s few steps."""

    clips: Path
    person: Path
    out: Path
    losses: str = "ours"
    split: str = "speaker"
    epochs: int = 50
    budget_s: float = 1200.0
    quick: bool = False
    least_confidence: float = 0.5

    def prepare(self) -> Path:
        """Measure, judge, split and pack the clips; returns the folder of prepared data."""
        gate = talking_head.Gate(offset_confidence=self.least_confidence, shortest_s=1.0 if self.quick else 2.0)
        made = talking_head.prepare(
            self.clips, self.out / "prepared", talking_head.PrepareSettings(gate=gate, shards=4), talking_head.Place(1)
        )
        print(f"prepared: {made.used} clips of {made.speakers} speakers; parts by speaker {made.parts['speaker']}")
        return made.manifest.parent

    def train(self, prepared: Path) -> Path:
        """Train a general model; returns its run's folder."""
        general = {"epochs": 0, "batch_size": 2, "min_steps": 4} if self.quick else {"epochs": self.epochs}
        model = {"losses": self.losses, "general": general} | ({"architecture": SMALL} if self.quick else {})
        run, config = self.out / "general", self.out / "general.yaml"
        config.write_text(yaml.safe_dump({"run": str(run), "split": self.split, "model": model}))
        made = talking_head.train(config, prepared)
        print(f"trained: {made.weights} from {made.clips} clips of {made.speakers} speakers")
        return run

    def enroll(self, run: Path) -> talking_head.Target:
        """Enroll the person, starting from the general model."""
        settings = talking_head.EnrollSettings(
            start=(str(run),), hold_out=HOLD_OUT, budget_s=self.budget_s, steps=2 if self.quick else None,
            models={"facial_gan": {"losses": self.losses}},
        )
        made = talking_head.enroll(
            self.person, "walked", "an example on footage that may be used so", settings, home=self.out / "home",
            replace=True,
        )
        begun = made.target.card.origin["weights"]["facial_gan"]
        print(f"enrolled: {made.target.folder}, from weights {begun['digest']}")
        return made.target

    def film(self) -> dict[str, float]:
        """Let the person say what they say in their video, and measure the film against it."""
        film = self.out / "film.mp4"
        talking_head.synthesize(self.person, "walked", film, home=self.out / "home")
        found = talking_head.evaluate(film, self.person)
        for name, sound in found.sounds.items():
            print(sound.told(name))
        names = "gap_correlation", "gap_amplitude", "width_correlation", "theval"
        measures = {score.name: score.value for score in found.scores}
        for name in names:
            if name in measures:
                print(f"{name:24} {measures[name]:.3f}")
        return measures

    def __call__(self) -> dict[str, float]:
        """All of it; returns the film's measures."""
        self.out.mkdir(parents=True, exist_ok=True)
        self.enroll(self.train(self.prepare()))
        return self.film()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--person", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--losses", default="ours", help="ours, paper or published")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--budget", default="20m", help="of the enrollment")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    Walk(
        given.clips, given.person, given.out, given.losses, epochs=given.epochs, quick=given.quick,
        budget_s=duration_s(given.budget, "--budget"),
    )()  # fmt: skip


if __name__ == "__main__":
    main()
