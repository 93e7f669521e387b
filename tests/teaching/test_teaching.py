"""What teachers are told is true: each quoted hint is earned by a wrong answer, and each minute is recalculated."""

import re
from functools import cache

import nbformat
import pytest
from reader_answers import TABLE
from repository import REPOSITORY

from unet_lib.lessons import exercises
from unet_lib.lessons.doctor import school
from unet_lib.lessons.minutes import by_section, estimate

FOLDER = REPOSITORY / "teaching"
NOTES = sorted((FOLDER / "notes").glob("*.md"))
PAGES = [*sorted(FOLDER.glob("*.md")), *NOTES]
LESSONS = {path.stem: path for path in sorted((REPOSITORY / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
PARTS = ["Misconceptions", "Where a class may get stuck", "Questions to ask aloud", "Short of time", "Minutes"]
HINT = re.compile(r"`(\w+)`: “(.+?)”", re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
SECTION = re.compile(r"(?<![*\w])\*([^*\n]+)\*(?!\*)")
NOT_COUNTED = 3  # minutes by which a lesson may change before an estimate has to


@cache
def lesson(stem):
    return nbformat.read(LESSONS[stem], 4)


@cache
def minutes(stem):
    """Minutes of each section, in order."""
    return {title: found.total for title, found in by_section(lesson(stem)).items()}


def named_section(stem, words):
    """The lesson's section that begins like this; there must be one."""
    found = [title for title in minutes(stem) if title == words] or \
        [title for title in minutes(stem) if title.startswith(words)]
    assert len(found) == 1, f"{stem} has no section “{words}”"
    return found[0]


def part(text, title):
    """What stands below a heading of the second level."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text):
    """The cells of every row of the tables in a text, heads included."""
    lines = [line.strip("|") for line in text.splitlines() if line.startswith("|") and not line.startswith("|--")]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


# --- notes ----------------------------------------------------------------------------------------------------


def test_every_lesson_has_its_notes():
    assert [path.stem for path in NOTES] == list(LESSONS)


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_a_note_has_all_its_parts(path):
    text = path.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    assert re.search(r"^\*\*The point\.\*\* \w", text, re.MULTILINE)
    assert 3 <= len(re.findall(r"^\d\. \*.+?\?\*", part(text, PARTS[2]), re.MULTILINE | re.DOTALL)) <= 5


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_each_quoted_hint_is_what_a_wrong_answer_earns(path):
    text = re.sub(r"\s+", " ", path.read_text("utf-8"))
    quoted = HINT.findall(text)
    assert len(quoted) >= 5 and text.count("“") <= len(quoted) + 2
    for name, hint in quoted:
        assert f"check.{name}(" in "\n".join(cell.source for cell in lesson(path.stem).cells)
        answers = [answer for answer, piece in TABLE[name][1].items() if piece in hint]
        assert any(exercises.EXERCISES[name](answer).text == hint for answer in answers), f"{name} never says: {hint}"


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_numbers_of_a_note_stand_in_its_lesson(path):
    text = path.read_text("utf-8").partition("\n## Minutes")[0]
    cells = lesson(path.stem).cells
    told = "\n".join([*(cell.source for cell in cells),
                      *(str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
                        for cell in cells for output in cell.get("outputs", ()))])
    text = HINT.sub("", text)
    for number in re.findall(r"\d+\.\d+|\d{1,3}(?:,\d{3})+", text):
        assert number in told, f"{path.name} says {number}"


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_what_may_be_left_out_is_a_section(path):
    named = SECTION.findall(part(re.sub(r"(?<=\S)\n(?=\S)", " ", path.read_text("utf-8")), "Short of time"))
    for words in named:
        named_section(path.stem, words)


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_minutes_of_the_sections(path):
    *stated, (whole, total) = rows(part(path.read_text("utf-8"), "Minutes"))[1:]
    assert whole == "the whole lesson" and abs(int(total) - estimate(lesson(path.stem)).total) <= NOT_COUNTED + 2
    known = minutes(path.stem)
    for title, number in stated:
        assert abs(int(number) - known[title]) <= NOT_COUNTED, f"{title}: now {known[title]:.0f} minutes"
    assert not [title for title, found in known.items() if found > NOT_COUNTED and title not in dict(stated)]


# --- schedules ------------------------------------------------------------------------------------------------


def schedules():
    """Heading and table of every schedule."""
    text = (FOLDER / "schedules.md").read_text("utf-8")
    return [(block.partition("\n")[0], rows(block)) for block in re.split(r"^### ", text, flags=re.MULTILINE)[1:]]


def estimated(words):
    """Minutes of what a row of a schedule takes from its lesson."""
    link = LINK.search(words)
    stem = link[1].rpartition("/")[2].removesuffix(".ipynb")
    if re.match(r", all\b", words[link.end():]):
        return estimate(lesson(stem)).total
    titles, taken = list(minutes(stem)), []
    for first, last in re.findall(r"\*([^*]+)\*(?: to \*([^*]+)\*)?", words[link.end():]):
        begin, end = (titles.index(named_section(stem, title)) for title in (first, last or first))
        assert begin <= end
        taken += titles[begin:end + 1]
    assert taken and len(taken) == len(set(taken))
    return sum(minutes(stem)[title] for title in taken)


@pytest.mark.parametrize(("heading", "table"), schedules(), ids=lambda found: found if isinstance(found, str) else "")
def test_a_schedule_adds_up(heading, table):
    head, *body = table
    assert [row[1] for row in body if not row[1]] == []
    for planned, what, stated, *_ in body:
        if ".ipynb" not in what:
            assert not stated
            continue
        found = estimated(what)
        assert abs(int(stated) - found) <= max(2, 0.06 * found), f"{what}: now {found:.0f} minutes"
        if head[0] == "planned":
            assert int(planned) >= 1.25 * int(stated)
    if total := re.search(r"\((\d+) minutes\)", heading):
        assert sum(int(planned) for planned, *_ in body) == int(total[1])
    else:
        assert [int(week) for week, *_ in body] == list(range(1, 17))


def test_estimates_of_ranges_by_hand():
    known = minutes("02_convolution")
    link = "[Lesson 02](../notebooks/02_convolution.ipynb), "
    assert estimated(f"{link}*Quiz*, *Recap*: in pairs") == known["Quiz"] + known["Recap"]
    assert estimated(f"{link}*The window slides* to *Kernels with a name*") == pytest.approx(
        known["The window slides"] + known["Under the microscope"] + known["Kernels with a name"])
    with pytest.raises(AssertionError, match="no section"):
        estimated(f"{link}*A section that is not there*")


# --- the other pages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_to_files(path):
    for target in LINK.findall(path.read_text("utf-8")):
        assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_door_names_every_page():
    door = (FOLDER / "README.md").read_text("utf-8")
    linked = {(FOLDER / target).resolve() for target in LINK.findall(door)}
    assert {path for path in PAGES if path.name != "README.md"} <= linked


def test_the_door_says_what_the_doctor_asks_for():
    door = re.sub(r"\s+", " ", (FOLDER / "README.md").read_text("utf-8"))
    assert f"{school.ENVIRONMENT_GB} GB for the packages" in door and f"{school.LESSONS_GB:.0f} GB for phantoms" in door
    assert f"{school.KERNEL_GB + school.BROWSER_GB:.1f} GB of memory" in door


def test_the_grid_is_full():
    text = (FOLDER / "assessment.md").read_text("utf-8")
    head, *criteria = rows(text)
    assert head == ["criterion", "0", "1", "2", "3"] and len(criteria) == 9
    assert all(len(row) == 5 and all(row) for row in criteria)
    assert f"between 0 and {3 * len(criteria)}" in text and "14 points are 3.6" in text
    assert round(1 + 5 * 14 / (3 * len(criteria)), 1) == 3.6


def test_every_idea_has_question_help_control_and_risk():
    text = (FOLDER / "project_ideas.md").read_text("utf-8")
    ideas = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert [idea.partition(".")[0] for idea in ideas] == [str(number) for number in range(1, 13)]
    for idea in ideas:
        assert re.findall(r"^- \*\*(.+?)\.\*\*", idea, re.MULTILINE) == [
            "Question", "What helps", "Fair control", "Time and risks"]


def test_files_that_are_named_exist():
    for path in PAGES:
        for named in re.findall(r"`((?:unet_lib|benchmarks|data|notebooks)/[\w/.]+)`", path.read_text("utf-8")):
            made = named in ("notebooks/my_progress.json",)
            assert made or (REPOSITORY / named).exists(), f"{path.name}: {named}"
