"""Several processes, one training: `torchrun --nproc-per-node 2 -m unet_lib train …`.

Every process takes the same batch, runs the network on its own share of it, and shows its logits to all the
others. So each of them computes the loss of the whole batch, with any loss, even one like Dice that is no mean
over slices; its gradients flow through its own share only, and their sum over the processes is the gradient of
the whole batch. The rest of a step is the same everywhere, and so are the weights.

Batch norm is the exception to "as in one process": while training, each process normalises with the mean and
variance of its own share (as in torch's DistributedDataParallel; torch can share them on GPUs only). The running
statistics, which predictions use, are averaged after every step, each process weighted by its share. Their means
are then those of the whole batch; the variances lack what lies between the shares.

Plain rather than fastest: gradients travel once the backward pass is over, and augmentation runs on the whole
batch in every process. The run's folder must be one that all processes see.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn

from unet_lib.core.errors import DeviceError

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes that train together: `size` of them, of which this one is number `rank`, on `device`."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes files and prints."""
        return self.rank == 0

    def fraction(self, count: int) -> slice:
        """The own part of `count` slices; parts differ by one at most, and the first are the larger."""
        first, last = (-(-rank * count // self.size) for rank in (self.rank, self.rank + 1))
        return slice(first, last)

    def forward(self, compute: Callable[[Tensor], Tensor],
                images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1 h w"]:
        """The logits of all images; only those of the own share can be differentiated."""
        if self.size == 1:
            return compute(images)
        mine = self.fraction(len(images))
        logits = torch.zeros(len(images), 1, *images.shape[2:], device=images.device)
        own = compute(images[mine]) if mine.start < mine.stop else logits[mine]
        logits[mine] = own.detach()
        distributed.all_reduce(logits)  # a sum: all the others have 0 where one has its logits
        return torch.cat([logits[:mine.start], own, logits[mine.stop:]])

    def pool(self, model: nn.Module, count: int) -> None:
        """After the backward pass for `count` images: add up the gradients, average the running statistics."""
        if self.size == 1:
            return
        mine = self.fraction(count)
        statistics = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
        for buffer in statistics:
            buffer.mul_((mine.stop - mine.start) / count)
        _add_up([*map(_gradient, filter(lambda p: p.requires_grad, model.parameters())), *statistics])

    def any(self, flag: bool) -> bool:
        """Whether any of the processes says yes; all must ask, and none goes on before all have answered."""
        if self.size == 1:
            return flag
        votes = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(votes, distributed.ReduceOp.MAX)
        return bool(votes)

    def wait(self) -> None:
        """Go on when all have come this far."""
        self.any(False)

    def leader_first(self, work: Callable[[], Answer]) -> Answer:
        """Let process 0 do `work`, then the others, who find on the disk what it has written."""
        if not self.leads:
            self.wait()
        answer = work()
        if self.leads:
            self.wait()
        return answer


ALONE = Crew()


@contextmanager
def join_crew(device: torch.device) -> Iterator[Crew]:
    """The processes that `torchrun` started, or this one alone; with CUDA, each takes a GPU of its own.

    Raises DeviceError if there are more processes than GPUs, or on a device other than CPU and CUDA.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield Crew(device=device)
        return
    device = _own_device(device, int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Crew(int(os.environ["RANK"]), size, device)
    finally:
        distributed.destroy_process_group()


def _own_device(device: torch.device, place: int) -> torch.device:
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise DeviceError(f"several processes can train on cpu or cuda; got --device {device}. Leave torchrun out.")
    if place >= torch.cuda.device_count():
        raise DeviceError(f"expected a GPU for each process; process {place} found {torch.cuda.device_count()} GPUs "
                          f"in its machine. Lower --nproc-per-node, or add --device cpu.")
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def _gradient(parameter: nn.Parameter) -> Tensor:
    """A process without slices has none; in the sum that is 0."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def _add_up(tensors: list[Tensor]) -> None:
    """Replace each by its sum over the processes; in one message, as each costs time however short it is."""
    message = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(message)
    for tensor, part in zip(tensors, message.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))
