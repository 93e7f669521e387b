"""Are the words of a figure legible?"""

from matplotlib.backends.backend_agg import FigureCanvasAgg


def drawn(figure):
    """A renderer, after everything took its place."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


def words_are_whole_and_apart(figure, texts):
    renderer = drawn(figure)
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_text()]
    for place, box in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0, "cut"
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, "cut"
        assert not any(box.overlaps(other) for other in boxes[:place]), "overlapping"
