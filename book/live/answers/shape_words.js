// What the shape explorer says of a plan. The twin of shape_words.py in unet_lib/widgets/shape_explorer.

import { keptBytes, outputBytes, planTotals } from "./shape_plan.js";

const KIND_WORDS = { DoubleConv: "double convolution", MaxPool2d: "max pooling", Up: "transposed convolution", Concat: "concatenation",
  Conv2d: "1×1 convolution" };

const withCommas = (number) => number.toLocaleString("en-GB");

/** Can the size not be halved `depth` times? */
export const misfit = ({ size, depth }) => size % 2 ** depth !== 0;

/** Why no feature map can be shown, and the settings that would bring it back. */
export function whyNoMap(differing) {
  const words = Object.entries(differing).map(([name, value]) =>
    `${name.replaceAll("_", " ")} ${typeof value === "boolean" ? pythonBool(value) : value}`);
  return { text: `The feature maps are of the network that was given, with ${words.join(", ")}.`, set: differing };
}

/** The network in one sentence. */
export function shapeSentence(stages, { depth, base, batch_norm }) {
  const whole = planTotals(stages);
  const { in_channels, height, width } = stages[0];
  return `U-Net of depth ${depth}, base ${base}, ${batch_norm ? "with" : "without"} batch norm, for ${in_channels} × ${height} × ${width}`
    + ` numbers an image: ${withCommas(whole.parameters)} parameters, ${largeNumber(whole.multiply_adds)} multiply-adds an image`;
}

/** Why the size does not fit: the rule, the halvings up to the first half pixel, and settings that fit. */
export function misfitProblem({ size, depth }, { smallest, largest }) {
  const multiple = 2 ** depth;
  const sides = [size];
  while (Number.isInteger(sides.at(-1))) sides.push(sides.at(-1) / 2);
  const sizes = [Math.floor(size / multiple) * multiple, Math.ceil(size / multiple) * multiple];
  const fixes = sizes.filter((side) => smallest <= side && side <= largest).map((side) => ({ label: `size ${side}`, set: { size: side } }));
  const shallower = sides.length - 2; // all halvings but the last gave whole pixels
  if (shallower) fixes.push({ label: `depth ${shallower}`, set: { depth: shallower } });
  const times = `${depth} pooling${depth > 1 ? "s halve" : " halves"} the image's side`;
  return { text: `${size}×${size} does not fit: ${times}, so it must be divisible by ${multiple}.`, chain: sides.map(String), fixes };
}

/** The totals as label, number in short, and what exactly it is. */
export function shapeCards(stages, batch) {
  const whole = planTotals(stages, batch);
  const images = batch === 1 ? "1 image" : `${batch} images`;
  return [["parameters", largeNumber(whole.parameters), `${withCommas(whole.parameters)}, or ${memorySize(4 * whole.parameters)}`],
    ["multiply-adds", largeNumber(whole.multiply_adds), "an image, forward"],
    ["stage outputs", memorySize(whole.output_bytes), `${images}, all together`],
    ["kept", memorySize(whole.kept_bytes), `${images}, for the backward pass`],
    ["receptive field", `${whole.receptive_field} × ${whole.receptive_field}`, "pixels behind each output"]];
}

/** A stage in words and formulas: rows of label, expression and value, the numbers put in. */
export function shapePanel(stage, batch, batchNorm) {
  const [parameters, products, kept] = formulasOf(stage, batch, batchNorm);
  const { name, out_channels: o, height: h, width: w, receptive_field: field } = stage;
  const kind = KIND_WORDS[stage.kind];
  return { name, kind, part: name.split(".")[0], build: buildLine(stage, batchNorm),
    aria: `${name}, ${kind}, ${o} channel${o > 1 ? "s" : ""} of ${h} by ${w}, ${withCommas(stage.parameters)} parameters`,
    rows: [["shape", `${incoming(stage)} → ${o} × ${h} × ${w}`, ""],
      ["parameters", parameters, withCommas(stage.parameters)],
      ["multiply-adds", products, withCommas(stage.multiply_adds)],
      ["output, bytes", `${batch}·${o}·${h}·${w}·4`, memorySize(outputBytes(stage, batch))],
      ["kept, bytes", kept, memorySize(keptBytes(stage, batch))],
      ["receptive field", "", `${field} × ${field} pixels`]] };
}

/** Parameters, multiply-adds of one image and bytes kept for backward, as sums with the numbers put in. */
function formulasOf({ kind, in_channels: i, out_channels: o, height, width }, batch, batchNorm) {
  const area = `${height}·${width}`;
  const factor = batchNorm ? 4 : 2;
  if (kind === "DoubleConv") {
    const weights = `9·${i}·${o} + 9·${o}·${o}`;
    return [`${weights} + ${factor}·${o}`, `(${weights})·${area}`, `${batch}·(${i} + ${factor}·${o})·${area}·4${batchNorm ? ` + 4·${o}·4` : ""}`];
  }
  if (kind === "MaxPool2d") return ["", "", `${batch}·${o}·${area}·8`];
  if (kind === "Concat") return ["", "", ""];
  return [`${kind === "Up" ? "4·" : ""}${i}·${o} + ${o}`, `${i}·${o}·${area}`, ""];
}

/** The shape of what the stage takes in: channels × height × width. */
function incoming({ kind, in_channels: i, out_channels: o, height, width }) {
  const times = { MaxPool2d: 2, Up: 0.5 }[kind] ?? 1;
  return `${kind === "Concat" ? `(${o - i} + ${i})` : i} × ${times * height} × ${times * width}`;
}

/** The Python that makes this very block. */
function buildLine({ kind, in_channels: i, out_channels: o }, batchNorm) {
  return { DoubleConv: `DoubleConv(${i}, ${o}, batch_norm=${pythonBool(batchNorm)})`, MaxPool2d: "nn.MaxPool2d(2)", Up: `Up(${i}, ${o})`,
    Concat: "Concat()", Conv2d: `nn.Conv2d(${i}, ${o}, kernel_size=1)` }[kind];
}

const pythonBool = (value) => (value ? "True" : "False");

/** A count, in three figures from a million on: 30,541, 31.0 million, 48.2 billion. */
export const largeNumber = (number) =>
  inUnits(number, [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]]) ?? withCommas(number);

/** Bytes in three figures; 1 MB is a million of them. */
export const memorySize = (number) => inUnits(number, [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) ?? `${number} bytes`;

function inUnits(number, units) {
  const unit = units.find(([size]) => number >= size);
  return unit && `${threeFigures(number / unit[0])} ${unit[1]}`;
}

function threeFigures(number) {
  return toDecimals(number, number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
}

/** The number with so many decimals, as Python rounds: where two are equally near, to the one with an even last digit. */
export function toDecimals(number, decimals) {
  const text = number.toFixed(decimals);
  const halfway = Math.abs(number * 2 ** (decimals + 1)) % 2 === 1; // only such numbers lie in the middle of two
  if (!halfway || Number(text.at(-1)) % 2 === 0) return text;
  return (Number(text) - Math.sign(number) * 0.1 ** decimals).toFixed(decimals); // toFixed went away from 0
}
