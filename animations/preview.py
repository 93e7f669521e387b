"""One beat of a scene in seconds: `python -m animations.preview NAME [BEAT] [--language de]`.

Draws it small, from animations/scenes/NAME.py, and writes a video and a sheet of its pictures to animations/rendered/
preview/. Without BEAT it is the whole clip. What comes before the beat is done, but not drawn.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import av
from PIL import Image

from animations.manifest import HERE, LANGUAGES, clip_named
from animations.render import Settings, encode, moving, play
from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.errors import GlassBoxError, SettingsError

SHEET_COLUMNS, SHEET_ROWS, THUMBNAIL = 4, 4, (427, 240)


def main() -> None:
    """The command line. A user's mistake is one clear line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m animations.preview", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("beat", metavar="BEAT", nargs="?")
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--out", type=Path, default=HERE / "rendered" / "preview", help="another folder")
    args = parser.parse_args()
    try:
        video = preview(args.name, args.beat, args.language, args.out)
    except GlassBoxError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{video}: {100 * moving(video):.0f} % of its pictures move\n{video.with_suffix('.png')}")


def preview(name: str, beat: str | None, language: str, folder: Path) -> Path:
    """Write the video and the sheet; returns the video. Raises SettingsError for a clip or beat that is not there."""
    scene = clip_named(name).scene
    if beat not in (None, "statement", *scene.beats()):
        raise SettingsError(f"no beat {beat!r} in {name}; expected one of {', '.join(scene.beats())}, statement.")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}{'-' if beat else ''}{beat or ''}.mp4"
    with tempfile.TemporaryDirectory() as scratch:
        played = play(scene, Settings("l", language=language), Path(scratch), beat)
        encoded = encode(Path(played.renderer.file_writer.movie_file_path), Path(scratch) / target.name)
        with atomic_file(target) as file:
            file.write(encoded.read_bytes())
    sheet(target).save(target.with_suffix(".png"))
    return target


def sheet(video: Path) -> Image.Image:
    """Sixteen pictures of a video, from its beginning to its end, row by row."""
    with av.open(str(video)) as source:
        pictures = [picture.to_image().resize(THUMBNAIL) for picture in source.decode(video=0)]
    page = Image.new("RGB", (SHEET_COLUMNS * THUMBNAIL[0], SHEET_ROWS * THUMBNAIL[1]))
    for place in range(SHEET_COLUMNS * SHEET_ROWS):
        picture = pictures[place * (len(pictures) - 1) // (SHEET_COLUMNS * SHEET_ROWS - 1)]
        page.paste(picture, (place % SHEET_COLUMNS * THUMBNAIL[0], place // SHEET_COLUMNS * THUMBNAIL[1]))
    return page


if __name__ == "__main__":
    main()
