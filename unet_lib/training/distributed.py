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

Augmentation runs on the whole batch in every process. The processes may run on several machines, each with a disk of
its own: only the main process reads and writes the run's folder, and the others get from it what they need to resume.
What can fail on one machine alone is in the hands of `rendezvous`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from unet_lib.core.errors import DeviceError
from unet_lib.training.rendezvous import explained_loss, new_store, started


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Inside the `with`, the processes that `torchrun` started are one group; each names its `own_device`.

    Without torchrun there is a single process and no group. Raises ProcessGroupError if another process is lost.
    """
    if started() == 1:
        yield
        return
    with explained_loss():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", store=new_store(),
                                       rank=_rank(), world_size=started())
        try:
            yield
        finally:
            distributed.destroy_process_group()


def own_device(device: torch.device) -> torch.device:
    """The device of this process: with CUDA and torchrun, a GPU of its own.

    Raises DeviceError if there are more processes than GPUs, or for several on a device other than CPU and CUDA.
    """
    if started() == 1 or device.type == "cpu":
        return device
    if device.type != "cuda":
        raise DeviceError(f"several processes can train on cpu or cuda; got --device {device}. Leave torchrun out.")
    if (local_rank := int(os.environ["LOCAL_RANK"])) >= torch.cuda.device_count():
        raise DeviceError(f"expected a GPU for each process; process {local_rank} found {torch.cuda.device_count()} "
                          f"GPUs in its machine. Lower --nproc-per-node, or add --device cpu.")
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


def launcher() -> str:
    """How torchrun was told to start this machine's processes, as far as they know; "" without torchrun."""
    if started() == 1:
        return ""
    nodes = f"--nnodes {machines()} " if machines() > 1 else ""
    return f"torchrun {nodes}--nproc-per-node {os.environ['LOCAL_WORLD_SIZE']} {'… ' if nodes else ''}-m "


def machines() -> int:
    """On how many machines torchrun was started."""
    return int(os.environ.get("GROUP_WORLD_SIZE", 1))


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
    try:
        yield
    finally:
        if is_main():
            barrier()


@contextmanager
def main_file(path: Path) -> Iterator[Path]:
    """The file `path` of the main process: there itself, for the others a copy as long as the `with` lasts."""
    if world_size() == 1:
        yield path
        return
    content = _broadcast(path.read_bytes() if is_main() else b"")
    if is_main():
        yield path
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder, path.name)
        copy.write_bytes(content)
        yield copy


def _broadcast(content: bytes) -> bytes:
    """What the main process has, in all processes."""
    size = torch.tensor(len(content))
    distributed.broadcast(size, 0)
    message = torch.frombuffer(bytearray(content.ljust(int(size))), dtype=torch.uint8)  # of the size that comes
    distributed.broadcast(message, 0)
    return message.numpy().tobytes()


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
    return int(os.environ["RANK"]) if started() > 1 else 0


def _grouped() -> bool:
    return distributed.is_available() and distributed.is_initialized()
