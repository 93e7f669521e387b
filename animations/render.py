"""Renders clips: `python -m animations.render [--quality l|m|h|k] [--only NAME …] [--format …] [--language …]`.

The clips that the lessons show (720p, mp4, English) go to animations/clips/, all others to animations/rendered/, each
with subtitles in both languages. A clip that is up to date is left alone, so an interrupted rendering goes on where it
stopped. `--captions off` is for speakers, who say themselves what is seen.
"""

import argparse
import io
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from tqdm import tqdm

from animations.manifest import CLIPS, HERE, INDEX, LANGUAGES, Clip, clip_named, clips, index, made_from, unchanged
from animations.subtitles import lines_of, webvtt
from unet_lib.core.atomic_io import atomic_file, write_text
from unet_lib.core.errors import GlassBoxError, SettingsError

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.video.stream import VideoStream

    from animations.clip_scene import ClipScene

FORMATS = ("mp4", "webm", "gif")
QUALITIES = {"l": "480p, 15 pictures a second", "m": "720p, 30", "h": "1080p, 60", "k": "2160p, 60"}
ENCODERS = {"mp4": ("libx264", {"crf": "29", "preset": "slow", "g": "300", "tune": "animation"}),
            "webm": ("libvpx-vp9", {"crf": "34", "b": "0", "g": "300", "deadline": "good", "cpu-used": "4"})}
"""Codec and settings (crf: how coarsely it may draw): below 1 MB a clip, with sharp lettering."""
JUST_SEEN = 10
"""Grey levels of 255: smaller differences are those of the video's compression."""
GIF_RATE, GIF_WIDTH, GIF_COLOURS = 6, 400, 32
README_CLIP, README_PICTURE = clip_named("hook"), HERE / "readme.gif"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to render."""

    quality: str = "m"
    format: str = "mp4"
    language: str = "en"
    captions: bool = True

    @property
    def folder(self) -> Path:
        """Where it goes."""
        plain = "" if self.captions else "-plain"
        return CLIPS if self == Settings() else HERE / "rendered" / f"{self.quality}-{self.language}{plain}"

    def file(self, clip: Clip) -> str:
        """The name of a clip's file."""
        return f"{clip.name}.{self.format}"


def main() -> None:
    """The command line. A user's mistake is one clear line and status 2; Ctrl-C is status 130."""
    args = arguments()
    settings = Settings(args.quality, args.format, args.language, args.captions == "on")
    try:
        chosen = [clip_named(name) for name in args.only] or list(clips())
        folder = args.out or settings.folder
        done = render_all(chosen, settings, folder, args.jobs, args.again)
        if done and folder == CLIPS:
            encode(README_CLIP.video, README_PICTURE)
    except GlassBoxError as error:
        sys.exit(_complain(error))
    except KeyboardInterrupt:
        print("Interrupted. What is finished stays; the same command goes on from there.", file=sys.stderr)
        sys.exit(130)
    print(f"{done} rendered, {len(chosen) - done} up to date, in {folder}")


def arguments() -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(prog="python -m animations.render", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", choices=QUALITIES, default="m", help=f"{QUALITIES} (default m)")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="these clips alone")
    parser.add_argument("--format", choices=FORMATS, default="mp4")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time (default: all cores)")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of titles, captions and labels")
    parser.add_argument("--captions", choices=("on", "off"), default="on", help="the lines at the bottom")
    parser.add_argument("--out", type=Path, help="another folder")
    parser.add_argument("--again", action="store_true", help="also what is up to date")
    return parser.parse_args()


def render_all(chosen: Sequence[Clip], settings: Settings, folder: Path, jobs: int = 1, again: bool = False) -> int:
    """Render what is not up to date, each clip in a process of its own; returns how many were.

    Raises SettingsError without Manim, or for fewer than one job.
    """
    _check(jobs)
    wanted = {clip.name: made_from(clip, settings.language, settings.captions) for clip in chosen}
    have = index(folder)
    todo = [clip for clip in chosen if again or not (folder / settings.file(clip)).is_file()
            or not unchanged(have.get(settings.file(clip), {}).get("made from", {}), wanted[clip.name])]
    # A fresh process for each: Manim keeps what it has drawn in memory.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        running = {pool.submit(render_clip, clip.name, settings, folder): clip for clip in todo}
        try:
            for future in tqdm(as_completed(running), total=len(todo), desc="Rendering", unit="clip",
                               disable=not (todo and sys.stderr.isatty())):
                clip = running[future]
                entry = {"made from": wanted[clip.name], **future.result()}
                write_text(folder / INDEX, json.dumps({**index(folder), settings.file(clip): entry}, indent=1,
                                                      sort_keys=True) + "\n")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return len(todo)


