"""The painting widget without a browser: its mask in Python, what it refuses, what it shows still."""

import base64
import io
import zlib

import numpy as np
import pytest
import traitlets
from made_up import made_up_cache
from PIL import Image

from unet_lib.core import metrics
from unet_lib.core.errors import ShapeError
from unet_lib.widgets.paint_tumour import PaintTumour
from unet_lib.widgets.paint_tumour.paint_tumour import READER
from unet_lib.widgets.shared.base import border
from unet_lib.widgets.shared.masks import NETWORK, REFERENCE, from_bits, to_bits

DRAW = np.random.default_rng(4)
IMAGE = DRAW.integers(0, 256, (21, 35, 3), np.uint8)  # 735 pixels: the last byte of the bits is not full
DRAWN = np.zeros((21, 35), np.uint8)
DRAWN[5:12, 8:20] = 1
GUESS = np.roll(DRAWN, 2, axis=1) > 0


def test_what_is_sent():
    paint = PaintTumour(IMAGE, DRAWN, GUESS)
    planes = np.frombuffer(zlib.decompress(paint.planes), np.uint8).reshape(3, 21, 35)
    assert np.array_equal(planes, np.moveaxis(IMAGE, -1, 0))
    assert np.array_equal(from_bits(paint.reference_bits, (21, 35)), DRAWN)
    assert np.array_equal(from_bits(paint.model_bits, (21, 35)), GUESS)
    assert PaintTumour(IMAGE, DRAWN).model_bits == b""
    assert (paint.size, paint.channel, paint.show_reference, paint.show_model) == ((21, 35), "FLAIR", False, False)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 8), (21, 35)])
def test_bits_come_back(shape):
    mask = DRAW.random(shape) < 0.5
    assert len(to_bits(mask)) == -(-mask.size // 8)
    assert np.array_equal(from_bits(to_bits(mask), shape), mask)


def test_the_mask_is_read_and_set():
    paint = PaintTumour(IMAGE, DRAWN, GUESS)
    assert paint.mask.dtype == bool and paint.mask.shape == (21, 35) and not paint.mask.any()
    seen = []
    paint.observe(lambda _: seen.append(paint.mask.sum()), "painted")
    for mask in (GUESS, DRAWN, np.zeros((21, 35), bool)):
        paint.mask = mask
        assert np.array_equal(paint.mask, mask)
        assert paint.counts == metrics.count(mask, DRAWN)
    assert seen == [84, 84, 0]
    copy = paint.mask
    copy[:] = True
    assert not paint.mask.any()


def test_a_stroke_of_the_browser_arrives():
    paint = PaintTumour(IMAGE, DRAWN)
    paint.set_state({"painted": memoryview(to_bits(GUESS)), "brush": 3})  # as ipywidgets hands it over
    assert np.array_equal(paint.mask, GUESS) and isinstance(paint.painted, bytes)


def test_a_slice_of_a_cache_will_do():
    cache = made_up_cache()
    paint = PaintTumour(cache.images[2], cache.masks[2], cache.masks[1])
    paint.mask = cache.masks[2]
    assert paint.counts.dice() == 1


@pytest.mark.parametrize(("arguments", "said"), [
    ((IMAGE[..., 0], DRAWN), r"one slice of \[h, w, 3\] as uint8.*got \[21, 35\] as uint8"),
    ((IMAGE[None], DRAWN), r"got \[1, 21, 35, 3\].*Try cache\.images\[index\]"),
    ((np.moveaxis(IMAGE, -1, 0), DRAWN), r"got \[3, 21, 35\].*Try np\.moveaxis\(image, 0, -1\)"),
    ((IMAGE / 255, DRAWN), "as float64"),
    ((IMAGE, DRAWN[:20]), r"reference of \[21, 35\].*got \[20, 35\]"),
    ((IMAGE, DRAWN * 255), r"reference to hold 0 and 1 only; got numbers from 0 to 255\. Try reference > 0"),
    ((IMAGE, DRAWN, GUESS[None]), r"model of \[21, 35\].*got \[1, 21, 35\]"),
    ((IMAGE, DRAWN, GUESS * 0.7), r"model to hold 0 and 1 only.*Set a threshold first: model >= 0\.5")])
def test_what_does_not_fit_is_explained(arguments, said):
    with pytest.raises(ShapeError, match=said):
        PaintTumour(*arguments)


def test_masks_that_do_not_fit():
    paint = PaintTumour(IMAGE, DRAWN)
    with pytest.raises(ShapeError, match=r"PaintTumour needs mask of \[21, 35\]"):
        paint.mask = GUESS.T
    with pytest.raises(ShapeError, match="mask to hold 0 and 1 only"):
        paint.mask = GUESS * 2
    with pytest.raises(traitlets.TraitError, match="92 bytes; got 3"):
        paint.painted = b"abc"
    assert not paint.mask.any()


@pytest.mark.parametrize(("name", "value"), [("brush", 0), ("brush", 4), ("brush", 43), ("tool", "pencil"),
                                             ("channel", "T2")])
def test_settings_that_make_no_sense(name, value):
    paint = PaintTumour(IMAGE, DRAWN)
    before = getattr(paint, name)
    with pytest.raises(traitlets.TraitError):
        setattr(paint, name, value)
    assert getattr(paint, name) == before


def still(paint):
    data, metadata = paint._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB"))
    assert metadata["image/png"] == {"alt": data["text/plain"], "width": picture.shape[1], "height": picture.shape[0]}
    return data["text/plain"], picture[3::7, 3::7].astype(int)  # 35 pixels wide: each is 7 dots


def test_sentence_and_still_picture():
    paint = PaintTumour(IMAGE, DRAWN, GUESS, channel="post-contrast")
    sentence, picture = still(paint)
    assert sentence == "Paint the tumour: post-contrast of a 21×35 slice, nothing painted yet"
    assert np.array_equal(picture, np.repeat(IMAGE[..., 2:], 3, axis=2))
    paint.mask = GUESS
    assert still(paint)[0] == "Paint the tumour: post-contrast of a 21×35 slice, 84 pixels painted"
    paint.compared = True
    sentence, picture = still(paint)
    assert sentence == ("Paint the tumour: post-contrast of a 21×35 slice, 84 pixels painted, Dice 0.83 against the "
                        "expert's mask")
    assert np.array_equal(picture[~GUESS], np.repeat(IMAGE[..., 2:], 3, axis=2)[~GUESS])
    assert np.abs(picture[border(GUESS)] - READER).max() <= 13
    paint.show_reference = paint.show_model = True
    _, picture = still(paint)
    shown = (picture == NETWORK).all(axis=-1)
    assert shown.any() and not (shown & ~border(GUESS)).any()
    assert (picture[border(DRAWN > 0) & ~shown] == REFERENCE).all()
