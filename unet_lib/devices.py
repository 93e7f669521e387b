"""Where to compute and how precisely; and how to let Ctrl-C wait for a safe moment."""

import platform
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from unet_lib.errors import DeviceError, SettingsError

PRECISIONS = ("auto", "float32", "bfloat16")


def choose_device(name: str = "auto") -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU. Raises DeviceError for a device that is not there."""
    there = available_devices()
    if name == "auto":
        return torch.device(there[0])
    if name.split(":")[0] not in there:
        raise DeviceError(f"--device {name} was asked for, but this machine has only {', '.join(there)}. "
                          f"Use --device auto, or install the torch build for your GPU.")
    return torch.device(name)


def available_devices() -> list[str]:
    """The fastest first; `cpu` is always there."""
    cuda = ["cuda"] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """`auto` takes bfloat16 where the processor multiplies it in hardware (several times faster), else float32."""
    if name not in PRECISIONS:
        raise SettingsError(f"expected a precision out of {', '.join(PRECISIONS)}; got {name!r}.")
    if name == "auto":
        return torch.bfloat16 if _fast_bfloat16(device) else torch.float32
    return getattr(torch, name)


def describe(device: torch.device) -> str:
    """The device's own name, for a run's card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.get_num_threads()} threads" + (" (MPS)" if device.type == "mps" else "")


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


def _fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    known = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return device.type == "cpu" and known()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
