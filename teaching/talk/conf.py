"""How Sphinx turns a language's text into slides. `python -m teaching.talk.build` gathers the text and calls Sphinx."""

import html
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator
from sphinx_revealjs._ext.notes import RevealjsNotes, revealjs_notes
from sphinx_revealjs.nodes import revealjs_section

from animations.manifest import clip_named

project = "How a U-Net finds a brain tumour"
extensions = ["myst_parser", "sphinx_revealjs"]
myst_enable_extensions = ["colon_fence"]

revealjs_html_theme = "revealjs-simple"
revealjs_static_path = ["talk.css", "talk.js"]
revealjs_css_files = ["talk.css"]
revealjs_script_conf = {
    "width": 1280, "height": 720, "margin": 0, "center": False, "display": "flex",
    "hash": True, "slideNumber": "c/t", "transition": "fade", "transitionSpeed": "fast", "controlsTutorial": False,
    "controlsLayout": "edges", "autoPlayMedia": True, "scrollActivationWidth": None,
    "defaultTiming": 0,  # the speaker's clock counts the seconds of each slide
}
revealjs_script_plugins = [{"src": "revealjs/plugin/notes/notes.js", "name": "RevealNotes"},
                           {"src": "talk.js", "name": "TalkClips"}]


class ClipOfSlide(SphinxDirective):
    """`{clip} NAME`: the slide's clip, its poster for paper, and with `:seconds:` how long to speak."""

    required_arguments = 1
    option_spec: ClassVar = {"seconds": directives.positive_int}

    def run(self) -> list[nodes.Node]:
        """The attribute of the slide from which the speaker's clock reads the seconds, and the clip."""
        if "seconds" not in self.options:
            raise self.error("expected :seconds: with the seconds to speak; got none. Write for example :seconds: 45.")
        timing = revealjs_section()
        timing["data-timing"] = self.options["seconds"]
        return [timing, nodes.raw("", clip_html(self.arguments[0], self.config.language), format="html")]


def clip_html(name: str, language: str) -> str:
    """The clip for the screen and its poster for paper, described by the clip's transcript."""
    words = html.escape(clip_named(name).transcript[language])
    return (f'<video src="clips/{name}.mp4" poster="clips/{name}.jpg" aria-label="{words}" data-autoplay muted '
            f'playsinline preload="auto"></video><img class="poster" src="clips/{name}.jpg" alt="{words}">')


def open_notes(page: HTML5Translator, node: revealjs_notes) -> None:
    """The slide's seconds, then the notes; sphinx-revealjs itself would run their paragraphs together."""
    timing = next(node.parent.findall(revealjs_section))
    page.body.append(f'<aside class="notes">\n<p><strong>{timing["data-timing"]} s</strong></p>\n')


def close_notes(page: HTML5Translator, _node: revealjs_notes) -> None:
    """After the last paragraph."""
    page.body.append("</aside>\n")


def setup(app: Sphinx) -> ExtensionMetadata:
    """The two words that a slide's text may use: `clip` and `notes`."""
    app.add_directive("clip", ClipOfSlide)
    app.add_directive("notes", RevealjsNotes)
    app.add_node(revealjs_notes, override=True, revealjs=(open_notes, close_notes))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
