"""Every choice that makes one phantom patient different from the next, drawn once and kept.

Numbers marked LGG were measured on 88 patients of the real data set (medians and ranges over patients).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, SeedSequence

PARTS = ("parameters", "warp", "head", "tumour", "scanner")   # each has a random stream of its own
SEQUENCES = ("pre-contrast", "FLAIR", "post-contrast")
SITES = ("C", "D", "E", "F", "H")                             # after CS, DU, EZ, FG, HT
SITE_FRACTIONS = (16 / 110, 45 / 110, 1 / 110, 14 / 110, 34 / 110)  # LGG folders; see data/README
PIXEL_MM = {"C": 0.87, "D": 0.97, "E": 0.93, "F": 0.85, "H": 0.96}   # LGG: head width 187, 167, ., 201, 170 px
# brightness of each sequence relative to the whole set (LGG: the site explains 22 %, 5 % and 29 % of the variance
# between patients; E has only one of them, so it is kept near the middle)
SITE_GAIN = {"C": (0.94, 1.10, 1.04), "D": (0.87, 0.94, 0.86), "E": (0.87, 0.91, 0.91), "F": (1.05, 1.05, 1.01),
             "H": (1.19, 1.00, 1.17)}
SLICES = {"C": (20, 28), "D": (24, 40), "E": (22, 34), "F": (26, 40), "H": (20, 30)}   # LGG, capped at 40
MISSING_PRE, MISSING_POST = 6 / 110, 10 / 110                 # LGG: channel is a copy of FLAIR
MOST_PATIENTS = 3600                                          # what three characters of a name can count

# (name, x, y, z in mm of the atlas, weight): where low-grade gliomas sit (Duffau & Capelle 2004)
LOBES = (("frontal", 28, 34, 18, 0.26), ("frontal, high", 22, 16, 44, 0.16), ("temporal", 46, -12, -16, 0.24),
         ("insular", 36, 6, 4, 0.14), ("parietal", 30, -46, 38, 0.14), ("occipital", 24, -78, 10, 0.06))

Triple = tuple[float, ...]   # three numbers: one per axis, or one per sequence


@dataclass(frozen=True, slots=True)
class TumourParameters:
    """Where, how large and of which kind. Ratios are to the white matter around it."""

    lobe: str
    centre_mm: Triple                           # atlas coordinates: right, front, up
    pixel_fraction: float                          # tumour pixels / all pixels of the patient
    stretch: Triple                             # radii relative to a ball
    irregular: float                            # 0 a ball … 1 ragged
    infiltration: float                         # pull along white matter
    sparing: float                              # how much harder cortex is to reach
    edge: float                                 # softness of the border, fraction of the radius
    flair: float                                # LGG: 1.19, 1.51, 1.94 (5 %, median, 95 %)
    t1: float                                   # LGG: 0.61, 0.89, 1.0
    patchy: float                               # variation inside
    oedema: float                               # excess at the border, relative to the middle
    cyst: float                                 # fraction of the radius that is fluid (0: none)
    cyst_flair: float
    cyst_lobes: float                           # 0 one smooth cyst … 1 many small ones
    ring: float                                 # post-contrast excess of a ring
    nodules: float                              # post-contrast excess of spots
    push_mm: float                              # mass effect


@dataclass(frozen=True, slots=True)
class PatientParameters:
    """All draws for one patient; lengths in mm, angles in radians, grey levels 0–255."""

    name: str
    site: str
    missing: tuple[str, ...]
    slices: int
    pixel_mm: float
    bottom_mm: float                            # lowest and highest slice, atlas z
    top_mm: float
    scale: Triple
    tilt: Triple                                # pitch, roll, yaw
    shift_px: tuple[float, float]
    warp_mm: float
    ventricles: float                           # 0 as in the atlas; 0.3 wide
    atrophy: float                              # 0 … 1: wider sulci
    csf_gap_mm: float
    skull_mm: float
    scalp_mm: float
    padding_mm: tuple[float, float]             # of fat on top of the scalp: at the back of the head, in the cheeks
    marrow: float                               # how much signal the skull's marrow gives, 0 … 1
    markers: tuple[Triple, ...]                 # directions in which a ring for navigation sticks to the scalp
    cortex_mm: float                            # thickness
    sulcus_mm: float                            # how deep sulci reach, on average
    caps: float                                 # FLAIR excess beside the ventricles
    limbic: float                               # FLAIR excess of hippocampus, insula, cingulate and brain stem
    spots: int                                  # small bright spots in white matter: age, not tumour
    flow: float                                 # CSF that escapes suppression
    white: Triple                               # grey level of white matter per sequence
    tissue_jitter: tuple[float, ...]            # log factor per (tissue, sequence)
    fat_saturated: bool
    bias: Triple
    coil: Triple                                # how much brighter the head is near its edge than in its middle
    fade: Triple                                # FLAIR darker in the outer slices
    noise: Triple                               # grey levels
    floor: Triple                               # taken off afterwards, in units of the noise
    matrix: tuple[float, ...]                   # fractions of k-space measured: rows, columns, per sequence
    move_px: tuple[float, ...]                  # misregistration of pre- and post-contrast
    ghost: float
    ghost_px: int
    cut: tuple[float, ...]                      # slanting end of the scanned block, per sequence
    view: tuple[float, ...]                     # field of view per sequence: turn, half its rows and columns in pixels
    tumour: TumourParameters


def streams(seed: int, index: int) -> dict[str, Generator]:
    """An independent random stream for each part of patient `index`: PCG64 spawned from (seed, index)."""
    children = SeedSequence([seed, index]).spawn(len(PARTS))
    return {part: np.random.default_rng(child) for part, child in zip(PARTS, children, strict=True)}


def patient_number(index: int) -> str:
    """Three characters, other ones for each patient: 000 … 999, A00 … Z99."""
    return f"{index:03d}" if index < 1000 else f"{chr(65 + (index - 1000) // 100)}{index % 100:02d}"


def patient_name(index: int, site: str, rng: Generator) -> str:
    """`TCGA_PH_D007_19990314`: PH for phantom, the site's letter, a number, an invented date."""
    year, month, day = rng.integers([1983, 1, 1], [2006, 13, 29])
    return f"TCGA_PH_{site}{patient_number(index)}_{year:04d}{month:02d}{day:02d}"


