"""All slices of one head, flown through twice: once as they are, once with the network's outlines."""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from manim import DOWN, LEFT, UP, FadeIn, Group, ImageMobject, UpdateFromAlphaFunc, VGroup, interpolate

from animations import theme
from animations.arrays import load
from animations.camera import fixed
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, Point

SIDE, EYE = 5.9, 7.0
"""How large a slice is, and how far the eye is from the slice in the middle."""
WIDTHS = {theme.PREDICTION: 8, theme.REFERENCE: 3.5}
TURN, RADIANS = 10, np.pi / 180
"""How many degrees an upright head turns a second; and one degree."""
UPRIGHT = {"tilt": 63, "gap": 0.19, "size": 0.82}
FLIGHT = {"tilt": 0, "gap": 0.85, "size": 1.0}
"""How slices stand: one above the other, seen from the side, or one behind the other, seen from above."""


class Slice(Group):
    """One slice with its outlines: black outside the head is transparent, and it stands where `put` says."""

    def __init__(self, colours: UInt8[np.ndarray, "n n 3"], masks: dict[str, Bool[np.ndarray, "n n"]]) -> None:
        self.image = ImageMobject(np.dstack([colours, 255 * inside(colours[..., 0] > 25).astype(np.uint8)]))
        self.alpha = self.image.pixel_array[..., 3].copy()
        flat = Picture(colours, 1)
        self.rings = [flat.outline(mask, colour, tint=0).set_stroke(width=WIDTHS[colour], opacity=0)
                      for colour, mask in masks.items() if mask.any()]
        self.flat = [flat.image.points.copy(), *(ring.points.copy() for ring in self.rings)]
        super().__init__(self.image, *self.rings)

    def put(self, middle: Point, axes: Float[np.ndarray, "3 3"], opacity: float, rings: list[float]) -> None:
        """Where it is seen: its middle, where its sides lead, how opaque it and its outlines are."""
        for thing, flat in zip(self, self.flat, strict=True):
            thing.points = middle + flat @ axes
        self.image.pixel_array[..., 3] = self.alpha * opacity
        for ring, shown in zip(self.rings, rings):
            ring.set_stroke(opacity=shown)


def inside(bright: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """What lies between the first and the last bright pixel of its row."""
    first, last = np.maximum.accumulate(bright, 1), np.maximum.accumulate(bright[:, ::-1], 1)[:, ::-1]
    return first & last


class Head(Group):
    """All slices of a head from below, placed by a few numbers that scenes animate."""

    def __init__(self, slices: list[Slice]) -> None:
        super().__init__(*slices)
        self.now = {**UPRIGHT, "gap": 0.25, "turn": -40.0, "at": (len(slices) - 1) / 2, "opacity": 1.0, "found": -1.0,
                    "true": 0.0}
        self.add_updater(lambda head, dt: head.arrange_slices(dt))

    def to(self, seconds: float, **ends: float) -> UpdateFromAlphaFunc:
        """An animation that brings some of the numbers to other values."""
        starts: dict[str, float] = {}

        def change(head: Head, alpha: float) -> None:
            starts.update({name: head.now[name] for name in ends if name not in starts})
            head.now.update({name: interpolate(starts[name], end, alpha) for name, end in ends.items()})
        return UpdateFromAlphaFunc(self, change, run_time=seconds)

    def arrange_slices(self, dt: float = 0) -> None:
        """Put every slice where it is seen from the eye; upright, the head keeps turning."""
        now, upright = self.now, self.now["tilt"] / UPRIGHT["tilt"]
        now["turn"] += dt * upright * TURN
        tilt, turn = now["tilt"] * RADIANS, now["turn"] * RADIANS * upright
        across = np.array([[np.cos(turn), np.sin(turn) * np.cos(tilt), 0],
                           [-np.sin(turn), np.cos(turn) * np.cos(tilt), 0], [0, 0, 0]])
        for place, one in enumerate(self):
            height = (place - now["at"]) * now["gap"]
            nearer = EYE / (EYE - min(height * np.cos(tilt), 0.8 * EYE))
            passed = max(0, 1 - max(0, height - 0.02) * (1 - upright) / (0.9 * now["gap"]))
            if passed == 0 or (upright < 0.02 and place < now["at"] - 8):
                passed, nearer = 0, 1e-6  # too near to be seen, or hidden by those in front: not drawn
            found = np.clip(now["found"] - place + 1, 0, 1)
            one.put(height * np.sin(tilt) * nearer * UP, SIDE * now["size"] * nearer * across,
                    passed * now["opacity"], [found * passed, now["true"] * passed])


class Hook(ClipScene):
    """A stack of slices with a tumour in it; then the outlines alone, which make up a body."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        return {"slices": load("head"), "count": np.array(len(load("head"))), "reference": load("head masks"),
                "predicted": load("head probability") >= 0.5}

    def construct(self) -> None:
        """The head is there, and turns, from the first moment on."""
        shown = self.numbers()
        self.head = Head([Slice(theme.grey(level), {theme.PREDICTION: blue, theme.REFERENCE: orange})
                          for level, blue, orange in zip(*(shown[name] for name in (
                              "slices", "predicted", "reference")), strict=True)])
        self.add(self.head)
        super().construct()

    @beat("A phantom, an artificial head: {count} slices, one tumour.",
          "Ein Phantom, ein künstlicher Kopf: {count} Schichten, ein Tumor.")
    def the_head(self) -> None:
        self.play(self.head.to(1.8, **UPRIGHT))

    @beat("Can you find it?", "Kannst du ihn finden?")
    def look_for_it(self) -> None:
        self.play(self.head.to(0.9, **FLIGHT, at=self.above + 3))
        self.play(self.head.to(2.3, at=0))

    @beat("A network outlines the tumour. It has never seen this head.",
          "Ein Netz umrandet den Tumor. Den Kopf sah es noch nie.")
    def the_network(self) -> None:
        self.play(self.head.to(3.2, at=self.above - 1, found=self.above))
        self.play(self.head.to(1.6, **UPRIGHT, at=self.above - 4, opacity=0.07), self.look(0.3 * LEFT, 9), run_time=1.6)

    @beat("In orange, the true outline.", "In Orange der wahre Umriss.")
    def the_body(self) -> None:
        names = VGroup(self.word("network", "Netz", theme.PREDICTION),
                       self.word("true outline", "wahrer Umriss", theme.REFERENCE))
        names.arrange(DOWN, buff=0.4, aligned_edge=LEFT).move_to(6.2 * LEFT, aligned_edge=LEFT)
        self.play(FadeIn(fixed(names), run_time=theme.QUICK), self.head.to(1.6, true=1))

    @property
    def above(self) -> int:
        """The first slice above the tumour that the network finds."""
        return int(np.flatnonzero(self.shown["predicted"].any((1, 2)))[-1]) + 1
