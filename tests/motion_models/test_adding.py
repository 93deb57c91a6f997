"""CONTRIBUTING's recipe for a motion model, walked: a toy in one place, and what the product then does with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from face_model.tracks import MOTION_FPS, FaceMotion, SpeechFeatures
from foundation.errors import InputError
from motion_models.directions import Delivery
from motion_models.examples import MotionExample, frame_rows
from motion_models.interface import MotionModel, network_arrays
from motion_models.judging import judging
from motion_models.learning import BEST_FILE, Held, Mode, held_digest, kind_of
from motion_models.people import feature_statistics, valid_expressions
from motion_models.statistics import FeatureStatistics
from talking_head.motion import model_registry as registry
from talking_head.motion.model_registry import Entry, load_motion_model, motion_entry, motion_models
from talking_head.target.settings import EnrollSettings
from tests.facial_gan.synthetic import FEATURES, example, speech
from training import Duration, train
from training.checkpoint import load_arrays
from training.optimising import numbers, update
from training.validation import JUDGED, best_networks, judgements


@dataclass
class ToyConfig:
    """rate: of learning. steps: without a duration."""

    rate: float = 0.3
    steps: int = 40


@dataclass(frozen=True, eq=False)
class Toy(MotionModel):
    """The expression is a linear function of the speech at each frame."""

    id = "toy_model"
    shapes = {"features.mean": ("F",), "features.silence": ("F",)}
    moves_head = False

    network: nn.Linear
    features: FeatureStatistics
    speech_extractor: str
    face_model: str

    @torch.no_grad()
    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        count = self.frame_count(features, MOTION_FPS, frames)
        self.features.refuse_size(features.values)
        rows = self.features.normalise(frame_rows(features, count))
        for start in range(0, count, 64):
            made = self.network(torch.from_numpy(rows[start : start + 64])).numpy()
            still = np.zeros((len(made), 3), np.float32)
            yield FaceMotion(MOTION_FPS, made, still, still, still[:, 0], self.face_model)

    def _tensors(self) -> dict[str, np.ndarray]:
        return network_arrays(self.network, "network.") | self.features.arrays()

    def _described(self) -> dict[str, Any]:
        return {}

    @classmethod
    def _assembled(
        cls, path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any], device: torch.device | str
    ) -> Toy:
        network = nn.Linear(*reversed(arrays["network.weight"].shape))
        load_arrays(path, network, arrays, "network.")
        return cls(network, FeatureStatistics.from_arrays(arrays), metadata["speech_extractor"], metadata["face_model"])


class ToyTraining:
    """All frames of all clips, at each step."""

    def __init__(self, network: nn.Linear, rows: np.ndarray, wanted: np.ndarray, config: ToyConfig) -> None:
        self.networks = network
        self.optimizers = {"sgd": torch.optim.SGD(network.parameters(), lr=config.rate)}
        self.rows, self.wanted = torch.from_numpy(rows), torch.from_numpy(wanted)

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        error = (self.networks(self.rows) - self.wanted).square().mean()
        update(64 * error, self.optimizers["sgd"], self.networks.parameters())
        return numbers({"total": error})


def learn(
    examples: Sequence[MotionExample], start: Path | None, run: Path, *, mode: Mode, duration: Duration | None = None,
    seed: int = 0, device: str = "cpu", config: ToyConfig | None = None, held: Held | None = None,
) -> Path:
    """See `motion_models.learning.Learn`."""
    config, kind = config or ToyConfig(), kind_of(examples, mode)
    base = None if start is None else Toy.load(start)
    if base is not None:
        kind.refuse_other(base, str(start))
    features = base.features if base else feature_statistics(examples, lambda e: frame_rows(e.features, len(e.motion)))
    torch.manual_seed(seed)
    network = base.network if base else nn.Linear(kind.feature_size, kind.expression_size)
    rows = np.concatenate([frame_rows(e.features, len(e.motion))[e.valid.astype(bool)] for e in examples])
    training = ToyTraining(network, features.normalise(rows), valid_expressions(examples), config)
    resolved = asdict(config) | {"data": [e.digest() for e in examples], "base": base.digest() if base else ""}

    def assembled(networks: nn.Module) -> Toy:
        return Toy(networks, features, kind.extractor, kind.face_model)  # type: ignore[arg-type]

    result = train(
        training, run, duration or Duration(config.steps), config=resolved | held_digest(held), seed=seed,
        validation=judging(held, assembled),
    )
    assembled(result.networks).save(run / "toy.safetensors")
    if best_networks(run, result.networks) is not None:
        assembled(result.networks).save(run / BEST_FILE)
    return run / "toy.safetensors"


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._ENTRIES, Toy.id, lambda: Entry(ToyConfig, Toy, learn))


def test_its_name_is_known_and_its_settings_are_read() -> None:
    from talking_head.enrollment.recipe import motion_config

    assert Toy.id in motion_models() and motion_entry(Toy.id).config is ToyConfig
    said = EnrollSettings(models={Toy.id: {"rate": 0.1}})
    assert motion_config(said, Toy.id) == ToyConfig(rate=0.1)
    with pytest.raises(InputError, match="did you mean 'rate'"):
        motion_config(EnrollSettings(models={Toy.id: {"rat": 0.1}}), Toy.id)


def test_it_learns_people_then_one_resumes_and_speaks(tmp_path: Path) -> None:
    entry = motion_entry(Toy.id)
    people = [example(4.0, seed, name) for seed, name in ((0, "ann"), (1, "bob"))]
    base = entry.learn(people, None, tmp_path / "general", mode="general")
    made = entry.learn([example(4.0, 2)], base, tmp_path / "own", mode="person", duration=Duration(5))
    model = load_motion_model(made)
    stamp = made.stat().st_mtime_ns
    assert entry.learn([example(4.0, 2)], base, tmp_path / "own", mode="person", duration=Duration(5)) == made
    assert load_motion_model(made).digest() == model.digest() and made.stat().st_mtime_ns >= stamp
    heard = speech(5.0, 7)
    whole = model.synthesize(heard)
    assert len(whole) == 150 and np.array_equal(whole.pack(), model.synthesize(heard, seed=3).pack())
    truth = example(5.0, 7).motion.expression
    assert ((whole.expression - truth) ** 2).mean() < 0.2 * truth.var()


def test_it_judges_itself_on_others_on_the_way(tmp_path: Path) -> None:
    held = Held([example(3.0, 5, "cid")], every_steps=20)
    motion_entry(Toy.id).learn([example(4.0, 0, "ann")], None, tmp_path, mode="general", held=held)
    lines = judgements(tmp_path / JUDGED)
    assert [line["step"] for line in lines] == [20, 40] and "expression" in lines[0] and "pose_spread" not in lines[0]
    assert load_motion_model(tmp_path / BEST_FILE).id == Toy.id


def test_what_it_lacks_is_told_and_what_it_need_not_do_is_done_without(tmp_path: Path) -> None:
    path = motion_entry(Toy.id).learn([example(2.0)], None, tmp_path, mode="person", duration=Duration(1))
    model = load_motion_model(path)
    with pytest.raises(InputError, match="emotion for motion model 'toy_model'"):
        model.directed(Delivery("happy"))
    assert model.directed(Delivery()) is model and model.with_head(0.5) is model and model.for_live() is model
    assert model.habits is None and model.stream_values(speech(1.0), fps=60.0) is None and not model.speaks_early
    with pytest.raises(InputError, match=f"{FEATURES - 1} speech features a row"):
        heard = speech(1.0)
        model.synthesize(SpeechFeatures(heard.values[:, 1:], heard.rate_hz, heard.extractor, heard.duration_s))


def test_how_many_people_are_learned_is_said_and_never_guessed(tmp_path: Path) -> None:
    people = [example(2.0, seed, name) for seed, name in ((0, "ann"), (1, "bob"))]
    for name in motion_models():
        with pytest.raises(InputError, match="clips of 2 people to learn one person from"):
            motion_entry(name).learn(people, None, tmp_path / name, mode="person")
