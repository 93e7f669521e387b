"""The convolution microscope without a browser: its numbers against torch's, what it refuses, what it shows still."""

import base64
import io
import itertools
import json
import zlib

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from torch_convolution import by_torch

from unet_lib.core.errors import ShapeError
from unet_lib.widgets.conv_microscope import ConvMicroscope
from unet_lib.widgets.conv_microscope.conv_microscope import CLASSIC, decimals_of, grey_levels, problem, to_planes

DRAW = np.random.default_rng(5)
GREY = DRAW.integers(0, 256, (12, 10), np.uint8)
COLOUR = DRAW.integers(0, 256, (9, 11, 3), np.uint8)
REAL = DRAW.normal(size=(8, 8)).astype(np.float32)




@pytest.mark.parametrize(("size", "stride", "padding", "mode", "dilation"), [
    *itertools.product((1, 3), (1, 2), (0, 1), ("zeros", "reflect", "replicate"), (1, 2)),
    (2, 1, 1, "zeros", 1), (4, 3, 2, "reflect", 1), (5, 4, 4, "replicate", 2), (5, 1, 6, "reflect", 3)])
@pytest.mark.parametrize("image", [GREY, COLOUR, REAL], ids=["grey", "colour", "real"])
def test_output_is_torchs(image, size, stride, padding, mode, dilation):
    kernel = np.random.default_rng(size).normal(size=(size, size))
    settings = {"stride": stride, "padding": padding, "padding_mode": mode, "dilation": dilation, "bias": -3.5}
    microscope = ConvMicroscope(image, kernel, **settings)
    assert np.allclose(microscope.output, by_torch(image, kernel, **settings), rtol=1e-12, atol=1e-12)
    microscope.relu = True
    assert np.allclose(microscope.output, by_torch(image, kernel, relu=True, **settings), rtol=1e-12, atol=1e-12)


def test_whole_numbers_stay_whole():
    output = ConvMicroscope(COLOUR, "Sobel x", bias=2, padding=1).output
    assert output.dtype.kind == "i"
    assert np.array_equal(output, by_torch(COLOUR, CLASSIC["Sobel x"], padding=1, bias=2.0))
    assert ConvMicroscope(GREY, "blur").output.dtype == np.float64


def test_the_kernel_is_not_flipped():
    image = np.zeros((3, 3), np.uint8)
    image[0, 1] = 1
    kernel = np.arange(9).reshape(3, 3)
    assert ConvMicroscope(image, kernel).output.tolist() == [[kernel[0, 1]]]


def test_each_channel_has_its_own_slice():
    kernel = np.zeros((3, 1, 1))
    kernel[1] = 2
    assert np.array_equal(ConvMicroscope(COLOUR, kernel).output, 2 * COLOUR[..., 1].astype(int))


def test_kernel_as_array_tensor_list_or_name():
    microscope = ConvMicroscope(GREY)
    assert microscope.kernel == CLASSIC["identity"]
    for same in ("Sobel x", CLASSIC["Sobel x"], np.array(CLASSIC["Sobel x"], np.float32),
                 torch.tensor(CLASSIC["Sobel x"], dtype=torch.float32, requires_grad=True)):
        microscope.kernel = "identity"
        microscope.kernel = same
        assert microscope.kernel == CLASSIC["Sobel x"]
    colour = ConvMicroscope(COLOUR, np.ones((2, 2)))
    assert colour.kernel == [[[1, 1], [1, 1]]] * 3


def test_learnt_kernels_become_presets():
    learnt = DRAW.normal(size=(3, 3, 3)).astype(np.float32)
    microscope = ConvMicroscope(COLOUR, "no. 5", learnt={"no. 5": learnt})
    assert np.array_equal(np.array(microscope.kernel, np.float32), learnt)
    assert "3×3 kernel (no. 5) on a 9×11 patch, 3 channels" in microscope.describe()


@pytest.mark.parametrize(("image", "said"), [
    (np.zeros((21, 5), np.uint8), r"at most 20×20; got 21×5\. Crop first"),
    (np.zeros((3, 12, 12), np.uint8), r"\[h, w, 3\]; got 3×12×12\. Try np\.moveaxis\(image, 0, -1\)"),
    (np.zeros((12, 12, 4), np.uint8), r"Try image\[\.\.\., :3\]"),
    (np.full((4, 4), np.nan), "finite")])
def test_images_that_cannot_be_shown(image, said):
    with pytest.raises(ShapeError, match=said):
        ConvMicroscope(image)


@pytest.mark.parametrize(("kernel", "said"), [
    (np.ones((2, 3)), r"\[k, k\] with k from 1 to 5; got \[2, 3\]"), (np.ones((6, 6)), r"got \[6, 6\]"),
    (np.ones((3, 3, 3)), r"For 1 channel .*got \[3, 3, 3\]"), ([[1, 2], [3]], None), ([[1, None]], None),
    (np.full((3, 3), np.inf), "finite numbers"), ("Sobel z", r"No preset kernel 'Sobel z'\. There are: identity")])
