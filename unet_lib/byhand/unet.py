"""The whole U-Net by hand: the forward pass keeps each layer's input, the backward pass walks the U in reverse."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from unet_lib.byhand.convolution import (
    conv1x1,
    conv1x1_backward,
    conv2d,
    conv2d_backward,
    conv_transpose2d,
    conv_transpose2d_backward,
)
from unet_lib.byhand.grid import check_axes
from unet_lib.byhand.layers import (
    batch_norm2d,
    batch_norm2d_backward,
    concat,
    concat_backward,
    max_pool2d,
    max_pool2d_backward,
    relu,
    relu_backward,
    running_statistics,
)
from unet_lib.core.errors import CheckpointError, SettingsError, ShapeError

PARAMETERS: tuple[str, ...] = ("weight", "bias")
NORM = (*PARAMETERS, "running_mean", "running_var")
BACKWARD: dict[str, Callable[..., Any]] = {function.__name__: function for function in (
    conv2d_backward, batch_norm2d_backward, relu_backward, max_pool2d_backward, conv_transpose2d_backward,
    concat_backward, conv1x1_backward)}


class HandUNet:
    """The network of `unet_lib.models.unet` in NumPy: the same weights by the same names, the same numbers.

        network = HandUNet(load_tensors("phantom-baseline.safetensors")[0])
        logits = network.forward(image)
        grad_image, gradients = network.backward(byhand.bce_backward(logits, mask))

    `weights` holds one array for each entry of torch's `state_dict()`; replace one, and the next forward pass uses
    it. In training mode batch norm takes the statistics of the batch and updates the running ones; otherwise it
    uses these. `kept` holds, by layer, the inputs of the last forward pass. `routes` says, by level, which parts
    of the gradient reached the encoder's output in the last backward pass: (over the skip, from below).
    `functions` takes the place of ours on the way back, by their names in `BACKWARD`.
    """

    def __init__(self, weights: Mapping[str, Any], *, training: bool = False, dtype: type = np.float64,
                 functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        """Copies the weights, arrays or tensors on the CPU.

        Raises CheckpointError if they are not a U-Net's, and SettingsError for a function that is no step of it.
        """
        self.functions = BACKWARD | dict(functions or {})
        self._check_functions()
        self.weights: dict[str, np.ndarray] = {name: np.asarray(value).astype(dtype) for name, value in weights.items()
                                               if not name.endswith("num_batches_tracked")}
        self.levels = range(1, 1 + sum(name.startswith("up.") and name.endswith(".weight") for name in self.weights))
        self.batch_norm = any(".norm" in name for name in self.weights)
        self.training, self.dtype = training, dtype
        self.kept: dict[str, np.ndarray] = {}
        self.routes: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._gradients: dict[str, np.ndarray] = {}
        self._check_names()

    def forward(self, image: Float[np.ndarray, "n c h w"]) -> Float[np.ndarray, "n k h w"]:
        """Image to logits. Raises ShapeError for other channels, or sides that cannot be halved at every level."""
        self._check_image(image)
        self.kept, skips = {}, []
        x: np.ndarray = image.astype(self.dtype)
        for level in self.levels:
            x = self._double_conv(f"encoder.{level}", x)
            skips.append(x)
            x = max_pool2d(self._keep(f"pool.{level}", x))
        x = self._double_conv("bottleneck", x)
        for level in reversed(self.levels):
            x = self._up(f"up.{level}", x)
            x = concat(skips.pop(), x)
            x = self._double_conv(f"decoder.{level}", x)
        return conv1x1(self._keep("output", x), *(self.weights[f"output.{part}"] for part in PARAMETERS))

    def backward(self, grad_logits: Float[np.ndarray, "n k h w"],
                 ) -> tuple[Float[np.ndarray, "n c h w"], dict[str, np.ndarray]]:
        """Gradient of the image, and of each weight by its name, for the last forward pass.

        What an encoder hands on goes two ways, down and across; so its gradient is the sum of what comes back
        on both. Raises SettingsError without a forward pass.
        """
        if not self.kept:
            raise SettingsError("expected a forward pass before the backward one; got none. Call forward(image).")
        self._gradients, across = {}, {}
        back = self.functions
        grad = self._weighted("conv1x1_backward", "output", grad_logits.astype(self.dtype))
        for level in self.levels:
            grad = self._double_conv_backward(f"decoder.{level}", grad)
            across[level], grad = back["concat_backward"](grad, self.kept[f"pool.{level}"].shape[1])
            grad = self._weighted("conv_transpose2d_backward", f"up.{level}", grad)
        grad = self._double_conv_backward("bottleneck", grad)
        for level in reversed(self.levels):
            below = back["max_pool2d_backward"](grad, self.kept[f"pool.{level}"])
            self.routes[level] = across[level], below
            grad = self._double_conv_backward(f"encoder.{level}", across[level] + below)
        return grad, self._gradients

    # One method forward and one backward for each block that has weights.

    def _double_conv(self, name: str, x: np.ndarray) -> np.ndarray:
        for step in (1, 2):
            x = self._conv(f"{name}.conv{step}", x)
            if self.batch_norm:
                x = self._norm(f"{name}.norm{step}", x)
            x = relu(self._keep(f"{name}.relu{step}", x))
        return x

    def _double_conv_backward(self, name: str, grad: np.ndarray) -> np.ndarray:
        for step in (2, 1):
            grad = self.functions["relu_backward"](grad, self.kept[f"{name}.relu{step}"])
            if self.batch_norm:
                grad = self._norm_backward(f"{name}.norm{step}", grad)
            grad = self._weighted("conv2d_backward", f"{name}.conv{step}", grad, padding=1)
        return grad

    def _conv(self, name: str, x: np.ndarray) -> np.ndarray:
        return conv2d(self._keep(name, x), self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"), padding=1)

    def _norm(self, name: str, x: np.ndarray) -> np.ndarray:
        gamma, beta, mean, variance = (self.weights[f"{name}.{part}"] for part in NORM)
        if self.training:
            kept = running_statistics(x, mean, variance)
            self.weights[f"{name}.running_mean"], self.weights[f"{name}.running_var"] = kept
            return batch_norm2d(self._keep(name, x), gamma, beta)
        return batch_norm2d(self._keep(name, x), gamma, beta, mean, variance)

    def _norm_backward(self, name: str, grad: np.ndarray) -> np.ndarray:
        if self.training:
            return self._weighted("batch_norm2d_backward", name, grad)
        gamma, _, mean, variance = (self.weights[f"{name}.{part}"] for part in NORM)
        return self._note(name, *batch_norm2d_backward(grad, self.kept[name], gamma, mean, variance))

    def _up(self, name: str, x: np.ndarray) -> np.ndarray:
        return conv_transpose2d(self._keep(name, x), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _weighted(self, function: str, name: str, grad: np.ndarray, **settings: int) -> np.ndarray:
        """One step back through a layer that has weights."""
        back = self.functions[function]
        return self._note(name, *back(grad, self.kept[name], self.weights[f"{name}.weight"], **settings))

    def _keep(self, name: str, x: np.ndarray) -> np.ndarray:
        self.kept[name] = x
        return x

    def _note(self, name: str, grad_x: np.ndarray, grad_weight: np.ndarray, grad_bias: np.ndarray) -> np.ndarray:
        """Store the gradients of a layer's weights; hand on that of its input. A bias left out has none."""
        self._gradients[f"{name}.weight"] = grad_weight
        if f"{name}.bias" in self.weights:
            self._gradients[f"{name}.bias"] = grad_bias
        return grad_x

    def _check_functions(self) -> None:
        unknown = sorted(self.functions.keys() - BACKWARD.keys())
        if unknown:
            raise SettingsError(f"expected functions named {', '.join(BACKWARD)}; got {', '.join(unknown)}. "
                                f"Hand in a dictionary from such a name to your function.")

    def _check_names(self) -> None:
        odd = sorted(_names(self.levels, self.batch_norm) ^ self.weights.keys())
        if odd or not self.levels:
            raise CheckpointError(f"expected the weights of a U-Net, here of depth {len(self.levels)}; got {len(odd)} "
                                  f"names missing or too many, first {', '.join(odd[:1]) or 'none'}. Hand in a whole "
                                  f"state_dict() of unet_lib.models.unet.UNet.")

    def _check_image(self, image: np.ndarray) -> None:
        check_axes("image", image)
        channels, *sides = image.shape[1:]
        wanted = self.weights["encoder.1.conv1.weight"].shape[1]
        multiple = 2 ** len(self.levels)
        if channels != wanted:
            raise ShapeError(f"expected an image of {wanted} channels, as the first convolution has; got {channels}. "
                             f"The axes are batch, channels, height, width.")
        if any(side % multiple or not side for side in sides):
            raise ShapeError(f"expected height and width divisible by {multiple}, as each of the {len(self.levels)} "
                             f"poolings halves them; got {sides[0]}×{sides[1]}. Pad or crop the image.")


def _names(levels: range, batch_norm: bool) -> set[str]:
    """All that the state_dict of such a network holds, but for torch's counters of batches."""
    layers = {"output": PARAMETERS, **{f"up.{level}": PARAMETERS for level in levels}}
    for block in ["bottleneck", *(f"{side}.{level}" for side in ("encoder", "decoder") for level in levels)]:
        for step in (1, 2):
            layers[f"{block}.conv{step}"] = PARAMETERS[:1] if batch_norm else PARAMETERS
            layers[f"{block}.norm{step}"] = NORM if batch_norm else ()
    return {f"{layer}.{part}" for layer, parts in layers.items() for part in parts}
