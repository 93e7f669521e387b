// node compare_training.mjs STATE SETTINGS: trains as SETTINGS (JSON) say, from the weights, images and masks in the safetensors
// file STATE, and prints the losses, and how far the first step's gradients and running averages are from those in it.

import { readFileSync } from "node:fs";

import { Adam } from "../../../book/live/unet/adam.js";
import { UNet } from "../../../book/live/unet/network.js";
import { readSafetensors } from "../../../book/live/unet/safetensors.js";
import { lossAndGradients } from "../../../book/live/unet/training_pass.js";

const { tensors } = readSafetensors(new Uint8Array(readFileSync(process.argv[2])));
const { architecture, batch, cut, side, rate, steps } = JSON.parse(process.argv[3]);
const [weights, gradients, averages] = ["weights.", "gradients.", "averages."].map(named);
const [images, masks] = [slices(tensors.images, architecture.in_channels), slices(tensors.masks, 1)];
const adam = new Adam(weights, rate);
const losses = [];
let errors;
for (let step = 0; step < steps; step++) {
  const found = lossAndGradients(new UNet(weights, architecture), images, masks, cut);
  errors ??= { gradients: differences(found.gradients, gradients), averages: differences(runningAverages(), averages) };
  losses.push(found.loss);
  adam.step(found.gradients);
}
console.log(JSON.stringify({ losses, ...errors }));

function runningAverages() {
  return Object.fromEntries(Object.entries(weights).filter(([name]) => name.includes(".running_")));
}

function named(prefix) {
  const found = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, values]) => [name.slice(prefix.length), values]));
}

function slices(values, channels) {
  const length = values.length / batch;
  return Array.from({ length: batch }, (_, index) => ({ channels, height: side, width: side, values: values.slice(index * length, (index + 1) * length) }));
}

/** Name → the largest difference, relative to the largest value. */
function differences(found, wanted) {
  if (Object.keys(found).sort().join() !== Object.keys(wanted).sort().join()) throw new Error(`expected ${Object.keys(wanted)}; got ${Object.keys(found)}`);
  return Object.fromEntries(Object.entries(wanted).map(([name, values]) => {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    return [name, values.reduce((most, value, at) => Math.max(most, Math.abs(value - found[name][at])), 0) / largest];
  }));
}
