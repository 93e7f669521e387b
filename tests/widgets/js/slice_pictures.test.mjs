import assert from "node:assert/strict";
import test from "node:test";

import { borderEdges, surroundings, wholeSlice } from "../../../unet_lib/widgets/shared/slice_pictures.js";

/** A mask of 0 and 1 from rows of dots and hashes. */
const maskOf = (...rows) => Uint8Array.from(rows.join(""), (sign) => Number(sign === "#"));

test("a pixel has four edges, and pixels beside each other share none", () => {
  assert.deepEqual(borderEdges(maskOf("...", ".#.", "..."), 3, 3), [[1, 1, 2, 1], [1, 1, 1, 2], [2, 1, 2, 2], [1, 2, 2, 2]]);
  assert.equal(borderEdges(maskOf("##", ".."), 2, 2).length, 6); // the picture's edge ends a mask, too
  assert.equal(borderEdges(maskOf("###", "#.#", "###"), 3, 3).length, 16); // 12 outside, 4 around the hole
  assert.deepEqual(borderEdges(new Uint8Array(6), 3, 2), []);
});

test("dashed, every other two edges along a side are left out", () => {
  const top = borderEdges(new Uint8Array(64).fill(1), 8, 8, true).filter(([, y0, , y1]) => y0 === 0 && y1 === 0);
  assert.deepEqual(top.map(([x]) => x), [0, 1, 4, 5]);
});

test("a close-up is a square around the mask, half as wide as the slice at least, and inside it", () => {
  const around = (row, column) => surroundings(Uint8Array.from({ length: 64 * 64 }, (_, at) => Number(at === 64 * row + column)), 64, 64);
  assert.deepEqual(around(40, 20), { top: 25, left: 5, rows: 32, columns: 32 });
  assert.deepEqual(around(0, 63), { top: 0, left: 32, rows: 32, columns: 32 });
  assert.deepEqual(surroundings(new Uint8Array(64 * 64).fill(1), 64, 64), wholeSlice(64, 64));
});
