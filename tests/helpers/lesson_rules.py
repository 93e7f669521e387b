r"""The anatomy of a lesson as rules: a notebook goes in, a list of problems comes out, each with its fix.

The conventions, for whoever writes a lesson (numbers are the constants below):

**First cell**, markdown: `# 01 · The scan`, a blank line, then the promise: one paragraph of one sentence.

**Sections** (H2, exactly these names, in this order; the only H1 is the title; no heading level is skipped)::

    ## Objectives    3–5 bullets, each starting with a verb ("- Count the slices of a patient")
    ## Needs         earlier lessons ("lesson 00", or "no earlier lesson") and measured time ("35 minutes")
    ## …             the lesson's own sections, at least two; **Predict** somewhere, in bold
    ## Recap
    ## Quiz          holds the quiz cell, and no other quiz anywhere
    ## What next
    ## References

**Parameter cell**: the first code cell, tagged `parameters`, names UNET_PROFILE and UNET_DATA (a comment
will do) and is the only one to read them::

    # UNET_PROFILE (smoke, cpu, gpu) and UNET_DATA (a folder in LGG layout) change what runs here.
    PROFILE, DATA = ...

**Exercise**: a code cell with `...` where the answer goes and, as its last line, one call of a checker.
It uses nothing from earlier cells but `np`, `torch`, `nn`, `check` and what earlier exercises of the lesson define, so
that solutions can be tested without the rest. A later cell goes on with `THING = check.thing.mine(THING)`::

    answer = ...
    check.patients_needed(answer)

    def leaking_patients(train, test):
        return ...
    check.leaking_patients(leaking_patients)

The very next cell is markdown with four native <details>, in this order (blank lines around the fences;
the solution replaces every statement of the exercise cell that holds `...`)::

    <details><summary>Nudge</summary>One sentence.</details>
    <details><summary>Idea</summary>numbers = height × width × channels</details>
    <details><summary>Skeleton</summary>

    ```python
    answer = 6 * ...
    ```

    </details>
    <details><summary>Solution</summary>

    ```python
    answer = 6 * 9
    ```

    </details>

**Quiz cell**: `quiz("01_the_scan")` and nothing else; `from unet_lib.widgets.quiz import quiz` stands in an
earlier cell. The file `unet_lib/lessons/texts/quizzes/01_the_scan.json` has at least five questions.

**Prediction**, where there is one: `guess = predict(…)` and `guess` in one cell, `guess.compare(…)` in a later one.
Committed without anything locked in, its saved state holds no answer.

**Figures**: the text/plain of every image output is its text alternative, a phrase of at least five words
(`plotting.show(fig, alt="…")` does that). Markdown images and <img> have a non-empty alt.

**Outputs** are committed: every code cell run once, in order, no traceback, nothing on stderr, no memory
address, no absolute path, nothing loaded from the network; the state of widgets is saved in the notebook.
A cell whose output cannot be stable begins with `# NBVAL_IGNORE_OUTPUT` and ends with its claim, as
`claim(score > 0.6)`, which stops the tests and no reader; at most one code cell in ten. NBVAL_SKIP is never used.
A cell longer than 15 lines is hidden (metadata `jupyter.source_hidden`) or, better, a function of unet_lib.

**Prose** is British: 1,500–4,000 words of markdown (lesson 00: from 700 on); code, formulas and what is folded into
<details> not counted.
Titles in References stay as printed.
"""

import re
from collections.abc import Callable, Iterator, Mapping

import nbformat
from lesson_outputs import executed, offline, saved_widgets, stable_outputs, text_alternatives
from lesson_reader import FORMULA, Lesson, at, checks

WORDS, CELLS, CODE_LINES, EXERCISES, QUESTIONS = (1_500, 4_000), 66, 15, 4, 5
FIRST_LESSON = {"words": 700, "exercises": 1}  # lesson 00 is short
FILE_BYTES = 2 * 2**20
OPENING, CLOSING = ("Objectives", "Needs"), ("Recap", "Quiz", "What next", "References")
HELP = ("Nudge", "Idea", "Skeleton", "Solution")
VERBS = frozenset(re.findall(r"\w+", """
add apply ask build calculate catch change check choose colour combine compare compute convert count decide define
derive describe detect distinguish draw estimate evaluate explain explore find follow give identify judge list
load locate make measure name open outline plot predict prove read recognise relate reproduce run save say score see
sketch sort spot start state step switch tell test trace train tune use verify watch write
"""))
AMERICAN = {
    "analyz": "analys", "artifact": "artefact", "behavior": "behaviour", "center": "centre",
    "color": "colour", "favor": "favour", "generaliz": "generalis", "gray": "grey",
    "initializ": "initialis", "labeled": "labelled", "labeling": "labelling", "minimiz": "minimis",
    "modeling": "modelling", "neighbor": "neighbour", "normaliz": "normalis", "optimiz": "optimis",
    "organiz": "organis", "recogniz": "recognis", "summariz": "summaris", "tumor": "tumour",
    "visualiz": "visualis",
}
Rule = Callable[[Lesson], Iterator[str]]


