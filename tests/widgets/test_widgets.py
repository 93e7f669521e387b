"""The slice browser without a web browser: what it sends, what it refuses, what it shows in a printed page."""

import base64
import io
import zlib

import numpy as np
import pytest
from made_up import PATIENTS, made_up_cache
from PIL import Image

from unet_lib.core.errors import DatasetError
from unet_lib.widgets.shared.base import TUMOUR, border, overlay
from unet_lib.widgets.shared.patients import busiest, tumour_strip
from unet_lib.widgets.slice_browser import SliceBrowser
from unet_lib.widgets.slice_browser.slice_browser import border_pixel, slice_payload

CACHE = made_up_cache()
FIRST, SECOND, THIRD = (patient.name for patient in PATIENTS)


@pytest.mark.parametrize("index", range(len(CACHE)))
def test_payload_holds_every_pixel(index):
    planes = np.frombuffer(zlib.decompress(slice_payload(CACHE, index)["pixels"]), np.uint8).reshape(4, 256, 256)
    assert np.array_equal(planes[:3].transpose(1, 2, 0), CACHE.images[index])
    assert np.array_equal(planes[3], CACHE.masks[index])


def test_payload_names_its_slice():
    shown = slice_payload(CACHE, 2)["shown"]
    assert shown == {"patient": FIRST, "number": 3, "index": 2, "count": 6, "height": 256, "width": 256,
                     "tumour": int(CACHE.masks[2].sum()),
                     "text": f"patient {FIRST}, slice 3 of 6, {CACHE.masks[2].sum()} tumour pixels"}


def test_payload_with_a_gap_in_the_numbers_says_so():
    assert slice_payload(CACHE, 12)["shown"]["text"] == f"patient {THIRD}, slice 5 (3 of 3), no tumour"


@pytest.mark.parametrize("index", [-1, 13])
def test_payload_outside_the_cache(index):
    with pytest.raises(IndexError, match=r"0 to 12"):
        slice_payload(CACHE, index)


def test_strip_counts_tumour_per_slice():
    assert tumour_strip(CACHE, THIRD) == [[1, 0], [2, 0], [5, 0]]
    counts = dict(tumour_strip(CACHE, FIRST))
    assert [n for n, count in counts.items() if count] == [2, 3, 4]
    assert counts[3] == np.count_nonzero(CACHE.masks[2])


def test_busiest_is_largest_tumour_or_the_middle():
    assert busiest([[1, 0], [2, 7], [3, 9], [4, 0]]) == 3
    assert busiest([[1, 0], [2, 0], [5, 0]]) == 2


def test_border_pixel_touches_the_background():
    mask = np.zeros((6, 6), bool)
    assert border_pixel(mask) == (3, 3)
    mask[1:4, 2:5] = True
    assert border_pixel(mask) == (2, 2)


def test_border_by_hand():
    mask = np.zeros((6, 6), bool)
    mask[1:5, 1:5] = True
    expected = mask.copy()
    expected[2:4, 2:4] = False
    assert np.array_equal(border(mask), expected)
    assert np.array_equal(border(np.ones((3, 3), bool)), [[1, 1, 1], [1, 0, 1], [1, 1, 1]])  # the picture's edge counts


def test_overlay_leaves_background_alone():
    grey, mask = CACHE.images[2, ..., 0], CACHE.masks[2] > 0
    drawn = overlay(grey, mask)
    assert (drawn[~mask] == grey[~mask][:, None]).all()
    assert (drawn[border(mask)] == TUMOUR).all()
    assert (overlay(grey, mask, outline=False, tint=False) == grey[..., None]).all()


def test_opens_on_the_first_patients_largest_tumour():
    browser = SliceBrowser(CACHE)
    assert (browser.patient, browser.slice) == (FIRST, 3)
    assert np.array_equal(browser.image, CACHE.images[2])
    assert np.array_equal(browser.mask, CACHE.masks[2])
    assert browser.mask[browser.pixel] == 1


def test_another_patient_brings_its_own_strip_and_slice():
    browser = SliceBrowser(CACHE)
    browser.patient = SECOND
    assert (browser.slice, browser.shown["patient"]) == (3, SECOND)
    assert browser.strip == tumour_strip(CACHE, SECOND)
    browser.slice = 1
    assert browser.pixels == slice_payload(CACHE, 6)["pixels"]


def test_unknown_patient_names_the_close_ones():
    with pytest.raises(DatasetError, match=rf"no patient 'TCGA_DU_0002'.*holds {SECOND}"):
        SliceBrowser(CACHE, "TCGA_DU_0002")
    browser = SliceBrowser(CACHE)
    with pytest.raises(DatasetError, match="no patient"):
        browser.patient = "nobody"
    assert browser.patient == FIRST


def test_unknown_slice_names_the_range():
    with pytest.raises(DatasetError, match=r"no slice 4; its 3 slices are numbered from 1 to 5"):
        SliceBrowser(CACHE, THIRD, 4)


def test_missing_sequences_can_be_kept_secret():
    assert SliceBrowser(CACHE).patients[1]["missing"] == ["post-contrast"]
    assert SliceBrowser(CACHE, tell_missing=False).patients[1]["missing"] == []


def test_still_picture_and_sentence():
    data, metadata = SliceBrowser(CACHE, SECOND, 2, outline=False, tint=False)._repr_mimebundle_()
    assert data["text/plain"] == f"Slice browser: patient {SECOND}, slice 2 of 4, no tumour"
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))))
    assert metadata["image/png"] == {"alt": data["text/plain"], "width": picture.shape[1], "height": picture.shape[0]}
    for channel in range(3):
        left = 8 + channel * 264
        assert np.array_equal(picture[22:278, left:left + 256, 0], CACHE.images[7, ..., channel])


def test_the_still_picture_has_the_contrast_of_the_view():
    still = np.array(SliceBrowser(CACHE, SECOND, 2, outline=False, tint=False, window=(50, 150)).picture())
    levels = CACHE.images[7, ..., 1].astype(int)
    shown = still[22:278, 8 + 264:8 + 264 + 256, 0].astype(int)
    assert np.abs(shown - np.clip((levels - 50) * 2.55, 0, 255)).max() <= 1
    assert shown[levels <= 50].max(initial=0) == 0 and shown[levels >= 150].min(initial=255) == 255