def draw_patient(seed: int, index: int) -> PatientParameters:
    """Draw patient `index` (0 … 3599) of the phantom data set `seed`. Raises ValueError outside.

    The first patients are drawn until they show what TEACHERS asks for, at the site whose names come first.
    """
    if not 0 <= index < MOST_PATIENTS:
        raise ValueError(f"a phantom's index lies in 0 … {MOST_PATIENTS - 1}; got {index}.")
    rng = streams(seed, index)["parameters"]
    draws = _draw(index, rng)
    while index < len(TEACHERS) and not (draws.site == SITES[0] and draws.caps < 0.25 and TEACHERS[index](draws)):
        draws = _draw(index, rng)
    return draws


def _draw(index: int, rng: Generator) -> PatientParameters:
    site = SITES[rng.choice(len(SITES), p=SITE_FRACTIONS)]
    name = patient_name(index, site, rng)
    return PatientParameters(name=name, site=site, missing=_missing(rng), **_frame(rng, site), **_head(rng),
                             **_scanner(rng, site), tumour=_tumour(rng))


def _plain(draws: PatientParameters) -> bool:
    """All sequences, little noise, a tumour of middle size without a cyst."""
    return (not draws.missing and max(draws.noise) < 3.5 and not draws.tumour.cyst
            and 0.008 < draws.tumour.pixel_fraction < 0.018)


def _clear(draws: PatientParameters) -> bool:
    return _plain(draws) and draws.tumour.flair > 1.75 and draws.tumour.patchy < 0.25 and draws.tumour.edge < 0.12


def _faint(draws: PatientParameters) -> bool:
    return _plain(draws) and draws.tumour.flair < 1.4


def _tiny(draws: PatientParameters) -> bool:
    return not draws.missing and draws.tumour.pixel_fraction < 0.0025 and draws.tumour.flair > 1.5


def _huge(draws: PatientParameters) -> bool:
    return not draws.missing and draws.tumour.pixel_fraction > 0.025


def _cystic(draws: PatientParameters) -> bool:
    kind = draws.tumour
    return not draws.missing and kind.cyst > 0.5 and kind.cyst_flair < 0.5 and kind.pixel_fraction > 0.008


def _enhancing(draws: PatientParameters) -> bool:
    return not draws.missing and draws.tumour.ring > 0.6 and draws.tumour.pixel_fraction > 0.008


def _lacking(draws: PatientParameters) -> bool:
    return draws.missing == (SEQUENCES[0], SEQUENCES[2])


# the first patients show one thing each, and come first in a folder as well; all later ones are as they come
TEACHERS = (_clear, _faint, _tiny, _huge, _cystic, _enhancing, _lacking)


def _missing(rng: Generator) -> tuple[str, ...]:
    """In the real set nearly every patient without pre-contrast lacks post-contrast too: draw them together."""
    chance = rng.random()
    gone = (chance < MISSING_PRE, chance < MISSING_POST)
    return tuple(sequence for sequence, out in zip((SEQUENCES[0], SEQUENCES[2]), gone, strict=True) if out)


def _floats(values) -> tuple[float, ...]:
    return tuple(round(float(v), 9) for v in values)


def _frame(rng: Generator, site: str) -> dict:
    """Slices, field of view and position."""
    low, high = SLICES[site]
    return dict(slices=int(rng.integers(low, high + 1)), pixel_mm=float(PIXEL_MM[site] * rng.uniform(0.94, 1.06)),
                bottom_mm=float(rng.uniform(-104, -68)), top_mm=float(rng.uniform(86, 108)),
                scale=_floats(rng.normal([0.93, 0.97, 0.95], 0.03)),
                tilt=_floats(rng.normal([-0.05, 0, 0], [0.10, 0.04, 0.04])),
                shift_px=_floats(rng.normal([-2, 0], [5, 3])))


