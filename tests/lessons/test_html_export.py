"""Lessons as pages to print: every formula is MathML, everything is inside, help stays folded."""

import re
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest
from accessibility import barriers
from lesson_reader import folds, formulas
from nbformat import v4
from PIL import Image
from repository import REPOSITORY

from unet_lib.core.errors import SettingsError
from unet_lib.lessons.html_export import STYLE, lesson_page, write_page

NOTEBOOKS = REPOSITORY / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def page_of(*cells):
    return lesson_page(v4.new_notebook(cells=[v4.new_markdown_cell("# 00 · A <small> lesson"), *cells]), NOTEBOOKS)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_page_has_every_formula_and_needs_nothing_else(path):
    notebook = nbformat.read(path, as_version=4)
    page = lesson_page(notebook, NOTEBOOKS)
    drawn = re.findall(r"<math\b.*?</math>", page, re.DOTALL)
    assert len(drawn) == len(formulas(notebook))
    for formula in drawn:
        assert "merror" not in formula and "&amp;" not in formula and ElementTree.fromstring(formula) is not None
    assert not re.search(r"<script|<link\b|@import|src=\"(?!data:)", page)
    assert page.count("<details>") == page.count("</details>") == folds(notebook)


def test_formulas_are_mathml():
    page = page_of(v4.new_markdown_cell(r"So $\frac{1}{2} < x$, or $$\sum_i p_i$$ and `$not$`."))
    assert "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>" in page.replace("\n", "")
    assert 'display="block"' in page and "$not$" in page and page.count("<math") == 2
    assert "<title>00 · A &lt;small&gt; lesson</title>" in page


def test_lines_are_aligned():
    page = page_of(v4.new_markdown_cell("$$\\begin{aligned} a &= b \\\\ &= c \\end{aligned}$$"))
    formula = ElementTree.fromstring(re.search(r"<math.*</math>", page, re.DOTALL)[0])
    rows = ["".join(row.itertext()) for row in formula.iter("{http://www.w3.org/1998/Math/MathML}mtr")]
    assert rows == ["a=b", "=c"]
    assert page.count("text-align: right") == page.count("text-align: left") - STYLE.count("text-align: left") == 2


def test_a_comma_stays_with_its_formula():
    page = page_of(v4.new_markdown_cell("Of $x$ and $y$, the sum."))
    kept, = re.findall(r'<span style="white-space: nowrap">(.*?)</span>', page, re.DOTALL)
    assert kept.count("<math") == 1 and "<mi>y</mi>" in kept and kept.endswith("</math>,")


def test_code_of_a_solution_stays_inside_its_fold():
    folded = "<details><summary>Solution</summary>\n\n```python\nanswer = 5\n```\n\n</details>"
    page = page_of(v4.new_markdown_cell(folded))
    assert re.search(r"<details>.*answer.*</details>", page, re.DOTALL)


def test_a_widget_appears_as_its_still_picture():
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "image/png": "aGVsbG8="}
    cell = v4.new_code_cell("widget", outputs=[v4.new_output("display_data", data=data)])
    page = page_of(cell)
    assert "data:image/png;base64,aGVsbG8=" in page and "model_id" not in page


def test_a_widget_without_a_picture_is_left_out():
    data = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "FloatSlider(value=0.5)"}
    cell = v4.new_code_cell("1 + 1", outputs=[v4.new_output("display_data", data=data),
                                              v4.new_output("execute_result", data={"text/plain": "two"})])
    page = page_of(cell)
    assert "FloatSlider" not in page and "two" in page
    assert len(cell.outputs) == 2, "the notebook itself was changed"


def test_pictures_that_a_lesson_names_are_put_inside(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "dot.png")
    path = tmp_path / "lesson.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# A\n\n![a dot](dot.png)")]), path)
    page = write_page(path, tmp_path / "out").read_text("utf-8")
    assert 'src="data:image/png;base64,' in page and 'alt="a dot"' in page


def test_what_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "x.ipynb").write_text("not json")
    for path in (tmp_path / "x.ipynb", tmp_path / "missing.ipynb"):
        with pytest.raises(SettingsError, match="expected a Jupyter notebook"):
            write_page(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_mathematics_fits_the_paper(tmp_path, chromium):
    page_file = write_page(NOTEBOOKS / "07_the_full_mathematics.ipynb", tmp_path)
    page = chromium.new_page(viewport={"width": 672, "height": 950})  # A4 less its margins, at 96 dots an inch
    page.emulate_media(media="print")
    page.goto(page_file.as_uri())
    widths = page.evaluate("[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().width)")
    too_far = page.evaluate("[...document.querySelectorAll('math, pre, img, table')].filter("
                            "n => n.getBoundingClientRect().right > innerWidth + 1).map(n => n.textContent)")
    page.close()
    assert len(widths) > 100 and min(widths) > 1
    assert not too_far


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_printed_page_keeps_nobody_out(path, tmp_path, chromium):
    page = chromium.new_page()
    page.goto(write_page(path, tmp_path).as_uri())
    found = barriers(page)
    page.close()
    assert not found
