// A convolution, in plain numbers. Planes, kernels and outputs are lists of rows; `settings` are the widget's traits.

/** The products under one window of the padded planes: [channel][tap], taps row by row. The kernel is not flipped. */
export function products(padded, kernel, { stride, dilation }, row, column) {
  return kernel.map((rows, channel) =>
    rows.flatMap((weights, i) =>
      weights.map((weight, j) => padded[channel][row * stride + i * dilation][column * stride + j * dilation] * weight)));
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** The output: for each window the sum of its products over all channels, plus the bias, and ReLU if wished. */
export function correlate(padded, kernel, settings, { rows, columns }) {
  const value = (row, column) => {
    const total = sum(products(padded, kernel, settings, row, column).map(sum)) + settings.bias;
    return settings.relu ? Math.max(total, 0) : total;
  };
  return Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => value(row, column)));
}

export function outputLength(length, size, { padding, dilation, stride }) {
  return Math.floor((length + 2 * padding - dilation * (size - 1) - 1) / stride) + 1;
}

/** Where the padded index comes from; −1 is nowhere, which counts as zero. */
function source(index, length, mode) {
  if (index >= 0 && index < length) return index;
  if (mode === "zeros") return -1;
  if (mode === "replicate") return index < 0 ? 0 : length - 1;
  return index < 0 ? -index : 2 * (length - 1) - index;
}

export function padPlane(plane, { padding, padding_mode: mode }) {
  const [height, width] = [plane.length, plane[0].length];
  const sources = (length) => Array.from({ length: length + 2 * padding }, (_, i) => source(i - padding, length, mode));
  const [down, across] = [sources(height), sources(width)];
  return down.map((row) => across.map((column) => (row < 0 || column < 0 ? 0 : plane[row][column])));
}

/** Why these settings leave no output; empty if they do. `problem` in conv_microscope.py says the same. */
export function problem(height, width, size, { padding, padding_mode, dilation }) {
  if (cannotReflect(height, width, { padding, padding_mode })) {
    return `Reflect padding of ${padding} mirrors the ${padding} pixels next to the edge, so the patch needs at least ` +
      `${padding + 1} rows and columns; it is ${height}×${width}. Choose less padding or another mode.`;
  }
  const span = dilation * (size - 1) + 1;
  if (span <= Math.min(height, width) + 2 * padding) return "";
  return `The window spans ${dilation}·(${size} − 1) + 1 = ${span} pixels, more than the padded patch of ` +
    `${height + 2 * padding}×${width + 2 * padding}. Choose a smaller kernel, less dilation or more padding.`;
}

export const cannotReflect = (height, width, { padding, padding_mode }) =>
  padding_mode === "reflect" && padding >= Math.min(height, width);
