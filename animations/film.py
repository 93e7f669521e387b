"""Clips as one film, in the manifest's order, with a chapter for each and subtitles in both languages.

    python -m animations.film [--short] [--only NAME …] [--quality h] [--language de] [--captions off] [--out FILE]

`--short` is the film of two minutes. The clips are joined as they are, without encoding them again, but without the
posters before them.
"""

import argparse
import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import av

from animations.manifest import HERE, LANGUAGES, Clip, clip_named, clips, index
from animations.render import QUALITIES, Settings, render_all
from animations.subtitles import Line, lines_of, webvtt
from unet_lib.core.atomic_io import write_text
from unet_lib.core.errors import GlassBoxError, SettingsError


def main() -> None:
    """Render what is not up to date, then join. A user's mistake is one clear line and status 2."""
    args = arguments()
    settings = Settings(args.quality, language=args.language, captions=args.captions == "on")
    try:
        chosen = chosen_clips(args.only, args.short)
        render_all(chosen, settings, settings.folder, args.jobs)
        starts = join([settings.folder / settings.file(clip) for clip in chosen], args.out,
                      [clip.title[args.language] for clip in chosen])
    except GlassBoxError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    for language in LANGUAGES:
        write_text(args.out.with_suffix(f".{language}.vtt"),
                   webvtt(subtitles(chosen, starts, language, settings.folder), language))
    print(f"{args.out}: {len(chosen)} clips, {starts[-1] // 60:.0f} minutes {starts[-1] % 60:.0f} seconds")


def arguments() -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(prog="python -m animations.film", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="two minutes, of the clips marked short in clips.toml")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="these clips alone, in the film's order")
    parser.add_argument("--quality", choices=QUALITIES, default="m", help=f"{QUALITIES} (default m)")
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--captions", choices=("on", "off"), default="on", help="the lines at the bottom")
    parser.add_argument("--jobs", type=int, default=1, help="how many clips are rendered at a time")
    parser.add_argument("--out", type=Path, default=HERE / "rendered" / "film.mp4")
    return parser.parse_args()


def chosen_clips(only: Sequence[str], short: bool) -> list[Clip]:
    """The clips of a film, in its order. Raises SettingsError for a name that is not there."""
    wanted = {clip_named(name).name for name in only} or {clip.name for clip in clips()}
    return [clip for clip in clips() if clip.name in wanted and (clip.short or not short)]


def subtitles(chosen: Sequence[Clip], starts: Sequence[float], language: str, folder: Path) -> list[Line]:
    """What is said in the whole film, from the times at which its clips begin."""
    listed = index(folder)
    return [line for clip, start in zip(chosen, starts)
            for line in lines_of(listed[f"{clip.name}.mp4"]["cues"], clip.scene.lines(language), start)]


def join(videos: Sequence[Path], out: Path, titles: Sequence[str] = ()) -> list[float]:
    """Write the videos one after the other into `out`, which takes its place when it is whole, with a chapter for each
    title. Returns when each begins, and when the last ends, in seconds.

    Raises SettingsError unless all have one size and clock.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = out.with_name(f".{out.name}")
    starts = list(accumulate(map(length, videos), initial=Fraction(0)))
    try:
        with av.open(str(scratch), "w", format="mp4") as film:
            film.set_chapters([chapter(number, *ends, title) for number, (ends, title)
                               in enumerate(zip(pairwise(starts), titles))])
            _copy(videos, film)
        scratch.replace(out)
    finally:
        scratch.unlink(missing_ok=True)
    return [float(start) for start in starts]


def chapter(number: int, start: Fraction, end: Fraction, title: str) -> dict:
    """A chapter as PyAV wants it, in thousandths of a second."""
    return {"id": number, "start": round(1000 * start), "end": round(1000 * end), "time_base": Fraction(1, 1000),
            "metadata": {"title": title}}


def length(video: Path) -> Fraction:
    """A video's length in seconds, without the poster before it."""
    with av.open(str(video)) as clip:
        source, (poster, pictures) = clip.streams.video[0], _parted(clip)
        return (source.duration - (pictures[0].dts - poster.dts if poster else 0)) * source.time_base


def _parted(clip: "av.container.InputContainer") -> "tuple[av.Packet | None, list[av.Packet]]":
    """The poster, if the clip has one, and its own pictures, which then begin with a whole one too."""
    first, *pictures = (packet for packet in clip.demux(clip.streams.video[0]) if packet.dts is not None)
    return (first, pictures) if pictures and pictures[0].is_keyframe else (None, [first, *pictures])


def _copy(videos: Sequence[Path], film: "av.container.OutputContainer") -> None:
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
            poster, pictures = _parted(clip)
            start -= pictures[0].dts - poster.dts if poster else 0
            for packet in pictures:
                packet.pts, packet.dts, packet.stream = packet.pts + start, packet.dts + start, stream
                film.mux(packet)
            start += source.duration


if __name__ == "__main__":
    main()
