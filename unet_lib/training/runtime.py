"""What a training asks of the machine: Ctrl-C between two steps, explained memory errors, determinism, compilation."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from unet_lib.core.errors import DeviceMemoryError, SettingsError

# How torch says it: its CUDA, MPS and CPU allocators, the last on Linux and elsewhere.
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@contextmanager
def explained_memory(batch: int) -> Iterator[None]:
    """An allocator's failure inside the `with` becomes a DeviceMemoryError that names a smaller batch."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one, too
        said = str(error).strip().partition("\n")[0]
        if not isinstance(error, torch.OutOfMemoryError) and not any(words in said for words in NO_MEMORY):
            raise
        # What a step holds grows with the batch (architecture.Totals.kept_bytes): half of it needs about half.
        fix = f"Try --batch {batch // 2}, which needs about half" if batch > 1 else "Try a smaller --size or --base"
        raise DeviceMemoryError(f"expected memory for a step on {batch} slices; got: {said}. {fix}. "
                                f"What was saved before this epoch is still there.") from error


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """With `wanted`, torch refuses inside the `with` whatever may give other bits next time; else nothing changes."""
    if not wanted:
        yield
        return
    mode, benchmark = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = workspace or ":4096:8"  # cuBLAS demands one of fixed size
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        torch.backends.cudnn.benchmark = benchmark
        if workspace is None:
            del os.environ["CUBLAS_WORKSPACE_CONFIG"]


def compiled(model: nn.Module, device: torch.device) -> nn.Module:
    """The model as torch.compile runs it: same weights, same names. Raises SettingsError if none can compile here."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=device))
    except Exception as error:  # each backend and operating system fails in its own way
        raise SettingsError(f"--compile expected a compiler that torch.compile can use for {device.type}; got: "
                            f"{str(error).strip().partition(chr(10))[0]} Leave out --compile, or install one "
                            f"(CPU: g++ or clang++; CUDA: triton and gcc).") from error
    return torch.compile(model)  # type: ignore[return-value]


@contextmanager
def held_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl-C inside the `with` only raises a flag, so that the loop can stop between two steps, not within one.

    Yields a function that says whether it was pressed; a second Ctrl-C stops at once.
    """
    pressed: list[int] = []

    def handle(number: int, frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
