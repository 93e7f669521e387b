"""The block of the U-Net: convolution, batch norm and ReLU, twice; and what two small kernels cost."""

import numpy as np
from manim import (
    LEFT,
    RIGHT,
    UP,
    Animation,
    FadeIn,
    FadeOut,
    GrowFromEdge,
    LaggedStart,
    Polygon,
    Rectangle,
    VGroup,
    VMobject,
    smooth,
    squish_rate_func,
)

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import SIGNED_KEY, channel_grey, first_block, stages
from animations.mobjects import KernelWindow, PixelGrid, on_line, words
from animations.stacks import INTO_DEPTH, FeatureStack, Sheet, become, fan_out
from unet_lib.models.layers import CONV_3
from unet_lib.models.receptive_field import receptive_field

HIGH, GAP, GATES, STOPS = 2.9, 0.12, (-3.35, 0.1, 3.55), (-5.3, -1.65, 1.8, 5.4)
"""A map's height, how far maps stand apart, and where gates and, between them, stacks stand."""
STAGES = ("encoder.1", "decoder.1", "bottleneck")
NAMES = {"en": ("equal channels", "encoder, level 1", "decoder, level 1", "bottleneck"),
         "de": ("gleiche Kanalzahl", "Encoder, Ebene 1", "Decoder, Ebene 1", "Flaschenhals")}
BARS = (-2.7, 2.1)
"""Where the two ways' bars begin."""


