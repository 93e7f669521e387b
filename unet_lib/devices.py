"""Where to compute, how precisely and with how much memory; and how to let Ctrl-C wait for a safe moment."""

import os
import platform
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from unet_lib.errors import DeviceError, DeviceMemoryError, SettingsError

PRECISIONS = ("auto", "float32", "bfloat16")
# How torch says it: its CUDA, MPS and CPU allocators, the last on Linux and elsewhere.
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


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


def machine_memory() -> int | None:
    """The machine's own memory in bytes; None where the system does not tell (Windows)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def data_budget(device: torch.device) -> float:
    """Bytes that a data set may take on `device`: half of a GPU's free memory, else half of the machine's.

    The other half is for the network. All of the machine's memory counts, free or not, because what is "free"
    on a CPU is mostly what the system has not yet used to keep files at hand.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] / 2
    return (machine_memory() or float("inf")) / 2


@contextmanager
def explained_memory(batch: int) -> Iterator[None]:
    """An allocator's failure inside the `with` becomes a DeviceMemoryError that names a smaller batch."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one, too
        said = str(error).strip().partition("\n")[0]
        if not isinstance(error, torch.OutOfMemoryError) and not any(words in said for words in NO_MEMORY):
            raise
        # What a step holds grows with the batch (shapes.Totals.kept_bytes), so half the batch needs about half.
        mend = f"Try --batch {batch // 2}, which needs about half" if batch > 1 else "Try a smaller --size or --base"
        raise DeviceMemoryError(f"expected memory for a step on {batch} slices; got: {said}. {mend}. "
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
