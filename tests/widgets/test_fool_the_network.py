"""Fool the network, without a browser: what is sent, what Python answers, what the brush adds, what is shown still."""

import base64
import io
import zlib
from dataclasses import replace

import numpy as np
import pytest
import traitlets
from made_up import made_up_cache
from PIL import Image
from torch import nn

from unet_lib.core.errors import SettingsError
from unet_lib.inference.predictor import Predictor
from unet_lib.models.architecture import UNetConfig
from unet_lib.models.registry import build
from unet_lib.widgets.fool_the_network import FoolTheNetwork
from unet_lib.widgets.fool_the_network.fool_the_network import opposite, square_around_head
from unet_lib.widgets.fool_the_network.two_answers import soft_dab
from unet_lib.widgets.shared.masks import NETWORK, REFERENCE, from_bits

CACHE = made_up_cache()
INDEX = int(np.argmax(CACHE.tumour_pixels))
BRIGHT = 128
"""What `Bright` takes for tumour: FLAIR from this grey level on."""


class Bright(Predictor):
    """A network that is easily fooled: the brighter FLAIR, the likelier tumour."""

    def probabilities(self, images, statistics):
        assert statistics.shape == (2, 3)
        return images[..., 1] / np.float32(2 * BRIGHT)


def fool(**traits):
    return FoolTheNetwork(Bright(nn.Identity(), {}), CACHE, INDEX, **traits)


def square(widget, values):
    return values[square_around_head(np.array(CACHE.images[INDEX])[..., 1])]


def test_what_is_sent():
    widget, flair = fool(), np.array(CACHE.images[INDEX])[..., 1]
    side = widget.side
    levels = np.frombuffer(zlib.decompress(widget.levels), np.uint8).reshape(side, side)
    assert np.array_equal(levels, square(widget, flair))
    assert np.array_equal(from_bits(widget.reference_bits, (side, side)), square(widget, CACHE.masks[INDEX]) > 0)
    assert np.array_equal(from_bits(widget.found_bits, (side, side)), levels >= BRIGHT)
    assert widget.before == widget.now == (flair >= BRIGHT).sum()
    assert widget.painted == b"" and np.array_equal(widget.flair, flair)
    assert levels.max() < widget.white <= 255 or widget.white == 255


def test_what_the_browser_paints_is_answered():
    widget, original = fool(), np.array(CACHE.images[INDEX])[..., 1]
    painted = np.random.default_rng(5).integers(0, 256, (widget.side, widget.side), np.uint8)
    widget.set_state({"painted": memoryview(painted.tobytes()), "asked": 1})
    expected = original.copy()
    square(widget, expected)[:] = painted
    assert np.array_equal(widget.flair, expected) and np.array_equal(widget.mask, expected >= BRIGHT)
    assert (widget.now, widget.answered) == ((expected >= BRIGHT).sum(), 1)
    assert np.array_equal(from_bits(widget.found_bits, painted.shape), painted >= BRIGHT)
    assert widget.before == (original >= BRIGHT).sum()


def test_painting_from_python_and_copies():
    widget = fool()
    widget.flair = np.full((256, 256), BRIGHT, np.uint8)
    assert widget.answered == 1
    inside = square(widget, np.ones((256, 256), bool)).sum()
    outside = square(widget, np.zeros((256, 256), bool))
    assert widget.now >= inside > 0 and outside.sum() == 0
    widget.flair[:] = 0
    widget.mask[:] = False
    assert widget.now == widget.mask.sum() > 0


