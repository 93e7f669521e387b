"""The feature explorer in JupyterLab and Chromium: pictures against torch, the brush against NumPy, every control."""

import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import (
    OUTPUT,
    Lab,
    Notebook,
    nameless,
    out_of_sight,
    pixels_of,
    spill,
    still_size,
    tabs_until_out,
    write_executed,
    write_notebook,
)
from feature_explorer_page import (
    CACHE,
    FIRST,
    PALETTE,
    SECOND,
    SIZE,
    STEPS,
    THIRD,
    Brush,
    Explorer,
    answers,
    drag,
    like,
)
from made_up import write_series
from repository import HELPERS, LGG_BEST

from unet_lib.core.metrics import count
from unet_lib.inspection.checkpoint_series import Series, load_series
from unet_lib.widgets.feature_explorer.feature_maps import (
    energy,
    fields,
    look,
    probability,
    quantise,
    representative,
    roc_auc_with,
)
from unet_lib.widgets.shared.patients import find_slice

SETUP = f"""
import sys; sys.path.insert(0, {str(HELPERS)!r})
import torch
torch.set_num_threads(1)
from made_up import made_up_cache
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.widgets.feature_explorer import FeatureExplorer
CACHE, SERIES = made_up_cache(), load_series("steps")
"""
SHOW = "explorer = FeatureExplorer(SERIES, CACHE)\nexplorer"
TELL = ("print(explorer.patient, explorer.slice, explorer.step, explorer.stage, explorer.channel, explorer.compare, "
        "explorer.scale, explorer.boxes, explorer.order)")
PIXELS = "print(explorer.image.tobytes().hex())"


@pytest.fixture(scope="module")
def series(lab: Lab) -> Series:
    return load_series(write_series(lab.folder / "steps", STEPS, SIZE))


@pytest.fixture(scope="module")
def book(lab: Lab, series: Series, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "features.ipynb", SETUP, SHOW, TELL)
    return notebook("features.ipynb", {"width": 1280, "height": 1900})


@pytest.fixture
def explorer(book: Notebook, series: Series) -> Explorer:
    """A fresh one."""
    book.run_all()
    assert book.errors() == []
    yield Explorer(book, series)
    assert book.console_errors() == []


# ---- every picture --------------------------------------------------------------------------------------------------


def test_every_stage_at_every_step(explorer):
    for place, step in enumerate(STEPS):
        explorer.slide("Step of training", place)
        explorer.settled(step=step)
        maps = explorer.maps()
        for name in explorer.plan:
            if name != "output":
                like(explorer.box(name), representative(maps[name], "mean"))
        like(explorer.output(), probability(maps), 0, 1)
        found = count(probability(maps) >= 0.5, explorer.mask)
        assert explorer.root.locator(".gb-feat-score b").last.inner_text() == f"{found.dice():.2f}"
        assert explorer.root.locator(".gb-feat-counts").inner_text().split() == [
            "found", str(found.tp), "false", "alarm", str(found.fp), "missed", str(found.fn)]


def test_maps_with_room_are_squares_and_shrunk_ones_smooth(explorer):
    for name, stage in explorer.plan.items():
        if name != "output":
            canvas = explorer.u.locator(f"[data-stage='{name}'] canvas")
            way = canvas.evaluate("canvas => getComputedStyle(canvas).imageRendering")
            assert way == ("pixelated" if canvas.bounding_box()["width"] >= stage.width else "auto")


def test_every_slice_of_every_patient(explorer):
    for patient, name in enumerate((FIRST, SECOND, THIRD)):
        numbers = CACHE.numbers[CACHE.patient_of == patient].tolist()
        if patient:
            explorer.root.get_by_label("Patient", exact=True).select_option(name)
            explorer.settled(patient=name, slice=[3, 3, 2][patient])
        for place, number in enumerate(numbers):
            explorer.slide("Slice", place)
            explorer.settled(slice=number)
            like(explorer.box("bottleneck"), representative(explorer.maps()["bottleneck"], "mean"))
            for channel in range(3):
                explorer.root.get_by_label("Channel on show").select_option(str(channel))
                grey = pixels_of(explorer.input.locator("canvas").first)[..., :3]
                assert np.array_equal(grey, explorer.image[channel][..., None].repeat(3, 2))


