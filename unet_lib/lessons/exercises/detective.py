"""The metric detective of lesson 05: seven invented abstracts, six with a fault, and a hint for each."""

from typing import Any

from unet_lib.lessons.exercises.exercise import Misconception, PropertyExercise

FAULTS = {
    "accuracy": "the score is high for free",
    "best of many seeds": "only the luckiest training is reported",
    "empty slices": "slices without tumour lift the mean",
    "impossible": "these numbers cannot belong together",
    "sound": "no fault in what is reported",
    "split by slices": "training and test share patients",
    "threshold chosen on test": "the test patients made a choice that their score should judge",
}
ANSWER = ["split by slices", "sound", "empty slices", "best of many seeds", "impossible", "accuracy",
          "threshold chosen on test"]
_HINTS = (
    "A: read again how the slices came into training and test. Where can the neighbours of a test slice be?",
    "B: the pair of IoU and Dice looks odd. Ask `dice_range(0.71, 24)` before you call it impossible.",
    "C: how many of the 1,200 slices score 1 just by being left empty? What is left for the other 410?",
    "D: thirty trainings, one number. What would the other 29 have said?",
    "E: ask `dice_range(0.70, 50)`. Rounding moves either mean by 0.005 at most.",
    "F: what is the accuracy of a network that marks nothing at all, on these patients?",
    "G: which patients decided on 0.37, and which patients judge it?",
)


def _words(answer: Any) -> list[str] | None:
    """The words of a list, in small letters; None for anything else."""
    if not isinstance(answer, list | tuple) or not all(isinstance(word, str) for word in answer):
        return None
    return [" ".join(word.lower().split()) for word in answer]


metric_detective = PropertyExercise(
    question="metric_detective(answer): what is wrong with claims A to G, one fault each.",
    expected=f"a list of seven faults out of {', '.join(map(repr, FAULTS))}",
    read=_words,
    right=lambda words: words == ANSWER,
    insight="Case closed: one cannot be true, five prove nothing, and one that looked odd is sound.",
    misconceptions=(
        Misconception(lambda words: any(word not in FAULTS for word in words),
                      f"Choose from these: {', '.join(FAULTS)}."),
        Misconception(lambda words: len(words) != len(ANSWER), "There are seven claims, A to G: give seven faults."),
        *(Misconception(lambda words, at=at: words[:at] == ANSWER[:at] and words[at] != ANSWER[at], hint)
          for at, hint in enumerate(_HINTS)),
    ),
    fallback_hint="Take them one at a time, from A.",
)
