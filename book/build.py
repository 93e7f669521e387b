"""The site that opens without a server and without a network: the playground, and all lessons as pages. `make book`.

    python -m book.build            # → book/_build/html/index.html
    python -m book.build FOLDER     # → FOLDER/html/index.html

The notebooks stay where they are. Copies of them, of the README and of the clips are laid out like the repository, so
that every relative link holds; the glossary and the page of animations are written from their data.
"""

import html
import re
import shutil
import sys
from base64 import b64encode
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from sphinx.cmd.build import build_main

from animations.manifest import CLIPS, LANGUAGES, Clip, clip_named, clips
from book.live_widgets import make_live, write_states, write_views
from book.playground_site import write_playground
from unet_lib.core.atomic_io import write_text
from unet_lib.core.errors import SettingsError
from unet_lib.lessons.glossary import Term, read_glossary
from unet_lib.lessons.html_export import CLIP, without_widgets
from unet_lib.widgets.glossary_cards.glossary_cards import page_script, page_style

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LESSONS = {path.stem[:2]: path for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
TEACHING = [*(ROOT / "teaching" / f"{name}.md" for name in ("README", "schedules", "editions", "project_ideas",
                                                              "assessment")),
            *sorted((ROOT / "teaching" / "notes").glob("*.md"))]
STATIC = "_static/live"  # where pages find the scripts of their widgets
MADE = ("source", "html", "doctrees", "jupyter_execute")  # the last by myst-nb, for the pictures
LANGUAGE_NAMES = {"en": "English", "de": "Deutsch"}
OPEN = "<strong>… Not attempted yet.</strong>"
HOW = "Run this in JupyterLab, where your answer is checked. Help and a solution are folded below."
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")


def build(out: Path) -> int:
    """Make the book anew in `out`/html, and return Sphinx's exit status; a warning is an error. Raises SettingsError
    for a folder that holds anything but an earlier book."""
    source, site, doctrees, _ = made = [out / name for name in MADE]
    if out.exists() and not set(out.iterdir()) <= set(made):
        raise SettingsError(f"{out}: expected a new folder, or one with an earlier book. Name another, or empty it.")
    shutil.rmtree(out, ignore_errors=True)
    gather(source, site)
    write_views(site / STATIC)
    shutil.copytree(CLIPS, site / CLIPS.relative_to(ROOT), ignore=shutil.ignore_patterns("*.json"))
    write_text(site / "_static" / "glossary_cards.js", page_script())
    write_text(site / "_static" / "glossary_cards.css", page_style())
    write_playground(site)
    status = build_main(["-W", "--keep-going", "-q", "-c", str(HERE), "-d", str(doctrees), str(source), str(site)])
    for source_map in site.rglob("*.map"):  # for those who debug the theme; 2 MB
        source_map.unlink()
    return status


def gather(source: Path, site: Path) -> None:
    """Lay out in `source` all that Sphinx reads, and in `site` what the lessons' widgets need to live."""
    for path in LESSONS.values():
        lesson = nbformat.read(path, as_version=4)
        write_states(site / STATIC, path.stem, make_live(lesson, path.stem, f"../{STATIC}"))
        lesson = without_widgets(lesson)
        for output in (output for cell in lesson.cells for output in cell.get("outputs", ())):
            output.get("data", {}).update(exercise_note(output))
        for cell in (cell for cell in lesson.cells if cell.cell_type == "markdown"):
            cell.source = CLIP.sub(_with_subtitles, resolve_links(cell.source, path.parent, source))
        write_text(source / path.relative_to(ROOT), nbformat.writes(lesson))
    for path in (ROOT / "README.md", *TEACHING):
        text = resolve_links(path.read_text("utf-8"), path.parent, source)
        write_text(source / path.relative_to(ROOT), text + teaching_contents() if path == TEACHING[0] else text)
    write_text(source / "lessons.md", (HERE / "index.md").read_text("utf-8"))
    write_text(source / "glossary.md", glossary_page())
    write_text(source / "animations.md", animations_page())


def exercise_note(output: NotebookNode) -> dict[str, str]:
    """What an exercise that is still open says in a page, where nothing can be run; nothing for another output."""
    before, found, _ = output.get("data", {}).get("text/html", "").partition(OPEN)
    return {"text/html": f"{before}<strong>An exercise.</strong> {HOW}</div>"} if found else {}


def glossary_page() -> str:
    """Every term with its German name, its meaning and the lesson that explains it."""
    return "\n".join(["# The glossary", "", "```{glossary}", *map(_definition, read_glossary()), "```", ""])


def animations_page() -> str:
    """Every clip with its poster, and its transcript in both languages."""
    return "\n\n".join(["# The animations", "Short clips without sound. Below each, its words say what it shows.",
                        *map(_shown, clips())])


def teaching_contents() -> str:
    """What stands below the first page for teachers, so that Sphinx knows the order of the others."""
    others = [path.relative_to(TEACHING[0].parent).with_suffix("").as_posix() for path in TEACHING[1:]]
    return "\n".join(["", "```{toctree}", ":hidden:", "", *others, "```", ""])


def resolve_links(text: str, folder: Path, source: Path) -> str:
    """Links as the book needs them: the files they name are copied along; of prose and folders the words are kept."""
    def resolve(link: re.Match[str]) -> str:
        words, target = link.groups()
        path = (folder / target).resolve()
        if path in (*LESSONS.values(), *TEACHING) or ":" in target:
            return link[0]
        if not path.exists():  # a heading, or nothing, of which Sphinx will complain
            return re.sub("#.*", lambda heading: heading[0].lower(), link[0])
        if path.suffix in (".md", ""):
            return words
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        return link[0]

    return LINK.sub(resolve, text)


def _definition(term: Term) -> str:
    where = f"[lesson {term.lesson}](notebooks/{LESSONS[term.lesson].name})" if term.lesson in LESSONS else \
        f"lesson {term.lesson}"
    return f'{term.term}\n  <i lang="de">{term.german}</i>: {term.meaning} ({where})\n'


def _shown(clip: Clip) -> str:
    text = {name: {key: html.escape(words) for key, words in getattr(clip, name).items()}
            for name in ("title", "statement", "transcript")}
    video, poster = (path.relative_to(ROOT).as_posix() for path in (clip.video, clip.poster))
    return f"""## {clip.title["en"]}

{clip.statement["en"]} ([lesson {clip.lesson[:2]}](notebooks/{clip.lesson}.ipynb))

<video src="{video}" poster="{poster}" width="640" controls preload="none"
title="{text["title"]["en"]}">{tracks(clip)}</video>

<details><summary>What it shows</summary>{text["transcript"]["en"]}</details>
<details lang="de"><summary>Auf Deutsch: {text["title"]["de"]}</summary>{text["statement"]["de"]}
{text["transcript"]["de"]}</details>"""


def _with_subtitles(clip: re.Match[str]) -> str:
    """A browser finds a poster by a relative path, which JupyterLab does not, and reads subtitles, which it removes."""
    shown = clip[0].replace("<video ", f'<video poster="{clip["path"]}.jpg" ')
    return shown.replace("</video>", f"{tracks(clip_named(Path(clip['path']).name))}</video>")


def tracks(clip: Clip) -> str:
    """A clip's subtitles in each language, within the page: a browser does not read a file beside it from a disk."""
    texts = {language: b64encode(clip.subtitles(language).read_bytes()).decode() for language in LANGUAGES}
    return "".join(f'<track kind="subtitles" srclang="{language}" label="{LANGUAGE_NAMES[language]}" '
                   f'src="data:text/vtt;base64,{text}">' for language, text in texts.items())



if __name__ == "__main__":
    sys.exit(build(Path(*sys.argv[1:] or [HERE / "_build"]).resolve()))
