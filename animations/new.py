"""Begins a new scene from the template: `python -m animations.new NAME LESSON`, such as `snake 02_convolution`.

Writes animations/scenes/NAME.py and an entry in clips.toml, both to be filled in. Then `python -m animations.preview
NAME` shows what there is, and `… NAME BEAT` one beat alone.
"""

import argparse
import re
import sys

from animations.manifest import HERE, clips
from unet_lib.core.atomic_io import write_text
from unet_lib.core.errors import GlassBoxError, SettingsError
from unet_lib.core.paths import repository

ENTRY = '''
[[clip]]
name = "{name}"
lesson = "{lesson}"
title = {{ en = "Title", de = "Titel" }}
statement = {{ en = "One plain sentence that the clip has shown.", de = "Ein Satz, den der Clip gezeigt hat." }}
transcript.en = """
What is seen, in fifty to ninety words, for those who cannot see it."""
transcript.de = """
Was man sieht, in fünfzig bis neunzig Wörtern, für alle, die es nicht sehen können."""
'''


def main() -> None:
    """The command line. A user's mistake is one clear line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m animations.new", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("lesson", metavar="LESSON")
    args = parser.parse_args()
    try:
        begin(args.name, args.lesson)
    except GlassBoxError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"Fill in animations/scenes/{args.name}.py and the last entry of animations/clips.toml.\n"
          f"See one beat: python -m animations.preview {args.name} a_slice")


def begin(name: str, lesson: str) -> None:
    """Write the scene and its entry. Raises SettingsError for a name that is taken or none, or an unknown lesson."""
    lessons = sorted(path.stem for path in (repository() / "notebooks").glob("[0-9]*.ipynb"))
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise SettingsError(f"expected a name of small letters, such as max_pooling; got {name!r}.")
    if name in {clip.name for clip in clips()} or (HERE / "scenes" / f"{name}.py").exists():
        raise SettingsError(f"there is a scene {name!r} already; choose another name, or edit "
                            f"animations/scenes/{name}.py.")
    if lesson not in lessons:
        raise SettingsError(f"no lesson {lesson!r}; expected one of {', '.join(lessons)}.")
    scene = (HERE / "template.py").read_text("utf-8")
    words = "".join(part.capitalize() for part in name.split("_"))
    write_text(HERE / "scenes" / f"{name}.py", scene.replace("class Template", f"class {words}"))
    manifest = HERE / "clips.toml"
    write_text(manifest, manifest.read_text("utf-8") + ENTRY.format(name=name, lesson=lesson))


if __name__ == "__main__":
    main()
