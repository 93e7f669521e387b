import assert from "node:assert/strict";
import test from "node:test";

import { counted, diceOf, joined } from "../../../book/live/answers/feature_answer.js";
import { coarseMask, energyOf, quantised, representative, rocAuc, sourcesOf } from "../../../book/live/answers/feature_maps.js";
import { PageAnswers, busiest, networkAt } from "../../../book/live/answers/page_answers.js";
import { doubled, doubledMask, means } from "../../../book/live/answers/skip_answers.js";
import { PageModel } from "../../../book/live/host.js";

const maps = (channels, width, ...values) => ({ channels, height: width, width, values: Float32Array.from(values) });
const plain = (values) => Array.from(values);

// ---- maps ----------------------------------------------------------------------------------------------------------

test("a channel's lowest value is 0, its highest 255; one with a single value is all 0", () => {
  const { levels, low, high } = quantised(Float32Array.of(-1, 0, 1, 0.5));
  assert.deepEqual([plain(levels), low, high], [[0, 128, 255, 191], -1, 1]);
  assert.deepEqual(plain(quantised(Float32Array.of(7, 7)).levels), [0, 0]);
});

test("a stage stands for itself by its mean, or by the channel with most energy", () => {
  const two = maps(2, 2, 1, 1, 1, 1, -3, 0, 0, 5);
  assert.equal(energyOf(two.values.subarray(4)), 8.5);
  assert.deepEqual(plain(representative(two, "mean")), [-1, 0.5, 0.5, 3]);
  assert.deepEqual(plain(representative(two, "strongest")), [-3, 0, 0, 5]);
});

test("a cell with any tumour in it counts as tumour", () => {
  assert.deepEqual(plain(coarseMask([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 4, 2)), [0, 1, 0, 0]);
});

test("ROC AUC: the pairs, counted by hand", () => {
  const values = Float32Array.of(3, 1, 2, 2, 0);
  assert.equal(rocAuc(values, [1, 0, 1, 0, 0]), (3 + 2.5) / 6); // 3 beats 1, 2, 0; 2 beats 1 and 0, and ties with 2
  assert.equal(rocAuc(values, [0, 0, 0, 0, 0]), null);
  assert.equal(rocAuc(values, [1, 1, 1, 1, 1]), null);
});

// ---- what a channel is made of ----------------------------------------------------------------------------------------

const stages = [["encoder.1", "DoubleConv", 1], ["pool.1", "MaxPool2d", 1], ["bottleneck", "DoubleConv", 2], ["up.1", "Up", 1],
  ["concat.1", "Concat", 2], ["output", "Conv2d", 1]].map(([name, kind, channels]) => ({ name, kind, channels }));
const here = { "encoder.1": maps(1, 2, 1, 2, 3, 4), "pool.1": maps(1, 1, 4), bottleneck: maps(2, 1, 5, 6), "up.1": maps(1, 2, 7, 8, 9, 10),
  "concat.1": maps(2, 2, 1, 2, 3, 4, 7, 8, 9, 10), input: maps(3, 2, ...new Array(12).fill(1)), "encoder.1.relu1": maps(1, 2, 2, 0, 0, 0) };
const weights = { "up.1": Float32Array.of(1, 2, 3, 4, -10, 0, 0, 0), output: Float32Array.of(0.5, -2), "encoder.1.conv2": new Float32Array(9).fill(-1) };
const made = (name, channel) => sourcesOf({ part: (part) => ({ weight: weights[part] }) }, stages, stages.find((one) => one.name === name), channel, here);

test("a concatenation's channels are the skip's, then those from below", () => {
  assert.deepEqual(made("concat.1", 0).map(({ stage, channel }) => [stage, channel]), [["encoder.1", 0]]);
  assert.deepEqual(made("concat.1", 1).map(({ label, kernel }) => [label, kernel]), [["up.1, channel 0", null]]);
  assert.deepEqual(made("pool.1", 0).map(({ label }) => label), ["encoder.1, channel 0"]);
});

test("the strongest input comes first: Σ|weight| × root mean square", () => {
  assert.deepEqual(made("up.1", 0).map(({ channel, kernel, strength }) => [channel, kernel, strength]),
    [[1, [[-10, 0], [0, 0]], 60], [0, [[1, 2], [3, 4]], 50]]);
  assert.deepEqual(made("output", 0).map(({ channel, kernel }) => [channel, kernel]), [[1, [[-2]]], [0, [[0.5]]]]);
});

test("a stage of two convolutions is made of what the second reads", () => {
  const [{ stage, label, title, strength }] = made("encoder.1", 0);
  assert.deepEqual([stage, label, title, strength], ["", "inside, channel 0", "channel 0 after the first convolution of encoder.1", 9]);
});

// ---- masks and skips ---------------------------------------------------------------------------------------------------

test("counts and Dice, by hand; two empty masks agree", () => {
  const counts = counted([1, 1, 0, 0, 1], [1, 0, 1, 0, 1]);
  assert.deepEqual(counts, { tp: 2, fp: 1, fn: 1, tn: 1 });
  assert.equal(diceOf(counts), 4 / 6);
  assert.equal(diceOf(counted([0], [0])), 1);
});

test("twice as wide: pixels four times, logits bilinearly with their centres where they were", () => {
  assert.deepEqual(plain(doubledMask([1, 2, 3, 4])), [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
  assert.deepEqual(plain(doubled(maps(1, 2, 0, 4, 8, 12)).values), [0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12]);
});

test("a channel's mean, everywhere", () => {
  assert.deepEqual(plain(means(maps(2, 2, 1, 2, 3, 4, 0, 0, 0, 8)).values), [2.5, 2.5, 2.5, 2.5, 2, 2, 2, 2]);
});

test("bytes in a row", () => assert.deepEqual(plain(joined([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)])), [1, 2, 3]));

// ---- the page ----------------------------------------------------------------------------------------------------------

test("a patient opens at the largest tumour, or in the middle", () => {
  assert.equal(busiest([[4, 0], [9, 7], [11, 7], [12, 3]]), 9);
  assert.equal(busiest([[4, 0], [9, 0], [11, 0]]), 9);
});

test("weights are named by their step", () => assert.deepEqual([0, 640, 4000].map(networkAt), ["step-0000", "step-0640", "step-4000"]));

test("one question at a time, and of those that wait only the newest; what goes wrong is said", async () => {
  const [answered, endings] = [[], []];
  class Slow extends PageAnswers {
    async answer() {
      const step = this.model.get("step");
      await new Promise((resolve) => endings.push(resolve));
      if (step === 4) throw new Error("No such step.");
      answered.push(step);
    }
  }
  const model = new PageModel({ step: 0, silence: "?" });
  model.answers = new Slow(model, "folder");
  const turn = async (step) => {
    model.set({ step });
    model.save_changes();
  };
  for (const step of [1, 2, 3]) await turn(step);
  assert.equal(endings.length, 1);
  for (let at = 0; at < 2; at++) {
    endings[at]();
    await new Promise(setImmediate);
  }
  assert.deepEqual([answered, endings.length], [[1, 3], 2]);
  await turn(4);
  endings[2]();
  await new Promise(setImmediate);
  assert.equal(model.get("silence"), "No such step.");
});
