"""How far are the phantoms from real patients, in numbers that may be committed?

    python benchmarks/realism/phantom_realism.py --real data/lgg [--phantoms 120]

Two questions, each answered beside the same comparison between two random halves of the real patients, which
says how small a distance can be expected to get:

- grey levels: per region and channel, the Wasserstein-1 distance between the histograms, in grey levels
  ("every pixel has to move so far on average"). The real set has no tissue labels, so the regions are those that
  can be found in the same way in both: inside the mask; up to 8 pixels around it; the outermost 14 pixels of the
  head (scalp and skull); the rest of the head. Channels that copy FLAIR are left out.
- patients: quantiles of slices, tumour slices, tumour size, position and contrast per patient, with the largest
  distance between the two distribution functions (Kolmogorov–Smirnov).

One about detail: which fraction of a FLAIR slice's spectral energy lies in each band of spatial frequencies, in a
window in the middle of the head, over the middle third of the slices; quartiles over patients.

And one about the sites: which fraction of the variance between patients in mean brightness a patient's site explains.
Summary numbers go to data/results/phantom_realism.json; no pixel does.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy import ndimage, stats
from tqdm.auto import tqdm

from unet_lib.core.atomic_io import write_text
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.phantom import VERSION, write_phantoms
from unet_lib.data.slice_files import CHANNELS

RESULTS = Path("data/results/phantom_realism.json")
REGIONS = ("tumour", "around the tumour", "scalp and skull", "rest of the head")
AROUND, BORDER, AIR = 8, 14, 12  # pixels, pixels, and the grey level that air's noise stays below
JUST_OUTSIDE = 2                 # pixels
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
HALVES, SEED, BIN = 20, 0, 4
WINDOW = 96                         # pixels
BANDS = ((0.1, 0.2), (0.2, 0.3), (0.3, 0.5))     # cycles per pixel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, default=Path("data/lgg"))
    parser.add_argument("--phantoms", type=int, default=120)
    parser.add_argument("--work", type=Path, default=Path("runs/sim_to_real"), help="where the phantoms lie")
    args = parser.parse_args()
    real = open_cache(args.real)
    made = open_cache(write_phantoms(args.work / "train", args.phantoms, seed=1))
    measured = {"real": measure(real), "phantom": measure(made)}
    write_text(RESULTS, json.dumps({
        "command": f"python benchmarks/realism/phantom_realism.py --phantoms {args.phantoms}", "seed": SEED,
        "phantom_version": VERSION, "patients": {"real": len(real.names), "phantom": len(made.names)},
        "grey_levels": grey_levels(measured["real"][0], measured["phantom"][0]),
        "per_patient": per_patient(measured["real"][1], measured["phantom"][1]),
        "spectral_fractions": spectral_rows(measured["real"][2], measured["phantom"][2]),
        "variance_explained_by_site": {"real": by_site(real), "phantom": by_site(made)}}, indent=1) + "\n")
    report(json.loads(RESULTS.read_text()))


# ------------------------------------------------------------------ measuring one data set

def measure(cache: SliceCache) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Histograms [patients, regions, channels, 256], all 0 for a channel that copies FLAIR; one row of facts
    a patient for the distributions; and the spectral fractions [patients, bands]."""
    histograms = np.zeros((len(cache.names), len(REGIONS), len(CHANNELS), 256), np.int64)
    facts: dict[str, list[float]] = {}
    spectra = []
    for p, patient in enumerate(tqdm(cache.patients, unit="patient")):
        indices = np.flatnonzero(cache.patient_of == p)
        images, masks = cache.images[indices], cache.masks[indices] > 0
        heads = np.stack([find_head(image) for image in images])
        for image, mask, head in zip(images, masks, heads, strict=True):
            for r, region in enumerate(regions(mask, head)):
                for c, name in enumerate(CHANNELS):
                    if name not in patient.missing:
                        histograms[p, r, c] += np.bincount(image[..., c][region], minlength=256)
        flair = images[..., CHANNELS.index("FLAIR")]
        for key, value in (patient_facts(masks, heads) | tumour_contrast(flair, masks, heads)).items():
            facts.setdefault(key, []).append(value)
        spectra.append(spectral_fractions(flair, heads))
    return histograms, {key: np.array(values) for key, values in facts.items()}, np.array(spectra)


