"""EMOTE: do the lips keep saying the words when the emotion is exchanged, and does the face show what was asked?

    python -m benchmarks.emote --out out/emote [--steps N]

Learns from the footage of `TALKING_HEAD_DATA` (else ../shared/data) without the reference video, whose sentences are
the test. Three times: from every sentence in every emotion, which only a recipe can give (these weights ship); and from
every sentence in one emotion, as people record it, with and without the exchange loss, after the same prior and first
stage, both in half the steps. Prints Markdown tables and writes `emote.json`. Interrupted, the same command goes on
where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from evaluation.loading import clip_of_motion
from evaluation.metrics.lips import gap_amplitude_ratio, gap_correlation
from face_model import mp478
from face_model.tracks import MOTION_FPS, FaceMotion, FaceTrack, SpeechFeatures
from foundation.files import write_json
from motion_models.directions import Delivery
from motion_models.emote.config import EmoteConfig, Steps
from motion_models.emote.data import sentences_of
from motion_models.emote.emotions import CONDITIONS, KINDS, LEVELS
from motion_models.emote.faces import mp478_face
from motion_models.emote.learning import learn
from motion_models.emote.model import Emote
from motion_models.emote.network import SPEECH_REACH, WINDOW
from motion_models.emote.readers import ActionUnitDescriptor
from motion_models.examples import MotionExample
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import TRACK, sound_in_step, track
from training import Duration

RECORDED_TAKES = 1  # emotions in which each sentence is recorded
RECORDED_STAGE2 = 400  # long enough for the exchange to tell
SHIPPED, RECORDED, ABLATED = "every emotion", "one emotion a sentence", "... without exchange"
SENTENCE_FRAMES = 75
TEST, SPEAKER = "reference_video/weekly_address_20s.mp4", "address"
RETRIEVAL_FRAMES = 30
Table = dict[str, dict[str, float]]


def examples_of(data: Path, patterns: dict[str, str], tracks: Path, speech: str) -> list[MotionExample]:
    """Clips that match the patterns, tracked once. A pattern's value is the speaker; empty: each clip is its own."""
    made = []
    for pattern, speaker in patterns.items():
        for video in sorted(data.glob(pattern)):
            folder = tracks / video.stem
            if not (folder / TRACK).is_file():
                track(video, folder)
            measured = FaceTrack.load(folder / TRACK)
            made.append(motion_example(measured, sound_in_step(video, measured), speech, speaker or video.stem))
    return made


@dataclass(frozen=True)
class Tested:
    """The test's speech and what the face did."""

    features: SpeechFeatures
    truth: FaceMotion

    @property
    def sentences(self) -> list[slice]:
        """Stretches of 2.5 s."""
        return [slice(s, s + SENTENCE_FRAMES) for s in range(0, len(self.truth) - SENTENCE_FRAMES + 1, SENTENCE_FRAMES)]


def descriptor_of(model: Emote) -> ActionUnitDescriptor:
    """The stand-in that reads emotions, as the model was trained with."""
    return ActionUnitDescriptor(mp478_face(), model.measures.spread)


def emotions_read(model: Emote, expression: np.ndarray, tested: Tested) -> tuple[np.ndarray, np.ndarray]:
    """Kinds `[N]` and amounts `[N, 7]` that the descriptor reads in each sentence of expressions `[T, K]`."""
    deviation = torch.from_numpy(np.stack([expression[s] for s in tested.sentences]))
    read = descriptor_of(model)
    features = read.features(deviation, torch.ones(deviation.shape[:2]))
    return read.kinds(features).numpy(), read.amounts(features).numpy()


def steered(model: Emote, tested: Tested) -> dict[str, float]:
    """The whole test in all 22 emotions, against the truth's lips and the descriptor."""
    truth = clip_of_motion(tested.truth, "truth").head
    mean = model.at_rest()[0]
    correlations, amplitudes, right, amounts = {}, {}, {}, {}
    for kind, level in CONDITIONS:
        made = model.directed(Delivery(f"{kind}:{level}")).synthesize(tested.features, frames=len(tested.truth))
        head = clip_of_motion(made, kind).head
        correlations[kind, level] = gap_correlation(head, truth).at_zero
        amplitudes[kind, level] = gap_amplitude_ratio(head, truth)
        kinds, amount = emotions_read(model, made.expression - mean, tested)
        right[kind, level] = kinds == KINDS.index(kind)
        amounts[kind, level] = amount[:, KINDS.index(kind) - 1] if level else None
    asked = CONDITIONS[1:]
    own, others = correlations[CONDITIONS[0]], [correlations[c] for c in asked]
    grows = [
        amounts[kind, LEVELS[0]] < amounts[kind, LEVELS[1]] for kind in KINDS[1:]
    ] + [amounts[kind, LEVELS[1]] < amounts[kind, LEVELS[2]] for kind in KINDS[1:]]  # fmt: skip
    rows = {
        "lip-gap correlation, neutral": own,
        "lip-gap correlation, emotion exchanged, mean": float(np.mean(others)),
        "lip-gap correlation falls by, mean": own - float(np.mean(others)),
        "lip-gap correlation falls by, worst emotion": own - min(others),
        "lip-gap amplitude ratio, neutral": amplitudes[CONDITIONS[0]],
        "descriptor shows the asked kind, % of sentences": 100 * float(np.mean([right[c] for c in asked])),
    }
    for level in LEVELS:
        rows[f"... at intensity {level:.2f}"] = 100 * float(np.mean([right[c] for c in asked if c[1] == level]))
    rows["neutral is read as neutral, %"] = 100 * float(np.mean(right[CONDITIONS[0]]))
    rows["descriptor grows from one intensity to the next, %"] = 100 * float(np.mean(grows))
    for level in LEVELS:
        read = float(np.mean([np.mean(amounts[kind, level]) for kind in KINDS[1:]]))
        rows[f"amount read at intensity {level:.2f}"] = read
    return rows


