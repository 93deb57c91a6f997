"""Processes of the tests. They come from one that has torch already, where the system can: each begins within
milliseconds instead of seconds.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from functools import cache
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

import torch
import torch._dynamo  # an optimiser would import it in each

from tests.waiting import PATIENCE_S


@cache
def context() -> BaseContext:
    """Of such processes."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.processes", "tests.training.together"])
    return made


def begun(function: Callable[..., object], *given: Any) -> BaseProcess:
    """A process that calls a function of a module, on one thread: what is summed in another order is another number."""
    process: BaseProcess = context().Process(target=_called, args=(function, given))  # type: ignore[attr-defined]
    process.start()
    return process


def ended(process: BaseProcess) -> None:
    """Wait until it has ended well."""
    process.join(PATIENCE_S)
    assert process.exitcode == 0, process.exitcode


def killed(process: BaseProcess) -> bool:
    """Whether it was still at work when it was killed."""
    process.kill()
    process.join()
    return process.exitcode != 0


def _called(function: Callable[..., object], given: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    function(*given)
