// A U-Net so small that every number can be shown. `tiny_unet.py` says what the letters stand for, and computes the same.

const LARGEST_LOGIT = 700; // e⁷⁰⁰ is still a number

/** The rows of numbers that are given, and how many each has; the rest is computed from them. */
export const GIVEN = { x: 4, t: 4, w: 3, wb: 1, v: 3, vb: 1, k: 2, kb: 1, q: 2, qb: 1 };
export const WEIGHTS = ["w", "wb", "v", "vb", "k", "kb", "q", "qb"];

/** The operations in the order of the forward pass: the row each computes, its kind, and its name. */
export const OPERATIONS = [
  ["c", "sum", "convolution"], ["a", "relu", "ReLU"], ["m", "max", "max pooling"], ["d", "sum", "bottleneck convolution"],
  ["r", "relu", "ReLU"], ["u", "sum", "transposed convolution"], ["s", "copy", "skip connection"],
  ["z", "sum", "1×1 convolution"], ["p", "sigmoid", "sigmoid"], ["l", "bce", "binary cross-entropy"], ["L", "mean", "mean"],
].map(([row, kind, title]) => ({ row, kind, title }));

const names = (row, count) => Array.from({ length: count }, (_, at) => `${row}${at}`);

/** w₀·x₀ + w₁·x₁ + w₂·x₂ + bias; beyond the edges lies padding, null, which counts as 0. */
function window3(row, count, weight) {
  const within = (at) => (at >= 0 && at < count ? `${row}${at}` : null);
  return names(row, count).map((_, at) => [[-1, 0, 1].flatMap((step) => [`${weight}${step + 1}`, within(at + step)]), `${weight}b0`].flat());
}

/** Every computed number: its kind, and what it is computed from. A sum's inputs are weight, number, …, bias. */
const INPUTS = {
  c: window3("x", 4, "w"),
  a: names("c", 4).map((name) => [name]),
  m: [["a0", "a1"], ["a2", "a3"]],
  d: window3("m", 2, "v"),
  r: names("d", 2).map((name) => [name]),
  u: [0, 1, 2, 3].map((at) => [`k${at % 2}`, `r${at >> 1}`, "kb0"]),
  s: names("a", 4).map((name) => [name]),
  z: [0, 1, 2, 3].map((at) => ["q0", `s${at}`, "q1", `u${at}`, "qb0"]),
  p: names("z", 4).map((name) => [name]),
  l: [0, 1, 2, 3].map((at) => [`p${at}`, `t${at}`]),
  L: [names("l", 4)],
};

/** The graph: name → { name, row, at, kind, inputs, uses }; `uses` says which later numbers need it, as which input. */
export const GRAPH = (() => {
  const graph = {};
  const add = (row, at, kind, inputs) => (graph[`${row}${at}`] = { name: `${row}${at}`, row, at, kind, inputs, uses: [] });
  for (const [row, count] of Object.entries(GIVEN)) names(row, count).forEach((_, at) => add(row, at, "given", []));
  for (const { row, kind } of OPERATIONS) INPUTS[row].forEach((inputs, at) => add(row, at, kind, inputs));
  for (const node of Object.values(graph)) node.inputs.forEach((name, at) => name && graph[name].uses.push({ by: node.name, at }));
  return graph;
})();

const sigmoid = (z) => 1 / (1 + Math.exp(-Math.min(Math.max(z, -LARGEST_LOGIT), LARGEST_LOGIT)));

/** A kind's value, and its local derivatives: how much it grows with each of its inputs. `z` is a probability's logit. */
const KINDS = {
  sum: {
    value: (given) => given.reduce((sum, weight, at) => (at % 2 ? sum : sum + weight * (given[at + 1] ?? 1)), 0),
    locals: (given) => given.map((_, at) => (at % 2 ? given[at - 1] : given[at + 1] ?? 1)),
  },
  relu: { value: ([x]) => Math.max(x, 0), locals: ([x]) => [Number(x > 0)] },
  max: { value: ([x, y]) => Math.max(x, y), locals: ([x, y]) => [Number(x >= y), Number(x < y)] },
  copy: { value: ([x]) => x, locals: () => [1] },
  sigmoid: { value: ([z]) => sigmoid(z), locals: ([z]) => [sigmoid(z) * sigmoid(-z)] },
  bce: { // 1 − p is sigmoid(−z), which is exact also where p is almost 1
    value: ([, t], z) => -t * Math.log(sigmoid(z)) - (1 - t) * Math.log(sigmoid(-z)),
    locals: ([p, t], z) => [(p - t) / (sigmoid(z) * sigmoid(-z)), Math.log(sigmoid(-z)) - Math.log(sigmoid(z))],
  },
  mean: { value: (given) => given.reduce((sum, x) => sum + x, 0) / given.length, locals: (given) => given.map(() => 1 / given.length) },
};

