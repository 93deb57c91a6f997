"""From clips to a model's file: measure, make the emotional sentences, train the four parts, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from face_model.tracks import POSE
from motion_models.emote.config import EmoteConfig
from motion_models.emote.data import EmotionalWindows, sentences_of
from motion_models.emote.emotions import CODE_SIZE
from motion_models.emote.faces import Face, face_for
from motion_models.emote.losses import Geometry
from motion_models.emote.model import Emote, Measures, Networks, Styles, build_networks
from motion_models.emote.network import SpeechToPrior
from motion_models.emote.readers import ActionUnitDescriptor, arkit_spread
from motion_models.emote.train import Lesson, LipReaderTraining, PriorTraining, Stage1, Stage2
from motion_models.examples import MotionExample, frame_rows
from motion_models.judging import judging
from motion_models.learning import BEST_FILE, Held, Mode, held_digest, kind_of
from motion_models.people import feature_statistics, valid_expressions, valid_motion
from training import Duration, Validation, train
from training.loop import Trainable
from training.validation import best_networks

MODEL_FILE, LAST_PART = "emote.safetensors", "stage2"
OWN_STYLE = "own"  # of a speaker whose clips name nobody
COST = {"lip_reader": 1.0, "prior": 1.0, "stage1": 3.0, "stage2": 8.0}  # of a step, for sharing out a time
STAGE2_RATE = 0.5  # of the learning rate
SMALLEST_SCALE = 1e-3


@dataclass(frozen=True)
class _Beginning:
    """What training starts from. fresh: lip reader and prior are trained too."""

    networks: Networks
    styles: Styles
    measures: Measures
    fresh: bool


def learn(
    examples: Sequence[MotionExample], start: Path | None, run: Path, *, mode: Mode, duration: Duration | None = None,
    seed: int = 0, device: str = "cpu", config: EmoteConfig | None = None, held: Held | None = None,
) -> Path:
    """See `motion_models.learning.Learn`. The clips are neutral speech; the emotions are added by the recipe. Of the
    parts, the last is judged: it alone makes what is shown.

    One person who is learned becomes the style that speaks; of many, the mean does.
    """
    config, kind = config or EmoteConfig(), kind_of(examples, mode)
    examples = [replace(e, speaker=e.speaker or OWN_STYLE) for e in examples]
    face = face_for(kind.face_model, kind.expression_size, config.use_flame)
    base = None if start is None else Emote.load(start)
    if base is None:
        beginning = _anew(examples, face, config, seed)
    else:
        kind.refuse_other(base, str(start))
        config = replace(config, sizes=base.sizes)
        beginning = _from(base, examples)
    styles = beginning.styles
    own = styles.index(examples[0].speaker) if mode == "person" else -1
    beginning = replace(beginning, styles=replace(styles, own=own))
    data = {"data": [example.digest() for example in examples], "start": Emote.load(start).digest() if start else ""}

    def assembled(networks: Networks) -> Emote:
        return Emote(
            networks, beginning.styles, beginning.measures, config.sizes, kind.extractor, kind.face_model
        )

    networks = _trained(examples, face, beginning, run, duration, seed, device, config, data, held, assembled)
    assembled(networks).save(run / MODEL_FILE)
    if best_networks(run / LAST_PART, networks.speaker) is not None:
        assembled(networks).save(run / BEST_FILE)
    return run / MODEL_FILE


def _speaking(networks: Networks, speaker: nn.Module) -> Networks:
    """The same with another speaker."""
    assert isinstance(speaker, SpeechToPrior)
    return replace(networks, speaker=speaker)


def _styles(examples: Sequence[MotionExample], names: Sequence[str]) -> Styles:
    """Of the speakers of these names, measured over all their frames."""
    means, poses = [], []
    for name in names:
        theirs = [example for example in examples if example.speaker == name]
        means.append(valid_expressions(theirs).mean(0))
        poses.append(np.median(np.concatenate([valid_motion(example)[:, POSE] for example in theirs]), axis=0))
    return Styles(tuple(names), np.stack(means).astype(np.float32), np.stack(poses).astype(np.float32))


def _anew(examples: Sequence[MotionExample], face: Face, config: EmoteConfig, seed: int) -> _Beginning:
    styles = _styles(examples, sorted({example.speaker for example in examples}))
    neutral = np.concatenate([valid_expressions([e]) - styles.means[styles.index(e.speaker)] for e in examples])
    features = feature_statistics(examples, lambda one: frame_rows(one.features, len(one.motion)))
    scale = max(float(np.sqrt(neutral.var(0).mean())), SMALLEST_SCALE)
    torch.manual_seed(seed)
    networks = build_networks(config.sizes, len(features.mean), len(styles.names), face.mouth_mm)
    return _Beginning(networks, styles, Measures(features, scale, arkit_spread(face, neutral)), True)


def _from(base: Emote, examples: Sequence[MotionExample]) -> _Beginning:
    """A general model with a style more for each speaker that it does not know; such a style starts as the mean."""
    old = base.styles
    new = sorted({example.speaker for example in examples} - set(old.names))
    if not new:
        return _Beginning(base.networks, old, base.measures, False)
    added = _styles(examples, new)
    styles = Styles(
        old.names + added.names, np.concatenate([old.means, added.means]), np.concatenate([old.poses, added.poses]),
    )
    told = base.networks.speaker.condition
    mean = told.weight[:, CODE_SIZE:].mean(1, keepdim=True)
    wider = nn.Linear(told.in_features + len(new), told.out_features)
    with torch.no_grad():
        wider.weight.copy_(torch.cat([told.weight, mean.expand(-1, len(new))], dim=1))
        wider.bias.copy_(told.bias)
    base.networks.speaker.condition = wider
    return _Beginning(base.networks, styles, base.measures, False)


def _durations(config: EmoteConfig, duration: Duration | None, fresh: bool) -> dict[str, Duration]:
    """How long each part lasts: the configured steps, or the given steps or time shared out as those would be."""
    steps = config.steps
    if fresh:
        planned = {
            "lip_reader": steps.lip_reader, "prior": steps.prior, "stage1": steps.stage1, "stage2": steps.stage2
        }
    else:
        planned = {"stage1": steps.person_stage1, "stage2": steps.person_stage2}
    if duration is None:
        return {name: Duration(count) for name, count in planned.items()}
    work = {name: COST[name] * count for name, count in planned.items()}
    shares = {name: value / sum(work.values()) for name, value in work.items()}
    budget_s = duration.budget_s
    return {
        name: Duration(
            count if duration.steps is None else max(1, round(duration.steps * count / sum(planned.values()))),
            None if budget_s is None else budget_s * shares[name],
        )
        for name, count in planned.items()
    }  # fmt: skip


def _deciding(config: EmoteConfig, part: str) -> dict[str, Any]:
    """What of the configuration decides a part's result; runs that differ only in stage 2 can share the rest."""
    chosen = asdict(config)
    del chosen["steps"]  # the loop keeps the duration itself
    if part != "stage2":
        for name in ("lip_reading", "emotion", "exchange"):
            del chosen["losses"][name]
    return chosen | {"part": part}


