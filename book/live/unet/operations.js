// The six operations of the U-Net, on maps: { channels, height, width, values }, with values channel by channel, row by
// row. Each takes maps and weights as PyTorch keeps them, and returns new maps.

export const EPSILON = 1e-5; // what PyTorch's batch norm adds to the variance

/** Maps of zeros. */
export function zeros(channels, height, width) {
  return { channels, height, width, values: new Float32Array(channels * height * width) };
}

/** The values of one channel of the maps; a view, not a copy. */
export function channelOf({ height, width, values }, channel) {
  return values.subarray(channel * height * width, (channel + 1) * height * width);
}

/** 3×3 convolution with padding 1: `weight` is [out][in][3][3]; `bias` may be left out. */
export function convolution3x3(maps, weight, bias = null) {
  const { height, width } = maps;
  const outputs = weight.length / (9 * maps.channels);
  const padded = withBorder(maps);
  const result = zeros(outputs, height, width);
  const row = new Float64Array(width);
  for (let output = 0; output < outputs; output++) {
    for (let y = 0; y < height; y++) {
      row.fill(bias ? bias[output] : 0);
      for (let input = 0; input < maps.channels; input++) {
        addRow(row, padded.values, (input * padded.height + y) * padded.width, padded.width, weight, 9 * (output * maps.channels + input));
      }
      result.values.set(row, (output * height + y) * width);
    }
  }
  return result;
}

/** Add to `row` the products of the kernel at `k` with every window whose upper left corner lies in the row at `start`. */
function addRow(row, values, start, step, weight, k) {
  const [a, b, c] = [weight[k], weight[k + 1], weight[k + 2]];
  const [d, e, f] = [weight[k + 3], weight[k + 4], weight[k + 5]];
  const [g, h, i] = [weight[k + 6], weight[k + 7], weight[k + 8]];
  let [top, middle, bottom] = [start, start + step, start + 2 * step];
  for (let x = 0; x < row.length; x++, top++, middle++, bottom++) {
    row[x] += a * values[top] + b * values[top + 1] + c * values[top + 2]
      + d * values[middle] + e * values[middle + 1] + f * values[middle + 2]
      + g * values[bottom] + h * values[bottom + 1] + i * values[bottom + 2];
  }
}

/** The maps with a border of zeros, one pixel wide. */
export function withBorder({ channels, height, width, values }) {
  const result = zeros(channels, height + 2, width + 2);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      const from = (channel * height + y) * width;
      result.values.set(values.subarray(from, from + width), (channel * result.height + y + 1) * result.width + 1);
    }
  }
  return result;
}

/** Batch norm as in evaluation: (value − running mean) / √(running variance + ε) × weight + bias, channel by channel. */
export function batchNorm(maps, { weight, bias, running_mean: mean, running_var: variance }) {
  const result = zeros(maps.channels, maps.height, maps.width);
  for (let channel = 0; channel < maps.channels; channel++) {
    const scale = weight[channel] / Math.sqrt(variance[channel] + EPSILON);
    const shift = bias[channel] - mean[channel] * scale;
    const [from, to] = [channelOf(maps, channel), channelOf(result, channel)];
    for (let at = 0; at < from.length; at++) to[at] = from[at] * scale + shift;
  }
  return result;
}

/** max(value, 0). */
export function relu(maps) {
  return { ...maps, values: maps.values.map((value) => (value < 0 ? 0 : value)) };
}

/** The largest of each 2×2 block. */
export function maxPooling(maps) {
  const result = zeros(maps.channels, maps.height / 2, maps.width / 2);
  const { values } = maps;
  for (let y = 0, at = 0; y < result.channels * result.height; y++) {
    let corner = 2 * y * maps.width;
    for (let x = 0; x < result.width; x++, at++, corner += 2) {
      result.values[at] = Math.max(values[corner], values[corner + 1], values[corner + maps.width], values[corner + maps.width + 1]);
    }
  }
  return result;
}

/** 2×2 transposed convolution with stride 2: every value becomes a 2×2 block. `weight` is [in][out][2][2]. */
export function transposedConvolution(maps, weight, bias) {
  const outputs = bias.length;
  const result = zeros(outputs, 2 * maps.height, 2 * maps.width);
  for (let output = 0; output < outputs; output++) {
    const plane = channelOf(result, output).fill(bias[output]);
    for (let input = 0; input < maps.channels; input++) {
      const [a, b, c, d] = weight.subarray(4 * (input * outputs + output), 4 * (input * outputs + output) + 4);
      const from = channelOf(maps, input);
      for (let y = 0, at = 0; y < maps.height; y++) {
        let [upper, lower] = [2 * y * result.width, (2 * y + 1) * result.width];
        for (let x = 0; x < maps.width; x++, at++, upper += 2, lower += 2) {
          const value = from[at];
          plane[upper] += a * value;
          plane[upper + 1] += b * value;
          plane[lower] += c * value;
          plane[lower + 1] += d * value;
        }
      }
    }
  }
  return result;
}

/** The channels of `skip`, then those of `maps`. */
export function concatenate(skip, maps) {
  const result = zeros(skip.channels + maps.channels, maps.height, maps.width);
  result.values.set(skip.values);
  result.values.set(maps.values, skip.values.length);
  return result;
}

/** 1×1 convolution: in each pixel a weighted sum of its channels. `weight` is [out][in]. */
export function convolution1x1(maps, weight, bias) {
  const result = zeros(bias.length, maps.height, maps.width);
  for (let output = 0; output < bias.length; output++) {
    const plane = channelOf(result, output).fill(bias[output]);
    for (let input = 0; input < maps.channels; input++) {
      const [factor, from] = [weight[output * maps.channels + input], channelOf(maps, input)];
      for (let at = 0; at < plane.length; at++) plane[at] += factor * from[at];
    }
  }
  return result;
}

/** Logits to probabilities. */
export function sigmoid(maps) {
  return { ...maps, values: maps.values.map((logit) => 1 / (1 + Math.exp(-logit))) };
}
