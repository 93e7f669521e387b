import assert from "node:assert/strict";
import test from "node:test";

import { between, eased, frameOf, nearestPoint, nextPoint } from "../../../unet_lib/widgets/embedding_map/embedding_points.js";

const POINTS = Float32Array.of(0, 0, 3, 4, -6, 0);
const all = () => true;

test("half-way between two planes is the mean", () => {
  assert.deepEqual([...between(POINTS, Float32Array.of(2, 2, 3, 0, 0, 1), 0.5)], [1, 1, 3, 2, -3, 0.5]);
});

test("movement begins and ends at rest", () => {
  assert.deepEqual([-1, 0, 0.5, 1, 7].map(eased), [0, 0, 0.5, 1, 1]);
  assert.ok(eased(0.1) < 0.1 && eased(0.9) > 0.9);
});

test("a square holds the points of all planes", () => {
  assert.deepEqual(frameOf([POINTS, Float32Array.of(1, -9)]), { x: -1.5, y: -2.5, half: 6.5 });
  assert.equal(frameOf([Float32Array.of(2, 3)]).half, 1);
});

test("the nearest point that counts and is near enough", () => {
  assert.equal(nearestPoint(POINTS, [2, 3], 2, all), 1);
  assert.equal(nearestPoint(POINTS, [2, 3], 1, all), -1);
  assert.equal(nearestPoint(POINTS, [2, 3], 9, (point) => point !== 1), 0);
  assert.equal(nearestPoint(POINTS, [3, 0], 5, () => false), -1);
});

test("the next point goes round and skips what does not count", () => {
  assert.equal(nextPoint(3, 2, 1, all), 0);
  assert.equal(nextPoint(3, 0, -1, all), 2);
  assert.equal(nextPoint(4, 0, 1, (point) => point % 2 === 0), 2);
  assert.equal(nextPoint(4, 1, 1, () => false), 1);
});
