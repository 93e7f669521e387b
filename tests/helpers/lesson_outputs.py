"""Rules about what a lesson's cells left behind: run in order, stable, described in words, offline."""

import re
from collections.abc import Iterator, Mapping

from lesson_reader import FENCE, Lesson, at

ALT_WORDS = 5
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
REMOTE = re.compile(
    r"""!\[[^\]]*\]\(\s*<?https?: | <\w+\b[^>]*\bsrc\s*=\s*["']?(?:https?:)?//
    | <(?:link|image)\b[^>]*\bhref\s*=\s*["']?(?:https?:)?// | url\(\s*["']?https?: | @import\s+["']https?:
    | \bimport\s*\(?\s*["']https?: | \bfrom\s+["']https?:""", re.VERBOSE | re.IGNORECASE)
LOCAL_PATH = re.compile(r"(?<![\w.~/-])(?:/(?:home|root|work|tmp|Users|mnt)/|[A-Z]:\\{1,2}\w)")
BARE_IMG = r"""<img\b(?![^>]*\balt\s*=\s*["'][^"']*\w)[^>]*>"""
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")


def executed(lesson: Lesson) -> Iterator[str]:
    """Run once, from the top, without an error."""
    for expected, cell in enumerate(lesson.code, 1):
        if cell.node.execution_count != expected:
            count = cell.node.execution_count
            yield f"{at(cell)}: ran as {count}, expected {expected}. Restart, run all, save."
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{at(cell)}: raised {output.ename}. A fresh lesson runs through: fix the cell."


def stable_outputs(lesson: Lesson) -> Iterator[str]:
    """What nbval compares can be compared; what it skips is asserted."""
    ignored = [cell for cell in lesson.code if cell.ignored]
    if 10 * len(ignored) > len(lesson.code):
        yield f"{len(ignored)} of {len(lesson.code)} code cells ignored by nbval. Keep to one in ten."
    for cell in lesson.code:
        if cell.marks & {"nbval-skip", "nbval-raises-exception", "raises-exception"}:
            yield f"{at(cell)}: marked to be skipped or to raise. Remove the mark and fix the cell."
        if cell.ignored and not re.search(r"\bassert\b|\bclaim\(", cell.source):
            yield f"{at(cell)}: ignored by nbval, claims nothing. Write claim(…) of what the text says."
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"{at(cell)}: prints to stderr. Fix the warning, or show progress as a widget."
        if any(ADDRESS.search(text) for text in cell.texts()):
            yield f"{at(cell)}: output holds a memory address. Show something readable instead."


def text_alternatives(lesson: Lesson) -> Iterator[str]:
    """No picture without words."""
    for cell in lesson.markdown:
        source = FENCE.sub("", cell.source)
        for _ in re.findall(r"!\[\s*\]\(|" + BARE_IMG, source, re.IGNORECASE):
            yield f"{at(cell)}: image without alternative text. Say what it shows in its alt."
    for cell in lesson.code:
        for data in (output.get("data", {}) for output in cell.outputs):
            words = data.get("text/plain", "")
            picture = any(mime.startswith("image/") for mime in data)
            if picture and (len(words.split()) < ALT_WORDS or words.lstrip().startswith("<")):
                yield f"{at(cell)}: figure without alternative text. Use plotting.show(fig, alt='…')."
            if re.search(BARE_IMG, data.get("text/html", ""), re.IGNORECASE):
                yield f"{at(cell)}: <img> without alternative text in the output. Give it a non-empty alt."


def offline(lesson: Lesson) -> Iterator[str]:
    """Nothing is loaded from the network, no path of this computer is shown."""
    for cell in lesson.cells:
        shown = [FENCE.sub("", cell.source)] if cell.kind == "markdown" else [*cell.texts()]
        if any(REMOTE.search(text) for text in shown):
            yield f"{at(cell)}: loads something from the network. Copy it into the project; links may stay."
        if cell.kind == "code" and any(LOCAL_PATH.search(text) for text in shown):
            yield f"{at(cell)}: shows an absolute path. Print it relative to the project."
    saved = [*strings(lesson.notebook.metadata.get("widgets", {}))]
    if any(REMOTE.search(text) or LOCAL_PATH.search(text) for text in saved):
        yield "saved widget state: holds a remote resource or an absolute path. Keep both out of the traits."


def saved_widgets(lesson: Lesson) -> Iterator[str]:
    """A widget's state is in the file; without it JupyterLab opens on 'model not found'."""
    saved = lesson.notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    for cell in lesson.code:
        views = (output.get("data", {}).get(WIDGET_VIEW) for output in cell.outputs)
        if any(view and view["model_id"] not in saved.get("state", {}) for view in views):
            yield f"{at(cell)}: the widget's state is not saved. Execute with nbclient, which stores it."


def strings(value: object) -> Iterator[str]:
    """Every text in a nest of dicts and lists."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from strings(part)
