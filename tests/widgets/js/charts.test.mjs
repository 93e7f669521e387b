import assert from "node:assert/strict";
import test from "node:test";

import { roundStep, stepsPath } from "../../../unet_lib/widgets/live_training/live_training.js";
import { namesOf } from "../../../unet_lib/widgets/skip_switchboard/skip_worth.js";
import { bestStep } from "../../../unet_lib/widgets/threshold_explorer/threshold_explorer.js";

test("an axis has round steps", () => {
  assert.equal(roundStep(1, 4), 0.5);
  assert.equal(roundStep(0.7, 4), 0.2);
  assert.equal(roundStep(60, 8), 10);
});

test("the loss within the epochs is a line, broken where it is not a number", () => {
  const scale = { x: (epoch) => 100 * epoch, y: (loss) => 10 * loss };
  assert.equal(stepsPath([[0.25, 1], [0.5, 0.8], [0.75, null], [1, 0.7]], scale), "M25.0,10.0L50.0,8.0M100.0,7.0");
  assert.equal(stepsPath([], scale), "");
});

test("the best threshold is the lowest with the best F1", () => {
  const table = new Int32Array(4 * 101);
  for (let step = 0; step <= 100; step++) table.set(step === 30 || step === 31 ? [4, 0, 0, 6] : [2, 2, 2, 4], 4 * step);
  assert.equal(bestStep(table), 30);
});

test("skips are named in words", () => {
  assert.deepEqual([[], [2], [1, 3], [1, 2, 3]].map((levels) => namesOf(levels, 4)),
    ["none", "skip 2", "skips 1 and 3", "skips 1, 2 and 3"]);
  assert.equal(namesOf([1, 2, 3, 4], 4), "all skips");
  assert.equal(namesOf([1], 1), "skip 1");
});