def moved_mm(model: Emote, tested: Tested) -> Table:
    """By how much emotions move the mean face against neutral, in mm: a check that knows neither recipe's coefficients
    nor descriptor, only vertices.
    """
    face = mp478.load()
    measures: dict[str, Callable[[np.ndarray], float]] = {
        "mouth corners up": lambda v: float(v[[61, 291], 1].mean()),
        "mouth wider": lambda v: float(v[291, 0] - v[61, 0]),
        "inner brows up": lambda v: float(v[[107, 336], 1].mean()),
        "right corner higher than left": lambda v: float(v[61, 1] - v[291, 1]),
    }

    def vertices(emotion: str) -> np.ndarray:
        made = model.directed(Delivery(emotion)).synthesize(tested.features, frames=len(tested.truth))
        mean = torch.from_numpy(made.expression.mean(0))
        return (face.mean_mm + torch.einsum("k,kvc->vc", mean, face.expression_mm)).numpy()

    rest = vertices("neutral")
    rows: Table = {}
    for kind in KINDS[1:]:
        shapes = {f"{kind} {level:.2f}": vertices(f"{kind}:{level}") for level in LEVELS}
        for name, shape in shapes.items():
            rows[name] = {label: measure(shape) - measure(rest) for label, measure in measures.items()}
    return rows


def recipe_read(model: Emote, tested: Tested, example: MotionExample) -> dict[str, float]:
    """The ceiling: the test's true motion made emotional by the recipe, read by the descriptor."""
    mean = tested.truth.expression.mean(0)
    every = replace(EmoteConfig().recipe, takes=0, sentence_s=SENTENCE_FRAMES / MOTION_FPS)
    sentences = sentences_of(
        [replace(example, speaker=SPEAKER)], [SPEAKER], mean[None], 1.0, mp478_face(), model.measures.features, every, 1
    )
    read = descriptor_of(model)
    right = []
    for sentence in sentences:
        for index, take in sentence.takes.items():
            shown = torch.from_numpy(take.expression[None].astype(np.float32))
            kind = int(read.kinds(read.features(shown, torch.ones(shown.shape[:2])))[0])
            right.append((CONDITIONS[index][1], kind == KINDS.index(CONDITIONS[index][0])))
    share = float(np.mean([shown_right for level, shown_right in right if level]))
    return {"descriptor is right on the recipe's own faces, %": 100 * share}


def prior_and_reader(model: Emote, tested: Tested, example: MotionExample) -> dict[str, float]:
    """What the prior loses of unseen speech motion, and how much of unseen speech the lip reader tells."""
    own = tested.truth.expression - tested.truth.expression.mean(0)
    whole = len(own) // WINDOW * WINDOW
    shown = torch.from_numpy(own[:whole][None]) / model.measures.scale
    face = mp478_face()
    with torch.no_grad():
        again = model.networks.prior(shown)[0]
        error = ((again - shown)[0].numpy() * model.measures.scale) @ face.vertices
        told = model.networks.reader(shown * model.measures.scale)[0].numpy()
    sentences = sentences_of(
        [replace(example, speaker=SPEAKER)], [SPEAKER], tested.truth.expression.mean(0)[None], 1.0, face,
        model.measures.features, replace(EmoteConfig().recipe, takes=1, sentence_s=1e3), 0,
    )  # fmt: skip
    heard = sentences[0].rows[SPEECH_REACH : SPEECH_REACH + whole]
    pieces = [slice(s, s + RETRIEVAL_FRAMES) for s in range(0, whole - RETRIEVAL_FRAMES + 1, RETRIEVAL_FRAMES)]
    centred = [rows - rows.mean(0) for rows in (told, heard)]

    def alike(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])

    match = np.array([[alike(centred[0][a], centred[1][b]) for b in pieces] for a in pieces])
    moved = own[:whole] @ face.vertices
    return {
        "FLINT, vertex error on unseen speech, mm (RMS)": float(np.sqrt((error**2).sum(1).mean())),
        "... of a movement of, mm (RMS)": float(np.sqrt((moved**2).sum(1).mean())),
        "lip reader, correlation of told with heard features": alike(*centred),
        "lip reader, finds a second's own sound, %": 100 * float((match.argmax(1) == np.arange(len(pieces))).mean()),
        "... by chance, %": 100 / len(pieces),
    }


