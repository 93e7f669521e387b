import assert from "node:assert/strict";
import test from "node:test";

import { cannotReflect, correlate, outputLength, padPlane, problem,
  products } from "../../../unet_lib/widgets/conv_microscope/conv_arithmetic.js";

const PLAIN = { stride: 1, dilation: 1, bias: 0, relu: false };
const PLANE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];

test("products of one window, tap by tap, the kernel not flipped", () => {
  assert.deepEqual(products([PLANE], [[[1, 0], [0, -1]]], PLAIN, 1, 1), [[5, 0, 0, -9]]);
  assert.deepEqual(products([PLANE], [[[1, 10], [100, 1000]]], { ...PLAIN, dilation: 2 }, 0, 0), [[1, 30, 700, 9000]]);
  assert.deepEqual(products([PLANE, PLANE], [[[2]], [[3]]], { ...PLAIN, stride: 2 }, 1, 1), [[18], [27]]);
});

test("an output done by hand", () => {
  const size = { rows: 2, columns: 2 };
  assert.deepEqual(correlate([PLANE], [[[1, 0], [0, -1]]], PLAIN, size), [[-4, -4], [-4, -4]]);
  assert.deepEqual(correlate([PLANE], [[[1, 1], [1, 1]]], { ...PLAIN, bias: -20, relu: true }, size), [[0, 0], [4, 8]]);
  assert.deepEqual(correlate([PLANE, PLANE], [[[1]], [[10]]], { ...PLAIN, stride: 2 }, size), [[11, 33], [77, 99]]);
});

test("the output's length by the formula", () => {
  assert.equal(outputLength(5, 3, { padding: 0, dilation: 1, stride: 1 }), 3);
  assert.equal(outputLength(5, 3, { padding: 1, dilation: 1, stride: 1 }), 5);
  assert.equal(outputLength(7, 3, { padding: 1, dilation: 2, stride: 2 }), 3);
});

test("padding as torch names it", () => {
  const pad = (mode) => padPlane(PLANE, { padding: 1, padding_mode: mode });
  assert.deepEqual(pad("zeros"), [[0, 0, 0, 0, 0], [0, 1, 2, 3, 0], [0, 4, 5, 6, 0], [0, 7, 8, 9, 0], [0, 0, 0, 0, 0]]);
  assert.deepEqual(pad("replicate"), [[1, 1, 2, 3, 3], [1, 1, 2, 3, 3], [4, 4, 5, 6, 6], [7, 7, 8, 9, 9], [7, 7, 8, 9, 9]]);
  assert.deepEqual(pad("reflect"), [[5, 4, 5, 6, 5], [2, 1, 2, 3, 2], [5, 4, 5, 6, 5], [8, 7, 8, 9, 8], [5, 4, 5, 6, 5]]);
});

test("settings without an output are explained", () => {
  const settings = { padding: 0, padding_mode: "zeros", dilation: 1 };
  assert.equal(problem(5, 5, 5, settings), "");
  assert.match(problem(4, 9, 5, settings), /spans 1·\(5 − 1\) \+ 1 = 5 pixels, more than the padded patch of 4×9/);
  assert.match(problem(3, 9, 3, { ...settings, padding: 3, padding_mode: "reflect" }), /at least 4 rows and columns/);
  assert.ok(cannotReflect(3, 9, { padding: 3, padding_mode: "reflect" }));
  assert.ok(!cannotReflect(3, 9, { padding: 3, padding_mode: "replicate" }));
});