def _trained(
    examples: Sequence[MotionExample], face: Face, beginning: _Beginning, run: Path, duration: Duration | None,
    seed: int, device: str, config: EmoteConfig, data: dict[str, Any], held: Held | None,
    assembled: Callable[[Networks], Emote],
) -> Networks:
    """All parts, trained one after another in folders of the run."""
    networks, styles, measures = beginning.networks, beginning.styles, beginning.measures
    for part in (networks.speaker, networks.prior, networks.reader):
        part.to(device).requires_grad_(True)
    sentences = sentences_of(
        examples, styles.names, styles.means, measures.scale, face, measures.features, config.recipe, seed
    )
    outside = measures.features.outside
    plain = EmotionalWindows(sentences, len(styles.names), outside, None)
    changed = EmotionalWindows(sentences, len(styles.names), outside, config.augmentation)
    geometry = Geometry.of(face, measures.scale, device)
    lasting = _durations(config, duration, beginning.fresh)

    def lesson(windows: EmotionalWindows, rate: float = 1.0) -> Lesson:
        return Lesson(windows, config.losses, config.batch_size, rate * config.learning_rate, config.weight_decay)

    def run_part(name: str, part: Trainable, judges: Validation | None = None) -> Any:
        deciding = _deciding(config, name) | data | (held_digest(held) if judges else {})
        return train(
            part, run / name, lasting[name], config=deciding, seed=seed, average_decay=config.average_decay,
            description=f"EMOTE, {name.replace('_', ' ')}", validation=judges,
        ).networks

    reader, prior = networks.reader, networks.prior
    if beginning.fresh:
        reader = run_part("lip_reader", LipReaderTraining(reader, measures.scale, lesson(plain)))
        prior = run_part("prior", PriorTraining(prior, geometry, lesson(plain)))
    reader.eval().requires_grad_(False)
    speaker: SpeechToPrior = run_part("stage1", Stage1(networks.speaker, prior.decoder, geometry, lesson(changed)))
    speaker.requires_grad_(True)
    emotion = ActionUnitDescriptor(face, measures.spread, device)
    second = Stage2(reader, emotion, speaker, prior.decoder, geometry, lesson(changed, STAGE2_RATE))
    fixed = Networks(speaker, prior, reader)
    judges = judging(held, lambda networks: assembled(_speaking(fixed, networks)))
    return replace(fixed, speaker=run_part(LAST_PART, second, judges))