class DoubleConvolution(ClipScene):
    """A stack of maps goes through three gates, twice; then two small kernels beside a large one, and their costs."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        plan, field = {stage.name: stage for stage in stages()}, receptive_field([CONV_3, CONV_3])
        channels = [(plan[name].in_channels, plan[name].out_channels) for name in STAGES]
        first, last = np.array([(channels[0][1], channels[0][1]), *channels]).T
        return {"slice": load("small"), "mask": load("mask"), "x": load("x"), **first_block(),
                "field": np.array(field), "first": first,
                "last": last, "twice": CONV_3.kernel**2 * (first * last + last**2), "once": field**2 * first * last}

    @beat("A slice of a phantom goes through {last[1]} filters of 3 × 3.",
          "Ein Phantom-Schnittbild geht durch {last[1]} Filter mit 3 × 3.")
    def the_first(self) -> None:
        self.gates = [self.gate(*gate) for gate in zip(GATES, ("3 × 3", "batch norm", "ReLU"), strict=True)]
        front = Sheet(theme.grey(self.shown["slice"]), 4.6, frontal=True)
        self.stack = FeatureStack([channel_grey(channel) for channel in self.shown["x"]], HIGH, GAP)
        self.stack.move_to(STOPS[0] * RIGHT + 0.5 * UP)
        self.key = on_line(self.word(*SIGNED_KEY, theme.MUTED, theme.SMALL), -2.65)
        self.play(FadeIn(front, scale=0.9), run_time=theme.CALM)
        self.play(fan_out(front, self.stack, seconds=1.4), FadeOut(front, run_time=0.3),
                  *(FadeIn(gate, rate_func=squish_rate_func(smooth, 0.7, 1)) for gate in self.gates))
        self.through("conv1", 1, 1.8, FadeIn(self.key))

    @beat("Batch norm rescales each map. ReLU turns negatives into 0.",
          "Batch-Norm skaliert jede Karte. ReLU macht Negatives zu 0.")
    def norm_and_relu(self) -> None:
        self.through("norm1", 2, 1.6)
        self.through("relu1", 3, 1.6)

    @beat("The {last[1]} maps go through all three once more.",
          "Die {last[1]} Karten gehen noch einmal durch alle drei.")
    def the_second(self) -> None:
        self.play(self.stack.animate(path_arc=0.6).move_to(STOPS[0] * RIGHT + 0.5 * UP), run_time=1.6)
        for place, name in enumerate(("conv2", "norm2", "relu2"), 1):
            self.through(name, place, 1.3)

    @beat("Two 3 × 3 in a row see {field} × {field} pixels, as one {field} × {field} does.",
          "Zwei 3×3 hintereinander sehen {field} × {field} Pixel, wie ein {field}×{field}.")
    def as_far(self) -> None:
        twice, once = self.tables((5, -1.4), (3, 2.2), (1, 5), height=1.4), self.tables((5, -1.4), (1, 5), height=-1.4)
        self.names = VGroup(self.word("two 3 × 3", "zwei 3×3", theme.CONV),
                            self.word("one 5 × 5", "ein 5×5", theme.SKIP))
        for name, row in zip(self.names, (twice, once), strict=True):
            name.move_to(5.2 * LEFT).match_y(row)
        windows = VGroup(KernelWindow(twice[0], 3, 3), KernelWindow(once[0], 5, 5), KernelWindow(twice[1], 3, 3))
        self.play(*(FadeOut(thing, shift=UP, run_time=theme.CALM) for thing in (*self.stack, *self.gates, self.key)),
                  *(FadeIn(thing, shift=UP) for thing in (self.names, twice[0], once[0], windows[:2])), run_time=1.6)
        self.play(FadeIn(once[1], shift=4 * RIGHT), run_time=theme.CALM)
        self.slide(windows[0], twice[0], twice[1], seconds=0.25)
        self.play(FadeIn(windows[2]), FadeIn(twice[2], shift=2 * RIGHT), run_time=theme.CALM)
        self.tabled = VGroup(*twice, *once, *windows)

    @beat("Here: fewer weights, unless the number of channels grows.",
          "Hier: weniger Gewichte, außer wenn die Kanalzahl wächst.")
    def the_costs(self) -> None:
        scale = self.word("per row: longer = more weights", "je Zeile: länger = mehr Gewichte", theme.MUTED,
                          theme.SMALL)
        self.play(FadeOut(self.tabled, shift=RIGHT), FadeIn(on_line(scale.set_x(1.8), -2.8)), *(
                    name.animate.move_to(x * RIGHT + 2.55 * UP, aligned_edge=LEFT)
                    for name, x in zip(self.names, BARS, strict=True)), run_time=theme.CALM)
        for place, name in enumerate(NAMES[self.language]):
            self.play(LaggedStart(*self.cost(place, name), lag_ratio=0.15), run_time=1.5)

    def cost(self, place: int, name: str) -> list[Animation]:
        """A line of the comparison: channels, and for either way a bar and how many weights that is."""
        height = 1.6 - 1.12 * place
        first, last = int(self.shown["first"][place]), int(self.shown["last"][place])
        label = words(f"{first} → {last} → {last}", theme.LABEL).move_to(5.1 * LEFT + (height + 0.2) * UP)
        below = words(name, theme.SMALL, theme.MUTED).move_to(5.1 * LEFT + (height - 0.28) * UP)
        moves: list[Animation] = [FadeIn(label), FadeIn(below)]
        costs = int(self.shown["twice"][place]), int(self.shown["once"][place])
        for count, other, x, colour in zip(costs, costs[::-1], BARS, (theme.CONV, theme.SKIP), strict=True):
            bar = Rectangle(colour, 0.42, 3.6 * count / max(costs), fill_opacity=0.9, stroke_width=0)
            bar.move_to(x * RIGHT + (height - 0.28) * UP, aligned_edge=LEFT)
            text = words(self.figure(count), theme.LABEL, theme.WINDOW if count < other else theme.INK)
            moves += [GrowFromEdge(bar, LEFT), FadeIn(text.next_to(bar, UP, buff=0.1).align_to(bar, LEFT))]
        return moves

    def gate(self, x: float, name: str) -> VGroup:
        """What a stack goes through: a frame that stands like the maps, its near edges before them, and its name."""
        across, up = 1.15 * HIGH * INTO_DEPTH, 1.15 * HIGH / 2 * UP
        corners = (-across / 2 - up, across / 2 - up, across / 2 + up, -across / 2 + up)
        frame = Polygon(*corners, color=theme.CONV, stroke_width=5, fill_opacity=0.12).move_to(x * RIGHT + 0.5 * UP)
        near = VMobject(color=theme.CONV, stroke_width=5, z_index=1)
        near.set_points_as_corners(frame.get_vertices()[[0, 3, 2]])
        return VGroup(frame, near, on_line(words(name, theme.LABEL, theme.CONV).set_x(x), -2.05))

    def through(self, name: str, stop: int, seconds: float, *others: Animation) -> None:
        """The stack goes on through the next gate and comes out as new maps, the tumour's brightest in front."""
        shade = theme.signed(theme.reach_of(self.shown[name if name.startswith("conv") else f"norm{name[-1]}"]))
        last = self.shown[f"relu{name[-1]}"]
        order = np.argsort(last.mean((1, 2)) - last[:, self.shown["mask"]].mean(1))
        found = FeatureStack([shade(values) for values in self.shown[name][order]], HIGH, GAP)
        old, self.stack = self.stack, found.move_to(STOPS[stop] * RIGHT + 0.5 * UP)
        self.remove(*old)
        self.play(become(old, found, seconds=seconds), *others, run_time=seconds)
        self.remove(*old)

    def tables(self, *sizes: tuple[int, float], height: float) -> VGroup:
        """Square tables without numbers, of these sizes; what is computed is brighter than the pixels."""
        return VGroup(*(PixelGrid(np.full((size, size), size < 5), 0.5, theme.signed(2), numbers=False)
                        .move_to(x * RIGHT + height * UP) for size, x in sizes))
