"""Colours and letters of all figures, light or dark.

The expert's mask is orange and the network's blue, and neither colour is for anything else. Training is grey and
dashed, validation black (on dark: white) and solid. All other series have the palette's colours, and each also a line
style and a marker of its own. All are of Okabe & Ito's colour-blind-safe palette. The rest stands in `styles/`.

Figures are light unless the environment variable UNET_FIGURES says `dark`.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

from unet_lib.core.errors import SettingsError

REFERENCE, NETWORK = "#E69F00", "#56B4E9"
PALETTE = ("#009E73", "#D55E00", "#CC79A7", "#0072B2")
LINE_STYLES, MARKERS = ("-", "--", "-.", ":"), ("o", "s", "^", "D")
STYLES = ("light", "dark")
VARIABLE = "UNET_FIGURES"


def style_named(name: str | None = None) -> str:
    """The style to draw in: this one, or else the one that UNET_FIGURES names, or else `light`.

    Raises SettingsError where there is no such style.
    """
    if name is None:
        name, asked = os.environ.get(VARIABLE) or "light", VARIABLE
    else:
        asked = "style"
    if name not in STYLES:
        raise SettingsError(f"{asked} must be one of {', '.join(STYLES)}; got {name!r}.")
    return name


@cache
def settings_of(name: str) -> dict[Any, Any]:
    """What a style sets in matplotlib; dark is light with other colours."""
    folder = Path(__file__).parent / "styles"
    files = [folder / f"{part}.mplstyle" for part in STYLES[:STYLES.index(name) + 1]]
    return {key: value for file in files for key, value in
            matplotlib.rc_params_from_file(file, use_default_template=False).items()}


def apply_style(name: str | None = None) -> None:
    """Hand a style (see `style_named`) to matplotlib, which keeps it until the next figure.

    So what a lesson adds to a figure, such as words or a legend, has the figure's colours.
    """
    matplotlib.rcParams.update(settings_of(style_named(name)))


def text_colour() -> str:
    """Of the style that is set now."""
    return to_hex(settings_of(style_named())["text.color"])


def ink(axes: Axes) -> str:
    """The colour of these axes' words: lines that are no series have it too."""
    return to_hex(axes.title.get_color())


def strongest(axes: Axes) -> str:
    """Black, or white where the axes are dark."""
    return "black" if sum(to_rgb(axes.get_facecolor())) > 1.5 else "white"


def faint(axes: Axes, strength: float = 0.35) -> str:
    """A grey between paper and ink, for what stays in the background."""
    return blend(to_hex(axes.get_facecolor()), ink(axes), strength)


def blend(colour: str, other: str, fraction: float) -> str:
    """So much of the other colour in the first one. With the ink: a darker shade on white, a lighter one on dark."""
    red, green, blue = ((1 - fraction) * a + fraction * b for a, b in zip(to_rgb(colour), to_rgb(other), strict=True))
    return to_hex((red, green, blue))


def keep_style(axes: Axes) -> None:
    """Ticks that matplotlib makes later will look as those there are now, whatever style is set by then."""
    colour, grid = matplotlib.rcParams["xtick.color"], matplotlib.rcParams["grid.color"]
    axes.tick_params(which="both", color=colour, labelcolor=colour, grid_color=grid)


def series(axes: Axes, number: int, name: str = "") -> dict[str, Any]:
    """Colour, line style and marker of a series, counted from 0: `axes.plot(x, y, **series(axes, 0))`.

    Those named "training" and "validation" look the same in all figures.
    """
    if name == "training":
        return {"color": "#888888", "linestyle": "--", "marker": "o"}
    if name == "validation":
        return {"color": strongest(axes), "linestyle": "-", "marker": "s"}
    turn = number + number // len(PALETTE)  # a colour that comes again has another line style
    return {"color": PALETTE[number % len(PALETTE)], "linestyle": LINE_STYLES[turn % len(LINE_STYLES)],
            "marker": MARKERS[turn % len(MARKERS)]}
