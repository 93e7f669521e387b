"""The playground as its visitors have it: what is seen at once, what the network answers, tour and challenges."""

import functools
import http.server
import threading

import numpy as np
import pytest
import torch
from playground_visit import DESKTOP, NEAR, SERIES, SLICES, expected, logits

from book.playground_site import palette
from unet_lib.inspection.activations import capture

FIRST = ("index.html", "playground/playground.css", "playground/playground.js", "playground/data/worker.js",
         "playground/data/first.js")


# ---- what is seen at once ------------------------------------------------------------------------------------------


def test_the_first_picture_needs_no_weights_and_is_what_the_network_says(visit):
    page = visit().ready()
    assert not [url for url in page.asked if "step-" in url]
    assert abs(page.marked - expected(page)) <= NEAR
    dice = float(page.page.locator(".pg-score b").last.text_content())
    mask = torch.sigmoid(logits(SLICES[0].planes, SLICES[0].statistics)).numpy() >= 0.5
    reference = SLICES[0].mask > 0
    assert dice == pytest.approx(2 * (mask & reference).sum() / (mask.sum() + reference.sum()), abs=0.01)
    assert not page.faults


def test_it_fits_one_screen_and_no_request_leaves_the_machine(visit, playground):
    page = visit().ready()
    page.dab(0.7, 0.6)
    size = page.page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert size[0] <= DESKTOP["height"] and size[1] <= DESKTOP["width"]
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.asked)
    assert sum((playground / name).stat().st_size for name in FIRST) <= 400_000
    weights = sorted((playground / "playground/data").glob("step-*.js"))
    assert len(weights) == 10 and max(path.stat().st_size for path in weights) <= 1_000_000


def test_it_works_from_a_server_below_any_path(visit, playground):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=playground.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = visit(f"http://127.0.0.1:{server.server_port}/{playground.name}/index.html").ready()
        page.dab(0.7, 0.6)
        assert abs(page.marked - expected(page)) <= NEAR
        assert not page.faults
        server.shutdown()


# ---- the network answers -------------------------------------------------------------------------------------------


def test_strokes_steps_skips_and_threshold_give_what_torch_gives(visit):
    page = visit().ready()
    before = page.marked
    page.dab(0.7, 0.6)
    assert page.marked != before and abs(page.marked - expected(page)) <= NEAR
    for level in range(1, SERIES.config.depth + 1):
        page.answered(page.page.get_by_role("button", name=f"skip {level}").click)
    assert abs(page.marked - expected(page, cut=(1, 2, 3))) <= NEAR
    page.answered(lambda: page.page.get_by_role("button", name="skip 2").click())
    assert abs(page.marked - expected(page, cut=(1, 3))) <= NEAR
    page.answered(lambda: page.page.locator("label", has_text="before training").click())
    assert abs(page.marked - expected(page, cut=(1, 3), step=0)) <= NEAR
    page.set("Threshold", 0.99)
    assert page.page.locator(".pg-threshold output").text_content() == "0.99"
    assert not page.faults


def test_every_map_on_show_has_the_colours_of_its_values(visit):
    page = visit().ready()
    page.answered(lambda: page.page.get_by_role("button", name="skip 1").click())
    page.answered(lambda: page.page.get_by_role("button", name="skip 1").click())
    with capture(SERIES.networks[-1], ["encoder.2"]) as maps:
        logits(SLICES[0].planes, SLICES[0].statistics)
    values = maps["encoder.2"][0].numpy()
    high = np.quantile(values, 0.998)
    shown = page.pixels('[data-stage="encoder.2"] canvas')
    side, colours = values.shape[-1], palette().astype(int)
    for channel, value in enumerate(values):
        row, column = divmod(channel, 8)
        tile = shown[row * (side + 2):, column * (side + 2):][:side, :side].astype(int)
        wanted = colours[np.clip(np.rint(255 * value / high), 0, 255).astype(int)]
        assert np.abs(tile - wanted).max() <= 12  # the brightest value is found in bins


def test_ten_strokes_in_a_second_are_all_painted_and_the_last_is_answered(visit):
    page = visit().ready()
    box = page.page.locator(".gb-feat-paint").bounding_box()
    for turn in range(10):
        page.page.mouse.click(box["x"] + box["width"] * (0.55 + 0.02 * turn), box["y"] + box["height"] * 0.6)
    page.page.wait_for_selector("main[data-drawn]", timeout=60_000)
    assert abs(page.marked - expected(page)) <= NEAR


def test_keys_paint_and_undo(visit):
    page = visit().ready()
    page.page.locator(".gb-feat-paint").focus()
    untouched = page.flair
    page.answered(lambda: page.page.keyboard.press("Space"))
    assert (page.flair > untouched).any()
    page.answered(lambda: page.page.keyboard.press("z"))
    assert np.array_equal(page.flair, untouched)
    page.page.locator('[data-stage="encoder.1"] .pg-maps').focus()
    page.page.keyboard.press("ArrowRight")
    assert "encoder 1, map 2 of 8" in page.page.locator(".pg-lens p").text_content()


def test_a_view_can_be_sent_by_its_address(visit):
    page = visit().ready()
    page.dab(0.7, 0.6)
    page.answered(lambda: page.page.get_by_role("button", name="skip 2").click())
    page.page.wait_for_function("location.hash.includes('cut=2') && location.hash.includes('strokes=')")
    other = visit(page.page.url).ready()
    other.page.wait_for_selector("main[data-drawn]", timeout=60_000)
    assert np.array_equal(other.flair, page.flair)
    assert other.marked == page.marked
    assert not other.faults


# ---- tour and challenges -------------------------------------------------------------------------------------------


def test_the_tour_has_seven_steps_and_can_be_left(visit):
    page = visit().ready()
    tour = page.page.get_by_role("dialog", name="Guided tour")
    page.page.get_by_role("button", name="Tour").click()
    titles = []
    for step in range(7):
        assert tour.locator(".pg-count").text_content() == f"{step + 1} of 7"
        assert page.page.locator(".pg-pointed").count() == 1
        titles.append(tour.locator("h2").text_content())
        page.page.keyboard.press("Enter")
    assert len(set(titles)) == 7
    assert not tour.is_visible() and not page.page.locator(".pg-pointed").count()
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Escape")
    assert not tour.is_visible()
    assert page.page.evaluate("document.activeElement.id") == "tour"


def test_challenges_see_by_themselves_when_they_are_met(visit):
    page = visit().ready()
    page.page.get_by_role("button", name="Challenges").click()
    card = page.page.get_by_role("dialog", name="Challenges")
    assert "pg-done" not in card.get_attribute("class")
    for down in (0.5, 0.58, 0.66):
        page.dab(0.68, down)
    assert "pg-done" in card.get_attribute("class")
    card.get_by_role("button", name="Next challenge").click()
    assert "% found" in card.locator(".pg-state").text_content()
    card.get_by_role("button", name="Next challenge").click()
    costs = {}
    for level in (1, 2, 3):
        skip = page.page.locator("button.pg-skip", has_text=f"skip {level}")
        page.answered(skip.click)
        costs[level] = float(page.page.locator(".pg-score b").last.text_content())
        page.answered(skip.click)
    worst = min(costs, key=costs.get)
    card.get_by_role("button", name=f"skip {worst}").click()
    assert "pg-done" in card.get_attribute("class")
