"""The skip switchboard without a browser: its answers against torch's own, what it refuses, shows and remembers."""

import base64
import io
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from repository import LGG_BEST
from skip_board import CACHE, FIRST, OFF, ON, PREDICTOR, ROWS, SECOND, THIRD, board, by_hand, lively

from unet_lib.core.errors import DatasetError, SettingsError
from unet_lib.core.metrics import count
from unet_lib.data.intensity import normalise
from unet_lib.data.preprocessing import scale_images
from unet_lib.inference.predictor import Predictor, load_predictor
from unet_lib.inspection.attribution import ablate_skips, logits_of, skip_maps
from unet_lib.widgets.shared.masks import NETWORK
from unet_lib.widgets.skip_switchboard import SkipSwitchboard
from unet_lib.widgets.skip_switchboard.skip_answers import figures_of, probability_of
from unet_lib.widgets.skip_switchboard.skip_switchboard import GAINED, LOST, changed


@pytest.fixture(scope="module")
def best() -> Predictor:
    return load_predictor(LGG_BEST, "cpu")


def planes(packed: bytes, count: int) -> np.ndarray:
    return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(count, 256, 256)


def test_it_starts_with_the_skip_that_changes_most_without_ruin(best):
    """By hand: each skip zeroed, those that halve the Dice left out, the one with most other pixels taken."""
    for predictor in (PREDICTOR, best):
        shown = SkipSwitchboard(predictor, CACHE, patient=SECOND)
        depth, index = len(shown.levels), shown._index
        masks = [probability_of(predictor, CACHE, index, {level: "zeroed"} if level else {}) >= 0.5
                 for level in range(depth + 1)]
        whole, *others = (count(mask, CACHE.masks[index]).dice() for mask in masks)
        changed = [int((mask != masks[0]).sum()) if 2 * dice >= whole else -1
                   for mask, dice in zip(masks[1:], others, strict=True)]
        expected = ["on"] * depth
        if max(changed) >= 0:
            expected[changed.index(max(changed))] = "zeroed"
        assert shown.skips == expected and shown.answer["skips"] == expected


@pytest.mark.parametrize("patient", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("skips", [ON, OFF, ["mean", "on"], ["on", "swapped"], ["swapped", "mean"], ["zeroed", "on"]])
def test_every_answer_is_torchs(patient, skips):
    shown = board(patient=patient, skips=skips)
    expected = by_hand(shown._index, skips)
    assert np.allclose(shown.now.probability, expected, atol=1e-5)
    reference = CACHE.masks[shown._index]
    assert shown.now.counts == count(shown.now.probability >= 0.5, reference)
    probability, mask, whole = planes(shown.maps, 3)
    assert np.abs(probability / 255 - expected).max() < 0.003
    assert np.array_equal(mask, shown.now.probability >= 0.5)
    assert np.array_equal(whole, board(patient=patient).now.mask)
    assert shown.answer["lost"] == np.sum(whole > mask) and shown.answer["gained"] == np.sum(mask > whole)
    assert (shown.answer["lost"] + shown.answer["gained"] > 0) is (skips != ON)
    flair, drawn = planes(shown.pixels, 2)
    assert np.array_equal(flair, CACHE.images[shown._index][..., 1]) and np.array_equal(drawn, reference)


def test_all_on_is_what_the_predictor_says_and_the_network_is_left_alone():
    shown = board()
    index = shown._index
    for skips in (OFF, ["swapped", "swapped"], ON):
        shown.skips = skips
    assert np.array_equal(shown.now.probability, PREDICTOR.probabilities(
        CACHE.images[index:index + 1], CACHE.statistics[CACHE.patient_of[index]])[0])
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in PREDICTOR.model.modules())


