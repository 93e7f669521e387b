"""One figure of each function that draws, of made-up arrays; by the function's name."""

import numpy as np

from unet_lib import plotting
from unet_lib.models.architecture import plan
from unet_lib.plotting import channel_figures, mathematics
from unet_lib.plotting import inspection_figures as inside
from unet_lib.plotting.features import Case, Look, film_frame, stage_sheet
from unet_lib.plotting.unet_diagram import draw_unet

ROW, COLUMN = np.indices((32, 32))
MASK = (ROW > 10) & (ROW < 20) & (COLUMN > 4) & (COLUMN < 14)
MOVED = np.roll(MASK, 3, axis=1)
FLAIR = (40 + 4 * COLUMN).astype(np.uint8)
SMOOTH = COLUMN / 31
CASE = Case("a patient", FLAIR, MASK, (0, 10, 40), ((10, 0.9), (40, 0.2)))
LOOK = Look(40, {"encoder.1": np.stack([SMOOTH, SMOOTH**2])}, MOVED, 0.7)
FALLING = {"training": [3.0, 2.0, 1.0], "validation": [3.0, 2.5, 2.4]}
LINE = np.linspace(0.05, 0.95, 10)


def on_axes(draw, *arguments):
    """A figure with one pair of axes, drawn on by a function."""
    figure, ((axes,),) = plotting.new_figure(width=5)
    draw(axes, *arguments)
    return figure


def uncertain():
    figure, axes = plotting.new_figure(1, 4, width=9.6)
    plotting.scores.draw_uncertainty(axes[0], FLAIR, SMOOTH, SMOOTH / 3, MASK)
    return figure


def in_channels():
    figure, axes = plotting.new_figure(1, 3)
    plotting.draw_channels(axes[0], np.stack([FLAIR] * 3, -1), MASK)
    return figure


