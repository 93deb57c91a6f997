"""Runs that judge themselves: the best is kept, they end when nothing gets better, and a kill changes nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from foundation.errors import InputError
from foundation.files import read_tensors
from tests.processes import begun, ended, killed
from tests.training.toy import Toy
from tests.waiting import Clock, until
from training import Duration, RunResult, Validation, train
from training.validation import BEST_STATE, JUDGED, best_networks, judgements


def judged_run(
    folder: Path, steps: int, patience: int = 0, best_at: int = 10_000, toy: Toy | None = None, every: int = 5
) -> RunResult:
    """A toy's run whose score rises until judgement `best_at` and falls from there; judging draws at random."""
    count = [len(judgements(folder / JUDGED))]

    def judge(networks: nn.Module) -> dict[str, float]:
        torch.rand(3)  # must not change what the training draws
        count[0] += 1
        weight = float(next(networks.parameters()).detach().abs().mean())
        return {"score": -float(abs(count[0] - best_at)), "weight": weight, "nothing": float("nan")}

    validation = Validation(judge, "score", every, patience)
    return train(
        toy or Toy(), folder, Duration(steps), config={"toy": 1}, checkpoint_every_s=0.02, log_every=5,
        validation=validation,
    )  # fmt: skip


def honest_run(folder: Path, steps: int, pause_s: float) -> RunResult:
    """A toy's run judged by its error on numbers that it does not learn from."""
    inputs = torch.from_numpy(np.random.default_rng(5).standard_normal((64, 3)).astype(np.float32))

    def judge(networks: nn.Module) -> dict[str, float]:
        with torch.no_grad():
            return {"score": -float(((networks(inputs) - inputs.sum(1, keepdim=True)) ** 2).mean())}

    return train(
        Toy(pause_s), folder, Duration(steps), config={"toy": 1}, checkpoint_every_s=0.02,
        validation=Validation(judge, "score", 5),
    )  # fmt: skip


def test_the_best_is_kept_beside_the_last(tmp_path: Path) -> None:
    ended = judged_run(tmp_path, 40, best_at=3)
    lines = judgements(tmp_path / JUDGED)
    assert [line["step"] for line in lines] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert ended.standing is not None and (ended.standing.best_step, ended.standing.waited) == (15, 5)
    assert np.isnan(lines[0]["nothing"]) and "NaN" not in (tmp_path / JUDGED).read_text()
    best = Toy().networks
    assert best_networks(tmp_path, best) == 15
    assert float(next(best.parameters()).detach().abs().mean()) == pytest.approx(lines[2]["weight"], abs=1e-5)


def test_judging_does_not_change_what_is_learned(tmp_path: Path) -> None:
    judged_run(tmp_path / "judged", 40)
    train(Toy(), tmp_path / "plain", Duration(40), config={"toy": 1}, log_every=5)
    assert (tmp_path / "judged" / "metrics.jsonl").read_text() == (tmp_path / "plain" / "metrics.jsonl").read_text()


def test_patience_ends_a_run_and_it_stays_ended(tmp_path: Path) -> None:
    ended = judged_run(tmp_path, 200, patience=2, best_at=3)
    assert ended.steps == 25
    toy = Toy()
    assert judged_run(tmp_path, 200, patience=2, best_at=3, toy=toy).steps == 25 and toy.done == 0


def test_the_last_step_is_judged_too(tmp_path: Path) -> None:
    judged_run(tmp_path, 12)
    assert [line["step"] for line in judgements(tmp_path / JUDGED)] == [5, 10, 12]


def test_killed_at_any_moment_the_judgements_are_those_of_a_whole_run(tmp_path: Path) -> None:
    ended(begun(honest_run, tmp_path / "whole", 100, 0.0))
    for wait_s in (0.3, 0.5):
        process = begun(honest_run, tmp_path / "broken", 100, 0.01)
        until((tmp_path / "broken" / "state.safetensors").exists)
        time.sleep(wait_s)
        killed(process)
    ended(begun(honest_run, tmp_path / "broken", 100, 0.0))
    assert (tmp_path / "whole" / JUDGED).read_text() == (tmp_path / "broken" / JUDGED).read_text()
    whole, broken = (read_tensors(tmp_path / name / BEST_STATE) for name in ("whole", "broken"))
    assert whole[1] == broken[1] and whole[1]["step"] in range(5, 101, 5)
    assert all(np.array_equal(value, broken[0][name]) for name, value in whole[0].items())


def test_numbers_that_make_no_sense_are_told() -> None:
    with pytest.raises(InputError, match="every 0 steps"):
        Validation(lambda networks: {}, "score", 0)


def test_a_budget_holds_for_checkpoints_and_judgements_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training import loop

    real, clock = loop.save_checkpoint, Clock()

    def slow(*args: object, **kwargs: object) -> None:
        clock.sleep(0.3)  # as a network of the paper's size takes
        real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "save_checkpoint", slow)
    monkeypatch.setattr(loop, "time", clock)
    began_s = clock.now_s
    ended = train(
        Toy(0.01, sleep=clock.sleep), tmp_path, Duration(budget_s=3.0), config={}, checkpoint_every_s=0.5,
        validation=Validation(lambda networks: clock.sleep(0.1) or {"score": 0.0}, "score", 20),  # type: ignore[func-returns-value]
    )  # fmt: skip
    assert clock.now_s - began_s == pytest.approx(3.0, abs=0.15) and ended.steps > 20
    assert clock.slept.count(0.3) >= 1 and clock.slept.count(0.1) == ended.steps // 20
    assert json.loads((tmp_path / JUDGED).read_text().splitlines()[0])["score"] == 0
