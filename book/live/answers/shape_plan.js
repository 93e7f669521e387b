// A U-Net's stages as plain data, from its settings alone. The twin of UNetConfig.plan and totals in unet_lib/models/architecture.py,
// with the layers of unet_lib/models/layers.py that a U-Net is made of.

const KERNEL_1 = { kernel: 1, stride: 1, padding: 0 };
const KERNEL_3 = { kernel: 3, stride: 1, padding: 1 };
const HALVE = { kernel: 2, stride: 2, padding: 0 };
const DOUBLE = { kernel: 2, stride: 2, padding: 0, transposed: true };
const FREE = { parameters: 0, multiply_adds: 0, kept_values: 0, kept_indices: 0, kept_statistics: 0 };

/** The stages in the order the data passes them, from `encoder.1` to `output`. The size must fit. */
export function planOf({ in_channels, base, depth, size, batch_norm }) {
  const planner = new Planner(in_channels, size);
  const levels = Array.from({ length: depth }, (_, at) => at + 1);
  const width = (level) => base * 2 ** (level - 1);
  const twice = (channels) => Array(2).fill(convolution(channels, KERNEL_3, { bias: !batch_norm, norm: batch_norm, relu: true }));
  for (const level of levels) {
    planner.add(`encoder.${level}`, "DoubleConv", twice(width(level)));
    planner.add(`pool.${level}`, "MaxPool2d", [pooling]);
  }
  planner.add("bottleneck", "DoubleConv", twice(width(depth + 1)));
  for (const level of levels.reverse()) {
    planner.add(`up.${level}`, "Up", [convolution(width(level), DOUBLE, { bias: true })]);
    planner.add(`concat.${level}`, "Concat", [joining(width(level))]);
    planner.add(`decoder.${level}`, "DoubleConv", twice(width(level)));
  }
  planner.add("output", "Conv2d", [convolution(1, KERNEL_1, { bias: true })]);
  return planner.stages;
}

/** A whole plan in five numbers, for so many images. */
export function planTotals(stages, batch = 1) {
  const sum = (amount) => stages.reduce((all, stage) => all + amount(stage), 0);
  return { parameters: sum((stage) => stage.parameters), multiply_adds: sum((stage) => stage.multiply_adds),
    output_bytes: sum((stage) => outputBytes(stage, batch)), kept_bytes: sum((stage) => keptBytes(stage, batch)),
    receptive_field: stages.at(-1).receptive_field };
}

/** Memory of what a stage hands on, in float32. */
export const outputBytes = ({ out_channels, height, width }, batch) => 4 * batch * out_channels * height * width;

/** Memory that a stage adds to what is kept for the backward pass. */
export const keptBytes = ({ kept_values, kept_statistics, kept_indices }, batch) =>
  4 * (batch * kept_values + kept_statistics) + 8 * batch * kept_indices;

class Planner {
  constructor(channels, size) {
    Object.assign(this, { maps: { channels, height: size, width: size, kept: false }, stages: [], way: [] });
  }

  add(name, kind, layers) {
    const stage = { name, kind, in_channels: this.maps.channels, ...FREE };
    for (const { geometry, apply } of layers) {
      const [maps, costs] = apply(this.maps);
      this.maps = maps;
      this.way.push(geometry);
      for (const [cost, amount] of Object.entries(costs)) stage[cost] += amount;
    }
    const { channels: out_channels, height, width } = this.maps;
    this.stages.push({ ...stage, out_channels, height, width, receptive_field: fieldAfter(this.way) });
  }
}

/** A convolution, with the batch norm and the ReLU that follow it: see Conv in layers.py. */
function convolution(out, geometry, { bias = false, norm = false, relu = false }) {
  const apply = (maps) => {
    const found = { ...resized(maps, geometry), channels: out, kept: relu };
    const pixels = found.height * found.width;
    const weights = geometry.kernel ** 2 * maps.channels * out;
    const own = maps.kept ? 0 : maps.channels * maps.height * maps.width;
    return [found, { parameters: weights + out * (bias + 2 * norm),
      multiply_adds: (geometry.transposed ? weights / geometry.stride ** 2 : weights) * pixels,
      kept_values: own + out * pixels * (norm + relu), kept_statistics: 2 * out * norm }];
  };
  return { geometry, apply };
}

/** Max pooling, which keeps where each maximum came from. */
const pooling = { geometry: HALVE, apply: (maps) => {
  const found = { ...resized(maps, HALVE), kept: false };
  return [found, { kept_indices: found.channels * found.height * found.width }];
} };

/** A skip connection's end: so many channels from the encoder are added. */
const joining = (channels) => ({ geometry: KERNEL_1,
  apply: (maps) => [{ ...maps, channels: maps.channels + channels, kept: false }, {}] });

function resized(maps, { stride, transposed }) {
  const after = (side) => (transposed ? side * stride : Math.floor(side / stride));
  return { ...maps, height: after(maps.height), width: after(maps.width) };
}

/** Side in input pixels of the square that one value after these layers sees: the largest there is. */
function fieldAfter(layers) {
  const pattern = layers.reduce((product, { stride, transposed }) => (transposed ? product * stride : product), 1);
  return Math.max(...Array.from({ length: pattern }, (_, row) => rowsSeen(layers, row)));
}

/** How many input rows this row after all layers sees. */
function rowsSeen(layers, row) {
  let [first, last] = [row, row];
  for (const { kernel, stride, padding, transposed } of [...layers].reverse()) {
    const reach = kernel - 1;
    if (transposed) [first, last] = [-Math.floor((reach - padding - first) / stride), Math.floor((last + padding) / stride)];
    else [first, last] = [first * stride - padding, last * stride - padding + reach];
  }
  return last - first + 1;
}
