"""Subtitles of clips and films, as WebVTT: what is said while a beat runs, from the beats' own times."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """Something said from one second to another."""

    start: float
    end: float
    text: str


def lines_of(cues: Iterable[Sequence], said: Mapping[str, str], later: float = 0.0) -> list[Line]:
    """The lines of a clip: its cues (beat, start, end) with what is said in each beat, `later` seconds later."""
    return [Line(start + later, end + later, said[beat]) for beat, start, end in cues]


def webvtt(lines: Iterable[Line], language: str) -> str:
    """The text of a .vtt file. Times are in seconds."""
    blocks = [f"{clock(line.start)} --> {clock(line.end)}\n{escaped(line.text)}" for line in lines]
    return "\n\n".join([f"WEBVTT\nKind: captions\nLanguage: {language}", *blocks]) + "\n"


def clock(seconds: float) -> str:
    """83.25 → 00:01:23.250."""
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d}.{whole % 1000:03d}"


def escaped(text: str) -> str:
    """WebVTT reads & and < as the beginning of something."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
