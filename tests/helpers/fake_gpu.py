"""A GPU that computes no values: torch's fake tensors on "cuda:0", which know their device, and refuse another's.

    with fake_gpu() as gpu:
        network = gpu.network(build(SMALL, 0))
        network(torch.rand(1, 3, 32, 32, device=gpu.device))     # a tensor on the CPU would raise
    gpu.waits                                                     # what made the host wait for the device

Each wait is a word: "read" where a value comes to the host (`item`, `float`, `bool`, `if`, `tolist`), "to host" and
"to device" where a copy does that the host waits for. A copy to the device from pinned memory that is asked not to
block is in `gpu.copies` instead. What is read of values that nobody computed is 0.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
FROM_C = torch.ops.prim.device.default
GENERATOR = torch.Generator


class Fakes(FakeTensorMode):
    """Fake tensors for a build of torch without CUDA.

    Its C++ part has no streams for autograd to ask about, so it is told that the device is "meta", which needs none
    (`fake_gpu`). What C++ itself makes there, say the 0 of a threshold, belongs on the GPU.
    """

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if isinstance(kwargs.get("device"), torch.device) and kwargs["device"].type == "meta":
            kwargs["device"] = FakeGpu.device
        return super().__torch_dispatch__(func, types, args, kwargs)


class FakeGpu(TorchDispatchMode):
    """Notes every wait and every copy, then lets torch's fake tensors answer."""

    device = torch.device("cuda:0")

    def __init__(self, fakes: FakeTensorMode) -> None:
        super().__init__()
        self.fakes, self.waits, self.copies, self.pinned = fakes, [], [], {}

    def network(self, model: nn.Module) -> nn.Module:
        """The same network there; torch's own `to` cannot exchange fake weights."""
        for part in model.modules():
            for name, weight in part._parameters.items():
                if weight is not None:
                    part._parameters[name] = nn.Parameter(self.there(weight.detach()), weight.requires_grad)
            part._buffers = {name: self.there(value) for name, value in part._buffers.items()}
        return model

    def there(self, tensor: Tensor) -> Tensor:
        """Its fake there, put there without a note."""
        with torch.utils._python_dispatch._disable_current_modes(), self.fakes:
            return self.fakes.from_tensor(tensor).to(self.device)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is aten._local_scalar_dense.default and _on_gpu(args[0]):
            self.waits.append("read")
            return np.zeros((), _numpy_name(args[0])).item()
        if func is aten._to_copy.default and "device" in kwargs:
            self.note(args[0], torch.device(kwargs["device"]).type, kwargs.get("non_blocking", False))
        if func is aten.copy_.default:
            self.note(args[1], args[0].device.type, args[2] if len(args) > 2 else kwargs.get("non_blocking", False))
        if func in (aten.index.Tensor, aten.index_put_.default) and _on_gpu(args[0]):
            for index in args[1]:
                if index is not None:
                    self.note(index, "cuda", False)  # torch copies an index of the CPU's to the tensor's device
        return func(*args, **kwargs)

    def note(self, source: Tensor, target: str, non_blocking: bool) -> None:
        """A copy of `source` to that kind of device, if it is on another."""
        if source.device.type == target:
            return
        if target == "cuda" and non_blocking and id(source) in self.pinned:
            self.copies.append("to device")
        else:
            self.waits.append("to host" if target == "cpu" else "to device")

    def on_host(self, function):
        """The function, computed with values, as what is done on the CPU is."""
        def compute(*args, **kwargs):
            with torch.utils._python_dispatch._disable_current_modes():
                return function(*args, **kwargs)
        return compute

    def pin(self, tensor: Tensor) -> Tensor:
        """In the place of Tensor.pin_memory."""
        self.pinned[id(tensor)] = tensor
        return tensor

    def numpy(self, tensor: FakeTensor, **more: bool) -> np.ndarray:
        """In the place of Tensor.numpy, which on a GPU's tensor is an error."""
        if _on_gpu(tensor):
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
        return np.zeros(tuple(tensor.shape), _numpy_name(tensor))

    def tolist(self, tensor: FakeTensor) -> list:
        """In the place of Tensor.tolist."""
        if _on_gpu(tensor):
            self.waits.append("read")
        return np.zeros(tuple(tensor.shape), _numpy_name(tensor)).tolist()


@contextmanager
def fake_gpu() -> Iterator[FakeGpu]:
    """Inside the `with`, tensors may be on "cuda:0", whatever this machine and this build of torch have."""
    gpu = FakeGpu(Fakes(allow_non_fake_inputs=True))
    python = fake_tensor._DISPATCH_META_HANDLERS[FROM_C]

    def device(args):
        return torch.device("meta") if python(args).type == "cuda" else python(args)

    def on_cpu(device=None):  # draws without a GPU's own generator; what it draws is a fake all the same
        return GENERATOR()

    with (mock.patch.dict(fake_tensor._DISPATCH_META_HANDLERS, {FROM_C: device}),
          mock.patch.object(FakeTensor, "numpy", as_method(gpu.numpy)),
          mock.patch.object(FakeTensor, "tolist", as_method(gpu.tolist)),
          mock.patch.object(Tensor, "pin_memory", as_method(gpu.pin)),
          mock.patch.object(torch, "Generator", on_cpu),
          gpu.fakes, gpu):
        yield gpu


def as_method(function):
    """A function as a method of tensors."""
    return lambda tensor, **more: function(tensor, **more)


def _on_gpu(value: object) -> bool:
    return any(isinstance(leaf, FakeTensor) and leaf.fake_device.type == "cuda" for leaf in tree_leaves(value))


def _numpy_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