FIGURES = {
    "draw_channels": in_channels,
    "draw_curves": lambda: on_axes(plotting.draw_curves, FALLING | {"other": [1.0, 1.0, 2.0]}, "loss"),
    "draw_dots": lambda: on_axes(plotting.draw_dots, 0, [0.5, 0.7], "one"),
    "draw_histograms": lambda: on_axes(plotting.draw_histograms, {"one": np.arange(256), "other": np.arange(256)[::-1]},
                                       plotting.CHANNEL_COLOURS),
    "draw_overlay": lambda: on_axes(plotting.draw_overlay, FLAIR, MOVED, MASK, "both"),
    "draw_probability": lambda: on_axes(plotting.draw_probability, SMOOTH, "probability"),
    "draw_signed": lambda: on_axes(plotting.draw_signed, SMOOTH - 0.5, "map"),
    "prediction_sheet": lambda: plotting.prediction_sheet(np.stack([FLAIR] * 3, -1), SMOOTH, MOVED, MASK, 0.7, "title"),
    "box_sheet": lambda: plotting.scores.box_sheet({"site": {"CS": [0.9, 0.4, 0.7], "DU": [0.8]}}),
    "ranked_bars": lambda: plotting.scores.ranked_bars(["CS 1", "DU 2"], np.array([0.9, 0.2]), ["CS", "DU"]),
    "worst_sheet": lambda: plotting.scores.worst_sheet([("CS 1", FLAIR, MOVED, MASK)]),
    "draw_precision_recall": lambda: on_axes(plotting.scores.draw_precision_recall, LINE[::-1], LINE, "one"),
    "draw_reliability": lambda: on_axes(plotting.scores.draw_reliability, LINE, LINE**2),
    "draw_uncertainty": uncertain,
    "report_card": lambda: plotting.scores.report_card("a network", {"CS 1": 0.9, "DU 2": 0.2}, (0.3, 0.8), ["mean"]),
    "stage_sheet": lambda: stage_sheet(CASE, LOOK, LOOK, "encoder.1", [0, 1]),
    "film_frame": lambda: film_frame(CASE, LOOK, {"encoder.1": [0, 1]}),
    "mask_comparison": lambda: plotting.mask_comparison(FLAIR[None], MASK[None], {"a network": MOVED[None]}),
    "batch_gallery": lambda: plotting.batch_gallery(np.stack([FLAIR] * 5), np.stack([MASK] * 5)),
    "level_costs": lambda: plotting.level_costs(["level 1", "bottleneck"], [9e4, 1e7], [1e10, 3e9], [2**27, 2**22]),
    "training_and_validation": lambda: plotting.training_and_validation(
        {"few": {name: [values, values[:2]] for name, values in FALLING.items()}}),
    "learning_rate_range": lambda: plotting.learning_rate_range([1e-3, 1e-2, 1e-1, 1], [1, 0.5, 0.6, 9], 5e-3, 0.1),
    "loss_landscape": lambda: plotting.loss_landscape(
        LINE, LINE, np.add.outer((LINE - 0.5)**2, (LINE - 0.3)**2), {"one": np.array([[0.9, 0.9], [0.4, 0.5]])},
        (0.3, 0.5)),
    "activation_stds": lambda: plotting.activation_stds({"one": [1, 2, 3], "other": [1, 0, 1]}, ["a", "b", "c"]),
    "signed_maps": lambda: plotting.signed_maps({"one": SMOOTH - 0.5, "other": 0.2 - SMOOTH}, MASK | MOVED),
    "gradient_norms": lambda: plotting.gradient_norms({"one": [1, 2, 3], "other": [1, 0.1, 0.01]}),
    "per_pixel_loss": plotting.per_pixel_loss,
    "embedding_panels": lambda: inside.embedding_panels({"step 0": np.eye(4)[:, :2], "step 9": np.eye(4)[:, 1:3]},
                                                        np.array([1, 2, 4, 5]), ("a", "b", "c", "d", "e", "tumour")),
    "taste_rows": lambda: inside.taste_rows(
        [inside.ChannelTaste("channel, 1", FLAIR[None], [2.0], np.stack([SMOOTH] * 3), 3.0)]),
    "channel_effects": lambda: inside.channel_effects(LINE, LINE - 0.1, np.stack([LINE - 0.2, LINE], axis=1)),
    "skip_effects": lambda: inside.skip_effects(
        {"real": {"zeroed": LINE[:9].reshape(3, 3), "mean": LINE[1:].reshape(3, 3)}}, ["1", "2", "all"]),
    "edited_slice": lambda: inside.edited_slice(FLAIR, 255 - FLAIR, [MOVED, MASK], MASK),
    "heat_panels": lambda: inside.heat_panels(FLAIR, {"trained": SMOOTH, "random": SMOOTH[:4, :4]}, MASK),
    "number_grids": lambda: mathematics.number_grids({"x": LINE[:4].reshape(2, 2) - 0.2}, {"x": [(0, 0, 1, 2)]}, 4),
    "computation_graph": lambda: mathematics.computation_graph(
        [mathematics.Node(0, 0, "x", "2", "6"), mathematics.Node(1, 0, "L", "6")], {("x", "L"): "3"}, "a graph", 6),
    "map_row": lambda: mathematics.map_row({"signed": SMOOTH - 0.5, "from 0 on": SMOOTH}),
    "turned_weight": lambda: mathematics.turned_weight(LINE, LINE**2, 0.5, 0.25, 1.0),
    "receptive_walk": lambda: mathematics.receptive_walk({"decoder.1": 5, "bottleneck": 9, "encoder.1": 20}),
    "loss_pulls": lambda: mathematics.loss_pulls(LINE, {"tumour": {"one": LINE, "other": LINE**2},
                                                        "healthy": {"one": LINE, "other": LINE[::-1]}}),
    "gradient_routes": lambda: mathematics.gradient_routes({"one": np.ones((2, 4, 2)), "other": np.ones((1, 4, 2))}),
    "before_after": lambda: channel_figures.before_after(
        {"encoder.1": {"one": SMOOTH}}, {"encoder.1": {"other": SMOOTH**2}}, MASK),
    "auc_strips": lambda: channel_figures.auc_strips({"before": {"a": LINE}, "after": {"a": LINE[::-1]}}),
    "tissue_counts": lambda: channel_figures.tissue_counts({"before": {"scalp": 2}, "after": {"tumour": 5}}, 9),
    "iou_and_chance": lambda: channel_figures.iou_and_chance({"a network": (LINE, LINE / 2, ["tumour"] * len(LINE))}),
    "probe_scores": lambda: channel_figures.probe_scores(["a", "b"], {"trained": [[0.4, 0.6]]}, 0.5),
    "draw_unet": lambda: draw_unet(plan(3, 8, 2, 64), title="A U-Net"),
    "draw_unet with a highlight": lambda: draw_unet(plan(3, 8, 2, 64), highlight="pool.1"),
}