def test_a_network_that_wants_context_slices_gets_them():
    predictor = Predictor(lively(in_channels=9), {}, 64, context_slices=1)
    indices = CACHE.slices_of([FIRST])
    whole = predictor.probabilities(CACHE.images[indices], CACHE.statistics[0])
    for number in (1, 3, 6):
        shown = SkipSwitchboard(predictor, CACHE, patient=FIRST, slice=number, skips=ON)
        assert np.allclose(shown.now.probability, whole[number - 1], atol=1e-6)
        shown.skips = ["swapped", "on"]
        assert shown.answer["lost"] + shown.answer["gained"] > 0


def test_the_best_network_has_a_switchboard(best):
    """Its four skips, asked without the settings that go with whole patients; the drawing has its stem."""
    shown = SkipSwitchboard(best, CACHE, patient=SECOND)
    passing = [(level["channels"], level["height"]) for level in shown.levels]
    assert passing == [(16, 128), (24, 64), (40, 32), (112, 16)]
    names = [box["name"] for box in shown.drawing["boxes"]]
    assert names[:3] == ["input", "stem", "encoder.1"] and names[-1] == "output"
    index, follower = shown._index, int(CACHE.slices_of([THIRD])[1])
    images = [normalise(scale_images(CACHE.images, np.array([one]), 256),
                        torch.as_tensor(CACHE.statistics[CACHE.patient_of[one]])) for one in (index, follower)]
    others = skip_maps(best.model, images[1])
    for skips, changes in ((["on"] * 4, {}), (["zeroed", "on", "mean", "on"], {1: "zeroed", 3: "mean"}),
                           (["swapped"] * 4, others)):
        shown.skips = skips
        with ablate_skips(best.model, changes):
            expected = torch.sigmoid(logits_of(best.model, images[0]))[0, 0].numpy()
        assert np.allclose(shown.now.probability, expected, atol=1e-5)
        assert shown.now.counts == count(expected >= 0.5, CACHE.masks[index])


def test_augmentation_and_small_components_are_left_out():
    shown = SkipSwitchboard(replace(PREDICTOR, flip_tta=True, min_component_size=10**6), CACHE, skips=ON)
    assert np.array_equal(shown.now.mask, board().now.mask)


def test_an_answer_is_worked_out_once():
    asked = []
    hook = PREDICTOR.model.register_forward_hook(lambda *_: asked.append(1))
    shown = board()
    shown.skips = OFF
    count_before = len(asked)
    for skips in (ON, OFF, ON, OFF):
        shown.skips = skips
    hook.remove()
    assert count_before == 2 == len(asked)


def test_another_patient_and_slice():
    shown = board(skips=["zeroed", "on"])
    assert (shown.patient, shown.slice) == (FIRST, 3)
    shown.patient = SECOND
    assert shown.slice == 3 and shown.answer["patient"] == SECOND and shown.skips == ["zeroed", "on"]
    assert np.array_equal(planes(shown.pixels, 2)[1], CACHE.masks[shown._index])
    assert shown.shown["other"] == f"{THIRD}, slice 2"
    shown.slice = 1
    assert shown.answer["slice"] == 1 and shown.strip == [[1, 0], [2, 0], [3, int(CACHE.masks[8].sum())], [4, 0]]
    some = SkipSwitchboard(PREDICTOR, CACHE, [THIRD, FIRST])
    assert some.patient == THIRD and [info["name"] for info in some.patients] == [FIRST, THIRD]
    with pytest.raises(traitlets.TraitError, match="not among the patients"):
        some.patient = SECOND


def test_figures_are_gathered_by_seed():
    found = figures_of(ROWS, 2)
    assert found["rows"][1] == {"how": "zeroed", "levels": [1], "dice": pytest.approx([0.1, 0.11, 0.12])}
    assert found["about"] == ("networks of base 2, trained for 3 epochs on images of 64×64, asked about 5 patients "
                              "they never saw")
    assert figures_of(ROWS, 4) == figures_of([], 2) == {"about": "", "rows": []}
    with pytest.raises(SettingsError, match=r"skip_ablation.py writes them; one has no 'mean_dice'"):
        figures_of([{name: value for name, value in ROWS[0].items() if name != "mean_dice"}], 2)
    with pytest.raises(SettingsError, match="all skips, zeroed, mean, retrained without; got 'cut'"):
        figures_of([ROWS[0] | {"how": "cut"}], 2)


