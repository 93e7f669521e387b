"""How far one number sees, layer by layer."""

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, Rectangle, ReplacementTransform, VGroup

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, words
from unet_lib.data.slice_files import FLAIR
from unet_lib.models.architecture import plan
from unet_lib.models.layers import CONV_3, HALVE
from unet_lib.models.receptive_field import receptive_field, rows_seen

PIXELS, WIDE, HIGH, GAP = 16, 0.6, 0.5, 0.92
LAYERS = ("3×3", "3×3", "pool", "3×3", "3×3")
GEOMETRY = {"3×3": CONV_3, "pool": HALVE}


def spans(layers: tuple[str, ...], first: int) -> list[tuple[int, int]]:
    """Which cells of each row one cell of the last row depends on, rows from the pixels up: first and past last."""
    ways = [[GEOMETRY[layer] for layer in layers[row:]] for row in range(len(layers) + 1)]
    return [(low, high + 1) for low, high in (rows_seen(way, first) for way in ways)]


class ReceptiveField(ClipScene):
    """Rows of cells first, then squares on the slice."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        reference = load("reference")
        stages = [stage for stage in plan() if stage.name.startswith("encoder.") or stage.name == "bottleneck"]
        return {"image": load("image")[..., FLAIR], "centre": np.argwhere(reference).mean(axis=0).round(),
                "fields": np.array([stage.receptive_field for stage in stages]),
                "two": np.array(receptive_field([CONV_3, CONV_3])),
                "with pool": np.array(receptive_field([GEOMETRY[layer] for layer in LAYERS]))}

    @beat("One number of a 3 × 3 convolution sees 3 pixels across.", "Eine Zahl einer 3×3-Faltung sieht 3 Pixel weit.")
    def one_convolution(self) -> None:
        self.rows = [self.row(0), self.row(1)]
        self.show(*self.rows)
        self.light(LAYERS[:1], first=5)

    @beat("After a second one it sees {two}.", "Nach einer zweiten sieht sie {two}.")
    def two_convolutions(self) -> None:
        self.unlight()
        self.rows.append(self.row(2))
        self.show(self.rows[-1], seconds=theme.QUICK)
        self.light(LAYERS[:2], first=5)
        self.count(int(self.shown["two"]))

    @beat("Pooling doubles the pace: two more, and it sees {with pool}.",
          "Pooling verdoppelt das Tempo: zwei weitere, und es sind {with pool}.")
    def with_pooling(self) -> None:
        self.unlight()
        self.fade(self.counted, seconds=theme.QUICK / 2)
        new = [self.row(place) for place in (3, 4, 5)]
        self.rows += new
        self.show(*new)
        self.light(LAYERS, first=3)
        self.count(int(self.shown["with pool"]))

    @beat("Level by level of the U-Net, on the slice:", "Ebene für Ebene des U-Nets, auf dem Bild:")
    def on_the_slice(self) -> None:
        self.unlight()
        self.fade(*self.rows, self.counted)
        picture = Picture(theme.grey(self.shown["image"]), 5.6).shift(2.6 * LEFT)
        self.show(picture)
        row, column = self.shown["centre"]
        square = None
        for level, field in enumerate(self.shown["fields"], 1):
            new = picture.frame(row - field / 2, column - field / 2, field, field)
            text = self.word(f"level {level}: {field} pixels", f"Ebene {level}: {field} Pixel")
            text.move_to((1.8 - 0.9 * (level - 1)) * UP).align_to(1.6 * RIGHT, LEFT)
            self.play(ReplacementTransform(square, new) if square else Create(new), FadeIn(text), run_time=theme.CALM)
            square = new

    def row(self, place: int) -> VGroup:
        """A row of cells over the pixels, with its name; after pooling the cells are twice as wide."""
        wide = WIDE * 2 ** LAYERS[:place].count("pool")
        cells = VGroup(*(Rectangle(width=wide, height=HIGH, stroke_color=theme.LINE, stroke_width=2, fill_opacity=1,
                                   fill_color=theme.SURFACE) for _ in range(round(PIXELS * WIDE / wide))))
        cells.arrange(RIGHT, buff=0).move_to(0.55 * RIGHT + (place * GAP - 2.3) * UP)
        pixels, pool = ("Pixel", "Pool") if self.language == "de" else ("pixels", "pool")
        name = pixels if place == 0 else pool if LAYERS[place - 1] == "pool" else LAYERS[place - 1]
        label = words(name, theme.LABEL, theme.POOL if name == pool else theme.MUTED)
        return VGroup(cells, label.next_to(cells, LEFT, buff=0.4))

    def light(self, layers: tuple[str, ...], first: int) -> None:
        """Light what one cell of the last row depends on, from the top down."""
        self.lit = VGroup()
        for (cells, _), (low, high) in reversed(list(zip(self.rows, spans(layers, first), strict=True))):
            bright = cells[low:high].copy().set_fill(theme.WINDOW).set_stroke(theme.BACKGROUND)
            self.play(FadeIn(bright, shift=0.2 * DOWN), run_time=theme.QUICK)
            self.lit.add(bright)

    def unlight(self) -> None:
        """Dark again."""
        self.fade(*self.lit, seconds=theme.QUICK)

    def count(self, field: int) -> None:
        """Write how many pixels are lit, beside them."""
        self.counted = words(str(field), theme.TITLE, theme.WINDOW, bold=True).next_to(self.rows[0], RIGHT, buff=0.3)
        self.show(self.counted, seconds=theme.QUICK)
