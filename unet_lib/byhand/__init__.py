"""Every operation of the U-Net by hand, forward and backward, in NumPy that is written to be read.

Sliding windows    output_size, transposed_output_size, pad, crop, windows, im2col, scatter
Convolution        conv2d, conv2d_loops, conv2d_backward, conv1x1, conv1x1_backward
Up-convolution     conv_transpose2d, conv_transpose2d_loops, conv_transpose2d_backward
Pooling            max_pool2d, max_pool2d_loops, max_pool2d_backward
As a matrix        matrix_of
Batch norm         batch_norm2d, batch_norm2d_backward, running_statistics
Activations        relu, relu_backward, sigmoid, sigmoid_backward
Skip connection    concat, concat_backward
Losses             bce, bce_backward, soft_dice, soft_dice_backward, bce_dice, bce_dice_backward
Optimiser          adam_step
The whole network  HandUNet
Measured           numerical_gradient
Against PyTorch    compare, Comparison

Arrays are laid out as in PyTorch, [batch, channels, height, width], and float32 stays float32. A function
called `…_loops` is the textbook sum, one multiplication after the other; its twin without the suffix gives
the same numbers much faster. A function called `…_backward` takes `grad_y`, how much the loss changes with
each output, and returns how much it changes with each input: the chain rule, one step back.
"""

from unet_lib.byhand.adam import adam_step
from unet_lib.byhand.compare import Comparison, compare
from unet_lib.byhand.convolution import (
    conv1x1,
    conv1x1_backward,
    conv2d,
    conv2d_backward,
    conv2d_loops,
    conv_transpose2d,
    conv_transpose2d_backward,
    conv_transpose2d_loops,
)
from unet_lib.byhand.differences import numerical_gradient
from unet_lib.byhand.grid import crop, im2col, output_size, pad, scatter, transposed_output_size, windows
from unet_lib.byhand.layers import (
    batch_norm2d,
    batch_norm2d_backward,
    concat,
    concat_backward,
    max_pool2d,
    max_pool2d_backward,
    max_pool2d_loops,
    relu,
    relu_backward,
    running_statistics,
    sigmoid,
    sigmoid_backward,
)
from unet_lib.byhand.losses import bce, bce_backward, bce_dice, bce_dice_backward, soft_dice, soft_dice_backward
from unet_lib.byhand.matrix import matrix_of
from unet_lib.byhand.unet import HandUNet

__all__ = [
    "Comparison",
    "HandUNet",
    "adam_step",
    "batch_norm2d",
    "batch_norm2d_backward",
    "bce",
    "bce_backward",
    "bce_dice",
    "bce_dice_backward",
    "compare",
    "concat",
    "concat_backward",
    "conv1x1",
    "conv1x1_backward",
    "conv2d",
    "conv2d_backward",
    "conv2d_loops",
    "conv_transpose2d",
    "conv_transpose2d_backward",
    "conv_transpose2d_loops",
    "crop",
    "im2col",
    "matrix_of",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool2d_loops",
    "numerical_gradient",
    "output_size",
    "pad",
    "relu",
    "relu_backward",
    "running_statistics",
    "scatter",
    "sigmoid",
    "sigmoid_backward",
    "soft_dice",
    "soft_dice_backward",
    "transposed_output_size",
    "windows",
]