def passes(model: Emote, tested: Tested) -> dict[str, float]:
    """Calls of the decoder and speed, for short and long speech."""
    calls: list[int] = []
    handle = model.networks.prior.decoder.register_forward_hook(lambda *_: calls.append(1))
    rows = {}
    for seconds in (2, 20, 600):
        heard = tested.features
        values = np.resize(heard.values, (round(seconds * heard.rate_hz), heard.values.shape[1]))
        features = replace(heard, values=values, duration_s=float(seconds))
        calls.clear()
        started_s = time.process_time()
        frames = len(model.synthesize(features))
        rows[f"decoder calls for {seconds} s"] = float(len(calls))
        rows[f"frames a CPU second, {seconds} s"] = frames / (time.process_time() - started_s)
    handle.remove()
    return rows


def trained(taught: list[MotionExample], out: Path, steps: int | None, seed: int) -> dict[str, Path]:
    """The three models' files. The one without the exchange loss shares all but stage 2 with the one before."""
    duration, config = None if steps is None else Duration(steps), EmoteConfig()
    half = replace(Steps(*(max(1, count // 2) for count in astuple(config.steps))), stage2=RECORDED_STAGE2)
    recorded = replace(config, recipe=replace(config.recipe, takes=RECORDED_TAKES), steps=half)
    ablated = replace(recorded, losses=replace(config.losses, exchange=0.0))

    def made_in(run: Path, config: EmoteConfig) -> Path:
        return learn(taught, None, run, mode="general", duration=duration, seed=seed, config=config)

    made = {SHIPPED: made_in(out / "every", config), RECORDED: made_in(out / "one", recorded)}
    for part in ("lip_reader", "prior", "stage1"):
        if not (out / "ablated" / part).exists():
            shutil.copytree(out / "one" / part, out / "ablated" / part)
    made[ABLATED] = made_in(out / "ablated", ablated)
    return made


def printed(title: str, table: Table) -> None:
    """A Markdown table of columns -> rows -> numbers."""
    names = list(next(iter(table.values())))
    print(f"\n| {title} | " + " | ".join(table) + " |\n|" + "---|" * (len(table) + 1))
    for name in names:
        print(f"| {name} | " + " | ".join(f"{column[name]:.3g}" for column in table.values()) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parent.parent.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TALKING_HEAD_DATA", default)))
    parser.add_argument("--out", type=Path, default=Path("out/emote"))
    parser.add_argument("--tracks", type=Path, help="folder of tracks; default: OUT/tracks")
    parser.add_argument("--speech", default=Emote.default_speech)
    parser.add_argument("--steps", type=int, help="updates in all, for a quick look; default: the configuration's")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tracks = given.tracks or given.out / "tracks"
    taught = examples_of(given.data, {"clips/*.mp4": SPEAKER, "grid/*.mpg": ""}, tracks, given.speech)
    (unseen,) = examples_of(given.data, {TEST: SPEAKER}, tracks, given.speech)
    tested = Tested(unseen.features, unseen.motion)
    files = trained(taught, given.out, given.steps, given.seed)
    models = {name: Emote.load(path).directed(Delivery(style=SPEAKER)) for name, path in files.items()}
    full = models[SHIPPED]
    main_table = {name: steered(model, tested) for name, model in models.items()}
    rows = recipe_read(full, tested, unseen) | prior_and_reader(full, tested, unseen) | passes(full, tested)
    rows["parameters used at synthesis"] = float(sum(
        p.numel() for part in (full.networks.speaker, full.networks.prior.decoder) for p in part.parameters()
    ))  # fmt: skip
    shapes = moved_mm(full, tested)
    printed("22 emotions on unseen speech", main_table)
    printed("the parts", {"value": rows})
    printed("mm against neutral", shapes)
    write_json(given.out / "emote.json", {
        "steered": main_table, "parts": rows, "moved_mm": shapes, "config": asdict(EmoteConfig()),
        "seed": given.seed, "command": " ".join(sys.argv), "weights": {n: str(path) for n, path in files.items()},
    })
    print(json.dumps({"json": str(given.out / "emote.json")}))


if __name__ == "__main__":
    main()