def test_asking_changes_nothing_on_show():
    widget, flair = fool(), np.array(CACHE.images[INDEX])[..., 1]
    state = widget.get_state()
    assert np.array_equal(widget.ask(flair.astype(float) // 2), flair // 2 >= BRIGHT)
    assert widget.get_state() == state
    widget.flair = flair // 2 + 0.5
    assert widget.now == (widget.flair >= BRIGHT).sum()
    assert np.array_equal(widget.flair[widget.square], square(widget, flair // 2))


def test_a_real_network_is_asked_with_the_other_channels_as_they_were():
    predictor = Predictor(build(UNetConfig(base=4, depth=2), seed=3), {}, size=64)
    widget = FoolTheNetwork(predictor, CACHE, INDEX)
    widget.flair = widget.example_stroke()
    image = np.array(CACHE.images[INDEX])
    image[..., 1] = widget.flair
    chance = predictor.probabilities(image[None], CACHE.statistics[CACHE.patient_of[INDEX]])[0]
    assert np.array_equal(widget.mask, chance >= 0.5)


def test_the_brush_by_hand():
    """Full in the middle, half at half the radius, nothing at the radius; never beyond 0 and 255."""
    plane = np.full((41, 41), 100, np.uint8)
    row = soft_dab(plane, (20, 20), 8, 80)[20]
    assert [int(row[20 + step]) for step in (0, 4, 8, 9)] == [180, 140, 100, 100]
    assert soft_dab(plane, (20, 20), 8, 200)[20, 20] == 255 and soft_dab(plane, (20, 20), 8, -120)[20, 20] == 0
    assert soft_dab(plane, (20, 20), 8, -80)[20, 24] == 60


def test_the_square_around_the_head():
    flair = np.zeros((256, 256), np.uint8)
    flair[100:140, 60:130] = 90  # 40 × 70, and a margin of 8
    assert square_around_head(flair) == (slice(77, 163), slice(52, 138))
    assert square_around_head(np.full((256, 256), 7, np.uint8)) == (slice(0, 256), slice(0, 256))
    flair[:] = np.arange(256)
    assert {part.stop - part.start for part in square_around_head(flair)} == {256}


def test_the_example_lies_opposite_the_tumour():
    mask = np.zeros((50, 50), bool)
    mask[10:13, 40:43] = True
    assert opposite(mask) == [11, 8]
    assert opposite(np.zeros((50, 50), bool)) == [25, 25]


def still(widget):
    data, metadata = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB"))
    assert metadata["image/png"] == {"alt": data["text/plain"], "width": picture.shape[1], "height": picture.shape[0]}
    return data["text/plain"], picture


def near(picture, colour):
    return int((np.abs(picture.astype(int) - colour).max(axis=-1) <= 8).sum())


def test_sentence_and_still_picture():
    widget = fool()
    sentence, picture = still(widget)
    assert sentence == (f"Fool the network: FLAIR of patient {CACHE.names[CACHE.patient_of[INDEX]]}, slice "
                        f"{CACHE.numbers[INDEX]}; the network marks {widget.before} pixels as tumour, nothing painted "
                        f"yet")
    half = picture.shape[1] // 2
    assert min(near(picture[:, part], NETWORK) for part in (slice(half), slice(half, None))) > 100
    assert near(picture[-26:], REFERENCE) > 20  # the legend, where the made-up slice's noise does not cover it
    widget.flair = np.full((256, 256), 255, np.uint8)
    sentence, painted = still(widget)
    assert sentence.endswith(f"marks {widget.now} pixels as tumour, {widget.before} before anything was painted")
    assert np.array_equal(painted[40:-40, :half - 20], picture[40:-40, :half - 20])
    assert not np.array_equal(painted[:, half:], picture[:, half:])


def test_what_does_not_fit():
    widget = fool()
    with pytest.raises(traitlets.TraitError, match=r"grey levels, or none; got 3\. From Python set flair"):
        widget.painted = b"abc"
    for wrong, reach in ((-1, "-1 to 0"), (256, "0 to 256"), (np.nan, "nan to nan")):
        levels = np.zeros((256, 256))
        levels[3, 4] = wrong
        with pytest.raises(SettingsError, match=rf"from 0 to 255; got {reach.replace(' to ', '[.0]* to ')}"):
            widget.ask(levels)
    with pytest.raises(SettingsError, match="looks at 1 more on either side"):
        FoolTheNetwork(replace(Predictor(nn.Identity(), {}), context_slices=1), CACHE, INDEX)
