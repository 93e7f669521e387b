"""The pupils' side of the nbgrader course in JupyterLab: an open exercise says so, and "Run All" goes on below it."""

import nbformat
from nbformat import v4

from unet_lib.lessons.editions.variants import nbgraders

HELP = "<details><summary>Solution</summary>\n\n```python\nanswer = ...\n```\n\n</details>"


def test_run_all_goes_on_below_an_open_exercise(lab, notebook):
    lesson = v4.new_notebook(cells=[
        v4.new_code_cell("from unet_lib.lessons import exercises as check"),
        v4.new_code_cell("answer = ...\ncheck.patients_needed(answer)"), v4.new_markdown_cell(HELP),
        v4.new_code_cell("print('went on')")], metadata={"kernelspec": {
            "name": "python3", "display_name": "Python 3", "language": "python"}})
    nbformat.write(nbgraders(lesson), lab.folder / "handed_out.ipynb")
    book = notebook("handed_out.ipynb")
    book.run_all()
    exercise, points, _, last = book.cells()[1:]
    assert "Not attempted yet." in exercise["outputs"][0]["data"]["text/plain"]
    assert points["outputs"][0]["ename"] == "AssertionError"
    assert "Put your answer where the three dots are" in points["outputs"][0]["evalue"]
    assert last["outputs"][0]["text"] == "went on\n"