def render_clip(name: str, settings: Settings, folder: Path) -> dict[str, Any]:
    """Render one clip, its poster, which is its last picture, and its subtitles; each takes its place when it is whole.

    Returns its size in bytes and pixels, its length in seconds, which fraction of its pictures `moving` says, and when
    each beat runs.
    """
    clip = clip_named(name)
    with tempfile.TemporaryDirectory() as scratch:
        played = play(clip.scene, settings, Path(scratch))
        video = Path(played.renderer.file_writer.movie_file_path)
        last = Image.fromarray(played.renderer.get_frame()).convert("RGB")
        small = encode(video, Path(scratch) / settings.file(clip))
        if small.suffix != ".gif":
            small = behind_poster(small, last, Path(scratch) / f"whole-{small.name}")
        with atomic_file(folder / settings.file(clip)) as file, small.open("rb") as encoded:
            shutil.copyfileobj(encoded, file)
        poster = io.BytesIO()
        last.save(poster, "JPEG", quality=82, optimize=True)
        with atomic_file(folder / clip.poster.name) as file:
            file.write(poster.getvalue())
        facts = measure(video)
        for language in LANGUAGES:
            lines = lines_of(played.cues, played.lines(language), 0 if small.suffix == ".gif" else 1 / facts["rate"])
            write_text(folder / clip.subtitles(language).name, webvtt(lines, language))
        return {"bytes": small.stat().st_size, **facts, "moving": moving(video), "cues": played.cues}


def play(scene: "type[ClipScene]", settings: Settings, scratch: Path, only: str | None = None,
         **config: Any) -> "ClipScene":
    """Let a scene play, or `only` one of its beats, with `config` on top of the quality's.

    Its files go below `scratch`. Returns the scene as it ends."""
    from manim import QUALITIES as PRESETS
    from manim import tempconfig
    from svgelements import Path as Outline

    # Each letter keeps the outline it was made from, and each movement copies its letters: half of the time, for
    # something that nobody changes.
    Outline.__deepcopy__ = lambda outline, _: outline
    spoken = type(scene.__name__, (scene,), {"language": settings.language, "captions": settings.captions,
                                               "only": only, "__module__": scene.__module__})
    preset = next(name for name, values in PRESETS.items() if values["flag"] == settings.quality)
    # Hashing what an animation shows, to find it in a cache, takes longer than drawing it.
    with tempconfig({"quality": preset, "format": "mp4", "disable_caching": True, "media_dir": str(scratch),
                     "progress_bar": "none", "verbosity": "ERROR",
                     "video_encoder_options": {"crf": "12", "preset": "ultrafast"}, **config}):
        played = spoken()
        played.render()
        return played


def encode(video: Path, target: Path) -> Path:
    """Encode a video once more, in the format that the target's name says; returns the target.

    Manim begins each movement with a whole picture, which makes files three times as large as they need to be.
    """
    import av

    with av.open(str(video)) as source:
        pictures = source.decode(video=0)
        rate = source.streams.video[0].average_rate
        if target.suffix == ".gif":
            _encode_gif(pictures, float(rate or GIF_RATE), target)
            return target
        codec, options = ENCODERS[target.suffix[1:]]
        with av.open(str(target), "w") as file:
            stream = file.add_stream(codec, rate=rate, options=options)
            stream.width, stream.height = source.streams.video[0].width, source.streams.video[0].height
            stream.pix_fmt = "yuv420p"
            for number, picture in enumerate(pictures):
                picture.pts, picture.time_base, picture.pict_type = number, 1 / rate, 0
                file.mux(stream.encode(picture))
            file.mux(stream.encode(None))
    return target


