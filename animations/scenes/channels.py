"""A filter has a kernel for each channel; a layer has many filters."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, FadeIn, Group, VGroup

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import first_block
from animations.mobjects import Picture, PixelGrid, arrow
from unet_lib import byhand

ROWS = (1.95, 0, -1.95)


class Channels(ClipScene):
    """Three channels, three kernels, one sum; then all filters of a layer, and how many weights it learns."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        weights, x = load("first conv1.weight"), load("x")
        maps = first_block()["conv1"]
        loudest = int((maps[:, load("mask")].mean(axis=1) - maps.mean(axis=(1, 2))).argmax())  # on the tumour
        parts = [byhand.conv2d(x[None, c:c + 1], weights[loudest:loudest + 1, c:c + 1], padding=1)[0, 0]
                 for c in range(len(x))]
        return {"image": load("image"), "weights": weights, "loudest": np.array(loudest), "parts": np.stack(parts),
                "maps": maps, "learnt": np.array(weights.size)}

    @beat("A slice has three channels.", "Ein Schnittbild hat drei Kanäle.")
    def three_channels(self) -> None:
        self.pictures = Group(*(Picture(theme.grey(self.shown["image"][..., c]), 3.9)
                                for c in range(3))).arrange(RIGHT, buff=0.4)
        self.show(self.pictures)

    @beat("A filter has a kernel for each of them, all learnt.", "Ein Filter hat einen Kernel für jeden, alle gelernt.")
    def one_filter(self) -> None:
        weights = self.shown["weights"][int(self.shown["loudest"])]
        shade = theme.signed(np.abs(weights).max())
        self.kernels = VGroup(*(PixelGrid(kernel, 0.56, shade, numbers=False).move_to(2.9 * LEFT + row * UP)
                                for kernel, row in zip(weights, ROWS, strict=True)))
        self.play(*(picture.animate.scale_to_fit_height(1.8).move_to(5.6 * LEFT + row * UP)
                    for picture, row in zip(self.pictures, ROWS, strict=True)), run_time=theme.CALM)
        ways = VGroup(*(arrow(a, b) for a, b in zip(self.pictures, self.kernels, strict=True)))
        self.show(ways, self.kernels)
        self.kernels = VGroup(ways, *self.kernels)

    @beat("Three answers, added up: one feature map.", "Drei Antworten, addiert: eine Merkmalskarte.")
    def one_map(self) -> None:
        parts, maps = self.shown["parts"], self.shown["maps"]
        shade = theme.signed(theme.reach_of(maps))
        answers = Group(*(Picture(shade(part), 1.8).move_to(row * UP) for part, row in zip(parts, ROWS, strict=True)))
        ways = VGroup(*(arrow(a, b) for a, b in zip(self.kernels[1:], answers, strict=True)))
        self.map = Picture(shade(maps[int(self.shown["loudest"])]), 3.4).shift(4.4 * RIGHT)
        self.show(ways, answers)
        self.wait(theme.READ)
        sums = VGroup(*(arrow(answer.get_right(), self.map.get_left() + 0.4 * row * UP)
                        for answer, row in zip(answers, ROWS, strict=True)))
        self.show(sums, self.map, seconds=theme.SLOW)
        self.parts = Group(answers, ways, sums)

    @beat("A layer has many filters: many questions, many maps.",
          "Eine Schicht hat viele Filter: viele Fragen, viele Karten.")
    def many_maps(self) -> None:
        self.fade(self.parts, self.kernels, self.pictures)
        maps = self.shown["maps"]
        shade = theme.signed(theme.reach_of(maps))
        self.all = Group(*(Picture(shade(values), 2.3) for values in maps)).arrange_in_grid(2, 4, buff=0.25)
        self.all.shift(0.35 * UP)
        first = int(self.shown["loudest"])
        self.play(self.map.animate.match_height(self.all[first]).move_to(self.all[first]), run_time=theme.CALM)
        self.remove(self.map)
        self.add(self.all[first])
        for place, picture in enumerate(self.all):
            if place != first:
                self.play(FadeIn(picture), run_time=0.25)

    @beat("The layer learns all these weights at once.", "All diese Gewichte lernt die Schicht zugleich.")
    def the_weights(self) -> None:
        filters, channels, rows, columns = self.shown["weights"].shape
        learnt, weights = int(self.shown["learnt"]), rows * columns
        count = self.word(f"{filters} filters × {channels} channels × {weights} weights = {learnt}",
                          f"{filters} Filter × {channels} Kanäle × {weights} Gewichte = {learnt}")
        self.show(count.next_to(self.all, DOWN, buff=0.3))