def problems(notebook: nbformat.NotebookNode, quizzes: Mapping[str, int]) -> list[str]:
    """Everything to fix in a lesson; `quizzes` says how many questions each quiz file has, by name."""
    lesson = Lesson(notebook, quizzes)
    unread = [cell for cell in lesson.code if not cell.parses]
    if unread:
        return [f"{at(cell)}: does not parse as Python. Fix the syntax." for cell in unread]
    return [problem for rule in RULES for problem in rule(lesson)]


# --- anatomy ---------------------------------------------------------------------------------------------


def title_and_promise(lesson: Lesson) -> Iterator[str]:
    """First cell: an H1 and one sentence; no other H1; levels not skipped."""
    source = next((cell.source for cell in lesson.cells[:1] if cell.kind == "markdown"), "")
    title, _, promise = source.strip().partition("\n")
    if not re.match(r"# \d\d · \S", title):
        yield "cell 1: no title. Begin the notebook with markdown '# 01 · The scan'."
    elif not re.fullmatch(r"[^\n#]([^\n.!?]|[.!?](?=\S)|\n(?!\n))*[.!?][*_]*", promise.strip()):
        yield "cell 1: the title is not followed by a promise. Write one paragraph of one sentence below it."
    levels = [1, *(level for level, _, _ in lesson.headings[1:])]
    for before, (level, text, number) in zip(levels, lesson.headings[1:], strict=False):
        if level == 1:
            yield f"cell {number}: {text!r} is a second H1. Make it '## {text}'."
        elif level > before + 1:
            yield f"cell {number}: {text!r} jumps from level {before} to {level}. Use {'#' * (before + 1)}."


def sections_in_order(lesson: Lesson) -> Iterator[str]:
    """The fixed frame around the lesson's own sections."""
    names = [text for level, text, _ in lesson.headings if level == 2]
    missing = [name for name in (*OPENING, *CLOSING) if names.count(name) != 1]
    for name in missing:
        yield f"section '## {name}' stands {names.count(name)} times. Have it exactly once."
    if not missing and (tuple(names[:2]) != OPENING or tuple(names[-4:]) != CLOSING):
        order = ", ".join((*OPENING, "…", *CLOSING))
        yield f"sections out of order: {', '.join(names)}. Order: {order}."
    if not missing and len(names) < len(OPENING) + len(CLOSING) + 2:
        yield "fewer than two sections of its own after Needs. Divide the lesson with H2 headings."


def objectives(lesson: Lesson) -> Iterator[str]:
    """3–5 bullets, each a verb."""
    bullets = re.findall(r"^[-*]\s+\W*(\w*)", lesson.section("Objectives"), re.MULTILINE)
    if not 3 <= len(bullets) <= 5:
        yield f"Objectives: {len(bullets)} bullets. Write 3–5, each starting '- ' and a verb."
    for word in bullets:
        if word.lower() not in VERBS:
            yield f"Objectives: {word!r} is not a known verb. Start with what one does, or add it to VERBS."


def needs(lesson: Lesson) -> Iterator[str]:
    """Earlier lessons and measured minutes."""
    text = lesson.section("Needs")
    if not re.search(r"lesson \d\d|lessons \d\d|no earlier lesson", text, re.IGNORECASE):
        yield "Needs: names no earlier lesson. Write 'lesson 00', or 'no earlier lesson'."
    if not re.search(r"\d+(–\d+)? minutes", text):
        yield "Needs: says no time. Write the measured minutes: '35 minutes'."