def _head(rng: Generator) -> dict:
    """Brain shape, skull and the bright things in FLAIR that are no tumour."""
    age = rng.random()
    return dict(warp_mm=float(rng.uniform(1.0, 3.5)), ventricles=float(rng.uniform(-0.15, 0.15) + 0.25 * age),
                atrophy=float(np.clip(rng.normal(age * 0.6, 0.2), 0, 1)), csf_gap_mm=float(rng.uniform(1.5, 3.5)),
                skull_mm=float(rng.uniform(5, 9)), scalp_mm=float(rng.uniform(3.0, 7.5)),
                padding_mm=_floats(rng.uniform([0, 5], [9, 18])),
                marrow=float(rng.uniform(0.1, 0.8)), markers=_markers(rng), cortex_mm=float(rng.uniform(2.2, 3.0)),
                sulcus_mm=float(rng.uniform(9, 14)),
                caps=float(rng.uniform(0, 0.3) + 0.35 * age * age), limbic=float(rng.uniform(0, 0.2)),
                spots=int(rng.poisson(1 + 7 * age * age)),
                flow=float(rng.uniform(0, 0.5)))


def _markers(rng: Generator) -> tuple[Triple, ...]:
    """LGG: every fourth patient or so was scanned for surgery, with about eight rings on the upper head."""
    chosen = rng.normal([0, 0, 0.5], 1, (int(rng.integers(5, 10)), 3))
    chosen = chosen / np.sqrt((chosen ** 2).sum(1, keepdims=True))
    return tuple(_floats(way) for way in chosen) if rng.random() < 0.25 else ()


def _scanner(rng: Generator, site: str) -> dict:
    """Grey levels and faults. LGG, white matter and its surroundings: 58, 59, 59 (33 … 91)."""
    gain = rng.normal(0, 0.10) + rng.normal(0, [0.2, 0.16, 0.18])
    return dict(white=_floats(np.multiply([74.0, 54.0, 71.0], SITE_GAIN[site]) * np.exp(gain)),
                tissue_jitter=_floats(rng.normal(0, 0.12, 39)), fat_saturated=bool(rng.random() < 0.15),
                bias=_floats(rng.uniform(0.03, 0.13, 3)),
                coil=_floats(rng.uniform(-0.05, 0.25, 3)), fade=_floats(rng.uniform(0, 0.5, 3) * [0.4, 1, 0.4]),
                noise=_floats(np.exp(rng.normal(np.log(2.9), 0.4, 3))), floor=_floats(rng.uniform(-0.2, 0.6, 3)),
                matrix=_floats(rng.uniform(0.70, 1.0, 6)),
                move_px=_floats(rng.normal(0, 0.6, 4)), ghost=float(max(0, rng.uniform(-0.05, 0.045))),
                ghost_px=int(rng.integers(40, 129)), cut=_floats(rng.uniform(-1.5, 1.0, 6)),
                view=_floats(rng.normal(0, [0.04, 0, 0] * 3) + rng.uniform([0, 112, 98] * 3, [0, 150, 150] * 3)))


def _tumour(rng: Generator) -> TumourParameters:
    """Size after LGG: fraction of pixels 0.08 %, 0.43 %, 0.84 %, 1.6 %, 3.5 % (least, quartiles, most)."""
    lobe = LOBES[rng.choice(len(LOBES), p=[weight for *_, weight in LOBES])]
    centre = np.array(lobe[1:4]) * [rng.choice([-1, 1]), 1, 1] + rng.normal(0, 8, 3)
    cystic, enhancing = rng.random() < 0.2, rng.random()
    return TumourParameters(
        lobe=lobe[0], centre_mm=_floats(centre),
        pixel_fraction=round(float(np.clip(np.exp(rng.normal(np.log(0.0095), 0.85)), 0.0007, 0.034)), 9),
        stretch=_floats(np.exp(rng.normal(0, 0.16, 3))), irregular=float(rng.uniform(0.3, 1.0)),
        infiltration=float(rng.uniform(0, 0.6)), sparing=float(rng.uniform(0, 0.35)),
        edge=float(rng.uniform(0.05, 0.22)),
        flair=float(np.clip(rng.normal(1.58, 0.30), 1.22, 2.6)), t1=float(np.clip(rng.normal(0.60, 0.22), 0.25, 1.2)),
        patchy=float(rng.uniform(0.05, 0.32)), oedema=float(rng.uniform(0.5, 1.35)),
        cyst=float(rng.uniform(0.3, 0.72)) if cystic else 0.0, cyst_flair=float(rng.uniform(0.25, 1.2)),
        cyst_lobes=float(rng.uniform(0, 1)),
        ring=float(rng.uniform(0.4, 1.2)) if enhancing < 0.2 else 0.0,
        nodules=float(rng.uniform(0.3, 1.0)) if 0.15 < enhancing < 0.4 else 0.0,
        push_mm=float(rng.uniform(0, 10)))
