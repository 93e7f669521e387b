"""What autograd holds back for the backward pass, stage by stage."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def kept_bytes(model: nn.Module, image: Tensor, names: Iterable[str]) -> dict[str, int]:
    """By stage, the bytes of what is neither learnt, nor a buffer, nor held already."""
    owned = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    now, kept, held = [""], {}, {}

    def hold(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in owned and storage.data_ptr() not in held:
            held[storage.data_ptr()] = storage  # also keeps its address from being used again
            kept[now[0]] = kept.get(now[0], 0) + storage.nbytes()
        return tensor

    for name in names:
        model.get_submodule(name).register_forward_pre_hook(lambda m, i, name=name: now.__setitem__(0, name))
    with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor):
        model(image)
    return kept
