import assert from "node:assert/strict";
import test from "node:test";

import { SCORES, borderOf, directedDistances, isEmpty, packBits, quantile, rounded, score, squaredDistances, surfaceOf,
  unpackBits } from "../../../unet_lib/widgets/shared/mask_scores.js";

const COUNTS = { tp: 3, fp: 1, fn: 2, tn: 4 };

test("scores of counts done by hand", () => {
  const expected = { precision: 3 / 4, recall: 3 / 5, F1: 6 / 9, IoU: 3 / 6, accuracy: 7 / 10 };
  for (const [name, value] of Object.entries(expected)) assert.equal(score(name, COUNTS), value);
  assert.equal(SCORES.F1.fraction(COUNTS)[2], "2·3 / (6 + 1 + 2)");
});

test("nothing divided by nothing is 1, and is known to be", () => {
  const nothing = { tp: 0, fp: 0, fn: 0, tn: 9 };
  assert.equal(score("F1", nothing), 1);
  assert.ok(isEmpty("F1", nothing));
  assert.ok(!isEmpty("accuracy", nothing));
});

test("rounding never makes a perfect score of one that is not", () => {
  assert.equal(rounded(2 / 3), "0.667");
  assert.equal(rounded(1), "1.000");
  assert.equal(rounded(0), "0.000");
  assert.equal(rounded(0.99973), "0.9997");
  assert.equal(rounded(0.00004), "0.00004");
});

test("bits are packed as NumPy packs them", () => {
  const mask = Uint8Array.of(1, 0, 1, 0, 0, 0, 0, 1, 1);
  assert.deepEqual(packBits(mask), Uint8Array.of(0xa1, 0x80));
  const within = new DataView(Uint8Array.of(0, 0xa1, 0x80).buffer, 1);
  assert.deepEqual(unpackBits(within, 9), mask);
});

test("the border is what touches a pixel outside, or the picture's edge", () => {
  const rows = ["......", ".####.", ".####.", ".####.", "......"];
  const mask = Uint8Array.from(rows.join(""), (sign) => Number(sign === "#"));
  assert.deepEqual(borderOf(mask, 6, 5).map((at) => [Math.floor(at / 6), at % 6]),
    [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 4], [3, 1], [3, 2], [3, 3], [3, 4]]);
  assert.deepEqual(borderOf(new Uint8Array(9).fill(1), 3, 3), [0, 1, 2, 3, 5, 6, 7, 8]);
});

test("distances are those to the nearest seed", () => {
  const [width, height] = [13, 9];
  for (const seeds of [[40], [0, 116], [3, 17, 18, 64, 90, 91]]) {
    const expected = Float64Array.from({ length: width * height }, (_, at) => Math.min(...seeds.map((seed) =>
      (Math.floor(at / width) - Math.floor(seed / width)) ** 2 + (at % width - seed % width) ** 2)));
    assert.deepEqual(squaredDistances(seeds, width, height), expected);
  }
});

test("a quantile lies between two numbers as in NumPy", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.ok(Math.abs(quantile([1, 2, 3, 4], 0.95) - 3.85) < 1e-12);
  assert.equal(quantile([7], 0.95), 7);
});

test("two single pixels are as far apart as a ruler says", () => {
  const pixel = (row, column) => surfaceOf(Uint8Array.from({ length: 100 }, (_, at) => Number(at === 10 * row + column)), 10, 10);
  assert.deepEqual(directedDistances(pixel(1, 2), pixel(4, 6)), [5, 5]);
  assert.equal(directedDistances(pixel(1, 2), surfaceOf(new Uint8Array(100), 10, 10)), null);
});
