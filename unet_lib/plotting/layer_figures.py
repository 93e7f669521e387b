"""Numbers of a network's levels and layers → figures. Arrays in, a Figure out; knows no model."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unet_lib.plotting.base import calm, new_figure
from unet_lib.plotting.style import PALETTE, ink, series

Numbers = Sequence[float] | np.ndarray
HATCHES = ("", "///", "...")
DECIMAL, BINARY = (1000.0, ("", " k", " M", " G", " T")), (1024.0, (" B", " KiB", " MiB", " GiB", " TiB"))


def level_costs(levels: Sequence[str], parameters: Numbers, multiply_adds: Numbers,
                activation_bytes: Numbers) -> Figure:
    """What each level of a U-Net costs: three panels, each with a bar a level, from the first level to the bottleneck.

    All are as long as `levels`, the names from top to bottom. Each bar has its number beside it.
    """
    panels = {"activation memory": (activation_bytes, BINARY), "multiply-adds": (multiply_adds, DECIMAL),
              "parameters": (parameters, DECIMAL)}
    figure, axes = new_figure(1, 3, width=9.6, height=1.0 + 0.42 * len(levels), sharey=True)
    for number, (panel, (title, (values, units))) in enumerate(zip(axes[0], panels.items(), strict=True)):
        bars = panel.barh(range(len(levels)), values, color=PALETTE[number], hatch=HATCHES[number],
                          edgecolor=panel.get_facecolor(), linewidth=0)
        panel.bar_label(bars, [in_units(value, *units) for value in values], padding=4, fontsize=9, color=ink(panel))
        panel.set(title=title, xlim=(0, 1.4 * max(values)), xticks=[])
        panel.spines["bottom"].set_visible(False)
    axes[0, 0].set_yticks(range(len(levels)), levels)
    axes[0, 0].invert_yaxis()
    return figure


def in_units(value: float, step: float, units: Sequence[str]) -> str:
    """To three digits: `11.4 G` from 11,400,000,000 and steps of 1000."""
    value, power = float(value), 0
    while value >= step - 0.5 and power < len(units) - 1:
        value, power = value / step, power + 1
    return f"{value:.0f}{units[power]}" if value >= 99.5 or not power else f"{value:.3g}{units[power]}"


def activation_stds(stds: Mapping[str, Numbers], layers: Sequence[str] = ()) -> Figure:
    """The standard deviation of each layer's output, a line a network, on a logarithmic axis.

    `stds` are one number a layer, in their order, by the networks' names; `layers` are the layers' names.
    """
    return _over_layers(stds, layers, "standard deviation of the output", "activations, layer by layer")


def gradient_norms(norms: Mapping[str, Numbers], layers: Sequence[str] = ()) -> Figure:
    """The norm of the loss's gradient with respect to each layer's weights; else as `activation_stds`."""
    return _over_layers(norms, layers, "norm of the gradient", "gradients, layer by layer")


def _over_layers(networks: Mapping[str, Numbers], layers: Sequence[str], ylabel: str, title: str) -> Figure:
    figure, ((axes,),) = new_figure(width=8.6, height=4.0)
    floor = _floor(networks)
    for number, (name, values) in enumerate(networks.items()):
        values = np.asarray(values, float)
        axes.semilogy(np.arange(1, len(values) + 1), np.where(values == 0, floor, values), linewidth=1.8,
                      markersize=5.5, label=name, **series(axes, number))
    if any((np.asarray(values) == 0).any() for values in networks.values()):
        _draw_zero(axes, floor)
    longest = max(map(len, networks.values()))
    axes.set_xticks(np.arange(1, longest + 1), layers or list(map(str, range(1, longest + 1))),
                    rotation=40 if layers else 0, ha="right" if layers else "center", rotation_mode="anchor")
    axes.set(title=title, ylabel=ylabel, xlabel="" if layers else "layer, from the input on")
    figure.legend(loc="outside right upper", handlelength=3.2)
    calm(axes)
    return figure


def _floor(networks: Mapping[str, Numbers]) -> float:
    """Where a zero is drawn, which has no place on a logarithmic axis: below all other values, between two ticks."""
    positive = [value for values in networks.values() for value in values if 0 < value < np.inf]
    return float(10 ** (np.floor(np.log10(min(positive))) - 0.5)) if positive else 1.0


def _draw_zero(axes: Axes, floor: float) -> None:
    axes.axhline(floor, color=ink(axes), linestyle="-", linewidth=0.8, zorder=1)
    axes.annotate("exactly 0", (1, floor), xytext=(-4, 3), xycoords=("axes fraction", "data"),
                  textcoords="offset points", ha="right", va="bottom", fontsize=9, color=ink(axes))


def signed_maps(maps: Mapping[str, Float[np.ndarray, "h w"]], inside: Bool[np.ndarray, "h w"] | None = None,
                columns: int = 4) -> Figure:
    """Feature maps on one scale, blue below 0, white at 0, red above; the titles are the maps' names.

    What lies outside of `inside`, such as the air around a head, is cut off or left blank, and does not count for the
    scale, which reaches to the 99th percentile of the sizes.
    """
    inside = np.ones(next(iter(maps.values())).shape, bool) if inside is None else inside
    reach = max(float(np.quantile([np.abs(values[inside]) for values in maps.values()], 0.99)), 1e-9)
    rows, columns = -(-len(maps) // columns), min(columns, len(maps))
    window = tuple(slice(hit.min(), hit.max() + 1) for hit in np.nonzero(inside))
    height, width = inside[window].shape
    figure, axes = new_figure(rows, columns, width=9.2, height=rows * (8.2 / columns * height / width + 0.35))
    for panel, (name, values) in zip(axes.flat, maps.items(), strict=False):
        image = panel.imshow(np.where(inside, values, np.nan)[window], cmap="RdBu_r", vmin=-reach, vmax=reach,
                             interpolation="nearest")
        panel.set_title(name)
    for panel in axes.flat:
        panel.axis("off")
    figure.colorbar(image, ax=axes, aspect=30, extend="both", label="response")
    return figure
