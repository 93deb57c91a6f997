"""One training run in many processes, as torchrun starts them: on the cards of one machine, or of many machines.

Data-parallel: every process holds the same networks, learns from its own share of each batch, and after each backward
pass all take the mean of their gradients, so all make the same step. Averaging hangs on the parameters, not on a
wrapper around a module (as `DistributedDataParallel` does it), since a step may run several networks, each several
times, and clip gradients before it uses them; any `Trainable` that takes `share` of its batch works unchanged.

A process that torchrun did not start is a world of one: everything here then does nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from foundation.errors import InputError


def rank() -> int:
    """The number of this process, 0 first."""
    return dist.get_rank() if _together() else 0


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _together() else 1


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Join the other processes of a torchrun launch, for as long as the block lasts.

    Args:
        device: `cpu` (gloo) or `cuda` (NCCL, each process on the card of its `LOCAL_RANK`).

    Yields:
        The device of this process.

    Raises:
        InputError: a launch for CUDA with more processes than cards.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ or _together():
        yield device
        return
    if device.startswith("cuda"):
        local, cards = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        if local >= cards:
            received = f"process {local + 1} of this machine, which has {cards} CUDA cards"
            raise InputError(received, "a process a card", f"give torchrun --nproc-per-node {cards}")
        torch.cuda.set_device(local)
        device = f"cuda:{local}"
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def share(count: int) -> slice:
    """Which items of a batch of `count` are this process's: every `size`-th, all of them in a world of one.

    Raises:
        InputError: the batch cannot be shared evenly, so the mean of means would not be the batch's mean.
    """
    if count % size():
        raise InputError(f"a batch of {count} for {size()} processes", "a multiple", "choose another batch size")
    return slice(rank(), None, size())


def mean(values: Mapping[str, float], device: torch.device) -> dict[str, float]:
    """Named numbers, averaged over the processes; the same on all of them."""
    if size() == 1:
        return dict(values)
    together = torch.tensor(list(values.values()), dtype=torch.float64 if device.type == "cpu" else torch.float32)
    together = together.to(device)
    dist.all_reduce(together)
    return dict(zip(values, (together / size()).tolist(), strict=True))


def first(value: float, device: torch.device) -> float:
    """The first process's number, on all: clocks differ, and all must stop at the same step."""
    if size() == 1:
        return value
    told = torch.tensor([value], dtype=torch.float64 if device.type == "cpu" else torch.float32).to(device)
    dist.broadcast(told, 0)
    return float(told)


@contextmanager
def file_of_first(path: Path, device: torch.device) -> Iterator[Path | None]:
    """The first process's file, for a block on every process: its own path there, a copy elsewhere; None if absent.

    So a run goes on from its checkpoint also on machines that do not share a disk.
    """
    if size() == 1:
        yield path if path.exists() else None
        return
    content = np.fromfile(path, np.uint8) if rank() == 0 and path.exists() else np.zeros(0, np.uint8)
    count = torch.tensor([len(content)], device=device)
    dist.broadcast(count, 0)
    if not int(count):
        yield None
        return
    data = (torch.from_numpy(content) if rank() == 0 else torch.empty(int(count), dtype=torch.uint8)).to(device)
    dist.broadcast(data, 0)
    if rank() == 0:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        data.cpu().numpy().tofile(copy)
        yield copy


def synchronise(networks: nn.Module) -> None:
    """Make networks train as one: the first process's values everywhere, gradients averaged as each backward pass
    ends, batch statistics of the whole batch. Does nothing in a world of one.
    """
    if size() == 1:
        return
    share_batch_statistics(networks)
    with torch.no_grad():
        for value in [*networks.parameters(), *networks.buffers()]:
            dist.broadcast(value, 0)
    _GradientMean(list(networks.parameters()))


class _GradientMean:
    """Averages gradients over the processes, all of a backward pass in one message, when the pass ends."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters
        self.ready: set[int] = set()
        for index, parameter in enumerate(parameters):
            parameter.register_post_accumulate_grad_hook(lambda _, index=index: self._note(index))

    def _note(self, index: int) -> None:
        if not self.ready:
            torch.autograd.Variable._execution_engine.queue_callback(self._average)
        self.ready.add(index)

    def _average(self) -> None:
        # In the parameters' order: in which order gradients become ready may differ between processes.
        gradients = [self.parameters[index].grad for index in sorted(self.ready)]
        self.ready.clear()
        found = [gradient for gradient in gradients if gradient is not None]
        flat = torch.cat([gradient.detach().flatten() for gradient in found])
        dist.all_reduce(flat)
        flat /= size()
        for gradient, part in zip(found, flat.split([gradient.numel() for gradient in found]), strict=True):
            gradient.copy_(part.view_as(gradient))


def share_batch_statistics(networks: nn.Module) -> None:
    """Let every batch normalisation in `networks` see the whole batch; parameters and names stay.

    torch's own `SyncBatchNorm` does this on graphics cards alone.
    """
    for module in list(networks.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, _BatchNorm) and not isinstance(child, _SharedBatchNorm):
                setattr(module, name, _SharedBatchNorm(child))


class _Sum(torch.autograd.Function):
    """The sum over processes; so is its gradient."""

    @staticmethod
    def forward(context: object, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: object, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class _SharedBatchNorm(_BatchNorm):
    """A batch normalisation over the parameters and statistics of another, with the moments of all processes."""

    def __init__(self, own: _BatchNorm) -> None:
        super().__init__(own.num_features, own.eps, own.momentum, own.affine, own.track_running_stats)
        self._parameters, self._buffers = own._parameters, own._buffers
        self.training = own.training

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or size() == 1:
            return super().forward(input)
        others = [axis for axis in range(input.dim()) if axis != 1]
        shape = [1, -1, *[1] * (input.dim() - 2)]
        count = input.numel() // input.shape[1] * size()  # shares are even
        middle = _Sum.apply(input.sum(others)) / count
        centred = input - middle.view(shape)
        variance = _Sum.apply(centred.square().sum(others)) / count
        if self.track_running_stats and self.running_mean is not None and self.running_var is not None:
            assert self.num_batches_tracked is not None and self.momentum is not None
            with torch.no_grad():
                self.num_batches_tracked += 1
                self.running_mean.lerp_(middle.to(self.running_mean), self.momentum)
                self.running_var.lerp_((variance * count / max(count - 1, 1)).to(self.running_var), self.momentum)
        normal = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.weight is None or self.bias is None:
            return normal
        return normal * self.weight.view(shape) + self.bias.view(shape)