def find_head(image: np.ndarray) -> np.ndarray:
    """The largest connected component brighter than air in any channel, holes filled."""
    bright = ndimage.binary_opening((image > AIR).any(axis=-1), iterations=2)
    labels, count = ndimage.label(bright)
    if not count:
        return bright
    return ndimage.binary_fill_holes(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def regions(mask: np.ndarray, head: np.ndarray) -> list[np.ndarray]:
    """The four regions of a slice, in the order of REGIONS; they do not overlap."""
    near = ndimage.distance_transform_edt(~mask) <= AROUND if mask.any() else mask
    border = head & (ndimage.distance_transform_edt(head) <= BORDER)
    return [mask, near & head & ~mask, border & ~near & ~mask, head & ~border & ~near & ~mask]


def patient_facts(masks: np.ndarray, heads: np.ndarray) -> dict[str, float]:
    """What is compared by patient. Positions are fractions of the head's box: 0 is lowest, front, and midline."""
    slices, rows, columns = np.nonzero(masks)
    top, bottom, left, right = box(heads)
    return {"slices": len(masks), "slices with tumour (%)": 100 * masks.any((1, 2)).mean(),
            "tumour pixels (%)": 100 * masks.mean(), "largest outline (pixels)": masks.sum((1, 2)).max(),
            "height in the head": slices.mean() / (len(masks) - 1),
            "front to back": (rows.mean() - top) / (bottom - top),
            "distance from the midline": abs(2 * (columns.mean() - left) / (right - left) - 1)}


def tumour_contrast(flair: np.ndarray, masks: np.ndarray, heads: np.ndarray) -> dict[str, float]:
    """How clearly a tumour shows, and how winding its largest outline is.

    Median grey levels in FLAIR of the tumour and of the pixels just outside, over the median of the region AROUND it;
    and how well FLAIR tells the tumour from that region (AUC, 0.5 is chance).
    """
    outside = np.stack([ndimage.distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, np.inf)
                        for mask in masks])
    around = flair[(outside > JUST_OUTSIDE) & (outside <= AROUND) & heads]
    tumour, near = flair[masks], flair[(outside > 0) & (outside <= JUST_OUTSIDE) & heads]
    largest = masks[masks.sum((1, 2)).argmax()]
    border = largest & ~ndimage.binary_erosion(largest)
    brighter = stats.mannwhitneyu(tumour, around).statistic / (len(tumour) * len(around))
    return {"FLAIR, tumour / around": np.median(tumour) / np.median(around),
            "FLAIR, just outside / around": np.median(near) / np.median(around),
            "tumour against around (AUC)": brighter,
            "border pixels / √area": border.sum() / np.sqrt(largest.sum())}


