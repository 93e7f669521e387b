"""The U-Net in JavaScript: every map beside PyTorch's, for the networks that the web pages run."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from repository import REPOSITORY
from safetensors.torch import save_file
from torch.nn.functional import interpolate

from unet_lib.inspection.activations import capture
from unet_lib.inspection.attribution import ablate_skips
from unet_lib.models.checkpoint import load_model

COMPARE = Path(__file__).parent / "js" / "compare_maps.mjs"
MODELS = REPOSITORY / "data" / "models"
WEIGHTS = [MODELS / "phantom-baseline.safetensors", *sorted(MODELS.glob("*-steps/step-*.safetensors"))]
TOLERANCE = 1e-4  # of a map's largest value


def smooth_noise(side: int, seed: int = 0) -> torch.Tensor:
    """Three channels such as a normalised slice has: blotches of several sizes, mean 0, deviation about 1."""
    generator = np.random.default_rng(seed)
    blotches = (torch.from_numpy(generator.normal(size=(1, 3, n, n))) for n in (4, 8, 16, side))
    return sum(interpolate(blotch, side, mode="bicubic") for blotch in blotches).float()


def torch_maps(network: torch.nn.Module, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """What every module hands on, and the decoder's stages with each skip handing on zeros."""
    names = [name for name, module in network.named_modules()
             if name and type(module).forward is not torch.nn.Module.forward and name not in ("encoder", "decoder")]
    found = {}
    with capture(network, names) as maps, torch.no_grad():
        network(image)
        found |= {f"maps.{name}": value for name, value in maps.items()}
        for level in range(1, network.config.depth + 1):
            with ablate_skips(network, {level: "zeroed"}):
                network(image)
            found |= {f"cut {level}.{name}": maps[name] for name in ("decoder.1", "output")}
    return found


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_all_maps_are_those_of_torch(node, weights, tmp_path):
    network, _ = load_model(weights)
    image = smooth_noise(64)
    expected = torch_maps(network, image)
    save_file({"image": image, **{name: value.contiguous() for name, value in expected.items()}}, tmp_path / "expected")
    done = subprocess.run([node, COMPARE, weights, tmp_path / "expected"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    errors = json.loads(done.stdout)
    assert errors.keys() == expected.keys()
    assert max(errors.values()) <= TOLERANCE, max(errors.items(), key=lambda item: item[1])
