import assert from "node:assert/strict";
import test from "node:test";

import { PaintedMask, disc, fourCounts, inCommon } from "../../../unet_lib/widgets/paint_tumour/painted_mask.js";
import { packBits } from "../../../unet_lib/widgets/shared/mask_scores.js";

const [WIDTH, HEIGHT] = [8, 5];

/** An empty mask beside one whose left half is tumour. */
function empty() {
  const other = { mask: Uint8Array.from({ length: WIDTH * HEIGHT }, (_, at) => Number(at % WIDTH < 4)) };
  return { mask: new PaintedMask(WIDTH, HEIGHT, new DataView(new ArrayBuffer(5)), [other]), other };
}

const drawn = ({ mask }) => Array.from({ length: HEIGHT }, (_, row) =>
  [...mask.subarray(row * WIDTH, (row + 1) * WIDTH)].map((inside) => ".#"[inside]).join(""));

test("a round brush holds what lies within half its diameter", () => {
  assert.equal(disc(1).length, 1);
  assert.equal(disc(3).length, 9);
  assert.equal(disc(5).length, 21); // 5 × 5 without its corners
});

test("a line is painted pixel by pixel, and ends at the picture's edge", () => {
  const { mask } = empty();
  mask.line([1, 1], [3, 5], disc(1), 1); // where it begins has been painted before
  assert.deepEqual(drawn(mask), ["........", "........", "..##....", "....##..", "........"]);
  mask.line([4, 7], [4, 12], disc(3), 1);
  assert.equal(drawn(mask)[4], ".......#");
});

test("a rectangle holds both corners, whichever comes first", () => {
  const { mask } = empty();
  mask.rectangle([3, 4], [1, 2], 1);
  assert.deepEqual(drawn(mask), ["........", "..###...", "..###...", "..###...", "........"]);
  mask.rectangle([2, 3], [2, 3], 0);
  assert.equal(drawn(mask)[2], "..#.#...");
});

test("counts keep up with what is painted", () => {
  const { mask, other } = empty();
  mask.rectangle([1, 2], [3, 5], 1); // 3 × 4 pixels, of which 3 × 2 lie in the left half
  assert.deepEqual([mask.pixels, other.pixels, other.both], [12, 20, 6]);
  assert.deepEqual(mask.countsWith(other), { tp: 6, fp: 6, fn: 14, tn: 14 });
  mask.clear();
  assert.deepEqual([mask.pixels, other.both], [0, 0]);
  assert.equal(inCommon(Uint8Array.of(1, 1, 0), Uint8Array.of(0, 1, 1)), 1);
  assert.deepEqual(fourCounts(3, 4, 2, 10), { tp: 2, fp: 1, fn: 2, tn: 5 });
});

test("steps can be undone and done again", () => {
  const { mask, other } = empty();
  mask.begin();
  assert.ok(!mask.commit()); // nothing was painted
  mask.begin();
  mask.rectangle([0, 0], [0, 1], 1);
  assert.ok(mask.commit());
  assert.ok(mask.undo() && !mask.undo());
  assert.deepEqual([mask.pixels, other.both], [0, 0]);
  assert.ok(mask.redo() && !mask.redo());
  assert.deepEqual([mask.pixels, other.both], [2, 2]);
});

test("a mask from elsewhere is a step of its own", () => {
  const { mask } = empty();
  const another = new DataView(packBits(Uint8Array.from({ length: 40 }, (_, at) => Number(at === 9))).buffer);
  assert.ok(mask.adopt(another) && !mask.adopt(another));
  assert.equal(drawn(mask)[1], ".#......");
  mask.undo();
  assert.equal(mask.pixels, 0);
});