def length(lesson: Lesson) -> Iterator[str]:
    """Words of prose and number of cells."""
    words = sum(len(re.findall(r"\w[\w'’-]*", FORMULA.sub(" ", cell.unfolded))) for cell in lesson.markdown)
    fewest = FIRST_LESSON["words"] if lesson.first else WORDS[0]
    if not fewest <= words <= WORDS[1]:
        yield f"{words} words of prose. Keep between {fewest} and {WORDS[1]}."
    if len(lesson.cells) > CELLS:
        yield f"{len(lesson.cells)} cells. Keep to {CELLS}: join, or move code into unet_lib."
    for cell in lesson.code:
        lines = len(cell.source.strip().splitlines())
        if lines > CODE_LINES and not cell.node.metadata.get("jupyter", {}).get("source_hidden"):
            yield f"{at(cell)}: {lines} visible lines. Keep to {CODE_LINES}: move code to unet_lib."


def predicts(lesson: Lesson) -> Iterator[str]:
    """The reader commits to an answer before a cell runs."""
    if not any("**Predict" in cell.source for cell in lesson.markdown):
        yield "no prediction asked. Put '**Predict**: …' before a cell whose result surprises."


def exercises(lesson: Lesson) -> Iterator[str]:
    """At least four (in lesson 00 one), one check each, staged help below."""
    fewest = FIRST_LESSON["exercises"] if lesson.first else EXERCISES
    if len(lesson.exercises) < fewest:
        yield f"{len(lesson.exercises)} exercises. Have {fewest}: a cell with `...` and `check.name(…)`."
    for exercise in lesson.exercises:
        where, tree = at(exercise.cell), exercise.cell.tree
        if len(checks(tree)) != 1 or not checks(tree.body[-1]):
            yield f"{where}: not one check. Call one checker, on the last line."
        if exercise.help != HELP:
            have, wanted = ", ".join(exercise.help) or "nothing", ", ".join(HELP)
            yield f"{where}: help below is {have}. Have <details> for {wanted}, in this order."
        elif not exercise.solution:
            yield f"{where}: the solution holds no code. Fence it as ```python inside its <details>."


def quiz(lesson: Lesson) -> Iterator[str]:
    """One quiz cell, in its section, with enough questions."""
    called = re.compile(r"""\bquiz\(\s*["'](.*?)["']""")
    calls = [(cell, name) for cell in lesson.code for name in called.findall(cell.source)]
    if len(calls) != 1 or calls[0][0].section != "Quiz":
        yield f"{len(calls)} quiz cells, or not under '## Quiz'. Put one quiz(\"NN_name\") there."
    for cell, name in calls:
        count = lesson.quizzes.get(name, 0)
        if count < QUESTIONS:
            yield f"{at(cell)}: quizzes/{name}.json has {count} questions. Write at least {QUESTIONS}."


def parameters(lesson: Lesson) -> Iterator[str]:
    """One cell reads the profile and the data folder."""
    tagged = [cell for cell in lesson.code if "parameters" in cell.marks]
    named = [all(name in cell.source for name in ("UNET_PROFILE", "UNET_DATA")) for cell in lesson.code]
    if [cell.number for cell in tagged] != [cell.number for cell in lesson.code[:1]] or named[:1] != [True]:
        yield "no parameter cell. Tag the first code cell 'parameters'; name UNET_PROFILE, UNET_DATA in it."
    for cell, reads in list(zip(lesson.code, named, strict=True))[1:]:
        if reads:
            yield f"{at(cell)}: reads the profile again. Use the parameter cell's names."


# --- the file and its language -----------------------------------------------------------------------------


def british(lesson: Lesson) -> Iterator[str]:
    """Quick list; References quote titles as printed, code is code."""
    for cell in lesson.markdown:
        if cell.section != "References":
            for american, british in AMERICAN.items():
                for word in re.findall(rf"\b{american}\w*", cell.prose, re.IGNORECASE):
                    yield f"{at(cell)}: {word!r} is not British spelling. Write {british}…"


def file(lesson: Lesson) -> Iterator[str]:
    """Size and kernel."""
    size = len(nbformat.writes(lesson.notebook).encode())
    if size > FILE_BYTES:
        yield f"{size / 2**20:.1f} MiB. Keep to 2: lower a figure's dpi, or show fewer."
    kernel = lesson.notebook.metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        yield f"kernel {kernel!r}. Save the notebook with the kernel 'python3'."


RULES: tuple[Rule, ...] = (
    title_and_promise, sections_in_order, objectives, needs, length, predicts, exercises, quiz, parameters,
    executed, stable_outputs, text_alternatives, offline, saved_widgets, british, file,
)
