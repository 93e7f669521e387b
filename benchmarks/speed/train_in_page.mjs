// node train_in_page.mjs SET SETTINGS SECONDS: trains as the page does, without a page, until SECONDS of processor time are over.
// Prints the curve as JSON: [{ step, seconds, wall_seconds, dice }], a point every few steps. Scoring is in the time.

import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

import { Training } from "../../book/live/training.js";
import { slicesOf } from "../../book/live/training_data.js";

const SCORE_STEPS = 20; // as in training_worker.js
const [set, settings, limit] = [JSON.parse(readFileSync(process.argv[2])), JSON.parse(process.argv[3]), Number(process.argv[4])];
const training = new Training(slicesOf(set, inflateSync(Buffer.from(set.pixels, "base64"))), settings);
const [start, used] = [performance.now(), process.cpuUsage()];
const curve = [];
for (;;) {
  training.step();
  if (training.steps % SCORE_STEPS) continue;
  const dice = training.validationDice();
  const { user, system } = process.cpuUsage(used);
  const seconds = (user + system) / 1e6;
  if (seconds > limit) break;
  curve.push({ step: training.steps, seconds: Number(seconds.toFixed(1)), wall_seconds: Number(((performance.now() - start) / 1000).toFixed(1)), dice: Number(dice.toFixed(4)) });
}
console.log(JSON.stringify(curve));
