"""Runs that are killed, resumed, repeated, spoilt."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from foundation.files import read_tensors
from tests.processes import begun, ended, killed
from tests.training.toy import Toy, run, toy_run, toy_run_to_be_killed
from tests.waiting import Clock, until
from training import Duration, loop, train

STEPS = 120


def state_of(folder: Path) -> dict[str, np.ndarray]:
    return read_tensors(folder / "state.safetensors")[0]


def assert_same_state(first: Path, second: Path) -> None:
    one, two = state_of(first), state_of(second)
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert np.array_equal(value, two[name]), name


def test_killed_at_random_moments_the_run_repeats_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    # Both in processes of as many threads: the order of a sum depends on it, and Adam turns the rounding noise
    # in the gradient of a bias before a batch norm into whole steps.
    alone = begun(toy_run, whole, STEPS)
    generator, state = np.random.default_rng(), broken / "state.safetensors"

    def written_ns() -> int:
        return state.stat().st_mtime_ns if state.exists() else 0

    for halts_at in (40, 80, 119):
        seen_ns = written_ns()
        process = begun(toy_run_to_be_killed, broken, STEPS, halts_at)
        until(lambda seen_ns=seen_ns: written_ns() != seen_ns)  # type: ignore[misc]  # this process has got somewhere
        time.sleep(generator.uniform(0, 0.2))
        assert killed(process)
    ended(begun(toy_run, broken, STEPS))
    ended(alone)
    assert_same_state(whole, broken)
    assert (whole / "metrics.jsonl").read_text() == (broken / "metrics.jsonl").read_text()


def test_a_finished_run_returns_at_once(tmp_path: Path) -> None:
    first = run(Toy(), tmp_path, 20)
    toy = Toy()
    again = run(toy, tmp_path, 20)
    assert toy.done == 0 and again.steps == 20
    for one, two in zip(first.networks.parameters(), again.networks.parameters(), strict=True):
        assert np.array_equal(one.numpy(), two.numpy())


def test_seeds_differ_and_repeat(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(Toy(), tmp_path / name, 10, seed)
    assert_same_state(tmp_path / "a", tmp_path / "b")
    assert not np.array_equal(
        state_of(tmp_path / "a")["networks.0.weight"], state_of(tmp_path / "c")["networks.0.weight"]
    )


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    run(Toy(), tmp_path, 5)
    with pytest.raises(InputError, match="steps"):
        run(Toy(), tmp_path, 6)


class Spoilt(Toy):
    """Its loss, or its weights, are no numbers at some step where steps are large."""

    def __init__(self, at: int, highest: float, what: str = "loss", **toy: Any) -> None:
        super().__init__(**toy)
        self.at, self.highest, self.what = at, highest, what

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        losses = super().training_step(step, progress, generator)
        if step == self.at and self.optimizer.param_groups[0]["initial_lr"] > self.highest:
            if self.what == "loss":
                return {"loss": float("nan")}
            with torch.no_grad():
                next(self.networks.parameters()).fill_(float("inf"))
        return losses


@pytest.mark.parametrize("what", ["loss", "weights"])
@pytest.mark.parametrize("at", [0, 30, 59])
def test_a_loss_that_is_no_number_sends_the_run_back_to_smaller_steps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, at: int, what: str
) -> None:
    toy = Spoilt(at, highest=0.004, what=what, pause_s=0.002)  # twice halved, 0.01 is below it
    result = run(toy, tmp_path, 60)
    _, metadata = read_tensors(tmp_path / "state.safetensors")
    assert result.steps == metadata["step"] == 60 and metadata["setbacks"] == 2
    assert toy.optimizer.param_groups[0]["initial_lr"] == pytest.approx(0.0025)
    assert all(np.isfinite(value).all() for value in state_of(tmp_path).values())
    assert sum("is no number" in line for line in caplog.messages) == 2
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(5, 61, 5))
    assert all(np.isfinite(line["loss"]) for line in lines)
    run(Toy(), tmp_path, 60)  # the same command finds it done


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that runs count; a checkpoint takes none of it."""
    made = Clock()
    monkeypatch.setattr(loop, "time", made)
    return made


def test_a_setback_costs_of_the_budget(tmp_path: Path, clock: Clock) -> None:
    toy = Spoilt(10, highest=0.002, pause_s=0.01, sleep=clock.sleep)
    result = train(toy, tmp_path, Duration(budget_s=0.6), config={}, checkpoint_every_s=100.0)
    assert result.elapsed_s == pytest.approx(0.6, abs=0.011) and sum(clock.slept) == pytest.approx(0.6, abs=0.011)
    assert result.steps == toy.done - 3 * 11, "three times 11 steps were for nothing"


def test_losses_that_are_no_numbers_whatever_the_steps_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="loss stopped being finite at step 30"):
        run(Toy(pause_s=0.005, nan_at=30), tmp_path, 100)
    _, metadata = read_tensors(tmp_path / "state.safetensors")
    assert 0 < metadata["step"] <= 30
    assert all(np.isfinite(value).all() for value in state_of(tmp_path).values())


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    run(Toy(), tmp_path, 5)
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        run(Toy(), tmp_path, 5)


def test_a_budget_counts_the_time_of_all_resumes(tmp_path: Path, clock: Clock) -> None:
    def interrupted(pause_s: float) -> None:
        clock.sleep(pause_s)
        if len(clock.slept) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Toy(0.01, sleep=interrupted), tmp_path, Duration(budget_s=0.5), config={}, checkpoint_every_s=0.05)
    kept_s = read_tensors(tmp_path / "state.safetensors")[1]["elapsed_s"]
    toy = Toy(0.01, sleep=clock.sleep)
    result = train(toy, tmp_path, Duration(budget_s=0.5), config={})
    assert 0.1 < kept_s < 0.2 and result.elapsed_s == pytest.approx(0.5, abs=0.011)
    assert toy.done == pytest.approx((0.5 - kept_s) / 0.01, abs=1.1)
    again = Toy(0.01)
    assert train(again, tmp_path, Duration(budget_s=0.5), config={}).steps == result.steps and again.done == 0


def test_metrics_and_versions_are_written(tmp_path: Path) -> None:
    run(Toy(), tmp_path, 20)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 15, 20] and all("loss" in line for line in lines)
    assert {"torch", "talking-head"} <= json.loads((tmp_path / "versions.json").read_text()).keys()


def test_the_average_is_what_its_definition_says(tmp_path: Path) -> None:
    """Against the recursion written out: after n steps, decay min(d, (1 + k) / (10 + k)) at step k."""
    values: list[np.ndarray] = []

    class Watched(Toy):
        def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
            losses = super().training_step(step, progress, generator)
            values.append(self.networks[0].weight.detach().numpy().astype(np.float64).copy())  # type: ignore[index]
            return losses

    toy = Watched()
    expected = toy.networks[0].weight.detach().numpy().astype(np.float64).copy()  # type: ignore[index]
    result = train(toy, tmp_path, Duration(40), config={}, average_decay=0.7)
    for step, value in enumerate(values):
        decay = min(0.7, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    np.testing.assert_allclose(result.networks[0].weight.numpy(), expected, atol=1e-6)  # type: ignore[index]
