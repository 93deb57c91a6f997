"""kill -9 at random points of every command that works for long; the same command again must come to the same end.

    python -m tests.faults.kill [--points 50] [--only synth,dub] [--seed 0] [--folder FOLDER] [--result FILE.json]

Each command runs once undisturbed. Then, in an empty folder for each point: begun, killed with all its processes at a
random share of the processor time that took, looked at, and begun again to its end. Looked at means: what has the name
of a result is the undisturbed run's, whole, or not there. Its end means: the same results, and no file more or less.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.result_files import Measure, command_line, part_table, read_results, write_results
from foundation.files import content_digest, read_json, read_tensors
from tests.campaigns import Tried
from tests.faults.system import Running, load, run

CONSENT = "I agree to be enrolled. A test, 2026-01-01"
RANDOM_NAME = re.compile(r"[0-9a-f]{12,}")
EARLIEST, LATEST = 0.03, 0.99  # shares of an undisturbed run's processor time


@dataclass(frozen=True)
class Inputs:
    """What the commands are given: a short film, a photo and sounds, in a folder."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, film: Path) -> Inputs:
        """Cut from a film of 6 s of a person speaking."""
        from PIL import Image

        from preprocessing.media import read_frames, read_sound
        from tests.preprocessing.making import write_media

        folder.mkdir(parents=True, exist_ok=True)
        frames, sound = list(read_frames(film)), read_sound(film).samples
        Image.fromarray(frames[0]).save(folder / "photo.png")
        write_media(folder / "short.mp4", frames[:80], sound=sound[: 16_000 * 80 // 25])
        for name, first in (("one", 0), ("two", 25)):
            (folder / "clips" / name).mkdir(parents=True, exist_ok=True)
            part = sound[first * 640 : (first + 60) * 640]
            write_media(folder / "clips" / name / "a.mp4", frames[first : first + 60], sound=part)
        write_media(folder / "said.wav", [], sound=sound[:8_000], sound_codec="pcm_s16le")
        (folder / "jobs.csv").write_text("".join(
            f"{line}\n" for line in ("audio,target,output,seed", *(f"said.wav,astronaut,{k}.mp4,{k}" for k in (1, 2)))
        ))
        quick = "{epochs: 3, batch_size: 2, min_steps: 6}"
        (folder / "train.yaml").write_text(
            f"run: run\nsplit: clip\nmodel: {{general: {quick}, fine_tune: {quick}}}\n"
        )
        return cls(folder)


@dataclass(frozen=True)
class Command:
    """One command. words: behind `talking-head`, run in a folder of its own. results: digests of what a user finds
    there, by name. share: of the points."""

    name: str
    words: Callable[[Inputs], list[str]]
    results: Callable[[Path], dict[str, str]]
    share: float = 1.0
    before: Callable[[Inputs, Path], None] = field(default=lambda inputs, place: None)


def of_film(path: Path) -> str:
    """A film's frames and samples as they are decoded; its manifest has the time it was made at."""
    import av

    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(*[stream for stream in container.streams if stream.type in ("video", "audio")]):
            digest.update(frame.to_ndarray().tobytes())  # type: ignore[union-attr]
    return digest.hexdigest()


def films(place: Path) -> dict[str, str]:
    """Of all films that can be seen."""
    found = (path for path in sorted(place.rglob("*.mp4")) if not path.name.startswith("."))
    return {str(path.relative_to(place)): of_film(path) for path in found if "home" not in path.parts}


def people(place: Path) -> dict[str, str]:
    """Of all targets that are listed, and of their files."""
    from talking_head.target.card import list_targets
    from talking_head.target.home import Home

    found = {}
    for person in list_targets(Home(place / "home")):
        for path in sorted(person.folder.iterdir()) if not person.built_in else ():
            found[f"{person.id}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return {name: digest for name, digest in found.items() if not name.endswith(".html")}


def prepared(place: Path) -> dict[str, str]:
    """Of prepared data, once its manifest is there: of each clip and of all that is packed."""
    folder = place / "prepared"
    if not (folder / "manifest.json").is_file():
        return {}
    manifest = read_json(folder / "manifest.json")
    clips = {name: json.dumps(clip, sort_keys=True) for name, clip in manifest["clips"].items()}
    packed = sorted(folder.rglob("shards/**/*.safetensors"))
    return clips | {str(path.relative_to(folder)): content_digest(read_tensors(path)[0]) for path in packed}


def weights(place: Path) -> dict[str, str]:
    """Of a run's weights that others may begin from."""
    from talking_head.motion.weights import find_weights

    with suppress(Exception):
        return {"weights": content_digest(read_tensors(find_weights(place / "run").path)[0])}
    return {}


def _prepare(inputs: Inputs, place: Path) -> None:
    """Prepared data for training, made once."""
    goal = inputs.folder / "prepared"
    if not goal.is_dir():
        assert run(["data", "prepare", str(inputs.folder / "clips"), "-o", str(goal), *PREPARE], place).code == 0


PREPARE = ["--min-confidence", "0", "--workers", "1"]
COMMANDS = (
    Command("enroll a photo", lambda i: ["enroll", str(i.folder / "photo.png"), *_person("photo")], people),
    Command("enroll a video", lambda i: ["enroll", str(i.folder / "short.mp4"), *_person("video"), "--steps", "4"],
            people, 0.8),
    Command("synth", lambda i: ["synth", str(i.folder / "said.wav"), "--target", "astronaut", "-o", "out.mp4"], films),
    Command("dub", lambda i: ["dub", str(i.folder / "short.mp4"), str(i.folder / "said.wav"), "-o", "out.mp4",
                              "--consent", CONSENT, "--steps", "4"], films, 0.8),
    Command("batch", lambda i: ["batch", str(i.folder / "jobs.csv"), "-o", "films"], films),
    Command("data prepare", lambda i: ["data", "prepare", str(i.folder / "clips"), "-o", "prepared", *PREPARE],
            prepared),
    Command("train", lambda i: ["train", str(i.folder / "train.yaml"), "--data", str(i.folder / "prepared")], weights,
            1.0, _prepare),
)  # fmt: skip


def _person(target_id: str) -> list[str]:
    return ["--id", target_id, "--consent", CONSENT]


def names(place: Path) -> set[str]:
    """Of all files; what is random in a name is left out. Locks and compiled code say nothing."""
    paths = (str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() or path.is_symlink())
    kept = (name for name in paths if not name.endswith((".lock", ".log", ".pyc", ".nbi", ".nbc")))
    return {RANDOM_NAME.sub("*", name) for name in kept if "/assets/" not in f"/{name}"}


def campaign(command: Command, inputs: Inputs, place: Path, points: int, draw: random.Random) -> Tried:
    """Kill a command at so many points. place: made and deleted again, so that paths are the same every time."""
    tried, words = Tried(), command.words(inputs)
    fresh(place)
    command.before(inputs, place)
    fresh(place)
    ended = run(words, place)
    whole_s = ended.processor_s
    assert ended.code == 0, f"{command.name} ends with {ended.code}: {ended.said[-2000:]}"
    right, whole = command.results(place), names(place)
    assert right, f"{command.name}: no results"
    for _ in range(points):
        fresh(place)
        after_s = draw.uniform(EARLIEST, LATEST) * whole_s
        at = f"{command.name}, killed after {after_s:.2f} s of {whole_s:.2f}"
        late = not Running(words, place).kill(after_s)
        halves = {name for name, digest in command.results(place).items() if right.get(name) != digest}
        wrong = [f"{at}: half of {name} can be seen" for name in sorted(halves)]
        ended = run(words, place)
        result = command.results(place)
        # A film that was done already is not made again.
        done = not halves and result == right and "exists already" in ended.said
        if ended.code != 0 and not done:
            wrong.append(f"{at}: the same command ends with {ended.code}: {ended.said[-300:]!r}")
        if result != right:
            differing = sorted(n for n in {*result, *right} if result.get(n) != right.get(n))
            wrong.append(f"{at}: another result: {differing}")
        if (left := names(place)) != whole:
            wrong.append(f"{at}: files more {sorted(left - whole)[:5]}, less {sorted(whole - left)[:5]}")
        tried.add(Tried(1, {"of them after its end": late, "again, mean s": ended.processor_s}, Counter(wrong)))
    tried.figures = {"undisturbed, s": whole_s, **tried.figures}
    if points:
        tried.figures["again, mean s"] /= points
    return tried


def fresh(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    from tests.footage import film

    load()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        inputs = Inputs.made(folder / "inputs", film(folder))
        chosen = [one for one in COMMANDS if not given.only or one.name in given.only.split(",")]
        whole = sum(command.share for command in COMMANDS)
        earlier = read_results(given.result)[1] if given.result is not None and given.result.exists() else []
        rows: list[Measure] = []
        wrong: list[str] = []
        for command in chosen:
            points = round(given.points * command.share / whole)
            done = campaign(command, inputs, folder / "place", points, random.Random(f"{given.seed}/{command.name}"))
            rows += done.measures("command", command.name, "points")
            print(command.name, done.tries, done.figures, *done.faults, sep="\n  ", flush=True)
            wrong += done.faults
            if given.result is not None:
                kept = [row for row in earlier if row.name not in {row.name for row in rows}]
                write_results(given.result, command_line("tests.faults.kill"), "astronaut", [*kept, *rows])
    print("\n" + part_table(rows, "command", {}, ""))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
