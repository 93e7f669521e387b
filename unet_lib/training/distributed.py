"""Several processes, one training: `torchrun --nproc-per-node 2 -m unet_lib train …`.

Every process takes the same batch and runs the network, wrapped in torch's DistributedDataParallel (DDP), on its own
shard of it. Losses like Dice are no mean over slices, so those of the shards cannot simply be averaged: the logits are
gathered, and every process computes the loss of the whole batch. Its gradients flow through the process's own shard
only, and their sum over the processes is the gradient of the whole batch. DDP takes their mean instead, bucket by
bucket while the backward pass is still running; so `sharded_forward` multiplies them by the number of processes.

Batch norm is the exception to "as in one process": while training, each process normalises with the mean and variance
of its own shard, as DDP always does (torch's SyncBatchNorm needs GPUs). The running statistics, which predictions use,
are averaged after every step, each process weighted by the size of its shard. Their means are then those of the whole
batch; the variances lack what lies between the shards.

Augmentation runs on the whole batch in every process. All processes must see the run's folder.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from unet_lib.core.errors import DeviceError


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Inside the `with`, the processes that `torchrun` started are one group; yields the device of this one.

    With CUDA each process takes a GPU of its own. Without torchrun there is a single process and no group. Raises
    DeviceError if there are more processes than GPUs, or on a device other than CPU and CUDA.
    """
    if _started() == 1:
        yield device
        return
    device = _own_device(device, int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _grouped() else 1


def is_main() -> bool:
    """Whether this process is the one that writes files and prints."""
    return _rank() == 0


def shard(count: int) -> slice:
    """The part of `count` slices that falls to this process; parts differ by one at most, the first are the larger."""
    first, last = (-(-rank * count // world_size()) for rank in (_rank(), _rank() + 1))
    return slice(first, last)


def data_parallel(model: nn.Module) -> nn.Module:
    """The model as all processes train it together; in a single process the model itself."""
    return DistributedDataParallel(model) if world_size() > 1 else model


def sharded_forward(compute: Callable[[Tensor], Tensor],
                    images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1 h w"]:
    """The logits of all images, of which each process computes its shard.

    A process without any runs one image nevertheless and drops its logits: DDP waits for gradients from all.
    """
    if world_size() == 1:
        return compute(images)
    mine = shard(len(images))
    size = mine.stop - mine.start
    logits = compute(images[mine] if size else images[:1])[:size]
    return _Gather.apply(logits, mine, len(images))


def average_running_statistics(model: nn.Module, count: int) -> None:
    """After a step on `count` slices: batch norm's running statistics become their mean, weighted by shard."""
    statistics = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    if world_size() == 1 or not statistics:
        return
    mine = shard(count)
    message = torch.cat([buffer.flatten() for buffer in statistics]) * ((mine.stop - mine.start) / count)
    distributed.all_reduce(message)  # all in one message, as each costs time however short it is
    for buffer, part in zip(statistics, message.split([buffer.numel() for buffer in statistics]), strict=True):
        buffer.copy_(part.view_as(buffer))


def any_process(flag: bool) -> bool:
    """Whether any of the processes says yes; all must ask, and none goes on before all have answered."""
    if world_size() == 1:
        return flag
    votes = torch.tensor(float(flag))
    distributed.all_reduce(votes, distributed.ReduceOp.MAX)
    return bool(votes)


def barrier() -> None:
    """Go on when all processes have come this far."""
    any_process(False)


@contextmanager
def main_process_first() -> Iterator[None]:
    """The main process runs the `with` block first, then the others, who find on the disk what it has written."""
    if not is_main():
        barrier()
    yield
    if is_main():
        barrier()


class _Gather(torch.autograd.Function):
    """The logits of all shards; backward, the own shard's gradients times the number of processes (see above)."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, mine: slice, count: int) -> Tensor:
        ctx.mine = mine
        gathered = logits.new_zeros(count, *logits.shape[1:])
        gathered[mine] = logits
        distributed.all_reduce(gathered)  # a sum: all the others have 0 where one has its logits
        return gathered

    @staticmethod
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[ctx.mine] * world_size(), None, None


def _rank() -> int:
    """Number of this process in the group; before there is one, the number that torchrun gave it."""
    if _grouped():
        return distributed.get_rank()
    return int(os.environ["RANK"]) if _started() > 1 else 0


def _started() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", 1))


def _grouped() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _own_device(device: torch.device, local_rank: int) -> torch.device:
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise DeviceError(f"several processes can train on cpu or cuda; got --device {device}. Leave torchrun out.")
    if local_rank >= torch.cuda.device_count():
        raise DeviceError(f"expected a GPU for each process; process {local_rank} found {torch.cuda.device_count()} "
                          f"GPUs in its machine. Lower --nproc-per-node, or add --device cpu.")
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)
