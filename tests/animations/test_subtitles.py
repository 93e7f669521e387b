"""Subtitles: read by a parser of our own and by Chromium's, and in step with the scene."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vtt import parsed

from animations.subtitles import Line, clock, lines_of, webvtt

AWKWARD = [Line(0.5, 2, "a < b & c > d"), Line(2, 3.25, "“&amp;” and <b>--></b>"),
           Line(3599.9995, 3661.5, "größer − ≥ 1")]


def test_our_parser_reads_what_was_written():
    head, cues = parsed(webvtt(AWKWARD, "de"))
    assert head == ["Kind: captions", "Language: de"]
    assert [cue.text for cue in cues] == [line.text for line in AWKWARD]
    assert [cue[:2] for cue in cues] == [pytest.approx(line[:2], abs=6e-4) for line in AWKWARD]


def test_chromium_reads_it_too(chromium):
    page = chromium.new_page()
    try:
        page.set_content("<video></video>")
        cues = page.evaluate("""text => new Promise((resolve, reject) => {
            const track = document.createElement("track");
            track.onload = () => resolve([...track.track.cues].map(cue =>
                [cue.startTime, cue.endTime, cue.getCueAsHTML().textContent]));
            track.onerror = reject;
            track.src = URL.createObjectURL(new Blob([text], {type: "text/vtt"}));
            document.querySelector("video").append(track);
            track.track.mode = "showing";
        })""", webvtt(AWKWARD, "en"))
    finally:
        page.close()
    assert [tuple(cue) for cue in cues] == parsed(webvtt(AWKWARD, "en"))[1]


@pytest.mark.parametrize(("seconds", "written"), [
    (0, "00:00:00.000"), (83.25, "00:01:23.250"), (59.9996, "00:01:00.000"), (3599.9999, "01:00:00.000"),
    (3661.5, "01:01:01.500"), (360000, "100:00:00.000")])
def test_times_carry_over_and_go_beyond_an_hour(seconds, written):
    assert clock(seconds) == written


SAYING = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1)


@given(st.lists(st.tuples(st.floats(0.01, 5000), SAYING), min_size=1, max_size=5))
def test_any_text_and_any_time_come_back(said):
    ends, lines = 0.0, []
    for seconds, text in said:
        lines.append(Line(ends, ends := ends + seconds, text))
    cues = parsed(webvtt(lines, "en"))[1]
    assert [cue.text for cue in cues] == [line.text for line in lines]
    assert all(one.end == other.start for one, other in pairwise(cues)), "rounded alike: neither gap nor overlap"


def test_lines_of_a_film_come_later():
    cues = [("one", 0.45, 3.0), ("statement", 3.0, 5.0)]
    assert lines_of(cues, {"one": "First.", "statement": "Last."}, 60) == [Line(60.45, 63.0, "First."),
                                                                           Line(63.0, 65.0, "Last.")]
