"""Exercise checkers with instant, specific feedback: `check.slice_numbers(answer)`.

One module a lesson; `exercise` says what a checker is made of. A new checker is imported here and gets a row in
tests/helpers/reader_answers.py.
"""

from functools import partial

from unet_lib.lessons.exercises import (
    lesson_00,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
)
from unet_lib.lessons.exercises.exercise import Exercise, Feedback
from unet_lib.lessons.exercises.lesson_00 import paint
from unet_lib.lessons.exercises.lesson_01 import (
    census,
    leaking_patients,
    missing_channels,
    nearest_slice,
    normalise,
    pair_files,
    slice_number,
    split_by_patient,
)
from unet_lib.lessons.exercises.lesson_02 import (
    blur_in_two_passes,
    conv2d,
    conv2d_fast,
    correlate,
    edge_kernel,
    gradient_magnitude,
    max_pool2d,
    output_size,
    own_window,
    receptive_field,
)
from unet_lib.lessons.exercises.lesson_03 import (
    activation_stds,
    decoder_level,
    diagnoses,
    double_conv,
    encoder,
    gradient_norms,
    outline,
    own_unet,
    stamp,
)
from unet_lib.lessons.exercises.lesson_04 import (
    bce_by_hand,
    descend,
    dice_loss,
    evaluate,
    overfit_one_batch,
    slice_dataset,
    train,
    train_epoch,
)
from unet_lib.lessons.exercises.lesson_05 import (
    bootstrap_interval,
    choose_threshold,
    confusion_counts,
    dice_by_patient,
    dice_range,
    metric_detective,
    overlap_scores,
)
from unet_lib.lessons.exercises.lesson_06 import (
    best_tissue,
    calibrate,
    cam,
    catch_maps,
    duplicate_pairs,
    roc_auc,
    without_channels,
)
from unet_lib.lessons.exercises.lesson_07 import (
    adam_step,
    batch_norm2d_backward,
    bce_dice_backward,
    conv1x1_backward,
    conv2d_backward,
    conv_transpose2d_backward,
    max_pool2d_backward,
    numerical_gradient,
    relu_backward,
)
from unet_lib.lessons.exercises.lesson_08 import (
    best_of,
    freeze,
    holm,
    paired_interval,
    patient_folds,
    sign_flip_p,
    signed_ranks,
)
from unet_lib.lessons.exercises.lesson_09 import (
    changed_settings,
    gain_interval,
    patient_gains,
    patients_needed,
    verdict,
)
from unet_lib.lessons.exercises.progress import Progress, count, progress_file, read_progress, record

__all__ = [
    "Exercise",
    "Feedback",
    "activation_stds",
    "adam_step",
    "batch_norm2d_backward",
    "bce_by_hand",
    "bce_dice_backward",
    "best_of",
    "best_tissue",
    "blur_in_two_passes",
    "bootstrap_interval",
    "calibrate",
    "cam",
    "catch_maps",
    "census",
    "changed_settings",
    "choose_threshold",
    "confusion_counts",
    "conv1x1_backward",
    "conv2d",
    "conv2d_backward",
    "conv2d_fast",
    "conv_transpose2d_backward",
    "correlate",
    "decoder_level",
    "descend",
    "diagnoses",
    "dice_by_patient",
    "dice_loss",
    "dice_range",
    "double_conv",
    "duplicate_pairs",
    "edge_kernel",
    "encoder",
    "evaluate",
    "freeze",
    "gain_interval",
    "gradient_magnitude",
    "gradient_norms",
    "holm",
    "leaking_patients",
    "max_pool2d",
    "max_pool2d_backward",
    "metric_detective",
    "missing_channels",
    "nearest_slice",
    "normalise",
    "numerical_gradient",
    "outline",
    "output_size",
    "overfit_one_batch",
    "overlap_scores",
    "own_unet",
    "own_window",
    "paint",
    "pair_files",
    "paired_interval",
    "patient_folds",
    "patient_gains",
    "patients_needed",
    "progress",
    "receptive_field",
    "relu_backward",
    "roc_auc",
    "sign_flip_p",
    "signed_ranks",
    "slice_dataset",
    "slice_number",
    "split_by_patient",
    "stamp",
    "train",
    "train_epoch",
    "verdict",
    "without_channels",
]

EXERCISES: dict[str, Exercise] = {
    name: value for name, value in list(globals().items()) if isinstance(value, Exercise)
}
# Lesson → its exercises; a module may use another's, so the first that has it counts.
LESSONS: dict[str, tuple[str, ...]] = {}
for _number, _module in enumerate((lesson_00, lesson_01, lesson_02, lesson_03, lesson_04, lesson_05, lesson_06,
                                   lesson_07, lesson_08, lesson_09)):
    LESSONS[f"{_number:02}"] = tuple(name for name, value in EXERCISES.items() if vars(_module).get(name) is value)
for _lesson, _names in LESSONS.items():
    for _name in _names:
        object.__setattr__(EXERCISES[_name], "noted", partial(record, _lesson, _name, _names))


def progress(lesson: str) -> Progress:
    """How many of a lesson's exercises the reader has solved, e.g. `check.progress("03")`.

    Raises KeyError for a lesson that has none.
    """
    return count(lesson, read_progress(progress_file()), LESSONS[lesson])
