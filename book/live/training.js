// The training that runs in the page: one step at a time, so that whoever calls it can show, pause and stop. No page in here.
// What is looked at and scored is a network whose weights follow the trained ones slowly, an exponential moving average (EMA):
// single steps are so large here that the trained network's answers jump about.

import { Adam } from "./unet/adam.js";
import { initialWeights, seededRandom } from "./unet/initial_weights.js";
import { UNet } from "./unet/network.js";
import { lossAndGradients } from "./unet/training_pass.js";

/** What can be set, and to what. `rate`, the learning rate, may change on the way; the others begin a new training. */
export const CHOICES = {
  rate: [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
  batch: [1, 2, 4, 8, 16],
  base: [4, 6, 8], // channels at the first level; twice as many at each level below
  depth: [2, 3],
  skips: [true, false],
};
export const DEFAULTS = { rate: 0.01, batch: 8, base: 4, depth: 2, skips: true, seed: 1 };

const UNEVEN = 0.3; // how far brightness and contrast of each channel are changed at most, in its standard deviations
const EMA_DECAY = 0.97; // of the averaged weights stays at each step, less at the very beginning

export class TrainingError extends Error {}

/** Throws TrainingError for settings that are not among CHOICES; what is missing is as in DEFAULTS. */
export function checkedSettings(given = {}) {
  const settings = { ...DEFAULTS, ...given };
  for (const [name, values] of Object.entries(CHOICES)) {
    if (!values.includes(settings[name])) throw new TrainingError(`Expected ${name} to be one of ${values.join(", ")}; got ${settings[name]}.`);
  }
  return settings;
}

export class Training {
  /** `slices` as in training_data.js; `settings` as in DEFAULTS. The same seed gives the same training. */
  constructor(slices, settings) {
    this.settings = checkedSettings(settings);
    const { base, depth, rate, seed } = this.settings;
    this.training = slices.filter((slice) => slice.forTraining);
    this.validation = slices.filter((slice) => !slice.forTraining);
    this.random = seededRandom(seed);
    const architecture = { base, depth, batch_norm: true, in_channels: 3 };
    this.trained = new UNet(initialWeights(architecture, this.random), architecture);
    const copies = Object.entries(this.trained.tensors).map(([name, values]) => [name, values.slice()]);
    this.averaged = new UNet(Object.fromEntries(copies), architecture);
    this.cut = this.settings.skips ? [] : this.trained.levels;
    this.adam = new Adam(this.trained.tensors, rate);
    this.waiting = [];
    this.steps = 0;
  }

  set rate(rate) {
    this.settings = checkedSettings({ ...this.settings, rate });
    this.adam.learningRate = rate;
  }

  /** One batch, one step of Adam; returns the loss. Every slice comes once before any comes again, each time varied. */
  step() {
    const batch = Array.from({ length: this.settings.batch }, () => this.nextSlice());
    const { loss, gradients } = lossAndGradients(this.trained, batch.map(({ image }) => image), batch.map(({ mask }) => mask), this.cut);
    this.adam.step(gradients);
    this.steps += 1;
    this.average();
    return loss;
  }

  average() {
    const moved = 1 - Math.min(EMA_DECAY, this.steps / (this.steps + 10));
    for (const [name, values] of Object.entries(this.averaged.tensors)) {
      const trained = this.trained.tensors[name];
      for (let at = 0; at < values.length; at++) values[at] += moved * (trained[at] - values[at]);
    }
  }

  nextSlice() {
    if (!this.waiting.length) this.waiting = shuffled(this.training, this.random);
    const { image, mask } = this.waiting.pop();
    const unevenly = otherIntensity(image, this.random);
    return this.random() < 0.5 ? { image: unevenly, mask } : { image: flipped(unevenly), mask: flipped(mask) };
  }

  /** The averaged network's logits of a slice, in evaluation mode; the maps on the way are in `averaged.maps`. */
  look({ image }) {
    return this.averaged.forward(image, this.cut);
  }

  /** 2·TP / (2·TP + FP + FN) over all pixels of all validation slices together: patients that training never sees. */
  validationDice() {
    let [both, either] = [0, 0];
    for (const slice of this.validation) {
      this.look(slice).values.forEach((logit, at) => {
        const [found, wanted] = [logit > 0, slice.reference[at] === 1];
        both += found && wanted;
        either += found + wanted;
      });
    }
    return either ? (2 * both) / either : 1;
  }
}

/** Left and right exchanged. */
export function flipped({ width, values, ...maps }) {
  return { ...maps, width, values: values.map((_, at) => values[at - (at % width) + width - 1 - (at % width)]) };
}

/** Each channel a little brighter or darker, with a little more or less contrast, as another scanner would have it. */
export function otherIntensity({ channels, values, ...maps }, random) {
  const drawn = Array.from({ length: channels }, () => [1 + UNEVEN * (2 * random() - 1), UNEVEN * (2 * random() - 1)]);
  const area = values.length / channels;
  return { ...maps, channels, values: values.map((value, at) => value * drawn[Math.floor(at / area)][0] + drawn[Math.floor(at / area)][1]) };
}

/** A copy in random order (Fisher and Yates). */
export function shuffled(list, random) {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}
