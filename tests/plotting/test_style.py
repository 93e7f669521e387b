"""One style, light and dark: every word of every figure can be read, and the masks' colours are for masks alone."""

import matplotlib
import pytest
from contrast import contrast
from drawn_figures import FIGURES
from matplotlib.colors import is_color_like, to_hex
from matplotlib.text import Text
from words_in_figures import drawn

from unet_lib import plotting
from unet_lib.core.errors import SettingsError
from unet_lib.plotting import style
from unet_lib.plotting.style import PALETTE, STYLES, series, settings_of


@pytest.fixture(autouse=True)
def _untouched(monkeypatch):
    monkeypatch.delenv(style.VARIABLE, raising=False)
    with matplotlib.rc_context():
        yield


def paper(figure):
    return to_hex(figure.get_facecolor())


def test_figures_are_light_unless_asked(monkeypatch):
    assert paper(plotting.new_figure()[0]) == "#ffffff"
    assert paper(plotting.new_figure(style="dark")[0]) == "#111111"
    assert paper(plotting.new_figure()[0]) == "#ffffff"
    monkeypatch.setenv("UNET_FIGURES", "dark")
    assert paper(plotting.new_figure()[0]) == "#111111"
    assert paper(plotting.new_figure(style="light")[0]) == "#ffffff"
    monkeypatch.setenv("UNET_FIGURES", "")
    assert paper(plotting.new_figure()[0]) == "#ffffff"


def test_a_style_that_there_is_not_is_refused(monkeypatch):
    with pytest.raises(SettingsError, match=r"^style must be one of light, dark; got 'black'\.$"):
        plotting.new_figure(style="black")
    monkeypatch.setenv("UNET_FIGURES", "Dark")
    with pytest.raises(SettingsError, match=r"^UNET_FIGURES must be one of light, dark; got 'Dark'\.$"):
        plotting.new_figure()


def test_ink_is_the_colour_of_words(monkeypatch):
    assert plotting.INK == "#444444"
    monkeypatch.setenv("UNET_FIGURES", "dark")
    assert plotting.INK == "#dddddd"
    with pytest.raises(AttributeError, match="no attribute 'PAPER'"):
        _ = plotting.PAPER


def test_dark_changes_colours_alone():
    light, dark = map(settings_of, STYLES)
    assert light.keys() == dark.keys()
    changed = [key for key in light if light[key] != dark[key]]
    assert changed and all(is_color_like(dark[key]) for key in changed)
    assert {"text.color", "axes.facecolor", "xtick.color", "hatch.color"} <= set(changed)


@pytest.mark.parametrize("name", STYLES)
def test_series_are_told_apart_by_colour_and_by_line_and_by_marker(name):
    axes = plotting.new_figure(style=name)[1][0, 0]
    looks = [series(axes, number) for number in range(8)]
    for key in ("color", "linestyle", "marker"):
        assert len({look[key] for look in looks[:4]}) == 4
    assert len({(look["color"], look["linestyle"]) for look in looks}) == 8
    training, validation = series(axes, 0, "training"), series(axes, 1, "validation")
    assert (training["color"], training["linestyle"]) == ("#888888", "--")
    assert (validation["color"], validation["linestyle"]) == ({"light": "black", "dark": "white"}[name], "-")
    for look in (*looks, training, validation):
        assert contrast(look["color"], axes.get_facecolor()) >= 3


def test_the_masks_colours_are_in_no_palette():
    cycle = {to_hex(color).upper() for color in settings_of("light")["axes.prop_cycle"].by_key()["color"]}
    for palette in (PALETTE, plotting.CHANNEL_COLOURS, plotting.scores.SITE_COLOURS, cycle):
        assert not {plotting.REFERENCE, plotting.NETWORK} & set(palette)
    assert cycle == set(PALETTE)


@pytest.mark.parametrize("name", STYLES)
def test_what_a_lesson_adds_has_the_figures_colours(name):
    figure, ((axes,),) = plotting.new_figure(style=name)
    axes.plot([1, 2], [1, 2], label="one")
    axes.plot([1, 2], [2, 1], label="other")
    words = [axes.text(1, 1, "a word"), axes.legend().get_texts()[0], figure.suptitle("title"), axes.set_xlabel("x")]
    assert {to_hex(word.get_color()) for word in words} == {to_hex(settings_of(name)["text.color"])}
    one, other = axes.get_lines()
    assert one.get_linestyle() != other.get_linestyle() and one.get_color() != other.get_color()


def test_a_figure_keeps_its_style_when_the_next_one_has_another():
    dark, ((axes,),) = plotting.new_figure(style="dark")
    plotting.new_figure(style="light")
    plotting.draw_curves(axes, {"training": [3.0, 2.0, 1.0], "validation": [3.0, 2.5, 2.4]}, "loss")
    drawn(dark)
    assert axes.get_lines()[1].get_color() == "white"
    ticks = [tick for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()]
    words = [*axes.get_xticklabels(), *axes.get_yticklabels(), *axes.get_legend().get_texts(), axes.xaxis.label]
    assert {to_hex(word.get_color()) for word in words} == {"#dddddd"}
    assert {to_hex(tick.tick1line.get_color()) for tick in ticks} == {"#dddddd"}


def ground(word):
    """The colour behind a word: that of the pixel of an image on which it stands, else the figure's."""
    axes = word.axes
    if type(word) is not Text or axes is None or not axes.images or word.get_transform() != axes.transData:
        return word.figure.get_facecolor()
    image, (column, row) = axes.images[0], map(round, word.get_position())
    return image.to_rgba(image.get_array())[row, column]


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
def test_every_word_is_large_enough_and_stands_out(monkeypatch, make, name):
    monkeypatch.setenv("UNET_FIGURES", name)
    figure = make()
    drawn(figure)
    assert paper(figure) == to_hex(settings_of(name)["figure.facecolor"])
    words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert words
    for word in words:
        assert word.get_fontsize() >= 9, word
        assert contrast(word.get_color(), ground(word)) >= 4.5, word


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
def test_lines_and_bars_never_have_a_masks_colour(make):
    for axes in make().axes:
        colours = [line.get_color() for line in axes.get_lines() if len(line.get_xdata())]  # else a mask's legend entry
        colours += [patch.get_facecolor() for patch in axes.patches]
        assert not {plotting.REFERENCE, plotting.NETWORK} & {to_hex(colour).upper() for colour in colours}
