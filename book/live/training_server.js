// What trains while the page stays free, in a worker (training_worker.js) or where there is none in the page. Messages in:
//   { type: "start", set, settings }            `set` is what book/training_set.py made; settings as in training.js
//   { type: "run" }  { type: "pause" }          train, or hold
//   { type: "reset", settings }                 from new weights; what is not named stays
//   { type: "rate", rate }                      another learning rate, without a new beginning
//   { type: "watch", watched }                  look at another validation slice
// and out:
//   { type: "slice", watched, count, name, number, side, flair, reference }     which slice is looked at, as bytes
//   { type: "progress", step, loss, dice, stepsASecond, probability, maps, settings, running }
//        loss: mean since the last report, null if there was no step; dice: null where not measured; stepsASecond: since it last began
//        to run; probability: 0–255, row by row; maps: [{ name, side, channels: [bytes, …] }]
//   { type: "problem", message }                a sentence for the reader; the training holds

import { inflate } from "../../unet_lib/widgets/shared/base.js";
import { fromBase64 } from "./delivered.js";
import { Training } from "./training.js";
import { slicesOf } from "./training_data.js";

const REPORT = 250; // ms between two reports, about: pictures that change faster cannot be followed
const SCORE_STEPS = 20; // between two scores on the validation slices, which cost as much as several steps

/** Answer the messages that reach `scope`, a worker's `self` or what stands in for it. */
export function serveTraining(scope) {
  const server = new TrainingServer((message) => scope.postMessage(message));
  scope.onmessage = ({ data }) => server.receive(data);
}

class TrainingServer {
  constructor(post) {
    Object.assign(this, { post, running: false, queue: Promise.resolve() });
  }

  /** One message after the other, although unpacking takes a while. */
  receive(message) {
    this.queue = this.queue.then(() => this[`on_${message.type}`](message)).catch((error) => this.hold(error.message));
    return this.queue;
  }

  async on_start({ set, settings }) {
    this.slices = slicesOf(set, await inflate(fromBase64(set.pixels)));
    this.begin(settings);
    this.on_watch({ watched: set.watched });
  }

  on_run() {
    if (!this.training || this.running) return;
    this.running = true;
    this.startClock();
    this.next();
  }

  on_pause() {
    this.running = false;
    this.report();
  }

  on_reset({ settings }) {
    this.begin({ ...this.training.settings, ...settings });
    this.report();
  }

  on_rate({ rate }) {
    this.training.rate = rate;
  }

  on_watch({ watched }) {
    const all = this.training.validation;
    this.watched = Math.min(Math.max(watched, 0), all.length - 1);
    const { name, number, flair, reference, image } = all[this.watched];
    this.post({ type: "slice", watched: this.watched, count: all.length, name, number, side: image.width, flair, reference });
    this.report();
  }

  begin(settings) {
    Object.assign(this, { training: new Training(this.slices, settings), losses: [], dice: null });
    this.startClock();
  }

  startClock() {
    this.reported = performance.now();
    this.started = { time: this.reported, steps: this.training.steps };
  }

  /** Train a step, and leave a moment for messages. */
  next() {
    if (!this.running) return;
    this.train();
    setTimeout(() => this.next());
  }

  train() {
    this.losses.push(this.training.step());
    if (this.training.steps % SCORE_STEPS === 0) this.dice = this.training.validationDice();
    if (performance.now() - this.reported >= REPORT || this.dice !== null) this.report();
  }

  report() {
    const count = this.losses.length;
    const done = this.training.steps - this.started.steps;
    const logits = this.training.look(this.training.validation[this.watched]);
    this.post({
      type: "progress", step: this.training.steps, dice: this.dice, running: this.running, settings: this.training.settings,
      loss: count ? this.losses.reduce((sum, loss) => sum + loss, 0) / count : null,
      stepsASecond: done ? (1000 * done) / (performance.now() - this.started.time) : null,
      probability: Uint8Array.from(logits.values, (logit) => Math.round(255 / (1 + Math.exp(-logit)))),
      maps: shownMaps(this.training.averaged),
    });
    Object.assign(this, { losses: [], dice: null, reported: performance.now() });
  }

  hold(message) {
    this.running = false;
    this.post({ type: "problem", message });
  }
}

/** Every stage's maps as bytes: 0 is black, each map's largest value 255. */
export function shownMaps({ levels, maps }) {
  const stages = [...levels.map((level) => `encoder.${level}`), "bottleneck", ...[...levels].reverse().map((level) => `decoder.${level}`)];
  return stages.map((name) => {
    const { channels, width: side, values } = maps[name];
    const area = side * side;
    return { name, side, channels: Array.from({ length: channels }, (_, channel) => toBytes(values.subarray(channel * area, (channel + 1) * area))) };
  });
}

function toBytes(values) {
  const largest = values.reduce((most, value) => Math.max(most, value), 0) || 1;
  return Uint8Array.from(values, (value) => (255 * value) / largest);
}