@pytest.mark.parametrize("stage", ["encoder.1", "pool.1", "bottleneck", "up.2", "concat.1", "decoder.1", "output"])
def test_every_channel_of_a_stage(explorer, stage):
    explorer.open(stage)
    maps = explorer.maps()[stage]
    tiles = explorer.tiles()
    assert [name for name, _ in tiles] == [str(channel) for channel in range(len(maps))]
    for (_, seen), values in zip(tiles, maps, strict=True):
        like(seen, values)
    last = len(maps) - 1
    explorer.root.get_by_role("button", name=re.compile(f"^channel {last},")).click()
    explorer.settled(channel=last)
    like(explorer.large(), maps[last])
    bars = json.loads(explorer.root.locator(".gb-feat-histogram svg").get_attribute("data-counts"))
    expected = np.histogram(maps[last].astype(float), len(bars))[0]
    assert sum(bars) == maps[last].size and np.abs(np.array(bars) - expected).sum() <= 4  # on the borders of bins


def test_channels_are_sorted(explorer):
    explorer.open("decoder.2")
    maps = explorer.maps()["decoder.2"]
    explorer.choose("Sorted by", "mean square")
    explorer.settled(order="energy")
    by_energy = np.argsort(-energy(maps), kind="stable").tolist()
    assert [int(name.split(" · ")[0]) for name, _ in explorer.tiles()] == by_energy
    explorer.choose("Sorted by", "ROC AUC")
    explorer.settled(order="roc_auc")
    agreed = roc_auc_with(maps, explorer.mask)
    tiles = [(int(name.split(" · ")[0]), float(name.split(" · ")[1])) for name, _ in explorer.tiles()]
    assert [channel for channel, _ in tiles] == np.argsort(-np.abs(agreed - 0.5), kind="stable").tolist()
    assert [said for _, said in tiles] == pytest.approx(agreed[[channel for channel, _ in tiles]].tolist(), abs=0.00501)
    for (channel, _), (_, seen) in zip(tiles, explorer.tiles(), strict=True):
        like(seen, maps[channel])
    explorer.root.get_by_label("Patient", exact=True).select_option(THIRD)
    explorer.settled(patient=THIRD, slice=2)
    assert "no ROC AUC" in explorer.root.locator(".gb-feat-note").inner_text()


def test_colours_that_span_a_stage(explorer):
    explorer.choose("Colours span", "each stage")
    explorer.choose("Boxes show", "strongest")
    explorer.settled(boxes="strongest")
    maps = explorer.maps()
    words = explorer.root.locator(".gb-feat-colours").inner_text()
    assert "one scale for all maps of a stage" in words and "most energy" in words
    for name, found in maps.items():
        if name in explorer.plan and name != "output":
            like(explorer.box(name), representative(found, "strongest"), found.min(), found.max())
    whole = maps["encoder.2"]
    for (_, seen), values in zip(explorer.tiles(), whole, strict=True):
        like(seen, values, whole.min(), whole.max())
    like(explorer.large(), whole[0], whole.min(), whole.max())
    explorer.choose("Before and after", "side by side")
    explorer.settled(compare="side by side")
    both = np.stack([whole, explorer.maps(0)["encoder.2"]])
    like(explorer.large(0), whole[0], both.min(), both.max())
    like(explorer.large(1), both[1, 0], both.min(), both.max())


def test_the_first_step_beside_the_chosen_one(explorer):
    explorer.choose("Before and after", "side by side")
    explorer.settled(compare="side by side")
    explorer.slide("Step of training", 1)
    explorer.settled(step=10)
    now, then = explorer.maps(10), explorer.maps(0)
    first = explorer.root.get_by_role("group", name="The same at the first step")
    for name in ("encoder.1", "bottleneck", "decoder.2"):
        like(explorer.box(name), representative(now[name], "mean"))
        like(explorer.box(name, first), representative(then[name], "mean"))
    for part, maps in enumerate((now, then)):
        like(explorer.output(part), probability(maps), 0, 1)
        like(explorer.large(part), maps["encoder.2"][0])
    before = [pixels_of(tile.locator("canvas").first) for tile in explorer.root.locator(".gb-feat-tile").all()]
    for seen, values in zip(before, then["encoder.2"], strict=True):
        like(seen, values)
    boxes = [explorer.root.locator(f".gb-feat-large [data-part='{part}']").bounding_box() for part in (1, 0)]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]  # before is left of after
    scores = [count(probability(maps) >= 0.5, explorer.mask).dice() for maps in (then, now)]
    assert explorer.root.locator(".gb-feat-score b").all_inner_texts() == [f"{score:.2f}" for score in scores]


