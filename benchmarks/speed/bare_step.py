"""A step of training on one batch that stays on the device, three ways; not a question of its own, but what gpu_card.py
times: as it is, replayed as a CUDA graph (the GPU then waits for no Python), and compiled by torch.compile."""

from collections.abc import Callable

import torch

from unet_lib.models.registry import build
from unet_lib.training.loop import forward
from unet_lib.training.losses import bce_dice_loss

KINDS = ("as it is", "CUDA graph", "compiled")
WARM_UP = 3


def bare_step(device: torch.device, base: int, size: int, batch: int, kind: str) -> Callable[[], None]:
    """Forward, backward and Adam, warmed up; `kind` is one of KINDS, of which the second needs CUDA."""
    network = build({"base": base}, 0).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), fused=True, capturable=device.type == "cuda")
    learner = torch.compile(network) if kind == "compiled" else network
    images = torch.randn(batch, 3, size, size, device=device)
    masks = (images[:, :1] > 2).float()

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        bce_dice_loss(forward(learner, images), masks).backward()
        optimiser.step()

    if kind == "CUDA graph":
        return captured(step)
    for _ in range(WARM_UP):
        step()
    return step


def captured(step: Callable[[], None]) -> Callable[[], None]:
    """The step as a CUDA graph, captured after steps on a stream of its own, as torch's documentation asks."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
