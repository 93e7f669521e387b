"""An encoder's weights, pretrained on photographs, to begin a training with."""

from pathlib import Path

from unet_lib.core.errors import CheckpointError
from unet_lib.core.paths import repository
from unet_lib.models import checkpoint
from unet_lib.models.registry import Network

KIND = "encoder"
# The parts of an EfficientNetUNet whose weights come from photographs, in the order data passes them.
ENCODER = ("stem.", *(f"{part}.{level}." for level in range(1, 5) for part in ("encoder", "pool")), "bottleneck.")


def load_pretrained_encoder(network: Network, path: Path | None = None) -> None:
    """Give `network`'s encoder the weights in `path`, those of data/models/encoder if there is none.

    The decoder stays as it is. Raises CheckpointError for a file of other content, or a network with another encoder.
    """
    path = path or repository() / "data" / "models" / "encoder" / "imagenet-lite0.safetensors"
    tensors, header = checkpoint.load_tensors(path)
    if header.get("kind") != KIND:
        raise CheckpointError(f"{path}: expected an encoder's weights (kind {KIND!r}), got kind "
                              f"{header.get('kind')!r}.")
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(ENCODER)}
    checkpoint.fill(network, {**own, **tensors}, path)
