"""Patients and slices as the widgets' controls name them."""

import numpy as np

from unet_lib.core.errors import DatasetError
from unet_lib.data.cache import SliceCache


def find_slice(cache: SliceCache, patient: str, number: int) -> int:
    """The slice's index in the cache; `number` counts from 1, as in the file names. DatasetError if there is none."""
    indices = cache.slices_of([patient])
    numbers = cache.numbers[indices]
    if number not in numbers:
        raise DatasetError(f"{patient} has no slice {number}; its {len(numbers)} slices are numbered from "
                           f"{numbers.min()} to {numbers.max()}.")
    return int(indices[np.argmax(numbers == number)])


def patient_list(cache: SliceCache, tell_missing: bool = True) -> list[dict]:
    """What the patient chooser says of each patient."""
    return [{"name": p.name, "site": p.site, "missing": list(p.missing) if tell_missing else []}
            for p in cache.patients]


def tumour_strip(cache: SliceCache, patient: str) -> list[list[int]]:
    """Number and tumour pixels of each of the patient's slices: what the strip under the slider draws."""
    indices = cache.slices_of([patient])
    counts = np.count_nonzero(cache.masks[indices[0]:indices[-1] + 1], axis=(1, 2))  # they lie together: no copy
    return [[int(number), int(count)] for number, count in zip(cache.numbers[indices], counts, strict=True)]


def slice_facts(cache: SliceCache, index: int) -> dict:
    """Which slice this is: patient, number, index among the patient's `count` slices, tumour pixels; in words, too."""
    tumour = int(np.count_nonzero(cache.masks[index]))
    patient = cache.names[cache.patient_of[index]]
    numbers = cache.numbers[cache.slices_of([patient])]
    number = int(cache.numbers[index])
    within, count = int(np.searchsorted(numbers, number)), len(numbers)
    which = f"slice {number} of {count}" if number == within + 1 else f"slice {number} ({within + 1} of {count})"
    amount = f"{tumour} tumour pixel{'' if tumour == 1 else 's'}" if tumour else "no tumour"
    return {"patient": patient, "number": number, "index": within, "count": count, "tumour": tumour,
            "text": f"patient {patient}, {which}, {amount}"}


def busiest(strip: list[list[int]]) -> int:
    """The number of the slice with most tumour; the middle one where there is no tumour at all."""
    number, most = max(strip, key=lambda entry: entry[1])
    return number if most else strip[len(strip) // 2][0]
