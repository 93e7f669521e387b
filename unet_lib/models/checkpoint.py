"""Weights, and what a resume needs, as safetensors: tensors and a JSON header, no code, no pickle; atomic files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save
from torch import Tensor, nn

from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.errors import CheckpointError, ShapeError, os_fix
from unet_lib.models.registry import Network, configured, described, network

HEADER = "glass_box_unet"
FORMAT = 1
RETRAIN = "Train again, or take an intact copy."


def save_tensors(path: Path | str, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors with a header of JSON data. Raises CheckpointError if the disk will not take them."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(plain, {HEADER: json.dumps({"format": FORMAT, **header})})
    try:
        with atomic_file(path) as file:
            file.write(data)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written ({error.strerror}); it needs {len(data) / 1e6:.1f} MB. "
                              f"{os_fix(error)} Then resume; the previous file is untouched.") from error


def load_tensors(path: Path | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the header of a file of ours. Raises CheckpointError for anything else."""
    path = Path(path)
    _refuse_foreign(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except KeyError as error:
        raise CheckpointError(f"{path}: a safetensors file, but not one of this library (no '{HEADER}' entry in "
                              f"its header). Expected a file written by `unet_lib train`.") from error
    except Exception as error:  # damage shows in many ways: bad lengths, bad JSON, bad UTF-8, unknown types
        raise CheckpointError(f"{path}: damaged or truncated ({path.stat().st_size} bytes; {error}). "
                              f"{RETRAIN}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected format {FORMAT}, got {_format(header)}. Update unet_lib.")
    if odd := not_finite(tensors):
        raise CheckpointError(f"{path}: expected finite numbers, found NaN or infinity in {odd}. {RETRAIN}")
    return tensors, header


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """The name of the first tensor that holds NaN or infinity; "" if all are finite."""
    return next((name for name, tensor in tensors.items()
                 if tensor.is_floating_point() and not tensor.float().isfinite().all()), "")


def read_header(path: Path | str) -> dict[str, Any]:
    """The header alone; empty where there is no such file or none of ours."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
    except (OSError, KeyError, ValueError, RecursionError, safetensors.SafetensorError):
        return {}
    return header if isinstance(header, dict) else {}


def save_model(path: Path | str, model: Network, card: Mapping[str, Any]) -> None:
    """Weights with their card: the architecture and whatever the caller tells about data, run and scores."""
    save_tensors(path, model.state_dict(), {"kind": "model", "architecture": described(model), "card": dict(card)})


def load_model(path: Path | str) -> tuple[Network, dict[str, Any]]:
    """The network and its card, on the CPU, in evaluation mode. Raises CheckpointError."""
    tensors, header = load_tensors(path)
    if header.get("kind") != "model":
        raise CheckpointError(f"{path}: expected weights (kind 'model'), got kind {header.get('kind')!r}. "
                              f"A run's weights are in its best.safetensors.")
    model = _outline(path, header, len(tensors))
    _check_shapes(model, tensors, path)
    # Not to_empty() first: it imports sympy, which takes longer than all the rest.
    types = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    model.load_state_dict({name: tensor.to(types[name], copy=True) for name, tensor in tensors.items()}, assign=True)
    return model.eval(), header["card"]


def _outline(path: Path | str, header: Mapping[str, Any], tensors: int) -> Network:
    """The network without memory for its weights, so that a forged header cannot ask for gigabytes."""
    try:
        config = configured(header["architecture"])
        if config.depth > tensors or not isinstance(header["card"], dict):
            raise ValueError(f"{tensors} tensors for a depth of {config.depth}, card of type {type(header['card'])}")
        with torch.device("meta"):
            return network(config)
    except (KeyError, TypeError, ValueError, RuntimeError, ShapeError) as error:
        raise CheckpointError(f"{path}: its header describes no U-Net ({error}). {RETRAIN}") from error


def fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Copy the tensors into a model of the same architecture, or raise CheckpointError and change nothing."""
    _check_shapes(model, tensors, path)
    model.load_state_dict(dict(tensors))


def _check_shapes(model: nn.Module, tensors: Mapping[str, Tensor], path: Path | str) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    got = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if wanted != got:
        odd = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
        raise CheckpointError(
            f"{path}: weights of another architecture: {len(odd)} of {len(wanted)} tensors differ, first "
            f"{odd[0]}: expected {wanted.get(odd[0], 'none')}, got {got.get(odd[0], 'none')}. "
            f"Build the network from the file's own card: load_model({str(path)!r}).")


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's memory (Adam: step, exp_avg, exp_avg_sq of each parameter) as named tensors."""
    state = optimiser.state_dict()["state"]
    return {f"{place}.{name}": value for place, entry in state.items() for name, value in entry.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser the memory that `optimiser_tensors` took."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        place, entry = name.split(".", 1)
        # A copy, as Adam changes it in place; laid out like its parameter, as fused Adam walks through both alike.
        like = parameters[int(place)] if tensor.dim() else tensor
        state.setdefault(int(place), {})[entry] = torch.empty_like(like, device="cpu").copy_(tensor)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def _refuse_foreign(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}). Expected a .safetensors file.") from error
    # A safetensors file begins with its header's length and then "{"; the length may begin like a pickle.
    if (start[:1] == b"\x80" and start[8:] != b"{") or start[:4] == b"PK\x03\x04":
        raise CheckpointError(f"{path}: a pickle (a PyTorch .pt or .pth file); opening it could run code hidden in "
                              f"it, so it was not opened. Expected a .safetensors file. If you trust it, convert "
                              f"it yourself: torch.load(…, weights_only=True), then safetensors.torch.save_file.")
    if len(start) < 9:
        raise CheckpointError(f"{path}: truncated ({len(start)} bytes). {RETRAIN}")


def _format(header: Any) -> str:
    return repr(header.get("format")) if isinstance(header, dict) else type(header).__name__
