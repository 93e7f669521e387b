"""The talk "How a U-Net finds a brain tumour", as slides that open without a network and as PDF: `make slides`.

    python -m teaching.talk.build                     # English and German → teaching/talk/_build/
    python -m teaching.talk.build --language de --no-pdf

Each language's text is talk.LANGUAGE.md beside this file. Its figures come from data/results, its clips from the
folders that `clip_folders` names.
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sphinx.cmd.build import build_main

from animations.manifest import CLIPS, LANGUAGES, clip_named
from animations.manifest import HERE as ANIMATIONS
from teaching.talk.figures import fill
from unet_lib.core.atomic_io import write_text
from unet_lib.core.errors import GlassBoxError, SettingsError

HERE = Path(__file__).resolve().parent
CLIP = re.compile(r"(?m)^:::+\{clip\} *(\S+)")


def main() -> None:
    """The command line. A user's mistake is one clear line and status 2."""
    args = arguments()
    try:
        pages = [build(language, args.out, [args.clips] if args.clips else clip_folders(language))
                 for language in args.language or LANGUAGES]
        print(*(f"open {page}" for page in pages), sep="\n")
        if args.pdf:
            print(*print_all(pages, args.browser), sep="\n")
    except GlassBoxError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def arguments() -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(prog="python -m teaching.talk.build", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", nargs="+", choices=LANGUAGES, help="default: all")
    parser.add_argument("--clips", type=Path, help="the folder with all clips and posters, instead of the usual ones")
    parser.add_argument("--out", type=Path, default=HERE / "_build", help="default: teaching/talk/_build")
    parser.add_argument("--no-pdf", dest="pdf", action="store_false", help="slides alone, which need no browser")
    parser.add_argument("--browser", help="Chrome's or Chromium's program, if it is not found by itself")
    return parser.parse_args()


def clip_folders(language: str) -> list[Path]:
    """Where clips are looked for: those without captions, those in the language, and the committed ones."""
    rendered = ANIMATIONS / "rendered"
    return [rendered / f"m-{language}-plain", rendered / f"m-{language}", CLIPS]


def build(language: str, out: Path, folders: Sequence[Path], text: Path | None = None) -> Path:
    """Make the slides anew in `out`/`language`, and return the page to open; `text` stands for talk.LANGUAGE.md.

    Raises SettingsError, and leaves earlier slides alone, for an unknown figure, a missing clip, text that Sphinx
    cannot read without a warning, or a folder that holds anything else.
    """
    text, site = text or HERE / f"talk.{language}.md", out / language
    if site.exists() and not (site / "clips").is_dir():
        raise SettingsError(f"{site}: expected a new folder, or one with earlier slides. Name another with --out.")
    words = fill(text.read_text("utf-8"), language, text.name)
    clips = find_clips(CLIP.findall(words), folders, text.name)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".") as scratch:
        made = run_sphinx(words, language, Path(scratch), text.name)
        (made / "clips").mkdir()
        for clip in clips:
            shutil.copyfile(clip, made / "clips" / clip.name)
        shutil.rmtree(site, ignore_errors=True)
        made.rename(site)
    return site / "index.html"


def find_clips(names: Sequence[str], folders: Sequence[Path], file: str) -> list[Path]:
    """Each clip and its poster, from the first folder that has both.

    Raises SettingsError for a clip that clips.toml does not know, or that no folder has.
    """
    found = []
    for name in names:
        files = [f"{clip_named(name).name}.{kind}" for kind in ("mp4", "jpg")]
        folder = next((here for here in folders if all((here / one).is_file() for one in files)), None)
        if folder is None:
            raise SettingsError(f"{file}: expected {' and '.join(files)} in {' or '.join(map(str, folders))}; got "
                                f"neither. Render the clip: python -m animations.render --only {name}")
        found += [folder / one for one in files]
    return found


def run_sphinx(words: str, language: str, scratch: Path, file: str) -> Path:
    """Turn the text into slides; returns their folder. Raises SettingsError if Sphinx has anything to say."""
    site = scratch / "site"
    write_text(scratch / "source" / "index.md", words)
    status = build_main(["-b", "revealjs", "-W", "--keep-going", "-q", "-c", str(HERE), "-D", f"language={language}",
                         "-d", str(scratch / "doctrees"), str(scratch / "source"), str(site)])
    if status:
        raise SettingsError(f"{file}: Sphinx has said above what it could not read. Correct these lines.")
    for unused in (*site.rglob("*.map"), *site.rglob("*.scss"), site / ".buildinfo", site / "objects.inv"):
        unused.unlink(missing_ok=True)
    return site


def print_all(pages: Sequence[Path], browser: str | None = None) -> list[Path]:
    """Print each language's slides as PDF, alone and with their notes; returns the files.

    Raises SettingsError without Playwright or a browser.
    """
    try:
        from teaching.talk.pdf import print_pdfs
    except ImportError as error:
        raise SettingsError(f"expected Playwright, to print the PDF; got: {error}. `make slides` installs it; "
                            f"--no-pdf does without.") from error
    return print_pdfs(pages, browser)


if __name__ == "__main__":
    main()