def test_the_wipe(explorer):
    explorer.choose("Before and after", "wipe")
    explorer.settled(compare="wipe")
    now, then = explorer.maps(), explorer.maps(0)
    for fraction in (0.5, 0.25, 0, 1):
        explorer.slide("How much of each picture shows the first step", fraction)
        for seen, of in ((explorer.box("encoder.1"), lambda maps: representative(maps["encoder.1"], "mean")),
                         (explorer.large(), lambda maps: maps["encoder.2"][0])):
            end = round(fraction * seen.shape[1])
            for part, values in ((np.s_[:, end:], of(now)), (np.s_[:, :end], of(then))):
                assert np.abs(seen[part][..., :3].astype(int) - PALETTE[quantise(values[None]).levels[0]][part]).max(
                    initial=0) <= 4
        end = round(fraction * SIZE)
        chance = np.concatenate([probability(then)[:, :end], probability(now)[:, end:]], axis=1)
        like(explorer.output(), chance, 0, 1)


# ---- one value and what it sees -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "channel", "row", "column"), [
    ("encoder.1", 1, 16, 9), ("encoder.2", 0, 8, 11), ("decoder.1", 0, 13, 20), ("concat.1", 0, 20, 5),
    ("concat.1", 3, 20, 5)])
def test_pointing_says_the_value_and_frames_what_it_sees(explorer, stage, channel, row, column):
    explorer.open(stage)
    if channel:
        explorer.root.get_by_role("button", name=re.compile(f"^channel {channel},")).click()
        explorer.settled(channel=channel)
    side = explorer.plan[stage].width
    large = explorer.root.locator(".gb-feat-large [data-part='0']")
    explorer.point(large, row, column, side)
    found = re.fullmatch(r"(\S+), channel (\d+), row (\d+), column (\d+): (\S+); sees (\d+)×(\d+) pixels of the slice",
                         explorer.readout.inner_text())
    assert found[1] == stage and [int(part) for part in found.groups()[1:4]] == [channel, row, column]
    value = explorer.maps()[stage][channel, row, column]
    assert float(found[5].replace("−", "-")) == pytest.approx(value, rel=1e-4, abs=1e-6)
    seen = fields(list(explorer.plan.values()))["encoder.1" if (stage, channel) == ("concat.1", 0) else stage]
    ends = [[max(seen[place][0], 0), min(seen[place][1], SIZE - 1)] for place in (row, column)]
    assert [int(found[6]), int(found[7])] == [seen[place][1] - seen[place][0] + 1 for place in (row, column)]
    for screen in (explorer.input, large):
        for drawn, wanted in zip(explorer.framed(screen), ends, strict=True):
            assert drawn == pytest.approx(wanted, abs=0.5 if wanted[1] - wanted[0] < SIZE - 1 else 1)
    explorer.page.mouse.move(3, 3)
    assert explorer.readout.inner_text().startswith("Point at any picture")


def test_pointing_at_the_small_pictures(explorer):
    maps = explorer.maps()
    for screen, name, row, column, value in (
            (explorer.u.locator("[data-stage='bottleneck'] canvas"), "bottleneck, mean of its channels", 2, 5,
             representative(maps["bottleneck"], "mean")),
            (explorer.root.locator(".gb-feat-tile canvas").nth(3), "encoder.2, channel 1", 7, 3, maps["encoder.2"][1]),
            (explorer.root.locator(".gb-feat-output [data-part='0']"), "output, probability", 30, 4,
             probability(maps))):
        explorer.point(screen, row, column, value.shape[1])
        text = explorer.readout.inner_text()
        assert text.startswith(f"{name}, row {row}, column {column}: ≈ ")
        assert float(text.split("≈ ")[1].split(";")[0].replace("−", "-")) == pytest.approx(
            value[row, column], abs=float(value.max() - value.min()) / 500 + 0.06 * abs(float(value[row, column])))
    explorer.point(explorer.input, 12, 7, SIZE)
    levels = explorer.image[:, 12, 7]
    assert explorer.readout.inner_text() == (f"Input, row 12, column 7: pre-contrast {levels[0]}, FLAIR {levels[1]}, "
                                             f"post-contrast {levels[2]}")


