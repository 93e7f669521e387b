// The way back through the operations of operations.js. Each takes the gradient of the loss with respect to what the
// operation returned, and gives the gradient with respect to what went in. Gradients of weights are added to an array
// that is handed in, for they come from every slice of a batch.

import { channelOf, convolution3x3, withBorder, zeros } from "./operations.js";

// ---- 3×3 convolution ---------------------------------------------------------------------------------------------------

/** Towards the input: a convolution again, with every kernel turned by 180° and inputs and outputs exchanged. */
export function convolution3x3Input(gradient, weight) {
  const outputs = gradient.channels;
  const inputs = weight.length / (9 * outputs);
  const turned = new Float32Array(weight.length);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      for (let k = 0; k < 9; k++) turned[9 * (input * outputs + output) + 8 - k] = weight[9 * (output * inputs + input) + k];
    }
  }
  return convolution3x3(gradient, turned);
}

/** Towards the weights: each was multiplied with every pixel of the input shifted by its place in the kernel. */
export function convolution3x3Weights(maps, gradient, sums) {
  const padded = withBorder(maps);
  for (let output = 0; output < gradient.channels; output++) {
    for (let input = 0; input < maps.channels; input++) {
      addProducts(sums, 9 * (output * maps.channels + input), channelOf(padded, input), padded.width, channelOf(gradient, output), gradient.width);
    }
  }
}

/** Add to the nine `sums` from `k` on, for each pixel, its slope times every value of the window in `values` around it. */
function addProducts(sums, k, values, step, upstream, width) {
  let [a, b, c, d, e, f, g, h, i] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let at = 0, row = 0; at < upstream.length; row += step) {
    let [top, middle, bottom] = [row, row + step, row + 2 * step];
    for (const end = at + width; at < end; at++, top++, middle++, bottom++) {
      const slope = upstream[at];
      a += slope * values[top], b += slope * values[top + 1], c += slope * values[top + 2];
      d += slope * values[middle], e += slope * values[middle + 1], f += slope * values[middle + 2];
      g += slope * values[bottom], h += slope * values[bottom + 1], i += slope * values[bottom + 2];
    }
  }
  [a, b, c, d, e, f, g, h, i].forEach((sum, place) => (sums[k + place] += sum));
}

/** Towards the bias of any convolution: it was added to every pixel of its channel. */
export function convolutionBias(gradient, sums) {
  for (let channel = 0; channel < gradient.channels; channel++) sums[channel] += total(channelOf(gradient, channel));
}

function total(values) {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += values[at];
  return sum;
}

// ---- ReLU, pooling, concatenation ----------------------------------------------------------------------------------------

/** Where the ReLU let a value pass, the gradient passes too. */
export function reluBackward(output, gradient) {
  const result = zeros(gradient.channels, gradient.height, gradient.width);
  for (let at = 0; at < result.values.length; at++) {
    if (output.values[at] > 0) result.values[at] = gradient.values[at];
  }
  return result;
}

/** To the largest value of each 2×2 block, the first of them if several are equal, as in PyTorch; the others get nothing. */
export function maxPoolingBackward(maps, gradient) {
  const result = zeros(maps.channels, maps.height, maps.width);
  const { values } = maps;
  for (let y = 0, at = 0; y < gradient.channels * gradient.height; y++) {
    let corner = 2 * y * maps.width;
    for (let x = 0; x < gradient.width; x++, at++, corner += 2) {
      let largest = corner;
      if (values[corner + 1] > values[largest]) largest = corner + 1;
      if (values[corner + maps.width] > values[largest]) largest = corner + maps.width;
      if (values[corner + maps.width + 1] > values[largest]) largest = corner + maps.width + 1;
      result.values[largest] = gradient.values[at];
    }
  }
  return result;
}

/** The gradient of a concatenation falls apart again: the first `channels` belong to the skip, the rest to the maps from below. */
export function concatenateBackward(gradient, channels) {
  const border = channels * gradient.height * gradient.width;
  return [{ ...gradient, channels, values: gradient.values.subarray(0, border) },
    { ...gradient, channels: gradient.channels - channels, values: gradient.values.subarray(border) }];
}

// ---- 2×2 transposed and 1×1 convolution -----------------------------------------------------------------------------------

/** Towards the input: every value fed four pixels of each output, and hears from all of them. */
export function transposedConvolutionInput(gradient, weight) {
  const outputs = gradient.channels;
  const result = zeros(weight.length / (4 * outputs), gradient.height / 2, gradient.width / 2);
  for (let input = 0; input < result.channels; input++) {
    const to = channelOf(result, input);
    for (let output = 0; output < outputs; output++) {
      const [a, b, c, d] = weight.subarray(4 * (input * outputs + output), 4 * (input * outputs + output) + 4);
      const upstream = channelOf(gradient, output);
      forBlocks(result, (at, upper, lower) => {
        to[at] += a * upstream[upper] + b * upstream[upper + 1] + c * upstream[lower] + d * upstream[lower + 1];
      });
    }
  }
  return result;
}

/** Towards the weights: the input's value times the gradient of the pixel that this weight made of it, over all blocks. */
export function transposedConvolutionWeights(maps, gradient, sums) {
  for (let input = 0; input < maps.channels; input++) {
    const from = channelOf(maps, input);
    for (let output = 0; output < gradient.channels; output++) {
      const upstream = channelOf(gradient, output);
      let [a, b, c, d] = [0, 0, 0, 0];
      forBlocks(maps, (at, upper, lower) => {
        a += from[at] * upstream[upper], b += from[at] * upstream[upper + 1];
        c += from[at] * upstream[lower], d += from[at] * upstream[lower + 1];
      });
      const k = 4 * (input * gradient.channels + output);
      [a, b, c, d].forEach((sum, place) => (sums[k + place] += sum));
    }
  }
}

/** For each pixel of small maps: its place, and those of the left ends of both rows of its block in maps twice as large. */
function forBlocks({ height, width }, act) {
  for (let y = 0, at = 0; y < height; y++) {
    let [upper, lower] = [4 * y * width, (4 * y + 2) * width];
    for (let x = 0; x < width; x++, at++, upper += 2, lower += 2) act(at, upper, lower);
  }
}

/** Towards the input of a 1×1 convolution. */
export function convolution1x1Input(gradient, weight) {
  const inputs = weight.length / gradient.channels;
  const result = zeros(inputs, gradient.height, gradient.width);
  for (let input = 0; input < inputs; input++) {
    const to = channelOf(result, input);
    for (let output = 0; output < gradient.channels; output++) {
      const [factor, upstream] = [weight[output * inputs + input], channelOf(gradient, output)];
      for (let at = 0; at < to.length; at++) to[at] += factor * upstream[at];
    }
  }
  return result;
}

/** Towards the weights of a 1×1 convolution. */
export function convolution1x1Weights(maps, gradient, sums) {
  for (let output = 0; output < gradient.channels; output++) {
    const upstream = channelOf(gradient, output);
    for (let input = 0; input < maps.channels; input++) {
      const from = channelOf(maps, input);
      let sum = 0;
      for (let at = 0; at < from.length; at++) sum += from[at] * upstream[at];
      sums[output * maps.channels + input] += sum;
    }
  }
}
