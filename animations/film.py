"""All clips as one film, in the manifest's order: `python -m animations.film [--language de] [--out film.mp4]`.

The clips are joined as they are, without encoding them again, but without the posters before them.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import av

from animations.manifest import HERE, LANGUAGES, clips
from animations.render import Settings, render_all
from unet_lib.core.errors import GlassBoxError, SettingsError


def main() -> None:
    """Render what is not up to date, then join."""
    parser = argparse.ArgumentParser(prog="python -m animations.film", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--out", type=Path, default=HERE / "rendered" / "film.mp4")
    args = parser.parse_args()
    settings = Settings(language=args.language)
    try:
        render_all(clips(), settings, settings.folder)
        seconds = join([settings.folder / settings.file(clip) for clip in clips()], args.out)
    except GlassBoxError as error:
        sys.exit(f"error: {error}")
    print(f"{args.out}: {seconds // 60:.0f} minutes {seconds % 60:.0f} seconds")


def join(videos: Sequence[Path], out: Path) -> float:
    """Write the videos one after the other into `out`, which takes its place when it is whole; returns the seconds.

    Raises SettingsError unless all have one size and clock.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = out.with_name(f".{out.name}")
    try:
        with av.open(str(scratch), "w", format="mp4") as film:
            seconds = _copy(videos, film)
        scratch.replace(out)
    finally:
        scratch.unlink(missing_ok=True)
    return seconds


def _copy(videos: Sequence[Path], film: "av.container.OutputContainer") -> float:
    stream, like, start = None, None, 0
    for video in videos:
        with av.open(str(video)) as clip:
            source = clip.streams.video[0]
            this = source.width, source.height, source.time_base
            if stream is None or like is None:
                stream, like = film.add_stream_from_template(source), this
            if this != like:
                raise SettingsError(f"{video}: expected width, height and clock {like}, as in {videos[0].name}; got "
                                    f"{this}. Render it again.")
            first, *pictures = (packet for packet in clip.demux(source) if packet.dts is not None)
            if pictures and pictures[0].is_keyframe:  # behind its poster, which has no place within a film
                start -= pictures[0].dts - first.dts
            else:
                pictures = [first, *pictures]
            for packet in pictures:
                packet.pts, packet.dts, packet.stream = packet.pts + start, packet.dts + start, stream
                film.mux(packet)
            start += source.duration
    return float(start * like[2]) if like else 0.0


if __name__ == "__main__":
    main()
