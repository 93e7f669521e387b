"""A U-Net's size in closed form, from its base b and depth d alone; `architecture.plan` counts the same stage by stage.

Level i has w = b·2^(i−1) channels, and N / 4^(i−1) of the N = height · width pixels. Two sums do all the rest:

    Σ w, i = 1 … d,  is b·(2^d − 1)          Σ w², i = 1 … d,  is b²·(4^d − 1) / 3
"""

from unet_lib.core.errors import ShapeError


def parameters(base: int, depth: int, in_channels: int = 3, out_channels: int = 1, batch_norm: bool = True) -> int:
    """Learnt numbers of the whole network: b²·(9 + 89/3·(4^d − 1)), and what grows with b only.

    A double convolution from c to w channels has 9·c·w + 9·w² weights. That makes 27/2·w² for each level of the
    encoder and for the bottleneck, where c = w/2 (but 9·c·b + 9·b² for the first), 27·w² for each of the decoder,
    where c = 2w, and 8·w² for each `up`. Batch norm adds 4 numbers for each of a double convolution's channels,
    biases instead of it 2; `up` and the output have biases of their own.
    """
    b = _check(base, depth)
    squares = 9 + 89 * (4**depth - 1) // 3
    double_convs = 2 * (2**depth - 1) + 2**depth
    linear = 9 * in_channels + (2**depth - 1) + (4 if batch_norm else 2) * double_convs + out_channels
    return b * b * squares + b * linear + out_channels


def multiply_adds(base: int, depth: int, pixels: int, in_channels: int = 3, out_channels: int = 1) -> int:
    """Products of all convolutions for one image of so many pixels: N·b·(9·c + k + b·(9 + 85/2·d)).

    One level down, channels double, so that a convolution has four times the weights, and a quarter of the pixels
    is left: every level costs the same. That is 27/2·b² a pixel of the image for the encoder's way down,
    27·b² for the decoder and 2·b² for `up`.
    """
    b = _check(base, depth)
    return pixels * b * (2 * (9 * in_channels + out_channels) + b * (18 + 85 * depth)) // 2


def receptive_field(depth: int) -> int:
    """Side in input pixels of the square that one output value can see: min(10 + d, 13)·2^d − 4.

    Walking back from one value, each decoder adds 4 and each `up` halves and adds 1: 1, 5, 3, 7, 4, 8, 5, 9, 5, 9, …
    The bottleneck's input is therefore seen through min(6 + d, 9) pixels. From there each pooling doubles
    and each encoder adds 4: r → 2r + 4, and d times that is (r + 4)·2^d − 4.
    """
    _check(1, depth)
    return min(10 + depth, 13) * 2**depth - 4


def _check(base: int, depth: int) -> int:
    if base < 1 or depth < 1:
        raise ShapeError(f"expected base and depth of at least 1; got base={base}, depth={depth}.")
    return base
