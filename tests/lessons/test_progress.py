"""What the reader has solved is kept in their file, across kernels, and never harms it."""

import json

import pytest
from reader_answers_09 import verdict

from unet_lib.lessons import exercises as check


@pytest.fixture
def kept(tmp_path, monkeypatch):
    path = tmp_path / "my_progress.json"
    monkeypatch.setenv("UNET_PROGRESS", str(path))
    return path


def test_right_answers_are_counted_once_and_wrong_ones_never(kept):
    total = len(check.LESSONS["09"])
    assert repr(check.progress("09")) == f"{'○' * total} 0 of {total} exercises of lesson 09 solved"
    assert check.patients_needed(7).progress is None and not kept.exists()
    for _ in range(2):
        assert f"(1 of {total})" in repr(check.patients_needed(54))
    assert json.loads(kept.read_text()) == {"09": ["patients_needed"]}
    page = check.verdict(verdict)._repr_html_()
    assert f"●●{'○' * (total - 2)} 2 of {total}" in page and "prefers-reduced-motion" in page
    assert str(check.progress("09")) == f"2 of {total}"


@pytest.mark.parametrize("content", ["not JSON", "[1]", '{"09": "patients_needed"}', '{"09": [1]}'])
def test_a_file_that_is_not_ours_is_left_alone(kept, content):
    kept.write_text(content)
    assert check.patients_needed(54).progress is None
    assert kept.read_text() == content


def test_a_place_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNET_PROGRESS", str(tmp_path / "file" / "my_progress.json"))
    assert check.patients_needed(54).right


def test_without_a_kernel_nothing_is_kept_unless_asked_for(monkeypatch):
    monkeypatch.delenv("UNET_PROGRESS")
    assert check.patients_needed(54).progress is None
    monkeypatch.setenv("UNET_PROGRESS", "off")
    assert check.patients_needed(54).progress is None


def test_every_exercise_belongs_to_one_lesson():
    names = [name for lesson in check.LESSONS.values() for name in lesson]
    assert sorted(names) == sorted(check.EXERCISES)


def test_mine_is_the_readers_only_if_it_is_right(capsys):
    ours = check.stamp.mine()
    assert check.stamp.mine(lambda x, kernel, stride: x) is ours and check.stamp.mine(ours) is ours

    def own(x, kernel, stride):
        return ours(x, kernel, stride)

    assert check.stamp.mine(own) is own
    lines = capsys.readouterr().out.splitlines()
    assert lines == [*["stamp: ours, until yours passes its check"] * 3, "stamp: yours"]
    with pytest.raises(TypeError, match="no answer of ours"):
        check.patients_needed.mine(3)
