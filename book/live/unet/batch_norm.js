// Batch norm while training: normalised with the mean and variance of the batch in hand, over all its slices and pixels.

import { channelOf, zeros } from "./operations.js";

const MOMENTUM = 0.1; // how far the running averages move towards each batch's statistics, as in PyTorch
const ADDED = 1e-5; // to the variance, as in PyTorch

/**
 * Normalise a batch, a list of maps. Returns { batch, maps, means, scales }: the new maps, and what the way back needs, the old
 * ones and each channel's mean and 1 / standard deviation. The running averages in `part` move on.
 */
export function trainBatchNorm(maps, part) {
  const kept = { maps, batch: maps.map(emptyLike), means: [], scales: [] };
  part.weight.forEach((weight, channel) => {
    const { mean, variance, count } = batchStatistics(maps, channel);
    part.running_mean[channel] += MOMENTUM * (mean - part.running_mean[channel]);
    part.running_var[channel] += MOMENTUM * ((variance * count) / (count - 1) - part.running_var[channel]);
    const scale = 1 / Math.sqrt(variance + ADDED);
    const [factor, shift] = [scale * weight, part.bias[channel] - mean * scale * weight];
    maps.forEach((slice, index) => {
      const [from, to] = [channelOf(slice, channel), channelOf(kept.batch[index], channel)];
      for (let at = 0; at < from.length; at++) to[at] = from[at] * factor + shift;
    });
    kept.means.push(mean);
    kept.scales.push(scale);
  });
  return kept;
}

/**
 * The way back. A value also moves its channel's mean and variance, and with them all other values: hence the two averages
 * that are subtracted. Adds to the gradients of weight and bias in `sums`, returns the gradients towards the input.
 */
export function trainBatchNormBackward({ maps, means, scales }, gradients, weight, sums) {
  const results = gradients.map(emptyLike);
  scales.forEach((scale, channel) => {
    const mean = means[channel];
    const planes = gradients.map((gradient, index) => [gradient, maps[index], results[index]].map((all) => channelOf(all, channel)));
    let [sum, product, count] = [0, 0, 0];
    for (const [upstream, values] of planes) {
      for (let at = 0; at < upstream.length; at++) {
        sum += upstream[at];
        product += upstream[at] * (values[at] - mean);
      }
      count += upstream.length;
    }
    sums.bias[channel] += sum;
    sums.weight[channel] += product * scale;
    const [average, pull] = [sum / count, (product * scale * scale) / count];
    for (const [upstream, values, to] of planes) {
      for (let at = 0; at < to.length; at++) to[at] = weight[channel] * scale * (upstream[at] - average - (values[at] - mean) * pull);
    }
  });
  return results;
}

/** Mean and variance of a channel over all slices of the batch, and over how many values they are. */
function batchStatistics(batch, channel) {
  const planes = batch.map((maps) => channelOf(maps, channel));
  const count = planes.length * planes[0].length;
  let [sum, squares] = [0, 0];
  for (const plane of planes) for (let at = 0; at < plane.length; at++) sum += plane[at];
  const mean = sum / count;
  for (const plane of planes) for (let at = 0; at < plane.length; at++) squares += (plane[at] - mean) ** 2;
  return { mean, variance: squares / count, count };
}

const emptyLike = (maps) => zeros(maps.channels, maps.height, maps.width);
