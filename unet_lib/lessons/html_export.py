"""A lesson as one page to print: formulas as MathML, pictures inside, no script and nothing from the network.

    write_page(Path("notebooks/07_the_full_mathematics.ipynb"), Path("printed"))

Any browser opens it, and prints it to paper or PDF. Widgets appear as the still pictures that every one of them leaves
in a saved notebook, clips as their posters; staged help stays folded, so that a printed exercise does not give away
its solution.
"""

import base64
import html
import re
from pathlib import Path
from typing import Any

import nbformat
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from unet_lib.core.atomic_io import write_text
from unet_lib.lessons.translation import read_lesson

FORMULA = re.compile(r"\$([^$\n]+)\$")
INLINE_FORMULA = re.compile(r'<math [^>]*"inline"[^>]*>(?:(?!</math>).)*</math>[.,;:?)]+', re.DOTALL)
CLIP = re.compile(r'<video\b[^>]*\bsrc="(?P<path>[^"]*)\.mp4"[^>]*\btitle="(?P<title>[^"]*)"[^>]*>\s*</video>')
POSTER = re.compile(r'<img src="(?P<path>[^":]*/clips/\w+)\.jpg"')
GENERATOR = '<meta name="generator" content="unet_lib pages">'
WIDGET = "application/vnd.jupyter.widget-view+json"
STYLE = """
body { font: 16px/1.5 "DejaVu Sans", Verdana, sans-serif; color: #222 }
body { max-width: 46em; margin: 2em auto; padding: 0 1em }
h1, h2, h3 { line-height: 1.25; break-after: avoid }
pre { font: 12px/1.45 "DejaVu Sans Mono", monospace; white-space: pre-wrap; margin: 0 }
.highlight { background: #f6f6f6; border: 1px solid #ddd; padding: .6em .8em; margin: .8em 0 .3em }
.jp-OutputArea-output, .output_subarea { margin: .3em 0 .8em; break-inside: avoid }
.prompt, .jp-InputPrompt, .jp-OutputPrompt, .anchor-link { display: none }
img { max-width: 100%; height: auto }
table { border-collapse: collapse; margin: .8em 0; break-inside: avoid }
th, td { border: 1px solid #bbb; padding: .25em .6em; text-align: left }
math[display="block"] { margin: .8em 0; font-size: 1.1em; break-inside: avoid }
math { font-family: "STIX Two Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math }
summary { color: #555 }
@media print { body { font-size: 10.5pt; margin: 0; max-width: none } a { color: inherit; text-decoration: none } }
@page { size: A4; margin: 18mm 16mm }
"""


class MathMLRenderer(IPythonRenderer):
    """Markdown as nbconvert renders it, but for formulas: these become MathML, which browsers draw by themselves."""

    def inline_math(self, body: str) -> str:
        """A formula within a line."""
        return mathml(body)

    def block_math(self, body: str) -> str:
        """A formula on its own."""
        return mathml(body, display="block")

    def block_html(self, html: str) -> str:
        """Left as it is but for its formulas: nbconvert would close every <details> before its code begins."""
        return with_formulas(html)


def mathml(formula: str, display: str = "inline") -> str:
    """LaTeX as MathML; display is "inline" or "block". latex2mathml knows `aligned` by another name, and browsers know
    the alignment of columns only as a style."""
    return re.sub(r'columnalign="(\w+)"', r'style="text-align: \1; padding: .2em 0"',
                  convert(formula.replace("{aligned}", "{split}"), display=display))


def with_formulas(html: str) -> str:
    """HTML whose formulas between dollars have become MathML."""
    return FORMULA.sub(lambda found: mathml(found[1]), html)


def keep_together(html: str) -> str:
    """The same page, but no line begins with a comma because a formula stood before it."""
    return INLINE_FORMULA.sub(r'<span style="white-space: nowrap">\g<0></span>', html)


def without_widgets(notebook: NotebookNode) -> NotebookNode:
    """A copy whose outputs hold only what a page can show; what has no picture, such as a lone slider, is left out."""
    copy: Any = nbformat.from_dict(notebook)
    copy.metadata.pop("widgets", None)
    for cell in (cell for cell in copy.cells if cell.cell_type == "code"):
        cell.outputs = [output for output in cell.outputs if output.get("data", {}).keys() != {WIDGET, "text/plain"}]
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET, None)
    return copy


def lesson_page(notebook: NotebookNode, folder: Path) -> str:
    """The whole page as HTML; pictures that the lesson names are read from `folder` and put inside."""
    exporter = HTMLExporter(template_name="basic")
    exporter.register_filter("markdown2html", lambda source: _rendered(source, folder))
    body, _ = exporter.from_notebook_node(without_widgets(notebook))
    title = html.escape(notebook.cells[0].source.partition("\n")[0].lstrip("# "))
    style = STYLE + HtmlFormatter().get_style_defs(".highlight")
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{GENERATOR}<title>{title}</title>\n'
            f"<style>{style}</style></head>\n<body><main>\n{keep_together(body)}\n</main></body></html>\n")


def write_page(path: Path, out: Path) -> Path:
    """Write `out`/<name>.html, all or nothing. Raises SettingsError for what is no notebook."""
    target = out / f"{path.stem}.html"
    write_text(target, lesson_page(read_lesson(path), path.parent))
    return target


def _rendered(source: str, folder: Path) -> str:
    renderer = MathMLRenderer(escape=False, embed_images=True, path=str(folder))
    source = CLIP.sub(lambda clip: f"![{clip['title']}]({_inside(folder / clip['path'])})", source)
    source = POSTER.sub(lambda poster: f'<img src="{_inside(folder / poster["path"])}"', source)
    return MarkdownWithMath(renderer=renderer).render(source)


def _inside(clip: Path) -> str:
    """A clip's poster as part of the page; nbconvert puts in only what lies below the lesson's folder, not clips."""
    return f"data:image/jpeg;base64,{base64.b64encode(clip.with_suffix('.jpg').read_bytes()).decode('ascii')}"
