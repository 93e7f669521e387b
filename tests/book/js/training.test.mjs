// node --test: the training in the page without a page, on slices whose tumour is a bright square.

import assert from "node:assert/strict";
import test from "node:test";
import { deflateSync } from "node:zlib";

import { Training, TrainingError, flipped, shuffled } from "../../../book/live/training.js";
import { serveTraining } from "../../../book/live/training_server.js";
import { seededRandom } from "../../../book/live/unet/initial_weights.js";

const SIDE = 16;
const AREA = SIDE * SIDE;
const COUNT = 12;
const TRAINING = 8;

function brightSquares() {
  const random = seededRandom(7);
  const [images, masks] = [new Uint8Array(3 * AREA * COUNT), new Uint8Array(AREA * COUNT)];
  for (let slice = 0; slice < COUNT; slice++) {
    const [top, left] = [1 + Math.floor(9 * random()), 1 + Math.floor(9 * random())];
    for (let at = 0; at < AREA; at++) {
      const [y, x] = [Math.floor(at / SIDE), at % SIDE];
      const inside = y >= top && y < top + 6 && x >= left && x < left + 6;
      masks[slice * AREA + at] = inside;
      for (let channel = 0; channel < 3; channel++) images[(3 * slice + channel) * AREA + at] = 60 + 40 * random() + (inside && channel === 1 ? 100 : 0);
    }
  }
  const pixels = deflateSync(Buffer.concat([images, masks])).toString("base64");
  const patients = [{ name: "A", statistics: [[80, 90, 80], [20, 40, 20]] }, { name: "B", statistics: [[80, 90, 80], [20, 40, 20]] }];
  return { side: SIDE, training: TRAINING, watched: 1, patients, pixels, numbers: Array.from({ length: COUNT }, (_, at) => at + 1),
    patient_of: Array.from({ length: COUNT }, (_, at) => Number(at >= TRAINING)) };
}

/** A worker's `self` that keeps what is posted; `next(test)` waits for the first message, new or not yet taken, that passes. */
function standIn() {
  const [messages, waiting] = [[], []];
  const scope = { postMessage: (message) => (messages.push(message), waiting.splice(0).forEach((wake) => wake())) };
  const next = async (passes) => {
    for (;;) {
      while (messages.length) {
        const message = messages.shift();
        if (passes(message)) return message;
      }
      await new Promise((wake) => waiting.push(wake));
    }
  };
  serveTraining(scope);
  return { send: (data) => scope.onmessage({ data }), next, messages };
}

const isProgress = ({ type }) => type === "progress";
const settings = { batch: 4, rate: 0.03, seed: 3 };

test("the training learns squares it has not seen, reports, pauses and begins again", async () => {
  const { send, next, messages } = standIn();
  send({ type: "start", set: brightSquares(), settings });
  const slice = await next(({ type }) => type === "slice");
  assert.deepEqual([slice.name, slice.number, slice.count, slice.side, slice.watched], ["B", TRAINING + 2, COUNT - TRAINING, SIDE, 1]);
  const before = await next(isProgress);
  assert.deepEqual([before.step, before.loss, before.running], [0, null, false]);
  assert.deepEqual(before.maps.map(({ name }) => name), ["encoder.1", "encoder.2", "bottleneck", "decoder.2", "decoder.1"]);
  assert.deepEqual(before.maps.map(({ channels }) => channels.length), [4, 8, 16, 8, 4]);
  assert.deepEqual(before.maps.map(({ channels: [first], side }) => [first.length, side]), [[256, 16], [64, 8], [16, 4], [64, 8], [256, 16]]);

  send({ type: "run" });
  const first = await next((message) => isProgress(message) && message.dice !== null);
  const good = await next((message) => isProgress(message) && message.dice > 0.9);
  assert.equal(first.step, 20);
  assert.ok(good.loss < first.loss);
  const found = good.probability.map((byte) => byte > 127);
  const overlap = found.reduce((sum, inside, at) => sum + (inside & slice.reference[at]), 0);
  assert.ok(overlap > 25, "the square of the watched slice has 36 pixels");

  send({ type: "pause" });
  const held = await next((message) => isProgress(message) && !message.running);
  await new Promise((done) => setTimeout(done, 50));
  assert.equal(messages.length, 0);
  send({ type: "reset", settings: { depth: 3, skips: false } });
  const again = await next(isProgress);
  assert.ok(held.step > 0);
  assert.deepEqual([again.step, again.settings], [0, { ...before.settings, depth: 3, skips: false }]);
});

test("a learning rate changes on the way; what cannot be set is told in a sentence", async () => {
  const { send, next } = standIn();
  send({ type: "start", set: brightSquares(), settings });
  send({ type: "rate", rate: 0.001 });
  send({ type: "watch", watched: 99 });
  const { watched } = await next((message) => message.type === "slice" && message.watched !== 1);
  const { settings: now } = await next(isProgress);
  assert.deepEqual([watched, now.rate], [COUNT - TRAINING - 1, 0.001]);
  send({ type: "reset", settings: { base: 64 } });
  assert.equal((await next(({ type }) => type === "problem")).message, "Expected base to be one of 4, 6, 8; got 64.");
  send({ type: "run" });
  assert.ok((await next(isProgress)).step > 0, "the training before is still there");
  send({ type: "pause" });
});

test("the same seed trains the same, another seed differently", () => {
  const slices = Array.from({ length: 4 }, (_, index) => {
    const maps = (channels) => ({ channels, height: 8, width: 8, values: Float32Array.from({ length: 64 * channels }, (_, at) => Number((at + index) % 5 === 0)) });
    return { forTraining: index < 3, image: maps(3), mask: maps(1), reference: maps(1).values };
  });
  const losses = (seed) => {
    const training = new Training(slices, { batch: 2, seed });
    return [training.step(), training.step(), training.step()];
  };
  assert.deepEqual(losses(5), losses(5));
  assert.notDeepEqual(losses(5), losses(6));
  assert.throws(() => new Training(slices, { rate: 7 }), TrainingError);
});

test("every slice comes once before any comes again; a flip exchanges left and right", () => {
  const random = seededRandom(1);
  const order = shuffled([1, 2, 3, 4, 5, 6, 7, 8], random);
  assert.deepEqual(order.toSorted(), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.notDeepEqual(order, shuffled([1, 2, 3, 4, 5, 6, 7, 8], random));
  assert.deepEqual([...flipped({ width: 3, values: Float32Array.from([1, 2, 3, 4, 5, 6]) }).values], [3, 2, 1, 6, 5, 4]);
});
