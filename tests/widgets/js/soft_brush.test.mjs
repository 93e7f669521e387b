import assert from "node:assert/strict";
import test from "node:test";

import { PaintedSlice } from "../../../unet_lib/widgets/shared/soft_brush.js";

const SIZE = 16;
const at = (row, column) => row * SIZE + column;
const BRUSH = { radius: 4, strength: 100, erase: false, channels: [0, 1, 2] };

/** A slice with the same level everywhere in each channel. */
function plain(...levels) {
  const slice = new PaintedSlice(SIZE);
  slice.load(Uint8Array.from({ length: 3 * SIZE * SIZE }, (_, index) => levels[Math.floor(index / (SIZE * SIZE))]));
  return slice;
}

test("a dab is full in the middle, half at half its radius, and nothing at its edge", () => {
  const slice = plain(10, 20, 200);
  slice.begin();
  slice.dab([8, 8], BRUSH);
  for (const [channel, level] of [[0, 10], [1, 20]]) {
    const plane = slice.part(slice.planes, channel);
    assert.deepEqual([8, 10, 12, 13].map((column) => plane[at(8, column)]), [level + 100, level + 50, level, level]);
  }
  assert.equal(slice.part(slice.planes, 2)[at(8, 8)], 255); // no brighter than white
});

test("a stroke adds no more where its dabs overlap", () => {
  const slice = plain(10, 10, 10);
  slice.begin();
  slice.line([8, 4], [8, 12], BRUSH);
  slice.line([8, 12], [8, 4], BRUSH);
  assert.equal(slice.part(slice.planes, 0)[at(8, 8)], 110);
  slice.commit();
  slice.begin();
  slice.dab([8, 8], BRUSH);
  assert.equal(slice.part(slice.planes, 0)[at(8, 8)], 210); // a second stroke does
});

test("only the chosen channels are painted", () => {
  const slice = plain(10, 20, 30);
  slice.begin();
  slice.dab([8, 8], { ...BRUSH, channels: [1] });
  assert.deepEqual([0, 1, 2].map((channel) => slice.part(slice.planes, channel)[at(8, 8)]), [10, 120, 30]);
});

test("the eraser fills in the tissue around", () => {
  const planes = new Uint8Array(3 * SIZE * SIZE).fill(100);
  for (let index = 0; index < planes.length; index += SIZE) planes.fill(0, index, index + 2); // two dark columns
  planes[at(8, 8)] = 255;
  const slice = new PaintedSlice(SIZE);
  slice.load(planes);
  slice.begin();
  slice.dab([8, 8], { ...BRUSH, radius: 2, erase: true });
  assert.equal(slice.part(slice.planes, 0)[at(8, 8)], 100);
});

test("strokes can be undone, and all of them at once", () => {
  const slice = plain(10, 10, 10);
  for (const column of [4, 12]) {
    slice.begin();
    slice.dab([8, column], BRUSH);
    slice.commit();
  }
  slice.undo();
  assert.equal(slice.part(slice.planes, 0)[at(8, 12)], 10);
  assert.equal(slice.part(slice.planes, 0)[at(8, 4)], 110);
  slice.reset();
  assert.ok(!slice.touched);
  slice.undo();
  assert.ok(slice.touched);
});
