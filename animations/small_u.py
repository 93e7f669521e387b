"""A U of a few bars, for scenes in which it stands beside something else."""

from manim import DOWN, LEFT, RIGHT, UP, Line, Rectangle, ShowPassingFlash, VGroup, VMobject

from animations import theme
from animations.mobjects import arrow

LEVELS = 4


class SmallU(VGroup):
    """A U as bars: the encoder at the left, the decoder at the right, and its skips, the uppermost first."""

    def __init__(self) -> None:
        heights = [1.9 - 1.1 * level + 0.05 * level ** 2 for level in range(LEVELS)]
        spots = [[(2.6 - 0.55 * level) * side + height * UP for level, height in enumerate(heights)]
                 for side in (LEFT, RIGHT)]
        bottom = 2.0 * DOWN
        bars = VGroup(*(Rectangle(width=0.3, height=1.3 * 0.62 ** level, stroke_width=0, fill_opacity=1).move_to(spot)
                        for side in spots for level, spot in enumerate([*side, bottom]))).set_color(theme.CONV)
        ways = VGroup(*(Line(start, end, color=colour, stroke_width=3)
                        for side, colour in zip(spots, (theme.POOL, theme.UP), strict=True)
                        for start, end in zip(side, [*side[1:], bottom], strict=True)))
        super().__init__(ways, bars, VGroup(*(arrow(*ends, theme.SKIP, gap=0.3) for ends in zip(*spots, strict=True))))

    @property
    def skips(self) -> VGroup:
        """The arrows of the skips."""
        return self[2]

    def flow(self, off: int = 0) -> list[ShowPassingFlash]:
        """Light runs along the skips, but for the one of the level that is `off`."""
        ways = [Line(skip.get_left(), skip.get_right(), color=theme.WINDOW, stroke_width=8)
                for level, skip in enumerate(self.skips, 1) if level != off]
        return [ShowPassingFlash(way, time_width=0.4) for way in ways]

    def run(self, backwards: bool = False) -> ShowPassingFlash:
        """Light runs down the left side and up the right one, or all the way back."""
        down, up = self[1][:LEVELS + 1], self[1][LEVELS + 1:-1]
        way = VMobject(color=theme.NEGATIVE if backwards else theme.WINDOW, stroke_width=9)
        way.set_points_as_corners([bar.get_center() for bar in (*down, *reversed(up))])
        return ShowPassingFlash(way.reverse_direction() if backwards else way, time_width=0.5)
