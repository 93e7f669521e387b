"""Patients and slices as the widgets' controls name them."""

import numpy as np

from unet_lib.core.errors import DatasetError
from unet_lib.data.cache import SliceCache


def check_patient(cache: SliceCache, name: str) -> None:
    """Raise DatasetError with names the cache knows, the closest first, unless it knows this one."""
    cache.slices_of([name])


def find_slice(cache: SliceCache, patient: str, number: int) -> int:
    """Where in the cache this slice lies; `number` counts from 1, as in the file names."""
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


def busiest(strip: list[list[int]]) -> int:
    """The number of the slice with most tumour; the middle one where there is no tumour at all."""
    number, most = max(strip, key=lambda entry: entry[1])
    return number if most else strip[len(strip) // 2][0]
