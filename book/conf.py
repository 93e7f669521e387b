"""How Sphinx turns the gathered sources into pages. `python -m book.build` gathers them and calls Sphinx."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

from unet_lib.lessons.html_export import keep_together, mathml, with_formulas

project = "Glass-Box U-Net"
copyright = "The Glass-Box U-Net authors, MIT licence. For learning only: do not diagnose with it"
extensions = ["myst_nb"]
root_doc = "lessons"  # index.html is the playground
highlight_language = "none"
exclude_patterns = ["README.md"]  # lessons.md includes it

nb_execution_mode = "off"  # what is shown is what was committed
nb_ipywidgets_js = {}  # no script from the network; widgets are still pictures here
nb_merge_streams = True
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 2

html_theme = "pydata_sphinx_theme"
html_title = project
html_math_renderer = "mathml"
html_static_path = ["book.css"]
html_css_files = ["glossary_cards.css", "live/widgets.css", "book.css"]  # the first two come from book/build.py
html_js_files = [(name, {"defer": "defer"}) for name in ("glossary_cards.js", "live/lessons.js")]
templates_path = ["_templates"]
html_sidebars = {"**": ["contents"]}
html_copy_source = html_show_sourcelink = html_use_index = False
html_show_search_summary = False  # a page opened from a disk may not read other pages
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": project},
    "navbar_center": ["playground"],
    "article_header_start": [],  # the breadcrumbs would repeat the title
    "secondary_sidebar_items": ["page-toc"],
    "search_bar_text": "Search the lessons",
    "footer_start": ["copyright"],
    "footer_end": [],
}


def formula_in_a_line(page: HTML5Translator, node: nodes.math) -> None:
    """As MathML, which browsers draw by themselves."""
    page.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def formula_of_its_own(page: HTML5Translator, node: nodes.math_block) -> None:
    """The same in a box that scrolls where the formula is too wide, by keyboard too, as the theme's tables do."""
    formula = mathml(node.astext(), display="block")
    page.body.append(f'<div class="formula pst-scrollable-table-container">{formula}</div>\n')
    raise nodes.SkipNode


def finish_outputs(_app: Sphinx, page: nodes.document) -> None:
    """Formulas within HTML, and each picture's alternative text, which lies beside it as plain text."""
    for raw in page.findall(nodes.raw):
        raw.children = [nodes.Text(with_formulas(raw.astext()))]
    for kinds in page.findall(lambda node: isinstance(node, nodes.container) and "mime_type" in node.attributes):
        for picture in kinds.findall(nodes.image):
            picture["alt"] = next(k.astext() for k in kinds.parent.children if k["mime_type"] == "text/plain")


def finish_page(_app: Sphinx, _name: str, _template: str, context: dict, _page: nodes.document | None) -> None:
    """Formulas keep their commas."""
    context["body"] = keep_together(context.get("body", ""))


def setup(app: Sphinx) -> ExtensionMetadata:
    """What Sphinx has no setting for."""
    app.add_html_math_renderer("mathml", (formula_in_a_line, None), (formula_of_its_own, None))
    app.connect("doctree-read", finish_outputs)
    app.connect("html-page-context", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