def test_the_value_follows_the_step_under_a_resting_pointer(explorer):
    large = explorer.root.locator(".gb-feat-large [data-part='0']")
    explorer.point(large, 5, 6, 16)
    for place, step in enumerate(STEPS):
        explorer.root.get_by_label("Step of training").evaluate("""(slider, place) => {
            slider.value = place; slider.dispatchEvent(new Event("input", { bubbles: true })); }""", place)
        explorer.settled(step=step)
        said = float(re.search(r": (\S+);", explorer.readout.inner_text())[1].replace("−", "-"))
        assert said == pytest.approx(explorer.maps()["encoder.2"][0, 5, 6], rel=1e-4, abs=1e-6)


def shows_weights(source: object, kernel: torch.Tensor) -> None:
    """The weights are told, and each square is red where its weight is positive, blue where it is negative."""
    canvas = source.locator(".gb-feat-kernel")
    assert np.allclose(json.loads(canvas.get_attribute("data-weights")), kernel.detach(), rtol=1e-6)
    red, _, blue, alpha = np.moveaxis(pixels_of(canvas).astype(int), -1, 0)
    assert (alpha == 255).all() and (np.sign(red - blue) * np.sign(kernel.detach().numpy()) >= 0).all()
    assert (red != blue).any()


def test_sources_show_the_weights_and_lead_on(explorer):
    explorer.open("up.1")
    explorer.choose("About this channel", "made of")
    found = explorer.root.locator("button.gb-feat-source")
    name = found.first.get_attribute("aria-label")
    channel = int(re.match(r"decoder\.2, channel (\d+), strength", name)[1])
    shows_weights(found.first, explorer.series.at(40).up["1"].weight[channel, 0])
    like(pixels_of(found.first.locator("canvas").first), explorer.maps()["decoder.2"][channel])
    found.first.click()
    explorer.settled(stage="decoder.2", channel=channel)
    assert explorer.page.evaluate("document.activeElement.matches('.gb-feat-large [data-part]')")
    inside = explorer.root.locator("div.gb-feat-source")
    about = inside.first.get_attribute("aria-label")
    place = int(re.match(r"channel (\d+) after the first convolution of decoder\.2", about)[1])
    shows_weights(inside.first, explorer.series.at(40).decoder["2"].conv2.weight[channel, place])
    like(pixels_of(inside.first.locator("canvas").first), explorer.maps()["decoder.2.relu1"][place])


# ---- the brush ------------------------------------------------------------------------------------------------------


def test_paint_erase_undo_reset(explorer):
    explorer.slide("Radius of the brush", 5)
    brush = Brush(explorer.image, 5)
    answers(explorer, brush.planes)
    drag(explorer, (10, 20))
    brush.stroke((10, 20))
    answers(explorer, brush.planes)
    once = brush.planes.copy()
    drag(explorer, (20, 8), (20, 12), (24, 12))
    brush.stroke(*((20, column) for column in range(8, 13)), *((row, 12) for row in range(21, 25)))
    answers(explorer, brush.planes)
    assert explorer.book.ask(PIXELS) == brush.planes.tobytes().hex()
    explorer.choose("Brush", "erase")
    drag(explorer, (12, 16))
    brush.stroke((12, 16), erase=True)
    answers(explorer, brush.planes)
    explorer.root.get_by_label("paint all channels").check()
    explorer.slide("Grey levels that the brush adds", 200)
    explorer.choose("Brush", "brighten")
    brush.strength = 200
    drag(explorer, (3, 3))
    brush.stroke((3, 3), channels=(0, 1, 2))
    answers(explorer, brush.planes)
    undo = explorer.root.get_by_role("button", name="Undo")
    for _ in range(3):
        undo.click()
    answers(explorer, once)
    explorer.slide("Step of training", 0)
    explorer.settled(step=0)
    answers(explorer, once)  # the paint stays while the training is scrubbed
    explorer.root.get_by_role("button", name="Reset").click()
    answers(explorer, brush.original)
    undo.click()
    answers(explorer, once)
    explorer.slide("Slice", 1)
    explorer.planes = None
    explorer.settled(slice=2)
    answers(explorer, explorer.image)
    assert undo.get_attribute("aria-disabled") == "true"


