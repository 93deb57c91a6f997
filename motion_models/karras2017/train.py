"""Training through the one loop: network and emotion database together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from face_model import mp478
from face_model.morphable_model import MorphableModel
from face_model.tracks import MOTION_FPS, POSE
from foundation.errors import InputError
from motion_models.examples import MotionExample
from motion_models.judging import judging
from motion_models.karras2017.config import KarrasConfig
from motion_models.karras2017.data import Batch, Rest, RunSet
from motion_models.karras2017.emotions import Emotions, drawn_vectors
from motion_models.karras2017.losses import Balance, motion_loss, position_loss, slowness_loss
from motion_models.karras2017.mining import with_best_neutral
from motion_models.karras2017.model import Karras2017, Parts, Probe, build_network
from motion_models.karras2017.moods import Moods
from motion_models.karras2017.network import EmotionDatabase, SpeechToFace
from motion_models.learning import BEST_FILE, Held, Mode, held_digest, kind_of
from motion_models.lips import rest_expression
from motion_models.people import feature_statistics, valid_expressions, valid_motion
from motion_models.statistics import FeatureStatistics
from training import Duration, cosine_decay, train
from training.optimising import numbers, update
from training.schedules import set_learning_rate
from training.validation import best_networks

MODEL_FILE = "karras2017.safetensors"
NOSE_BASE = 2  # of mp478: what lies below is the lower face
RANK_TOLERANCE = 1e-4  # components smaller than this share of the first are no shapes


class KarrasTraining:
    """What the loop trains.

    Args:
        network, emotions: on the device to train on.
        runs: batches.
        basis_mm: `[E, 3V]`, vertex offsets of the face model's expressions.
        config: see there.
        moods: that are taught.
    """

    def __init__(
        self, network: SpeechToFace, emotions: EmotionDatabase, runs: RunSet, basis_mm: Tensor, config: KarrasConfig,
        moods: Moods,
    ) -> None:
        self.network, self.emotions, self.runs, self.config = network, emotions, runs, config
        names = ("position", "motion", "slowness") if config.regularise else ("position", "motion")
        self.balance = Balance(names).to(basis_mm.device)
        parts = {"network": network, "emotions": emotions, "balance": self.balance}
        self.networks: nn.Module = nn.ModuleDict(parts)
        self.basis_mm, self.device = basis_mm, basis_mm.device
        region = np.ones(basis_mm.shape[1], np.float32) if runs.rest is None else runs.rest.region
        self.resting = torch.from_numpy(region).to(self.device)
        none = np.zeros((1, len(basis_mm[0])), np.float32), np.zeros((1, emotions.vectors.shape[1]), np.float32)
        self.mood_mm, self.mood_way = (  # the last row, which -1 finds, is no mood
            torch.from_numpy(np.concatenate(rows)).to(self.device)
            for rows in zip((moods.offsets_mm, moods.directions), none, strict=True)
        )
        self.optimizer = Adam(
            [
                {"params": network.parameters(), "lr": config.learning_rate},
                {"params": emotions.parameters(), "lr": config.emotion_rate},
            ]
        )
        self.optimizers: Mapping[str, Optimizer] = {"all": self.optimizer}

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One update on one batch of runs."""
        set_learning_rate(self.optimizer, cosine_decay(progress, self.config.warm_up))
        batch = Batch(*(part.to(self.device) for part in vars(self.runs.batch(generator)).values()))
        emotion = self.emotions(batch.frames)
        exchanged = (batch.elsewhere >= 0)[:, None, None]
        strength, centre = batch.strength[:, None], self.emotions.vectors.detach().mean(0)
        others = centre + strength * (self.emotions(batch.elsewhere.clamp_min(0)).detach() - centre)
        moody = (batch.mood >= 0)[:, None, None]  # a mood is not the frame's: its vector learns nothing from it
        own = torch.where(moody, emotion.detach(), emotion)
        felt = torch.where(exchanged, others[:, None], own) + (strength * self.mood_way[batch.mood])[:, None]
        made = self.network(batch.slices, batch.position, felt)
        real = batch.expression @ self.basis_mm + (strength * self.mood_mm[batch.mood])[:, None]
        apart = (made - real).mean(dim=1, keepdim=True)
        speaks = exchanged & ~batch.silent[:, None, None]
        real = torch.where(speaks, real + apart, real)  # a mood may move the whole run, not how it moves
        everywhere = torch.where(batch.silent[:, None], self.resting, 1.0)
        weight = batch.seen[..., None] * everywhere[:, None]
        losses = {"position": position_loss(made, real, weight), "motion": motion_loss(made, real, weight)}
        losses["slowness"] = slowness_loss(emotion, self.emotions.vectors.mean(0))
        total = self.balance(losses)
        update(total, self.optimizer, (), limit=None)
        return numbers({"total": total} | losses)


def face_of(face_model: str) -> MorphableModel:
    """The face model of that name, where it ships.

    Raises:
        InputError: one that the user has to bring.
    """
    if face_model != mp478.ID:
        raise InputError(
            f"face model '{face_model}', which does not ship", mp478.ID,
            "load it and give it to motion_models.karras2017.train.learn",
        )
    return mp478.load()


