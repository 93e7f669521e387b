"""The names of the first edition stay behind: code, options, keys and texts use the field's terms.

Home-made words are looked for everywhere; old modules and options as they would be written; and identifiers that are
also plain English words (`places`, `share`, `expert`) in code only, where they were names of things.
"""

import io
import json
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import REPOSITORY

TEXTS = {".py", ".ipynb", ".md", ".toml", ".json", ".yml", ".js", ".css", ".csv", ".sh", ""}
HERE = Path(__file__).resolve()
# History tells of the old names on purpose.
HISTORY = {REPOSITORY / "CHANGELOG.md", REPOSITORY / "data" / "results" / "README.md", HERE}

MODULES = ("shapes|model|lite_unet|networks|pretrained|checkpoint|variants|broken|formulas|records|dataset|batches|"
           "sources|augment|splits|download|archive|voxels|phantom|losses|training_config|train|average|rate_finder|runs|"
           "recipes|devices|distributed|predict|nifti|own_norm|own_threshold|uncertainty|score_report|surface|calibration|folds|"
           "results|capture|explain|probes|measures|series|figures|layout|unet_figure|score_figures|feature_figures|film|"
           "check|glossary|translate|pages|profiles|doctor|files|card")
RECIPES = "baseline|shorter|longer|borrowed|sharp|alike|best"
WORDS = {
    "old modules": rf"unet_lib[./](?:{MODULES})\b|\bcli_(?:train|features|lessons|options|results)\b|"
                   r"\b(?:lite_unet|training_config|rate_finder|score_report|score_figures|unet_figure)\b|"
                   r"\b(?:feature_figures|what_if|ways_of_asking|skip_runs|probe_stages|newcomer)\b",
    "old options": r"--(?:plain|part|cosine|healthy|neighbours)\b|\bresults (?:table|folds)\b",
    "old recipes": rf"(?:--recipe |recipe `|RECIPES\[.)(?:{RECIPES})\b|`(?:shorter|longer|borrowed|sharp|alike)`",
    "inference": r"\bown[ _](?:norms?|thresholds?)\b|\bways? of asking\b|\bhow_to_ask\b|\bthe mirror\b|\bspecks\b",
    "data": r"\bhealthy slices?\b|\bgrey levels as they come\b|\bmeans? and (?:the )?deviations?\b",
    "training": r"\bfirst[ _]weights\b|\blearn(?:t|s|ed|ing)? by heart\b|\blearnt for longer\b|\bbce_dices\b|"
                r"\bStrength\b|\bSnapshots?\b|\bWeightAverage\b|\bCrew\b|\bALONE\b|\bjoin_crew\b|\bTrainConfig\b|"
                r"\bRunSettings\b|\bLite(?:Config|UNet)\b",
    "evaluation": r"\bstrangers\b|\bexamination\b|\bstandard errors away from zero\b|\bceiling\b",
    "inspection": r"\bchanged_skips\b|\bmaximise\(|\bfine(?:ness| share)\b|[\"\']apart by[\"\']",
    "lessons": r"\brepair shop\b|\bcheat(?:s|ed|ing)?\b|\bMistake\b|\botherwise=|\bmend(?:s|ed|ing)?\b|\bbricks?\b|"
               r"\brims?\b",
}
IDENTIFIERS = {"places", "share", "shares", "deviation", "deviations", "expert", "experts", "neighbours", "mirror",
               "rim", "agreement", "mend", "mends", "specks", "own_norms", "healthy", "crew", "leads", "strangers",
               "slopes", "bce_dices", "first_weights"}


def texts() -> Iterator[tuple[Path, str]]:
    """Every text of the project that is kept in git, notebooks without their outputs."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for path in (REPOSITORY / name for name in listed.stdout.splitlines()):
        if path.suffix in TEXTS and path not in HISTORY and path.is_file():
            text = path.read_text("utf-8", errors="replace")
            if path.suffix == ".ipynb":
                text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
            yield path, text


@pytest.mark.parametrize("kind", WORDS)
def test_old_words_are_gone(kind):
    pattern = re.compile(WORDS[kind])
    found = [f"{path.relative_to(REPOSITORY)}: {match[0]!r} in {text[max(0, match.start() - 30):match.end() + 30]!r}"
             for path, text in texts() for match in pattern.finditer(text)]
    assert not found, "\n".join(found)


def names(source: str) -> set[str]:
    """The identifiers in a piece of Python; none where it is no Python (a notebook's magic)."""
    try:
        return {token.string for token in tokenize.generate_tokens(io.StringIO(source).readline)
                if token.type == tokenize.NAME}
    except (tokenize.TokenError, SyntaxError):
        return set()


def test_old_identifiers_are_gone():
    found = []
    for path, text in texts():
        if path.suffix == ".py":
            found += [f"{path.relative_to(REPOSITORY)}: {name}" for name in sorted(names(text) & IDENTIFIERS)]
        elif path.suffix == ".ipynb":
            cells = json.loads(path.read_text("utf-8"))["cells"]
            code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
            used = set().union(*map(names, code))
            found += [f"{path.relative_to(REPOSITORY)}: {name}" for name in sorted(used & IDENTIFIERS)]
        elif path.suffix == ".js":
            plain = re.sub(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"|`[^`]*`", "", text, flags=re.DOTALL)
            found += [f"{path.relative_to(REPOSITORY)}: {name}" for name in
                      sorted(set(re.findall(r"\b[A-Za-z_]+\b", plain)) & IDENTIFIERS)]
    assert not found, "\n".join(found)


def test_an_old_word_would_be_noticed():
    for line in ("unet_lib train --plain", "from unet_lib.model import UNet", "unet_lib/check/lesson_02.py",
                 "its own norms", "`alike`", "the brick of the network", "first_weights(3)", "mean and deviation"):
        assert any(re.search(pattern, line) for pattern in WORDS.values()), line
    for line in ("unet_lib.models.unet", "unet_lib.data.splits", "standard deviation", "unet_lib train --split test",
                 "unet_lib.training.recipes", "the longer schedule", "unet_lib/data/phantom/make.py"):
        assert not any(re.search(pattern, line) for pattern in WORDS.values()), line
