import assert from "node:assert/strict";
import test from "node:test";

import { halved } from "../../../book/live/answers/fool_the_network.js";
import { planOf, planTotals } from "../../../book/live/answers/shape_plan.js";
import { largeNumber, memorySize, misfitProblem, toDecimals } from "../../../book/live/answers/shape_words.js";
import { borderPixel } from "../../../book/live/answers/slice_browser.js";

test("numbers half-way between two are rounded to the even one, as in Python", () => {
  assert.deepEqual([0.125, 0.375, 2.675].map((number) => toDecimals(number, 2)), ["0.12", "0.38", "2.67"]);
  assert.deepEqual([0.25, 0.75, -0.25, 12.35].map((number) => toDecimals(number, 1)), ["0.2", "0.8", "-0.2", "12.3"]);
  assert.deepEqual([2.5, 3.5].map((number) => toDecimals(number, 0)), ["2", "4"]);
});

test("counts and bytes in three figures", () => {
  assert.deepEqual([30541, 31037633, 48.2e9].map(largeNumber), ["30,541", "31.0 million", "48.2 billion"]);
  assert.deepEqual([999, 1125, 123456789].map(memorySize), ["999 bytes", "1.12 kB", "123 MB"]);
});

test("the U-Net of the school project, and a double convolution by hand", () => {
  const stages = planOf({ in_channels: 3, base: 64, depth: 4, size: 256, batch_norm: true });
  assert.equal(stages[0].parameters, 9 * 3 * 64 + 9 * 64 * 64 + 4 * 64);
  assert.equal(stages[0].receptive_field, 5);
  assert.equal(planTotals(stages).receptive_field, 204);
});

test("a size that cannot be halved so often", () => {
  const { chain, fixes } = misfitProblem({ size: 100, depth: 4 }, { smallest: 32, largest: 512 });
  assert.deepEqual(chain, ["100", "50", "25", "12.5"]);
  assert.deepEqual(fixes.map(({ label }) => label), ["size 96", "size 112", "depth 2"]);
});

test("means of four pixels; a half goes to the even number", () => {
  const rows = [[0, 1, 2, 2], [1, 0, 2, 0], [3, 3, 255, 255], [4, 4, 255, 254]];
  assert.deepEqual([...halved(Uint8Array.from(rows.flat()))], [0, 2, 4, 255]);
});

test("the left edge of a tumour, half-way down it, or the middle", () => {
  const mask = new Uint8Array(16);
  assert.deepEqual(borderPixel(mask), [2, 2]);
  for (const at of [6, 9, 10, 14]) mask[at] = 1;
  assert.deepEqual(borderPixel(mask), [2, 1]);
});
