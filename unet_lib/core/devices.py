"""Which hardware to compute on, in which precision, and with how much memory."""

import os
import platform
import shlex
from pathlib import Path

import torch
from torch import Tensor

from unet_lib.core.errors import DeviceError, SettingsError

PRECISIONS = ("auto", "float32", "bfloat16")


def choose_device(name: str = "auto") -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU. Raises DeviceError for a device that is not there."""
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    if "cuda" in available:
        available += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if name not in available:
        raise DeviceError(f"--device {shlex.quote(name)} was asked for, but this machine has only "
                          f"{', '.join(available)}. Use --device auto, or install the torch build for your GPU.")
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


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor there. Nobody waits for a copy to a GPU: it is made from pinned memory, which the GPU reads itself."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def describe(device: torch.device) -> str:
    """The device's own name, for a run's card."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.get_num_threads()} threads" + (" (MPS)" if device.type == "mps" else "")


def machine_memory() -> int | None:
    """The machine's own memory in bytes; None where the system does not tell (Windows)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def device_memory(device: torch.device) -> int | None:
    """All memory of the device in bytes, free or not; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return machine_memory()


def data_budget(device: torch.device) -> float:
    """Bytes that a data set may take on `device`: half of a GPU's free memory, else half of the machine's.

    The other half is for the network. All of the machine's memory counts, free or not, because what is "free"
    on a CPU is mostly what the system has not yet used to keep files at hand.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] / 2
    return (machine_memory() or float("inf")) / 2


def _fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    known = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    # What torch was told to use (ATEN_CPU_CAPABILITY) counts, not only what the processor has.
    return device.type == "cpu" and known() and torch.backends.cpu.get_cpu_capability() == "AVX512"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