/** What a node is computed from; the logit beside a probability; padding is 0. */
const given = ({ inputs }, values) => inputs.map((name) => (name ? values[name] : 0));
const logitOf = ({ at }, values) => values[`z${at}`];

/**
 * Every number by its name. `numbers` is row → numbers, as in `tiny_unet.py`. With `nudged` that number is changed by
 * `by` after it has been computed, and all later ones follow.
 */
export function forward(numbers, nudged = null, by = 0) {
  const values = {};
  for (const node of Object.values(GRAPH)) {
    const value = node.kind === "given" ? numbers[node.row][node.at] : KINDS[node.kind].value(given(node, values), logitOf(node, values));
    values[node.name] = value + (node.name === nudged ? by : 0);
    if (node.name === nudged && node.row === "p") values[`z${node.at}`] = Math.log(values[nudged] / (1 - values[nudged]));
  }
  return values;
}

/** The local derivatives of a number with respect to its inputs. */
export const localsOf = (name, values) => KINDS[GRAPH[name].kind].locals(given(GRAPH[name], values), logitOf(GRAPH[name], values));

/** Every gradient by name: the sum, over the later numbers that use it, of their gradient × their local derivative. */
export function backward(values) {
  const gradients = { L0: 1 };
  for (const { name } of Object.values(GRAPH).reverse()) gradients[name] ??= partsOf(name, values, gradients).reduce((sum, { part }) => sum + part, 0);
  return gradients;
}

/** The paths by which a number changes the loss: { by, local, gradient, part } for each later number that uses it. */
export function partsOf(name, values, gradients) {
  return GRAPH[name].uses.map(({ by, at }) => {
    const local = localsOf(by, values)[at];
    return { by, at, local, gradient: gradients[by], part: gradients[by] * local };
  });
}

/** The loss with a number a little larger and a little smaller: [L(+h), L(−h)]. */
export const nudgedLosses = (numbers, name, h) => [h, -h].map((by) => forward(numbers, name, by).L0);

/** The numbers after a step of gradient descent: each weight minus rate × its gradient. */
export function descend(numbers, rate) {
  const gradients = backward(forward(numbers));
  const step = (row) => numbers[row].map((weight, at) => weight - rate * gradients[`${row}${at}`]);
  return { ...numbers, ...Object.fromEntries(WEIGHTS.map((row) => [row, step(row)])) };
}

/** The order in which numbers get their gradients; weights right after what they helped to compute. */
const BACK = ["L", "l", "p", "z", "q", "qb", "s", "u", "k", "kb", "r", "d", "v", "vb", "m", "a", "c", "w", "wb", "x"];
const OPERATION_OF = Object.fromEntries(OPERATIONS.map(({ row, title }) => [row, title]));
const PASSED = { L: "the loss itself", l: "mean", p: "binary cross-entropy", z: "sigmoid", q: "1×1 weights", qb: "1×1 weights",
  s: "1×1 convolution", u: "1×1 convolution", k: "transposed conv. weights", kb: "transposed conv. weights",
  r: "transposed convolution", d: "ReLU", v: "bottleneck weights", vb: "bottleneck weights", m: "bottleneck convolution",
  a: "fork: max pooling and skip", c: "ReLU", w: "convolution weights", wb: "convolution weights", x: "convolution" };

/** All steps: { name, back, title }; `title` is the operation that is computed, or that the gradient passes. */
export const STEPS = [
  ...OPERATIONS.flatMap(({ row }) => INPUTS[row].map((_, at) => ({ name: `${row}${at}`, back: false, title: OPERATION_OF[row] }))),
  ...BACK.flatMap((row) => names(row, GIVEN[row] ?? INPUTS[row].length).map((name) => ({ name, back: true, title: PASSED[row] }))),
];
/** How many steps there are until the loss is known. */
export const TO_LOSS = STEPS.findIndex(({ back }) => back);

/** How many steps there are after the operation that step number `done` + 1 belongs to, or before the one of `done`. */
export function nextOperation(done) {
  const { title, back } = STEPS[Math.min(done, STEPS.length - 1)];
  const rest = STEPS.slice(done).findIndex((step) => step.title !== title || step.back !== back);
  return rest < 0 ? STEPS.length : done + rest;
}

export function previousOperation(done) {
  if (!done) return 0;
  const { title, back } = STEPS[done - 1];
  const before = STEPS.slice(0, done).findLastIndex((step) => step.title !== title || step.back !== back);
  return before + 1;
}
