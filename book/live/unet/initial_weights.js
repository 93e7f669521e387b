// A U-Net's weights before training: drawn as PyTorch draws them, from a seed.

/** Uniform numbers in [0, 1), always the same from the same seed (mulberry32, by Tommy Ettinger). */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Name → numbers, in PyTorch's order, for { base, depth, batch_norm, in_channels }. */
export function initialWeights({ base, depth, batch_norm: batchNorm, in_channels: inputs }, random) {
  const tensors = {};
  const convolution = (name, count, fanIn, biases) => {
    const limit = 1 / Math.sqrt(fanIn); // PyTorch's: uniform, and narrower the more inputs are added up
    const draw = () => limit * (2 * random() - 1);
    tensors[`${name}.weight`] = Float32Array.from({ length: count }, draw);
    if (biases) tensors[`${name}.bias`] = Float32Array.from({ length: biases }, draw);
  };
  const doubleConv = (name, from, to) => {
    for (const [step, channels] of [[1, from], [2, to]]) {
      convolution(`${name}.conv${step}`, 9 * channels * to, 9 * channels, batchNorm ? 0 : to);
      if (batchNorm) Object.assign(tensors, normWeights(`${name}.norm${step}`, to));
    }
  };
  const widths = Array.from({ length: depth + 1 }, (_, level) => base * 2 ** level);
  for (let level = 1; level <= depth; level++) doubleConv(`encoder.${level}`, level > 1 ? widths[level - 2] : inputs, widths[level - 1]);
  doubleConv("bottleneck", widths[depth - 1], widths[depth]);
  for (let level = 1; level <= depth; level++) convolution(`up.${level}`, 4 * widths[level] * widths[level - 1], 4 * widths[level - 1], widths[level - 1]);
  for (let level = 1; level <= depth; level++) doubleConv(`decoder.${level}`, 2 * widths[level - 1], widths[level - 1]);
  convolution("output", base, base, 1);
  return tensors;
}

/** A batch norm that changes nothing yet. */
function normWeights(name, channels) {
  const filled = (value) => new Float32Array(channels).fill(value);
  return { [`${name}.weight`]: filled(1), [`${name}.bias`]: filled(0), [`${name}.running_mean`]: filled(0), [`${name}.running_var`]: filled(1) };
}