def spectral_fractions(flair: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """The fraction of spectral energy (without the mean) in each of BANDS; the mean over the middle third of slices."""
    axis = np.fft.fftfreq(WINDOW)
    frequency = np.sqrt(axis[:, None] ** 2 + axis ** 2)
    hann, half, count = np.outer(np.hanning(WINDOW), np.hanning(WINDOW)), WINDOW // 2, len(flair)
    rows = []
    for image, head in zip(flair[count // 3: count - count // 3], heads[count // 3: count - count // 3], strict=True):
        if not head.any():
            continue
        row, column = (int(np.clip(where.mean(), half, size - half)) for where, size in
                       zip(np.nonzero(head), image.shape, strict=True))
        window = image[row - half: row + half, column - half: column + half].astype(float)
        energy = np.abs(np.fft.fft2((window - window.mean()) * hann)) ** 2
        energy[0, 0] = 0
        rows.append([energy[(frequency >= low) & (frequency < high)].sum() / energy.sum() for low, high in BANDS])
    return np.mean(rows, axis=0)


def box(heads: np.ndarray) -> tuple[int, int, int, int]:
    """First and last row and column of the head over all slices."""
    rows, columns = np.flatnonzero(heads.any((0, 2))), np.flatnonzero(heads.any((0, 1)))
    return rows[0], rows[-1], columns[0], columns[-1]


# ------------------------------------------------------------------ comparing two

def grey_levels(real: np.ndarray, made: np.ndarray) -> list[dict]:
    """One row a region and channel: the distance, the real halves' distance, and both histograms in steps of BIN."""
    rng, rows = np.random.default_rng(SEED), []
    orders = [rng.permutation(len(real)) for _ in range(HALVES)]
    for r, region in enumerate(REGIONS):
        for c, channel in enumerate(CHANNELS):
            one, other = fractions(real[:, r, c]), fractions(made[:, r, c])
            halves = [wasserstein(*(fractions(real[half, r, c]) for half in (order[::2], order[1::2])))
                      for order in orders]
            rows.append({"region": region, "channel": channel, "distance": round(wasserstein(one, other), 2),
                         "between_real_halves": round(float(np.mean(halves)), 2),
                         "real": coarse(one), "phantom": coarse(other)})
    return rows


def fractions(histograms: np.ndarray) -> np.ndarray:
    """The mean of the patients' histograms, each as fractions: every patient counts the same."""
    totals = histograms.sum(axis=1, keepdims=True)
    return (histograms / np.maximum(totals, 1))[totals[:, 0] > 0].mean(axis=0)


def wasserstein(one: np.ndarray, other: np.ndarray) -> float:
    return float(stats.wasserstein_distance(np.arange(256), np.arange(256), one, other))


def coarse(fraction: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in fraction.reshape(-1, BIN).sum(axis=1)]


def per_patient(real: dict[str, np.ndarray], made: dict[str, np.ndarray]) -> list[dict]:
    """One row a fact: quantiles of both sets, their distance, and that between real halves."""
    rng, rows = np.random.default_rng(SEED), []
    orders = [rng.permutation(len(real["slices"])) for _ in range(HALVES)]
    for key, values in real.items():
        halves = [stats.ks_2samp(values[order[::2]], values[order[1::2]]).statistic for order in orders]
        rows.append({"fact": key, "real": quantiles(values), "phantom": quantiles(made[key]),
                     "distance": round(float(stats.ks_2samp(values, made[key]).statistic), 3),
                     "between_real_halves": round(float(np.mean(halves)), 3)})
    return rows


def quantiles(values: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(values, QUANTILES)]


def spectral_rows(real: np.ndarray, made: np.ndarray) -> list[dict]:
    """One row a band: first quartile, median and third quartile of the real patients and of the phantoms."""
    def quartiles(values: np.ndarray) -> list[float]:
        return [round(float(value), 4) for value in np.quantile(values, (0.25, 0.5, 0.75))]

    return [{"cycles_per_pixel": list(band), "real": quartiles(real[:, b]), "phantom": quartiles(made[:, b])}
            for b, band in enumerate(BANDS)]


def by_site(cache: SliceCache) -> dict[str, float]:
    """Fraction of the variance of patients' mean brightness that the site explains (η², corrected for chance)."""
    sites = np.array([patient.site for patient in cache.patients])
    names, members = np.unique(sites, return_inverse=True)
    explained = {}
    for c, channel in enumerate(CHANNELS):
        means = cache.statistics[:, 0, c]
        within = sum(((means[members == s] - means[members == s].mean()) ** 2).sum() for s in range(len(names)))
        ratio = (within / (len(means) - len(names))) / means.var(ddof=1)
        explained[channel] = round(float(1 - ratio), 3)
    return explained


def report(result: dict) -> None:
    for row in result["grey_levels"]:
        print(f"{row['region']:18} {row['channel']:14} {row['distance']:6.2f} grey levels, "
              f"real halves {row['between_real_halves']:.2f}")
    for row in result["per_patient"]:
        print(f"{row['fact']:26} KS {row['distance']:.3f}, real halves {row['between_real_halves']:.3f}; "
              f"median {row['real'][2]:g} real, {row['phantom'][2]:g} phantom")
    for row in result["spectral_fractions"]:
        low, high = row["cycles_per_pixel"]
        print(f"{low}–{high} cycles per pixel: " + "; ".join(
            f"{name} {row[name][1]:.3f} ({row[name][0]:.3f}–{row[name][2]:.3f})" for name in ("real", "phantom")))
    print("explained by site:", result["variance_explained_by_site"])


if __name__ == "__main__":
    main()
