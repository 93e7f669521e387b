"""The whole U-Net, with a slice flowing through it."""

import numpy as np
from manim import LEFT, RIGHT, FadeIn, FadeOut, ShowPassingFlash

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.examples import stages
from animations.u_shape import Panel, UDrawing, stage_lines
from unet_lib import byhand

STOPS = ("encoder.1", "encoder.2", "encoder.3", "encoder.4", "bottleneck",
         "decoder.4", "decoder.3", "decoder.2", "decoder.1")


class Unet(ClipScene):
    """Down, through the bottleneck, and up again; beside the U stands what each stage holds."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        plan = {stage.name: stage for stage in stages()}
        return {"slice": load("small"), "probability": byhand.sigmoid(load("logits")),
                "shapes": np.array([plan[name].shape for name in STOPS]),
                "parameters": np.array(sum(stage.parameters for stage in stages())),
                **{name: load(f"maps {name}")[0] for name in STOPS}}

    @beat("Each box holds the maps of one stage.", "Jeder Kasten hält die Karten einer Stufe.")
    def the_u(self) -> None:
        self.u = UDrawing(stages()).shift(2.2 * RIGHT)
        self.plan = {stage.name: stage for stage in stages()}
        self.panel = None
        self.show(self.u, seconds=theme.SLOW)
        shape = "{} × {}".format(*self.shown["slice"].shape)
        self.visit(("input",), theme.grey(self.shown["slice"]), (shape, self.text("3 channels", "3 Kanäle")))

    @beat("Down: smaller and smaller, with more and more maps.", "Abwärts: immer kleiner, mit immer mehr Karten.")
    def down(self) -> None:
        for level in range(1, 5):
            if level > 1:
                self.pulse("pool", f"pool.{level - 1}")
            self.stop(f"encoder.{level}", *((f"pool.{level - 1}",) if level > 1 else ()))

    @beat("At the bottom the network has seen nearly everything.", "Am Grund hat das Netz fast alles gesehen.")
    def at_the_bottom(self) -> None:
        self.pulse("pool", "pool.4")
        self.stop("bottleneck", "pool.4")

    @beat("Up again: at each level the skip brings the detail back.",
          "Wieder auf: Auf jeder Ebene bringt der Skip Details.")
    def up(self) -> None:
        for level in range(4, 0, -1):
            self.pulse("up", f"up.{level}", "skip", f"concat.{level}")
            self.stop(f"decoder.{level}", f"up.{level}", f"concat.{level}")

    @beat("Out comes a probability for every pixel.", "Heraus kommt für jeden Pixel eine Wahrscheinlichkeit.")
    def out(self) -> None:
        values = self.shown["probability"]
        self.visit(("output",), theme.probability(values), ("{} × {}".format(*values.shape),
                                                            self.text("1 answer each", "je 1 Antwort")))

    def text(self, en: str, de: str) -> str:
        """Plain words in the clip's language."""
        return {"en": en, "de": de}[self.language]

    def stop(self, name: str, *on_the_way: str) -> None:
        """Light a stage and show its map."""
        values = self.shown[name]
        self.visit((*on_the_way, name), theme.signed(theme.reach_of(values))(values),
                   stage_lines(self.plan[name], self.text("maps", "Karten")))

    def visit(self, boxes: tuple[str, ...], colours: np.ndarray, lines: tuple[str, str]) -> None:
        """Light some boxes, and change the panel to what the last of them holds."""
        old, self.panel = self.panel, Panel(colours, lines).shift(5.25 * LEFT)
        leave = [FadeOut(old)] if old else []
        self.play(FadeIn(self.u.lit(*boxes)), *leave, FadeIn(self.panel), run_time=theme.CALM)

    def pulse(self, *kinds_and_stages: str) -> None:
        """Send a flash along arrows: pairs of kind and stage."""
        pairs = zip(kinds_and_stages[::2], kinds_and_stages[1::2], strict=True)
        lines = [line for kind, stage in pairs for line in self.u.arrows_of(kind, stage)]
        self.play(*(ShowPassingFlash(line.copy().set_stroke(theme.WINDOW, 8), time_width=0.6) for line in lines),
                  run_time=theme.QUICK)