def test_paint_by_keyboard(explorer):
    press = explorer.page.keyboard.press
    explorer.slide("Radius of the brush", 4)
    explorer.input.focus()
    brush = Brush(explorer.image, 4)
    for key in ("ArrowUp", "Shift+ArrowUp", "ArrowRight", "Shift+ArrowLeft", "Space"):
        press(key)
    brush.stroke((16 - 9, 16 - 7))
    answers(explorer, brush.planes)
    press("z")
    answers(explorer, brush.original)
    press("Control+s")
    explorer.page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")


def test_fast_strokes_all_arrive(explorer):
    explorer.slide("Radius of the brush", 3)
    brush = Brush(explorer.image, 3)
    explorer.input.scroll_into_view_if_needed()
    for at in range(8):
        drag(explorer, (4 + 3 * at, 5), (4 + 3 * at, 20))
        brush.stroke(*((4 + 3 * at, column) for column in range(5, 21)))
    answers(explorer, brush.planes)


# ---- moving about ---------------------------------------------------------------------------------------------------


def test_the_newest_of_many_moves_is_what_stays(explorer):
    explorer.root.get_by_label("Step of training").evaluate("""slider => {
        for (let move = 0; move < 40; move++) {
            slider.value = [0, 1, 2][move % 3];
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }
    }""")
    explorer.settled(step=STEPS[39 % 3])
    explorer.page.wait_for_timeout(300)
    explorer.settled()
    like(explorer.output(), probability(explorer.maps()), 0, 1)
    assert explorer.root.locator(".gb-feat-step").inner_text() == "step 0"


def test_the_marker_and_the_numbers_move_with_the_step(explorer):
    rows = {moment.step: moment for moment in explorer.series.history}
    for place, step in enumerate(STEPS):
        explorer.slide("Step of training", place)
        explorer.settled(step=step)
        said = explorer.root.locator(".gb-feat-now").inner_text()
        if step:
            assert f"loss {rows[step].loss:.2f}" in said and f"training F1 {rows[step].train_f1:.2f}" in said
        assert f"validation Dice {0.2 + 0.1 * place:.2f}" in said
        marker = float(explorer.root.locator(".gb-feat-marker").get_attribute("x1"))
        width = float(explorer.root.locator(".gb-feat-training svg").get_attribute("width"))
        assert marker == pytest.approx(8 + place * (width - 16) / 2)
    path = explorer.root.locator("path.gb-feat-loss").get_attribute("d")
    x, y = np.array(re.findall(r"[\d.]+", path), float).reshape(-1, 2).T
    assert len(x) == len(rows) and (np.diff(x) > 0).all()
    losses = np.array([moment.loss for moment in rows.values()])
    assert np.corrcoef(y, losses)[0, 1] < -0.9999


def test_play(explorer):
    explorer.root.get_by_role("button", name="Play").click()
    for step in STEPS:
        explorer.settled(step=step)
    explorer.root.get_by_role("button", name="Play").wait_for()  # it ends by itself
    explorer.root.get_by_role("button", name="Play").click()
    explorer.settled(step=0)
    explorer.root.get_by_role("button", name="Pause").click()
    explorer.page.wait_for_timeout(900)
    explorer.settled(step=0)


