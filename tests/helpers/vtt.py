"""Reads WebVTT after its specification, as far as subtitles need it."""

import re
from html import unescape

from animations.subtitles import Line

TIMES = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})")


def parsed(text):
    """A WebVTT file's header lines and its cues, after the specification: blocks between blank lines."""
    head, *blocks = re.split(r"\n{2,}", text.strip("\n"))
    assert head.split("\n")[0] == "WEBVTT"
    cues = []
    for block in blocks:
        times, *lines = block.split("\n")
        hours, minutes, seconds, thousandths, *end = map(int, TIMES.fullmatch(times).groups())
        start = ((hours * 60 + minutes) * 60 + seconds) + thousandths / 1000
        assert lines and not any("-->" in line for line in lines)
        cues.append(Line(start, ((end[0] * 60 + end[1]) * 60 + end[2]) + end[3] / 1000, unescape("\n".join(lines))))
    return head.split("\n")[1:], cues