def behind_poster(video: Path, poster: Image.Image, target: Path) -> Path:
    """Write the video with the poster as one more picture before its first; returns the target.

    A player shows the first picture until it plays, also where it does not find a poster of its own, as in JupyterLab.
    What is encoded stays as it is, and begins after the poster with a whole picture.
    """
    import av

    still = _still(poster, video, target.suffix[1:])
    with av.open(str(video)) as source, av.open(still) as one, av.open(str(target), "w") as file:
        clip, whole = source.streams.video[0], one.streams.video[0]
        if clip.codec_context.extradata != whole.codec_context.extradata or clip.time_base != whole.time_base:
            raise SettingsError(f"{video}: expected a video that `encode` has made. Render it again.")
        stream, pictures = file.add_stream_from_template(clip), _packets(clip)
        before, first = next(_packets(whole)), next(pictures)
        before.pts, before.dts, length = first.pts, first.dts, int(1 / (clip.average_rate * clip.time_base))
        for packet in (before, first, *pictures):
            later = 0 if packet is before else length
            packet.pts, packet.dts, packet.stream = packet.pts + later, packet.dts + later, stream
            file.mux(packet)
    return target


def _still(poster: Image.Image, video: Path, kind: str) -> io.BytesIO:
    """A video of one picture, like the other one in all else."""
    import av

    codec, options = ENCODERS[kind]
    with av.open(str(video)) as source, av.open(still := io.BytesIO(), "w", format=kind) as file:
        clip = source.streams.video[0]
        stream = file.add_stream(codec, rate=clip.average_rate, options=options)
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
        picture = av.VideoFrame.from_image(poster.resize((clip.width, clip.height)))
        file.mux([*stream.encode(picture), *stream.encode(None)])
    still.seek(0)
    return still


def _packets(stream: "VideoStream") -> "Iterator[Packet]":
    """The encoded pictures of a video; the demuxer ends with an empty one."""
    return (packet for packet in stream.container.demux(stream) if packet.dts is not None)


def _encode_gif(pictures: "Iterator[VideoFrame]", rate: float, target: Path) -> None:
    """Fewer pictures, smaller, in few colours, the same for all: so only what moves has to be kept."""
    kept = [picture for number, picture in enumerate(pictures) if int(number * GIF_RATE / rate) !=
            int((number - 1) * GIF_RATE / rate)]
    small = [picture.to_image().resize((GIF_WIDTH, GIF_WIDTH * picture.height // picture.width)) for picture in kept]
    samples = Image.new("RGB", (GIF_WIDTH, small[0].height * 8))
    for place in range(8):
        samples.paste(small[place * (len(small) - 1) // 7], (0, place * small[0].height))
    palette = samples.quantize(GIF_COLOURS)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in small]
    frames[0].save(target, save_all=True, append_images=frames[1:], duration=1000 // GIF_RATE, loop=0, optimize=True)


def moving(video: Path) -> float:
    """The fraction of a video's pictures in which anything has changed since the one before, as an eye would see it.

    Pictures are compared at a quarter of their size, by the largest difference of grey levels.
    """
    import av

    with av.open(str(video)) as source:
        small = [picture.reformat(picture.width // 4, picture.height // 4, "gray").to_ndarray().astype(int)
                 for picture in source.decode(video=0)]
    changed = [abs(after - before).max() > JUST_SEEN for before, after in pairwise(small)]
    return round(sum(changed) / max(len(changed), 1), 3)


def measure(video: Path) -> dict[str, Any]:
    """A video's width, height, pictures a second, and length in seconds."""
    import av

    with av.open(str(video)) as file:
        stream = file.streams.video[0]
        seconds = round((file.duration or 0) / av.time_base, 2)
        return {"width": stream.width, "height": stream.height, "rate": float(stream.average_rate or 0),
                "seconds": seconds}


def _check(jobs: int) -> None:
    if jobs < 1:
        raise SettingsError(f"expected --jobs of at least 1; got {jobs}.")
    try:
        import manim  # noqa: F401
    except ImportError as error:
        raise SettingsError(f"Manim cannot be imported ({error}). It needs cairo and pango: `make animations` installs "
                            f"everything, or says what to install.") from error


def _complain(error: GlassBoxError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