@pytest.mark.parametrize("skips", [["on"], ["on", "on", "on"], ["off", "on"]])
def test_states_that_make_no_sense(skips):
    shown = board(skips=OFF)
    with pytest.raises(traitlets.TraitError, match="for each of the 2 levels, out of on, zeroed, mean, swapped"):
        shown.skips = skips
    assert shown.skips == OFF


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(DatasetError, match="no patient 'nobody'"):
        SkipSwitchboard(PREDICTOR, CACHE, ["nobody"])
    with pytest.raises(DatasetError, match="no slice 9"):
        board(slice=9)
    with pytest.raises(SettingsError, match="whose blocks are known, UNet or EfficientNetUNet; got Conv2d"):
        SkipSwitchboard(Predictor(torch.nn.Conv2d(3, 1, 1), {}, 64), CACHE)


def test_the_only_patient_has_nobody_to_swap_with():
    names, chosen = CACHE.names[:1], CACHE.patient_of == 0
    alone = replace(CACHE, images=CACHE.images[chosen], masks=CACHE.masks[chosen], numbers=CACHE.numbers[chosen],
                    patient_of=CACHE.patient_of[chosen], patients=CACHE.patients[:1], histograms=CACHE.histograms[:1])
    shown = SkipSwitchboard(PREDICTOR, alone)
    assert shown.states == ["on", "zeroed", "mean"] and shown.patient == names[0]


def test_sentence_and_still_picture():
    shown = board()
    whole = shown.whole.counts.dice()
    text = f"Skip switchboard: patient {FIRST}, slice 3 of 6, {CACHE.masks[2].sum()} tumour pixels; "
    assert shown.describe() == f"{text}all skips on, Dice {whole:.2f}"
    shown.skips = ["zeroed", "swapped"]
    data, metadata = shown._repr_mimebundle_()
    lost, gained = (shown.whole.mask > shown.now.mask).sum(), (shown.now.mask > shown.whole.mask).sum()
    assert data["text/plain"] == (f"{text}skip 1 zeroed, skip 2 swapped: Dice {shown.now.counts.dice():.2f} instead of "
                                  f"{whole:.2f}, {lost} pixels lost and {gained} gained")
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert metadata["image/png"] == {"alt": data["text/plain"], "width": 3 * 264 + 8, "height": 308}
    assert picture.size == (800, 308)


def test_pixels_of_the_change_by_hand():
    grey = np.full((8, 8), 100, np.uint8)
    now, whole = np.zeros((2, 8, 8), bool)
    now[:, :5] = whole[:, 2:7] = True
    drawn = changed(grey, now, whole, np.zeros((8, 8), bool)).astype(int)
    assert np.abs(drawn[:, 2:5] - (65 + 0.35 * np.array(NETWORK))).max() <= 0.5
    assert (drawn[:, 7] == 100).all()
    for columns, colour in ((slice(0, 2), GAINED), (slice(5, 7), LOST)):
        fractions = np.mean((drawn[:, columns] - 100) / (np.array(colour) - 100), axis=2)
        assert set(fractions.round(1).ravel()) == {0.4, 0.9}


def test_a_saved_notebook_stays_small():
    shown = board(skips=["zeroed", "mean"])
    state = {name: value for name, value in shown.get_state().items() if name not in ("_esm", "_css")}
    size = sum(len(value) * 4 / 3 if isinstance(value, bytes) else len(str(value)) for value in state.values())
    noise = 256 * 256 * 4 / 3  # made-up slices are noise, which does not pack; real ones do
    assert size < 300_000 - noise
