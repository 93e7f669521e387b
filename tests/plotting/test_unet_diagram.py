"""The U as a figure: the plan's numbers, each stage once, the same file each time."""

import re
import xml.etree.ElementTree as ET

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from repository import REPOSITORY

from unet_lib import plotting
from unet_lib.core.errors import SettingsError
from unet_lib.models.architecture import plan
from unet_lib.models.efficientnet_unet import EfficientNetUNetConfig
from unet_lib.plotting.unet_diagram import BOX_COLOURS, draw_unet
from unet_lib.plotting.unet_layout import layout

PLANS = {"large": plan(3, 64, 4, 256), "small": plan(3, 8, 2, 64), "flat": plan(1, 16, 1, 32),
         "deep": plan(3, 64, 5, 512), "oblong": plan(3, 32, 3, (64, 128)), "stem": EfficientNetUNetConfig().plan(256)}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=PLANS)
def stages(request):
    return PLANS[request.param]


def test_its_labels_are_the_plans_numbers(stages):
    axes, = draw_unet(stages).axes
    written = [text.get_text() for text in axes.texts]
    for stage in stages:
        assert f"{stage.height}×{stage.width}" in written
        up = next((one.out_channels for one in stages if one.name == stage.name.replace("concat", "up")), 0)
        number = f"{stage.out_channels - up}+{up}" if stage.kind == "Concat" else str(stage.out_channels)
        assert number in " ".join(written)
    assert sorted(written[1:]) == sorted(label.text for label in layout(stages).labels)


def test_no_words_overlap_or_are_cut(stages):
    figure = draw_unet(stages, title="A title")
    axes, = figure.axes
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # puts the legend in its place
    renderer = canvas.get_renderer()
    areas = [text.get_window_extent(renderer) for text in [*axes.texts, *axes.get_legend().get_texts()]]
    for place, area in enumerate(areas):
        assert figure.bbox.x0 <= area.x0 and area.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= area.y0 and area.y1 <= figure.bbox.y1
        assert not any(area.shrunk(0.98, 0.9).overlaps(other) for other in areas[place + 1:])


def test_the_svg_file_is_well_formed_holds_each_stage_once_and_text_as_text(stages, tmp_path):
    page = plotting.save_figure(draw_unet(stages), tmp_path / "u.svg").read_text()
    tree = ET.fromstring(page)
    ids = [node.get("id") for node in tree.iter()]
    assert [ids.count(stage.name) for stage in stages] == [1] * len(stages)
    words = " ".join(node.text or "" for node in tree.iter(f"{SVG}text"))
    assert "3×3 convolution, twice" in words and "Width: square root of the channels" in words


def test_files_are_the_same_each_time(tmp_path):
    for ending in ("svg", "pdf"):
        once, again = (plotting.save_figure(draw_unet(PLANS["small"]), tmp_path / f"{n}.{ending}").read_bytes()
                       for n in (1, 2))
        assert once == again
        assert not re.search(rb"CreationDate|dc:date", once)


def test_a_highlighted_stage_stands_out():
    axes, = draw_unet(PLANS["small"], highlight="encoder.2").axes
    edge = {patch.get_gid(): (patch.get_linewidth(), patch.get_alpha()) for patch in axes.patches if patch.get_gid()}
    assert [name for name, (_, opacity) in edge.items() if opacity == 1] == ["encoder.2"]
    assert max(edge, key=lambda name: edge[name][0]) == "encoder.2"


def test_an_unknown_stage_is_refused_with_the_names_there_are():
    with pytest.raises(SettingsError, match=r"No stage 'encoder.3' .* it has encoder.1, pool.1, encoder.2"):
        draw_unet(PLANS["small"], highlight="encoder.3")


def test_title_and_width():
    figure = draw_unet(PLANS["flat"], title="A U-Net of depth 1", width=6)
    assert figure.get_figwidth() == 6
    assert "A U-Net of depth 1" in [text.get_text() for text in figure.axes[0].texts]


def test_the_widgets_boxes_have_the_same_colours():
    style = (REPOSITORY / "unet_lib" / "widgets" / "shared" / "u_drawing.css").read_text()
    for kind, colour in BOX_COLOURS.items():
        fill = re.search(rf"\.gb-kind-{kind}[, ][^}}]*?fill: (#\w+)", style)[1].upper()
        assert (fill if len(fill) == 7 else "#" + "".join(2 * digit for digit in fill[1:])) == colour
