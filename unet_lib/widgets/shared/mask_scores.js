// Scores of two masks as written-out fractions, and the distance between their borders. Masks are Uint8Arrays of 0
// and 1, row by row. metrics.py says the same of the scores; SciPy and MONAI (in the tests) of the distance.

import { bytesOf } from "./base.js";

/** Each score: its formula, and for four counts what stands above the line, below it, and both written out. */
export const SCORES = {
  precision: {
    formula: "TP / (TP + FP)",
    fraction: ({ tp, fp }) => [tp, tp + fp, `${tp} / (${tp} + ${fp})`],
  },
  recall: {
    formula: "TP / (TP + FN)",
    fraction: ({ tp, fn }) => [tp, tp + fn, `${tp} / (${tp} + ${fn})`],
  },
  F1: {
    formula: "2·TP / (2·TP + FP + FN)",
    fraction: ({ tp, fp, fn }) => [2 * tp, 2 * tp + fp + fn, `2·${tp} / (${2 * tp} + ${fp} + ${fn})`],
  },
  IoU: {
    formula: "TP / (TP + FP + FN)",
    fraction: ({ tp, fp, fn }) => [tp, tp + fp + fn, `${tp} / (${tp} + ${fp} + ${fn})`],
  },
  accuracy: {
    formula: "(TP + TN) / all pixels",
    fraction: ({ tp, fp, fn, tn }) => [tp + tn, tp + fp + fn + tn, `(${tp} + ${tn}) / ${tp + fp + fn + tn}`],
  },
};

/** The score; nothing divided by nothing counts as 1, because nothing was wrong. */
export function score(name, counts) {
  const [above, below] = SCORES[name].fraction(counts);
  return below ? above / below : 1;
}

export const isEmpty = (name, counts) => SCORES[name].fraction(counts)[1] === 0;

/** Three decimals; more where three would turn 0.99973 into a perfect 1. */
export function rounded(value) {
  for (let decimals = 3; decimals < 8; decimals++) {
    const text = value.toFixed(decimals);
    if (Number(text) === value || ![0, 1].includes(Number(text))) return text;
  }
  return String(value);
}

// ---- masks as bits ---------------------------------------------------------------------------------------

/** Eight pixels a byte, the first in the highest bit; NumPy's packbits does the same. */
export function packBits(mask) {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  mask.forEach((inside, at) => inside && (bits[at >> 3] |= 128 >> (at & 7)));
  return bits;
}

export function unpackBits(packed, length) {
  const bits = bytesOf(packed);
  return Uint8Array.from({ length }, (_, at) => (bits[at >> 3] >> (7 - (at & 7))) & 1);
}

// ---- borders and distances -------------------------------------------------------------------------------

/** Where the mask's border pixels lie: those with an edge in common with a pixel outside, or with the picture's edge. */
export function borderOf(mask, width, height) {
  const found = [];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (!mask[at]) continue;
      const within = x > 0 && x < width - 1 && y > 0 && y < height - 1;
      if (!within || !(mask[at - 1] && mask[at + 1] && mask[at - width] && mask[at + width])) found.push(at);
    }
  }
  return found;
}

/**
 * Every pixel's squared distance to the nearest of the `seeds`, exact: first along the columns, then for each row the
 * lowest of the parabolas that stand on it (Felzenszwalb & Huttenlocher 2012, "Distance transforms of sampled functions").
 */
export function squaredDistances(seeds, width, height) {
  const found = new Float64Array(width * height).fill(Infinity);
  for (const at of seeds) found[at] = 0;
  for (let at = width; at < found.length; at++) found[at] = Math.min(found[at], found[at - width] + 1);
  for (let at = found.length - width - 1; at >= 0; at--) found[at] = Math.min(found[at], found[at + width] + 1);
  const across = new Float64Array(width);
  for (let start = 0; start < found.length; start += width) {
    for (let x = 0; x < width; x++) across[x] = found[start + x] ** 2;
    lowestParabolas(across, found.subarray(start, start + width));
  }
  return found;
}

/** result[x] = the least of (x − p)² + heights[p] over all p; each parabola is lowest from its `starts` on. */
function lowestParabolas(heights, result) {
  const [feet, starts] = [[], []];
  heights.forEach((height, x) => {
    if (height === Infinity) return;
    let from = -Infinity;
    while (feet.length) {
      const foot = feet.at(-1);
      from = (height + x * x - heights[foot] - foot * foot) / (2 * (x - foot));
      if (from > starts.at(-1)) break;
      feet.pop();
      starts.pop();
      from = -Infinity;
    }
    feet.push(x);
    starts.push(from);
  });
  if (!feet.length) return;
  for (let x = 0, at = 0; x < result.length; x++) {
    while (at + 1 < feet.length && starts[at + 1] < x) at++;
    result[x] = (x - feet[at]) ** 2 + heights[feet[at]];
  }
}

/** The mask's border, and how far from it every pixel lies: all that a Hausdorff distance asks of a mask. */
export function surfaceOf(mask, width, height) {
  const border = borderOf(mask, width, height);
  return { border, squared: border.length ? squaredDistances(border, width, height) : null };
}

/** The number below which this fraction of the numbers lies, between two of them by a straight line, as in NumPy. */
export function quantile(numbers, fraction) {
  const sorted = Float64Array.from(numbers).sort();
  const at = fraction * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
}

/** How far 95 % of the first border's pixels lie from the second border at most, and the other way round, in pixels. */
export function directedDistances(one, other) {
  if (!one.border.length || !other.border.length) return null; // to an empty mask there is no distance
  const reach = (from, to) => quantile(from.border.map((at) => Math.sqrt(to.squared[at])), 0.95);
  return [reach(one, other), reach(other, one)];
}
