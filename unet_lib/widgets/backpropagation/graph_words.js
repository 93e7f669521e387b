// How a number of the tiny U-Net came about, and where its gradient comes from, in symbols, numbers and words.

import { inBrackets, equals, short } from "../shared/number_grid.js";
import { GRAPH, OPERATIONS } from "./tiny_unet.js";

const SUBSCRIPTS = "₀₁₂₃";
const LAYERS = { w: "convolution", v: "bottleneck", k: "transposed convolution", q: "1×1 convolution" };

/** x₁ for x1; a layer's bias is b, and the loss L. */
export function symbol(name) {
  const { row, at } = GRAPH[name];
  if (row === "L") return "L";
  return row.endsWith("b") ? "b" : `${row === "l" ? "ℓ" : row}${SUBSCRIPTS[at]}`;
}

/** What a number is: "pixel of the image", "weight of the convolution", "logit", … */
export function roleOf(name) {
  const { row } = GRAPH[name];
  const fixed = { x: "pixel of the image", t: "mask", z: "logit (1×1 convolution)", p: "probability (sigmoid)",
    l: "loss of one pixel (binary cross-entropy)", L: "loss (mean)" };
  if (fixed[row]) return fixed[row];
  if (LAYERS[row[0]]) return `${row.endsWith("b") ? "bias" : "weight"} of the ${LAYERS[row[0]]}`;
  return OPERATIONS.find((operation) => operation.row === row).title;
}

/** Three significant digits, for gradients, which are small. */
export function brief(value) {
  if (!value) return "0";
  const text = Math.abs(value) < 1e-4 || Math.abs(value) >= 1e4 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "−");
}

const plain = (value) => short(value, 3);
const bracketed = (value) => inBrackets(plain(value));

/** The lines of a computation: with symbols, with numbers, and the result; a given number has none. */
export function howComputed(name, values) {
  const { kind, inputs, at } = GRAPH[name];
  const result = equals(values[name]);
  const [first, second] = inputs.map((input) => (input ? values[input] : 0));
  const [one, two] = inputs.map((input) => (input ? symbol(input) : "0"));
  const lines = {
    given: () => [],
    sum: () => [`${products(inputs, (input) => (input ? symbol(input) : "0"))}`,
      `= ${products(inputs, (input) => (input ? bracketed(values[input]) : "0"))}`],
    relu: () => [`max(0, ${one})`, `= max(0, ${plain(first)})`],
    max: () => [`max(${one}, ${two})`, `= max(${plain(first)}, ${plain(second)})`],
    copy: () => [one],
    sigmoid: () => [`1 / (1 + e^−${one})`, `= 1 / (1 + e^${inBrackets(plain(-first))})`],
    bce: () => [`−${two}·ln ${one} − (1 − ${two})·ln(1 − ${one})`,
      `= −${bracketed(second)}·ln ${plain(first)} − (1 − ${bracketed(second)})·ln(1 − ${plain(first)})`],
    mean: () => [`(${inputs.map(symbol).join(" + ")}) / ${inputs.length}`, `= (${inputs.map((input) => plain(values[input])).join(" + ")}) / ${inputs.length}`],
  }[kind]();
  return lines.length ? [`${symbol(name)} = ${lines[0]}`, ...lines.slice(1), result] : [];
}

function products(inputs, text) {
  const terms = [];
  for (let at = 0; at < inputs.length - 1; at += 2) terms.push(`${text(inputs[at])}·${text(inputs[at + 1])}`);
  return [...terms, text(inputs.at(-1))].join(" + ");
}

/** Why the local derivative of the later number `by` with respect to its input number `at` is what it is. */
export function reasonOf(by, at, local) {
  const { kind, inputs } = GRAPH[by];
  if (kind === "sum") {
    if (at === inputs.length - 1) return "a bias is added";
    if (at % 2) return `weight ${symbol(inputs[at - 1])}`;
    return inputs[at + 1] ? `number ${symbol(inputs[at + 1])}` : "padding";
  }
  return { relu: local ? "ReLU is open" : "ReLU is closed", max: local ? "wins the maximum" : "loses the maximum",
    copy: "a copy", sigmoid: "p·(1 − p)", bce: at ? "ln(1 − p) − ln p" : "(p − t) / (p·(1 − p))", mean: `one of ${inputs.length} in the mean` }[kind];
}

/** What is worth knowing about a gradient, beyond its parts; often nothing. */
export function remarkOn(name, parts) {
  const { row, at } = GRAPH[name];
  if (row === "z") return `Sigmoid and cross-entropy together leave (p − t) / 4: here (p${SUBSCRIPTS[at]} − t${SUBSCRIPTS[at]}) / 4.`;
  if (row === "a") return "A fork: the gradients of both paths are added.";
  if (row === "c" && parts[0].local === 0) return "Closed: nothing gets through.";
  if (/^[wvkq]b?$/.test(row) && parts.length > 1) return `It is used ${parts.length} times, so ${parts.length} paths are added.`;
  return "";
}