def test_kernels_that_make_no_sense(kernel, said):
    microscope = ConvMicroscope(GREY, "emboss")
    with pytest.raises((ShapeError, ValueError), match=said):
        microscope.kernel = kernel
    assert microscope.kernel == CLASSIC["emboss"]
    with pytest.raises((ShapeError, ValueError), match=said):
        ConvMicroscope(GREY, kernel)


@pytest.mark.parametrize(("name", "value"), [
    ("stride", 0), ("stride", 5), ("padding", -1), ("padding", 9), ("dilation", 4), ("padding_mode", "circular"),
    ("bias", float("nan")), ("position", (10, 0)), ("position", (0, -1)), ("position", (0,))])
def test_settings_that_make_no_sense(name, value):
    microscope = ConvMicroscope(GREY, "blur")
    before = getattr(microscope, name)
    with pytest.raises(traitlets.TraitError):
        setattr(microscope, name, value)
    assert getattr(microscope, name) == before


def test_settings_that_do_not_fit_are_explained_not_raised():
    microscope = ConvMicroscope(REAL, "blur 5×5", dilation=3)
    assert microscope.problem == ("The window spans 3·(5 − 1) + 1 = 13 pixels, more than the padded patch of 8×8. "
                                  "Choose a smaller kernel, less dilation or more padding.")
    assert microscope.describe().endswith("dilation 3: no output")
    assert microscope.picture().width > 100
    with pytest.raises(ShapeError, match="13 pixels"):
        _ = microscope.output
    microscope.padding, microscope.padding_mode = 8, "reflect"
    assert "needs at least 9 rows and columns; it is 8×8" in microscope.problem
    microscope.padding = 6
    assert microscope.problem == ""
    assert microscope.output.shape == (8, 8)


def test_problem_agrees_with_torch():
    for size, padding, mode, dilation in itertools.product((1, 2, 5), (0, 3, 4, 5), ("zeros", "reflect"), (1, 3)):
        image = np.zeros((4, 7), np.uint8)
        try:
            by_torch(image, np.ones((size, size)), padding=padding, padding_mode=mode, dilation=dilation)
            fits = True
        except RuntimeError:
            fits = False
        assert fits == (problem((4, 7), size, padding, mode, dilation) == "")


def test_levels():
    assert grey_levels(to_planes(GREY)) == (0, 255)
    assert grey_levels(to_planes(REAL)) == (REAL.min(), REAL.max())
    assert grey_levels(to_planes(np.full((2, 2), 0.5))) == (0.5, 1.5)
    assert ConvMicroscope(GREY, levels=(0, 9)).levels == (0, 9)


def test_the_state_in_a_notebook_is_small_and_exact():
    big = ConvMicroscope(DRAW.normal(size=(20, 20, 3)).astype(np.float32))
    state = json.dumps({key: value for key, value in big.get_state().items()
                        if not key.startswith("_") and key != "overview"})
    assert len(state) < 40_000
    assert np.array_equal(np.array(json.loads(state)["planes"], np.float32), np.array(big.planes, np.float32))


def test_sentence_and_still_picture():
    data, metadata = ConvMicroscope(GREY, "Sobel x", padding=1, stride=2)._repr_mimebundle_()
    assert data["text/plain"] == ("Convolution microscope: 3×3 kernel (Sobel x) on a 12×10 patch, stride 2, padding 1, "
                                  "dilation 1: the output is 6×5")
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert len(data["image/png"]) < 60_000
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")).astype(int)
    for row, column in np.ndindex(GREY.shape):  # a corner of each cell, off its number and its frame
        shown = picture[18 + 30 * (row + 1) + 3, 16 + 30 * (column + 1) + 3]
        assert np.abs(shown - GREY[row, column]).max() < 16


def test_the_whole_slice_travels_with_its_patch():
    whole = DRAW.integers(0, 256, (40, 30), np.uint8)
    microscope = ConvMicroscope(whole[10:22, 5:15], overview=whole, corner=(10, 5))
    found = np.frombuffer(zlib.decompress(microscope.overview), np.uint8).reshape(microscope.overview_size)
    (top, left), (height, width) = microscope.corner, np.shape(microscope.planes)[1:]
    assert np.array_equal(found[top:top + height, left:left + width], microscope.planes[0])
    assert ConvMicroscope(GREY).overview == b""


@pytest.mark.parametrize(("values", "decimals"), [([1, -200], 0), ([0.5, -3], 1), ([1 / 3, 2], 2), ([1 / 3, 20], 1)])
def test_numbers_of_a_grid_have_equally_many_decimals(values, decimals):
    assert decimals_of(np.array(values)) == decimals
