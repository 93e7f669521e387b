"""Six unseen phantoms, of each the slice with most wrong pixels: sorted by Dice, the last two looked at closely."""

import numpy as np
from jaxtyping import Bool, UInt8
from manim import DOWN, LEFT, RIGHT, UP, AnimationGroup, Create, FadeIn, Group, LaggedStart, VGroup, linear

from animations import theme
from animations.arrays import load
from animations.clip_scene import ClipScene, beat
from animations.mobjects import Picture, Point, number, words
from unet_lib.core.metrics import count

SIDE, WRONG, AIR = 2.75, 0.55, 3
"""How large a slice is, how opaque wrong pixels are filled, and how many pixels are left around the head."""
SPOTS = [x * RIGHT + y * UP for y in (1.42, -1.42) for x in (-5.3, -0.6, 4.1)]


class Case(Group):
    """One slice around its head with both outlines, and its Dice on the right."""

    def __init__(self, level: UInt8[np.ndarray, "h w"], reference: Bool[np.ndarray, "h w"],
                 predicted: Bool[np.ndarray, "h w"], dice: float) -> None:
        self.near = around_head(level)
        self.picture = Picture(theme.grey(level[self.near]), SIDE)
        self.reference = self.picture.outline(reference[self.near], tint=0).set_stroke(width=3)
        self.network = self.picture.outline(predicted[self.near], theme.PREDICTION, tint=0).set_stroke(width=3)
        self.dice = VGroup(words("Dice", theme.SMALL, theme.MUTED), words(number(dice, 2), theme.LABEL))
        self.dice.arrange(DOWN, buff=0.15).next_to(self.picture, RIGHT, buff=0.25)
        super().__init__(self.picture, self.reference, self.network, self.dice)

    def way_to(self, target: Point) -> Point:
        """How far it is to bring the picture's middle to a point."""
        return target - self.picture.get_center()


def around_head(level: UInt8[np.ndarray, "h w"]) -> tuple[slice, slice]:
    """Rows and columns of a square around what is not black."""
    bright = np.argwhere(level > 15)
    first, last = np.maximum(bright.min(0) - AIR, 0), np.minimum(bright.max(0) + 1 + AIR, level.shape)
    side = (last - first).max()
    start = np.clip((first + last - side) // 2, 0, np.array(level.shape) - side)
    return slice(start[0], start[0] + side), slice(start[1], start[1] + side)


class WhereItFails(ClipScene):
    """The cases come one by one, are outlined and sorted; the camera goes to the last two."""

    @classmethod
    def numbers(cls) -> dict[str, np.ndarray]:
        masks, predicted = load("failure masks"), load("failure probability") >= 0.5
        counts = [count(*pair) for pair in zip(predicted, masks, strict=True)]
        dice = np.array([each.dice() for each in counts])
        last, before = np.argsort(dice)[:2]
        return {"images": load("failure images"), "masks": masks, "predicted": predicted, "dice": dice,
                "best": dice.max(), "worst": dice.min(),
                "missed": np.array(round(100 * (1 - counts[last].recall()))),
                "false": np.array(counts[before].fp)}

    @beat("Unseen phantoms: of each the slice with most wrong pixels.",
          "Neue Phantome: je das Bild mit den meisten falschen Pixeln.")
    def the_slices(self) -> None:
        self.cases = [Case(*case) for case in zip(*(self.shown[name] for name in (
            "images", "masks", "predicted", "dice")), strict=True)]
        for case, end in zip(self.cases, SPOTS, strict=True):
            case.shift(case.way_to(end))
        self.play(LaggedStart(*(FadeIn(case.picture, target_position=0.2 * LEFT, scale=0.2) for case in self.cases),
                              lag_ratio=0.3), run_time=2.5)

    @beat("Orange: the reference. Blue: what the network says.", "Orange: die Referenz. Blau: was das Netz sagt.")
    def the_outlines(self) -> None:
        for part in ("reference", "network"):
            self.play(LaggedStart(*(Create(getattr(case, part)) for case in self.cases), lag_ratio=0.15), run_time=1.6)
        self.play(LaggedStart(*(FadeIn(case.dice, shift=0.3 * RIGHT) for case in self.cases), lag_ratio=0.2),
                  run_time=theme.SLOW)

    @beat("Sorted by Dice: from {best:.2f} down to {worst:.2f}.",
          "Nach Dice sortiert: von {best:.2f} hinab bis {worst:.2f}.")
    def sorted_by_dice(self) -> None:
        self.cases = [self.cases[place] for place in np.argsort(-self.shown["dice"])]
        self.play(self.only_dice_of(), run_time=theme.QUICK)
        self.play(*(case.animate(path_arc=0.9).shift(case.way_to(end))
                    for case, end in zip(self.cases, SPOTS, strict=True)), run_time=2.8)
        self.play(self.only_dice_of(*self.cases), run_time=theme.CALM)

    @beat("The worst: {missed} % of this tumour’s pixels are missed.",
          "Das schlechteste: {missed} % der Tumorpixel sind übersehen.")
    def missed(self) -> None:
        worst = self.cases[-1]
        place = int(np.argmin(self.shown["dice"]))
        lost = self.shown["masks"][place] & ~self.shown["predicted"][place]
        self.look_at(worst, lost, theme.REFERENCE)

    @beat("The next worst: {false} pixels are false alarms.",
          "Das zweitschlechteste: {false} Pixel sind Fehlalarme.")
    def false_alarms(self) -> None:
        place = int(np.argsort(self.shown["dice"])[1])
        extra = self.shown["predicted"][place] & ~self.shown["masks"][place]
        self.look_at(self.cases[-2], extra, theme.PREDICTION)

    def look_at(self, case: Case, wrong: Bool[np.ndarray, "h w"], colour: str) -> None:
        """The camera goes to a case; its wrong pixels are filled, and it comes a little nearer."""
        area = case.picture.outline(wrong[case.near], colour, tint=WRONG).set_stroke(width=0)
        middle = case.get_center() + 0.5 * (area.get_y() - case.get_y()) * UP
        self.play(self.look(middle, 5.8), self.only_dice_of(case), run_time=1.6)
        self.play(FadeIn(area), run_time=theme.CALM)
        self.play(self.look(middle, 5), run_time=2.8, rate_func=linear)

    def at_the_end(self) -> None:
        self.play(self.look_back(), self.only_dice_of(*self.cases), run_time=2.4)

    def only_dice_of(self, *cases: Case) -> AnimationGroup:
        """The numbers of all other cases fade."""
        return AnimationGroup(*(case.dice.animate.set_opacity(float(case in cases)) for case in self.cases))