def principal_shapes(expression: np.ndarray, basis_mm: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean `[3V]` and principal components `[K, 3V]` (mm, each as long as its deviation) of expressions' vertices.

    Vertices lie in the span of the basis, so the decomposition is done there: K is at most the number of expressions.
    """
    mean = expression.mean(0)
    _, triangle = np.linalg.qr(basis_mm.T)  # in the frame of the basis, lengths and angles are the vertices'
    left = (expression - mean) @ triangle.T / np.sqrt(len(expression))
    _, deviation, directions = np.linalg.svd(left, full_matrices=False)
    kept = min(most, int((deviation > RANK_TOLERANCE * deviation[0]).sum()) or 1)
    components = deviation[:kept, None] * directions[:kept] @ np.linalg.pinv(triangle.T) @ basis_mm
    return mean @ basis_mm, components


def _rest(face: MorphableModel, expression: np.ndarray) -> Rest | None:
    """What silence does to the face; None where the face model's lips are not known."""
    if face.id != mp478.ID:
        return None
    height = face.mean_mm[:, 1].numpy()
    lower = (height < height[NOSE_BASE]).astype(np.float32)
    return Rest(rest_expression(face, expression), np.repeat(lower, 3))


def learn(
    examples: Sequence[MotionExample], start: Path | None, run: Path, *, mode: Mode, duration: Duration | None = None,
    seed: int = 0, device: str = "cpu", config: KarrasConfig | None = None, held: Held | None = None,
    face: MorphableModel | None = None, moods: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """See `motion_models.learning.Learn`. Of a start, emotions are drawn anew about its neutral one, and those with
    names are kept.

    Args:
        face: the face model of the examples; None where it ships.
        moods: name -> `[E]`, expressions (as differences from neutral) to teach by name, where nothing is started from.
    """
    examples, config, kind = list(examples), config or KarrasConfig(), kind_of(examples, mode)
    face = face or face_of(kind.face_model)
    if kind.face_model != face.id:
        raise InputError(f"examples of face model {kind.face_model}", f"of {face.id}, which was given")
    base = None if start is None else Karras2017.load(start, device)
    if base is not None:
        kind.refuse_other(base, str(start))
        config = replace(config, architecture=base.parts.architecture)
    torch.manual_seed(seed)
    basis_mm = face.expression_mm.flatten(1).to(device)
    if base is None:
        features = feature_statistics(examples, lambda one: one.features.values)
        taught = Moods.drawn(moods or {}, basis_mm.cpu().numpy(), config.architecture.emotion_size, seed)
        network = _fresh(examples, face, features, config, list((moods or {}).values()))
    else:
        features, taught = base.parts.features, Moods.known_by(base)
        network = base.parts.network.requires_grad_(True)
    runs = RunSet(examples, features, config, _rest(face, valid_expressions(examples)), len(taught))
    drawn = drawn_vectors(
        [len(example.motion) for example in examples], config.architecture.emotion_size, config.emotion_scale,
        config.emotion_memory_s * MOTION_FPS, seed,
    )  # fmt: skip
    emotions = EmotionDatabase(torch.from_numpy(drawn if base is None else drawn + base.parts.emotions.neutral))
    resolved = asdict(config) | {
        "data": [e.digest() for e in examples], "base": "" if base is None else base.digest(), "moods": taught.digest(),
    }

    def assembled(networks: nn.Module) -> Karras2017:
        assert isinstance(networks, nn.ModuleDict)
        trained, learned = networks["network"], networks["emotions"]
        assert isinstance(trained, SpeechToFace) and isinstance(learned, EmotionDatabase)
        made = _assemble(trained, learned.vectors.detach().cpu().numpy(), examples, face, features, config)
        known = made.parts.emotions
        return made.with_emotions(known.with_names(taught.around(known.neutral)))

    result = train(
        KarrasTraining(network.to(device), emotions.to(device), runs, basis_mm, config, taught), run,
        duration or Duration(steps=config.steps), config=resolved | held_digest(held), seed=seed,
        average_decay=config.average_decay, description="Karras 2017", validation=judging(held, assembled),
    )
    assembled(result.networks).save(run / MODEL_FILE)
    if best_networks(run, result.networks) is not None:
        assembled(result.networks).save(run / BEST_FILE)
    return run / MODEL_FILE


def _fresh(
    examples: Sequence[MotionExample], face: MorphableModel, features: FeatureStatistics, config: KarrasConfig,
    moods: Sequence[np.ndarray],
) -> SpeechToFace:
    """A network whose decoder is the principal component analysis of the examples' shapes, in turn without a mood and
    with each that is taught.
    """
    basis_mm = face.expression_mm.flatten(1).double().numpy()
    expression, most = valid_expressions(examples).astype(np.float64), config.architecture.coding_size
    for index, mood in enumerate(moods, start=1):
        expression[index :: len(moods) + 1] += mood
    mean_mm, components_mm = (torch.from_numpy(part).float() for part in principal_shapes(expression, basis_mm, most))
    sizes = len(features.mean), len(components_mm), len(face.mean_mm)
    network = build_network(config.architecture, *sizes, noise=config.noise)
    network.start_from_shapes(mean_mm, components_mm)
    return network


def _assemble(
    network: SpeechToFace, vectors: np.ndarray, examples: Sequence[MotionExample], face: MorphableModel,
    features: FeatureStatistics, config: KarrasConfig,
) -> Karras2017:
    """The model, with the neutral emotion chosen and the residual of its expressions measured."""
    lengths = tuple(len(example.motion) for example in examples)
    emotions = Emotions(vectors, lengths, vectors.mean(0))
    pose = np.concatenate([valid_motion(e) for e in examples]).mean(0)[POSE]
    basis = face.expression_mm.flatten(1).numpy()
    parts = Parts(
        network.eval().requires_grad_(False), config.architecture, features, emotions, Probe.of(examples),
        np.linalg.pinv(basis.astype(np.float64)).astype(np.float32), pose.astype(np.float32),
    )  # fmt: skip
    model = Karras2017(parts, examples[0].features.extractor, face.id)
    return with_best_neutral(model, face, examples)
