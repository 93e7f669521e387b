"""Frames → a film, as the contents of a file: GIF with what is installed anyway, MP4 where PyAV is."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from io import BytesIO
from itertools import pairwise

import numpy as np
from jaxtyping import Int, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.spatial import KDTree

from unet_lib.core.errors import SettingsError

RATE, FADE = 24, 8
"""MP4: frames a second, and how many of them fade from one held frame to the next."""
WIDTHS = {"gif": 960, "mp4": 1920}
"""In dots."""


def film(frames: Sequence[UInt8[np.ndarray, "h w 3"]], kind: str, seconds: float = 1.0) -> bytes:
    """A "gif" or an "mp4" in which each frame stays for so many seconds, the last one three times as long.

    An MP4 fades from one frame to the next; a GIF changes at once, and runs on and on.
    Raises SettingsError as `check_kind` does.
    """
    check_kind(kind)
    return _gif(frames, seconds) if kind == "gif" else _mp4(frames, seconds)


def check_kind(kind: str) -> None:
    """Raise SettingsError unless this kind of film can be made here."""
    if kind not in WIDTHS:
        raise SettingsError(f"expected a film of the kind gif or mp4; got {kind!r}.")
    if kind == "mp4" and find_spec("av") is None:
        raise SettingsError("an mp4 needs PyAV, which is not installed; it comes with the animations: "
                            "pip install -e '.[animations]'. A gif needs nothing more.")


def picture_of(figure: Figure, kind: str) -> UInt8[np.ndarray, "h w 3"]:
    """The figure in dots, as wide as this kind of film wants it (see WIDTHS)."""
    figure.set_dpi(WIDTHS[kind] / figure.get_figwidth())
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _gif(frames: Sequence[UInt8[np.ndarray, "h w 3"]], seconds: float) -> bytes:
    palette = _palette(frames)
    first, *others = (_indexed(frame, palette) for frame in frames)
    times, buffer = [round(1000 * seconds)] * len(others) + [round(3000 * seconds)], BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=times, loop=0)
    return buffer.getvalue()


def _palette(frames: Sequence[UInt8[np.ndarray, "h w 3"]]) -> UInt8[np.ndarray, "k 3"]:
    """At most 256 colours for all frames; with some for each, they would flicker.

    Half are the most frequent ones. The others are shared out among all colours there are, each counted once, to the
    nearest 8 levels: else thin lines would lose theirs.
    """
    colours, counts = np.unique(np.concatenate([_packed(frame) for frame in frames]), return_counts=True)
    frequent = _unpacked(colours[np.argsort(-counts, kind="stable")[:128]])
    coarse = np.unique(_unpacked(colours) >> 3, axis=0)
    others = Image.fromarray(8 * coarse[None] + 4).quantize(128, dither=Image.Dither.NONE).getpalette()
    return np.concatenate([frequent, np.array(others, np.uint8).reshape(-1, 3)])[:256]


def _indexed(frame: UInt8[np.ndarray, "h w 3"], palette: UInt8[np.ndarray, "k 3"]) -> Image.Image:
    """With the nearest of these colours for each dot; Pillow's own search takes near ones."""
    colours, indices = np.unique(_packed(frame), return_inverse=True)
    nearest = KDTree(palette).query(_unpacked(colours))[1].astype(np.uint8)
    indexed = Image.fromarray(nearest[indices.reshape(frame.shape[:2])], "P")
    indexed.putpalette(palette.tobytes())
    return indexed


def _packed(frame: UInt8[np.ndarray, "h w 3"]) -> Int[np.ndarray, "n"]:
    return frame.reshape(-1, 3).astype(np.int64) @ (1 << 16, 1 << 8, 1)


def _unpacked(colours: Int[np.ndarray, "n"]) -> UInt8[np.ndarray, "n 3"]:
    return (colours[:, None] >> np.array([16, 8, 0]) & 255).astype(np.uint8)


def _mp4(frames: Sequence[UInt8[np.ndarray, "h w 3"]], seconds: float) -> bytes:
    import av

    buffer = BytesIO()
    height, width = (side - side % 2 for side in frames[0].shape[:2])  # colours are stored for 2×2 dots
    with av.open(buffer, "w", "mp4") as container:
        stream = container.add_stream("libx264", RATE, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in _faded(frames, max(1, round(RATE * seconds) - FADE)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame[:height, :width], "rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def _faded(frames: Sequence[UInt8[np.ndarray, "h w 3"]], held: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    for frame, following in pairwise(frames):
        yield from [frame] * held
        for fraction in np.arange(1, FADE + 1) / (FADE + 1):
            yield np.rint((1 - fraction) * frame + fraction * following).astype(np.uint8)
    yield from [frames[-1]] * (3 * (held + FADE))
