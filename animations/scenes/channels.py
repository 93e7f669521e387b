"""A filter has a kernel for each channel; a layer has many filters."""

import numpy as np
from jaxtyping import Float, UInt8
from manim import DOWN, LEFT, RIGHT, UP, FadeIn, FadeOut, Group, LaggedStart, Restore, Transform, VGroup
from manim import ReplacementTransform as Replace
from numpy.lib.stride_tricks import sliding_window_view

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import PATCH, SIGNED_KEY, first_block
from animations.mobjects import (
    KernelWindow,
    Picture,
    PixelGrid,
    Unroll,
    arrow,
    coloured_cell,
    fly,
    hexed,
    readable_on,
    words,
)
from animations.stacks import FeatureStack, Sheet, fan_out
from unet_lib import byhand
from unet_lib.data.preprocessing import scale_images

ROWS = (1.93, 0, -1.93)
PICTURES, TABLES, PARTS, SUM = -5.9, -3.3, -0.9, 4.3
"""Where rows and columns of the layout are."""
SIDE, HEIGHT, SMALLER = 0.3, 1.75, 1.4


class Channels(ClipScene):
    """Three channels, three kernels, one sum; then all filters of a layer, and how many weights it learns."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        weights, x = load("first conv1.weight"), load("x")
        maps = first_block()["conv1"]
        parts = np.stack([byhand.conv2d(x[None, c:c + 1], weights[:, c:c + 1], padding=1)[0] for c in range(len(x))])
        chosen = int(parts.std((2, 3)).min(axis=0).argmax())  # no channel's sums are small
        varied = sliding_window_view(parts[:, chosen], (PATCH, PATCH), (1, 2)).std((3, 4)).min(axis=0)
        inside = sliding_window_view(load("mask"), (PATCH, PATCH)).mean((2, 3))
        varied[(inside < 0.2) | (inside > 0.8)] = 0
        return {"channels": scale_images(load("image")[None], np.array([0]), x.shape[1])[0].numpy(),
                "corner": np.array(np.unravel_index(varied.argmax(), varied.shape)), "weights": weights, "maps": maps,
                "chosen": np.array(chosen), "parts": parts[:, chosen], "learnt": np.array(weights.size)}

    @beat("A slice has three channels. This one is a phantom’s.",
          "Ein Schnittbild hat drei Kanäle, hier das eines Phantoms.")
    def three_channels(self) -> None:
        self.grey = [theme.grey(values) for values in self.shown["channels"]]
        self.shade = theme.signed(theme.reach_of(self.shown["maps"]) / 1.8)  # the skull is far louder than all else
        stack = FeatureStack(self.grey, 4.2, gap=2)
        self.play(LaggedStart(*(FadeIn(sheet, shift=0.6 * DOWN) for sheet in stack), lag_ratio=0.3), run_time=1.5)
        self.play(stack.animate.shift(LEFT), run_time=1.3)
        self.pictures = self.column(PICTURES, [Picture(values, HEIGHT) for values in self.grey])
        self.play(*(Transform(sheet, Sheet(values, HEIGHT, frontal=True).move_to(picture)) for sheet, values, picture
                    in zip(stack.from_front(), self.grey, self.pictures, strict=True)), run_time=1.6)
        self.remove(stack)
        self.add(self.pictures)

    @beat("A filter has three kernels, one for each channel.", "Ein Filter hat drei Kernel, einen für jeden Kanal.")
    def one_filter(self) -> None:
        weights = self.shown["weights"][int(self.shown["chosen"])]
        shade = theme.signed(np.abs(weights).max())
        self.kernels = self.column(PARTS, [PixelGrid(kernel, 0.55, shade, numbers=False) for kernel in weights])
        for c, kernel in enumerate(self.kernels):
            kernel.save_state().move_to((2 + 0.5 * c) * RIGHT + 0.4 * c * UP)
        self.play(LaggedStart(*(FadeIn(kernel, shift=LEFT) for kernel in reversed(self.kernels)), lag_ratio=0.3),
                  run_time=1.3)
        self.key = self.word(*SIGNED_KEY, theme.MUTED, theme.SMALL).move_to(3.65 * RIGHT + 2.5 * DOWN)
        self.play(*(Restore(kernel) for kernel in self.kernels), FadeIn(self.key), run_time=1.6)

    @beat("The three windows slide together; their sums are added.",
          "Drei Fenster gleiten gemeinsam, ihre Summen addieren sich.")
    def together(self) -> None:
        row, column = self.shown["corner"]
        self.small = VGroup(*(picture.frame(row, column, PATCH, PATCH) for picture in self.pictures))
        cut = self.shown["channels"][:, row:row + PATCH, column:column + PATCH]
        self.tables = self.column(TABLES, [PixelGrid(values, SIDE, numbers=False) for values in cut])
        self.windows = VGroup(*(VGroup(kernel, KernelWindow(table, 3, 3)) for kernel, table in
                                zip(self.kernels, self.tables, strict=True)))
        self.play(*(fly(box, table) for box, table in zip(self.small, self.tables, strict=True)), FadeIn(self.small),
                  run_time=1.2)
        self.bring_to_front(*self.kernels)
        self.play(*(kernel.animate.scale(SIDE / 0.55).move_to(window).set_opacity(0.75)
                    for kernel, window in self.windows), run_time=1.2)
        values = self.shown["parts"][:, row + 1:row + PATCH - 1, column + 1:column + PATCH - 1]
        near = theme.signed(np.abs(values).max())
        self.output = PixelGrid(values.sum(axis=0), 0.8, near, numbers=False).move_to(SUM * RIGHT)
        self.slide_together(values, near(values), near(values.sum(axis=0)))

    def slide_together(self, values: Float[np.ndarray, "3 4 4"], parts: UInt8[np.ndarray, "3 4 4 3"],
                       sums: UInt8[np.ndarray, "4 4 3"]) -> None:
        """The windows in step, over all positions; cells take the colours of their sums."""
        self.cells = self.column(PARTS, [coloured_cell(part[0, 0], 0.8) for part in parts])
        self.plus = VGroup(*(words("+", theme.TITLE).move_to(PARTS * RIGHT + y * UP) for y in (0.96, -0.96)))
        self.total = coloured_cell(sums[0, 0], 0.8).move_to(1.25 * RIGHT)
        for cell in (*self.cells, self.total):
            cell.set_stroke(theme.MUTED, 3)
        self.ways = VGroup(*(arrow(cell, self.total, gap=0.2) for cell in self.cells))
        self.frame = KernelWindow(self.output, 4, 4, theme.LINE)
        self.play(FadeIn(self.cells, self.plus, self.ways, self.total, self.frame, *(pair[1] for pair in self.windows)),
                  run_time=theme.QUICK)
        flying, labels = [], VGroup()
        for place in np.ndindex(values.shape[1:]):
            self.play(*(pair.animate.move_to(pair[1].place(table, *place)) for pair, table in
                        zip(self.windows, self.tables, strict=True)),
                      *(cell.animate.set_fill(hexed(part[place]))
                        for cell, part in zip(self.cells, parts, strict=True)),
                      self.total.animate.set_fill(hexed(sums[place])), *flying, run_time=0.32)
            self.remove(labels)
            labels = VGroup(*(words(self.figure(value, 1), theme.SMALL, readable_on(colour)).move_to(cell)
                              for value, colour, cell in zip((*values[:, *place], values[:, *place].sum()),
                                                             (*parts[:, *place], sums[place]),
                                                             (*self.cells, self.total), strict=True)))
            self.add(labels)
            flying = [fly(self.total, self.output.cell(*place))]
        self.play(*flying, run_time=0.32)
        self.numbers_shown = labels

    @beat("On the whole slice: three maps, added into one feature map.",
          "Im ganzen Bild: Drei Karten ergeben eine Merkmalskarte.")
    def one_map(self) -> None:
        parts = self.column(PARTS, [Picture(self.shade(part), SMALLER) for part in self.shown["parts"]])
        self.map = Picture(self.shade(self.shown["maps"][int(self.shown["chosen"])]), 4)
        self.map.move_to(SUM * RIGHT + 0.1 * UP)
        row, column = self.shown["corner"]
        edges = VGroup(*(picture.edge.copy() for picture in (*parts, self.map)))
        spots = [self.map.frame(row + 1, column + 1, 4, 4), *(part.frame(row + 4, column + 4, 1, 1) for part in parts)]
        self.play(*(Replace(table, box) for table, box in zip(self.tables, self.small, strict=True)),
                  *(pair.animate.scale(1.6).move_to(TABLES * RIGHT + y * UP) for pair, y in
                    zip(self.windows, ROWS, strict=True)),
                  *(thing.animate.match_height(spot).move_to(spot) for thing, spot in
                    zip((self.output, *self.cells), spots, strict=True)), FadeIn(edges),
                  FadeOut(self.frame, self.total, self.ways, self.numbers_shown), run_time=1.5)
        self.add(self.plus)
        self.play(*(Unroll(picture) for picture in (*parts, self.map)), run_time=3)
        self.remove(self.cells, self.output, edges)
        self.parts = parts

    @beat("The layer’s other filters give theirs: {weights.shape[0]} maps in all.",
          "Die anderen Filter der Schicht geben ihre: {weights.shape[0]} Karten.")
    def many_maps(self) -> None:
        maps = self.shown["maps"]
        first = int(self.shown["chosen"])
        order = [first, *(place for place in range(len(maps)) if place != first)]
        stack = FeatureStack([self.shade(maps[place]) for place in order], 3.4, gap=1.3).move_to(0.75 * UP)
        front = Sheet(self.shade(maps[first]), 4, frontal=True).move_to(self.map)
        self.add(front)
        self.remove(self.map)
        self.play(FadeOut(self.pictures, self.small, self.windows, self.parts, self.plus, shift=2 * LEFT), run_time=1)
        self.add(stack)
        self.play(fan_out(front, stack, 2.2), FadeOut(front), self.key.animate.set_x(0), run_time=2.2)
        filters, channels, rows, columns = self.shown["weights"].shape
        learnt, weights = int(self.shown["learnt"]), rows * columns
        count = self.word(f"{filters} filters × {channels} channels × {weights} weights = {learnt} learnt weights",
                          f"{filters} Filter × {channels} Kanäle × {weights} Gewichte = {learnt} gelernte Gewichte")
        self.play(FadeIn(count.move_to(1.75 * DOWN), shift=0.2 * UP), run_time=theme.CALM)

    def column(self, x: float, things: list) -> Group:
        """Three things below one another."""
        return Group(*(thing.move_to(x * RIGHT + y * UP) for thing, y in zip(things, ROWS, strict=True)))