def test_everything_by_keyboard(explorer):
    page = explorer.page
    names = list(explorer.plan)
    explorer.u.locator("[data-stage='encoder.2']").focus()
    for key, place in (("ArrowRight", 3), ("ArrowDown", 4), ("ArrowLeft", 3), ("End", -1), ("ArrowUp", -2),
                       ("Home", 0), ("ArrowLeft", 0)):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.stage") == names[place]
    explorer.settled()  # moving is not choosing
    page.keyboard.press("Enter")
    explorer.settled(stage="encoder.1")
    page.keyboard.press("End")
    page.keyboard.press("Space")
    explorer.settled(stage="output")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    explorer.settled(stage="decoder.1")
    explorer.root.locator(".gb-feat-tile[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    explorer.settled(channel=1)
    like(explorer.large(), explorer.maps()["decoder.1"][1])
    explorer.root.locator(".gb-feat-large [data-part='0']").focus()
    for key in ("ArrowUp", "Shift+ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert explorer.readout.inner_text().startswith("decoder.1, channel 1, row 15, column 9: ")
    page.wait_for_timeout(900)
    assert explorer.root.locator(".gb-unseen[aria-live]").inner_text() == explorer.readout.inner_text()
    explorer.root.get_by_label("Step of training").focus()
    page.keyboard.press("Home")
    explorer.settled(step=0)
    page.keyboard.press("ArrowRight")
    explorer.settled(step=10)
    page.keyboard.press("Control+s")  # the notebook's own shortcuts still work from inside the widget
    page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")


def test_focus_is_never_trapped(explorer):
    explorer.root.get_by_label("Patient", exact=True).focus()
    assert 15 <= tabs_until_out(explorer.page, ".gb-feat", 60) < 60


def test_every_control_has_a_name(explorer):
    assert nameless(explorer.page, ".gb-feat") == []


def test_the_map_over_the_slice(explorer):
    over = explorer.root.locator(".gb-feat-large [data-part='0'] canvas").nth(1)
    for opacity in ("0.3", "0", "1"):
        explorer.slide("Opacity of the map over the slice", opacity)
        assert over.evaluate("canvas => getComputedStyle(canvas).opacity") == opacity
    under = pixels_of(explorer.root.locator(".gb-feat-large [data-part='0'] canvas").first)
    assert np.array_equal(under[..., 0], explorer.image[1])


def test_python_reads_and_moves_everything(explorer):
    explorer.book.ask("explorer.patient, explorer.step = explorer.patients[1]['name'], 10; explorer.stage = 'up.2'; "
                       "explorer.channel = 3; explorer.compare = 'wipe'; explorer.scale = 'each stage'; "
                       "explorer.boxes = 'strongest'; explorer.order = 'energy'; print('done')")
    explorer.settled(patient=SECOND, slice=3, step=10, stage="up.2", channel=3, compare="wipe", boxes="strongest",
                     order="energy")
    assert explorer.root.get_by_label("Step of training").get_attribute("aria-valuetext") == "step 10"
    explorer.choose("Before and after", "off")
    explorer.slide("Slice", 0)
    explorer.slide("Step of training", 2)
    explorer.settled(compare="off", slice=1, step=40)
    expected = f"{SECOND} 1 40 up.2 3 off each stage strongest energy"
    for _ in range(20):  # a change waits until Python has answered the one before
        if (told := explorer.book.ask(TELL)) == expected:
            break
    assert told == expected


def test_two_views_show_one_network(lab, series, notebook):
    write_notebook(lab.folder / "views.ipynb", SETUP, SHOW, "explorer", TELL)
    book = notebook("views.ipynb", {"width": 1280, "height": 3600})
    book.run_all()
    views = [Explorer(book, series, 0), Explorer(book, series, 1)]
    views[0].slide("Radius of the brush", 4)
    drag(views[0], (12, 12))
    brush = Brush(views[0].image, 4)
    brush.stroke((12, 12))
    for view in views:
        answers(view, brush.planes)
    views[1].open("decoder.2")
    views[0].settled(stage="decoder.2")
    answers_in = views[0].maps()["decoder.2"]
    like(views[0].large(), answers_in[0])
    assert book.console_errors() == []
    book.close()


# ---- looks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 800, 480])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_fits_its_window_in_both_themes(explorer, width, theme):
    explorer.page.set_viewport_size({"width": width, "height": 2600})
    explorer.book.use_theme(theme)
    faults = []
    for compare in ("off", "side by side", "wipe"):
        explorer.choose("Before and after", compare)
        explorer.settled(compare=compare)
        explorer.page.wait_for_timeout(200)  # the observer of sizes
        faults += spill(explorer.root)
    OUTPUT.mkdir(exist_ok=True)
    explorer.root.screenshot(path=str(OUTPUT / f"features_{width}_{theme.split()[-1].lower()}.png"))
    explorer.page.set_viewport_size({"width": 1280, "height": 1900})
    explorer.book.use_theme("JupyterLab Light")
    assert faults == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_all_is_in_one_screen(explorer, width, height):
    """While any stage is open: every control, slice, training, answer, U, and the chosen channel."""
    explorer.page.set_viewport_size({"width": width, "height": height})
    explorer.root.evaluate("root => root.scrollIntoView()")
    pictures = ".gb-feat-screen, .gb-feat-training, .gb-feat-score, .gb-feat-box, .gb-feat-grid, .gb-feat-readout"
    for stage in ("encoder.1", "bottleneck", "concat.1", "output"):
        explorer.open(stage)
        for tab in ("made of", "values"):
            explorer.choose("About this channel", tab)
            assert out_of_sight(explorer.root, pictures) == []
    for compare in ("wipe", "side by side"):
        explorer.choose("Before and after", compare)
        explorer.settled(compare=compare)
        explorer.choose("Colours span", "each map")  # opens the fold
        assert out_of_sight(explorer.root, pictures) == []
        assert spill(explorer.root) == []
    explorer.page.set_viewport_size({"width": 1280, "height": 1900})


THINKING = """async () => {
    const root = document.querySelector(".gb-feat"), word = root.querySelector(".gb-feat-thinking");
    const slider = root.querySelector("[aria-label='Step of training']"), drawn = root.dataset.drawn;
    slider.value = 0;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    const at = performance.now(), said = [];
    while (root.dataset.drawn === drawn) {
        await new Promise((done) => setTimeout(done, 10));
        if (word.textContent && !said.length) said.push(word.textContent, performance.now() - at);
    }
    return [...said, word.textContent];
}"""


def test_it_says_that_it_thinks_until_the_answer_is_there(explorer):
    """Python is busy for a second; the word comes after 80 ms, or later if this machine is busy, too."""
    explorer.page.evaluate("""() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
        { code: "import time; time.sleep(1)" })""")
    word, after, afterwards = explorer.page.evaluate(THINKING)
    assert (word, afterwards) == ("thinking …", "") and 80 <= after < 900
    explorer.settled(step=0)


GLOWS = """() => document.getAnimations().filter(({ effect }) => effect.target.matches?.(".gb-feat-box canvas"))
    .map(({ effect }) => [effect.target.closest("[data-stage]").dataset.stage, effect.getTiming().delay])"""


def test_a_pulse_runs_through_the_stages_as_the_data_does(explorer):
    """Only where the reader wants motion, and only where maps are computed anew."""
    explorer.slide("Step of training", 0)
    explorer.settled(step=0)
    assert explorer.page.evaluate(GLOWS) == []  # the tests' browser asks for reduced motion
    explorer.page.emulate_media(reduced_motion="no-preference")
    explorer.open("bottleneck")
    assert explorer.page.evaluate(GLOWS) == []
    explorer.slide("Step of training", 1)
    explorer.settled(step=10)
    glows = explorer.page.evaluate(GLOWS)
    explorer.page.emulate_media(reduced_motion="reduce")
    names = [name for name in explorer.plan if name != "output"]
    shown = dict(glows)  # those that are over by now are gone
    assert shown and list(shown.values()) == sorted(shown.values()) and len(set(shown.values())) == len(shown)
    assert list(shown) == [name for name in names if name in shown] and names[-1] in shown


LATENCY = """async ([kind, count]) => {
    const root = document.querySelector(".gb-feat"), times = [];
    const slider = root.querySelector(`[aria-label="${kind}"]`);
    const drawn = (old) => new Promise((resolve) => {
        const watch = new MutationObserver(() => root.dataset.drawn !== old && (watch.disconnect(), resolve()));
        watch.observe(root, { attributes: true, attributeFilter: ["data-drawn"] });
    });
    const paint = root.querySelector(".gb-feat-paint"), area = paint.getBoundingClientRect();
    paint.setPointerCapture = () => {};
    const send = (name, x, y) => paint.dispatchEvent(new PointerEvent(name, { bubbles: true, button: 0, buttons: 1,
        pointerId: 1, clientX: area.left + x * area.width, clientY: area.top + y * area.height }));
    if (!slider) send("pointerdown", 0.2, 0.2);
    for (let i = 0; i < count; i++) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        const old = root.dataset.drawn, start = performance.now();
        if (slider) {
            slider.value = (Number(slider.value) + 1) % (Number(slider.max) + 1);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        } else send("pointermove", 0.2 + 0.6 * i / count, 0.2 + 0.5 * (i % 7) / 7);
        await drawn(old);
        times.push(performance.now() - start);
    }
    if (!slider) send("pointerup", 0.8, 0.8);
    return times;
}"""


def test_latency_is_told(lab, series, notebook, capsys):
    """From the input event to new pixels, on networks as large as those of the lessons. Asserted is what is drawn, not
    how fast, as the machine may be busy."""
    large = load_series(write_series(lab.folder / "large", (0, 10, 40), 128, base=8, depth=4))
    show = "explorer = FeatureExplorer(load_series('large'), CACHE)\nexplorer"
    write_notebook(lab.folder / "fast.ipynb", SETUP, show, TELL)
    book = notebook("fast.ipynb")
    book.run_all()
    book.page.wait_for_selector(".gb-feat[data-drawn]")
    for kind, name in (("Slice", "slices"), ("Step of training", "steps, remembered"), ("", "a stroke of the brush")):
        times = sorted(book.page.evaluate(LATENCY, [kind, 20]))
        with capsys.disabled():
            print(f"\nfeature explorer, base 8 at 128×128, {name}: input event to pixels, median "
                  f"{statistics.median(times):.0f} ms, 95th percentile {times[int(0.95 * len(times))]:.0f} ms")
        assert len(times) == 20
    planes = np.frombuffer(bytes.fromhex(book.ask(PIXELS)), np.uint8).reshape(3, 128, 128)
    patient, number, step = book.ask(TELL).split()[:3]
    place = find_slice(CACHE, patient, int(number))
    maps = look(large.at(int(step)), planes.copy(), CACHE.statistics[CACHE.patient_of[place]])
    like(pixels_of(book.page.locator(".gb-feat-output [data-part='0'] canvas").first), probability(maps), 0, 1)
    assert book.errors() == book.console_errors() == []
    book.close()


# ---- another network ------------------------------------------------------------------------------------------------


def test_the_best_network_opens_too(lab, series, notebook):
    """It has a stem, blocks of other kinds and skips of other widths, and only one step."""
    best = load_series(LGG_BEST)
    show = f"explorer = FeatureExplorer(load_series({str(LGG_BEST)!r}), CACHE)\nexplorer"
    write_notebook(lab.folder / "best_features.ipynb", SETUP, show, TELL)
    book = notebook("best_features.ipynb", {"width": 1280, "height": 1900})
    book.run_all()
    explorer = Explorer(book, best, step=0)
    maps = explorer.maps()
    for name in explorer.plan:
        if name != "output":
            like(explorer.box(name), representative(maps[name], "mean"))
    like(explorer.output(), probability(maps), 0, 1)
    assert explorer.root.locator(".gb-feat-training").is_hidden()
    assert explorer.root.get_by_role("group", name="Before and after").is_hidden()
    assert explorer.root.locator(".gb-feat-score").inner_text() == (
        f"Dice {count(probability(maps) >= 0.5, explorer.mask).dice():.2f}")
    seen = fields(best.config.plan(best.size))
    explorer.open("concat.4")
    for channel, original in ((111, "encoder.4"), (112, "concat.4")):  # the last that is copied, the first that is not
        explorer.root.get_by_role("button", name=re.compile(f"^channel {channel},")).click()
        explorer.settled(channel=channel)
        like(explorer.large(), maps["concat.4"][channel])
        explorer.point(explorer.root.locator(".gb-feat-large [data-part='0']"), 8, 8, 16)
        first, last = seen[original][8]
        assert f"sees {last - first + 1}×{last - first + 1} pixels" in explorer.readout.inner_text()
    explorer.open("encoder.4")
    assert explorer.root.locator(".gb-feat-source").last.inner_text() == "added: inside, channel 0"
    explorer.open("stem")
    assert explorer.root.locator(".gb-feat-source").first.inner_text().startswith("input, ")
    book.screenshot("feature_explorer_best.png")
    assert book.errors() == book.console_errors() == []
    book.close()


# ---- a saved notebook -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(lab: Lab, series: Series) -> Path:
    """A notebook that was run elsewhere, widget state and all."""
    return write_executed(lab.folder / "saved_features.ipynb", SETUP, SHOW)


def test_an_untrusted_notebook_shows_the_still_picture(saved, notebook):
    book = notebook(saved.name)
    assert still_size(book)[0] > 600
    book.close()


def test_a_saved_notebook_shows_its_first_look_and_says_that_python_is_silent(saved, series, lab, notebook):
    lab.trust(saved)
    book = notebook(saved.name)
    explorer = Explorer(book, series)
    maps = explorer.maps()
    like(explorer.box("encoder.1"), representative(maps["encoder.1"], "mean"))
    like(explorer.large(), maps["encoder.2"][0])
    explorer.point(explorer.root.locator(".gb-feat-large [data-part='0']"), 4, 5, 16)
    assert explorer.readout.inner_text().startswith("encoder.2, channel 0, row 4, column 5: ")
    explorer.slide("Step of training", 0)
    explorer.root.get_by_text("Python does not answer").wait_for()
    assert book.console_errors() == []
    book.close()
