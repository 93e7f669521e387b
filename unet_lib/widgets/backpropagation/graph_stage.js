// The drawn graph of the tiny U-Net: a box for each number, lines between them, and factors on those that matter now.

import { draw, make } from "../shared/base.js";
import { short, signScale } from "../shared/number_grid.js";
import { LINES, curve, middle, placesIn } from "./graph_layout.js";
import { brief, roleOf, symbol } from "./graph_words.js";
import { GRAPH, STEPS, TO_LOSS, localsOf } from "./tiny_unet.js";

const ROOM_FOR_FACTOR = 30; // px between two boxes, so that a factor can stand on their line
const UNSCALED = "ptlL"; // their gradients are large, and leave no colour for the others
const ROW_TITLES = { x: "image x", c: "conv c", a: "ReLU a", m: "max pool m", d: "conv d", r: "ReLU r", s: "skip s", u: "up u", z: "1×1 z",
  p: "sigmoid p", t: "mask t", l: "BCE ℓ", L: "loss L" };
const LAYER_TITLES = { w: "Convolution", v: "Bottleneck", k: "Up (transposed)", q: "1×1 output" };

const WHEN = { forward: {}, back: {} }; // name → the step that shows its value, or its gradient
STEPS.forEach(({ name, back }, at) => (WHEN[back ? "back" : "forward"][name] = at));

export const isGiven = (name) => GRAPH[name].kind === "given";
const isWeight = (name) => isGiven(name) && !"xt".includes(GRAPH[name].row);

/** Whether a number, or its gradient, is known after so many steps; the mask has no gradient. */
export const hasValue = (name, done) => isGiven(name) || WHEN.forward[name] < done;
export const hasGradient = (name, done) => WHEN.back[name] < done;

/** The size of the largest gradient, of those that colours are for. */
export const largest = (gradients) =>
  Math.max(...Object.keys(gradients).filter((name) => !UNSCALED.includes(name[0])).map((name) => Math.abs(gradients[name])));

const spans = (texts, attributes) => Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, make("span", { ...attributes, "data-row": key }, text)]));
const place = (node, x, y) => Object.assign(node.style, { left: `${x}px`, top: `${y}px` });

/** `root` is its part of the page, `boxes` name → { node, … }; `show(state)` needs values, gradients, reach, done and chosen. */
export class GraphStage {
  constructor() {
    this.boxes = Object.fromEntries(Object.keys(GRAPH).map((name) => [name, this.buildBox(name)]));
    this.paths = LINES.map(([from, to]) => ({ from, to, node: draw("path") }));
    this.lines = draw("svg", { class: "gb-bp-lines", "aria-hidden": "true" }, ...this.paths.map(({ node }) => node));
    this.titles = spans(ROW_TITLES, { class: "gb-bp-title" });
    this.layers = spans(LAYER_TITLES, { class: "gb-bp-layer" });
    this.labels = spans(Object.fromEntries(Object.keys(GRAPH).filter(isWeight).map((name) => [name, symbol(name)])), { class: "gb-bp-title" });
    this.factors = make("div", { class: "gb-bp-factors", "aria-hidden": "true" });
    this.legend = make("span", { class: "gb-bp-legend" });
    this.status = make("output", { class: "gb-bp-status" });
    this.root = make("div", { class: "gb-bp-stage" }, this.lines, ...[this.titles, this.labels, this.layers].flatMap(Object.values),
      this.factors, ...Object.values(this.boxes).map(({ node }) => node), this.legend, this.status);
  }

  buildBox(name) {
    const [value, gradient] = [make("span"), make("span", { class: "gb-bp-gradient" })];
    const kind = `gb-bp-box${isGiven(name) ? " gb-bp-given" : ""}`;
    return { node: make("button", { type: "button", class: kind, "data-name": name, tabindex: -1 }, value, gradient), value, gradient };
  }

  show({ values, gradients, reach, done, chosen }) {
    this.state = { values, gradients, done, chosen, scale: signScale(reach) };
    const { inputs, uses } = GRAPH[chosen];
    const sources = new Set(this.explainsGradient() ? uses.map(({ by }) => by) : inputs);
    for (const name of Object.keys(GRAPH)) this.showBox(name, sources.has(name));
    this.showLines();
    this.showLegend(reach);
  }

  showBox(name, isSource) {
    const { values, gradients, done, chosen } = this.state;
    const { node, value, gradient } = this.boxes[name];
    const [known, back] = [hasValue(name, done), hasGradient(name, done)];
    value.textContent = known ? short(values[name], 3) : "";
    gradient.textContent = back ? short(gradients[name], 3) : "";
    gradient.removeAttribute("style");
    if (back) this.tint(gradient, gradients[name]);
    node.tabIndex = name === chosen ? 0 : -1; // one stop for the tab key
    const classes = { chosen: name === chosen, source: isSource, empty: !known, "has-gradient": back,
      closed: known && GRAPH[name].kind === "relu" && !values[name] };
    for (const [kind, holds] of Object.entries(classes)) node.classList.toggle(`gb-bp-${kind}`, holds);
    const says = [symbol(name), roleOf(name), known ? `value ${value.textContent}` : "not computed yet", ...(back ? [`gradient ${gradient.textContent}`] : [])];
    node.setAttribute("aria-label", says.join(", "));
  }

  tint(node, gradient) {
    const [red, green, blue] = this.state.scale.colour(gradient);
    node.style.background = `rgb(${red} ${green} ${blue})`;
    node.style.color = 0.299 * red + 0.587 * green + 0.114 * blue > 130 ? "#000" : "#fff";
  }

  /** Whether the lines show where the gradient comes from, rather than how the number is computed. */
  explainsGradient() {
    return hasGradient(this.state.chosen, this.state.done);
  }

  showLines() {
    const [back, factors] = [this.explainsGradient(), this.factorsOnLines()];
    for (const { from, to, node } of this.paths) {
      const on = `${from} ${to}` in factors;
      const classes = { "gb-bp-on": on, "gb-bp-back": on && back, "gb-bp-known": hasValue(to, this.state.done) };
      node.setAttribute("class", Object.keys(classes).filter((name) => classes[name]).join(" "));
      if (on) this.lines.append(node); // above the others
    }
    this.showFactors(factors);
  }

  /** "from to" → the local derivative on that line, for the lines of the explained number. */
  factorsOnLines() {
    const { values, done, chosen } = this.state;
    const { inputs, uses } = GRAPH[chosen];
    if (!this.explainsGradient()) {
      const locals = inputs.length && hasValue(chosen, done) ? localsOf(chosen, values) : [];
      return Object.fromEntries(inputs.map((input, at) => [`${input} ${chosen}`, locals[at]]));
    }
    const carrier = ({ by, at }) => (isWeight(chosen) ? GRAPH[by].inputs[at + 1] : chosen);
    return Object.fromEntries(uses.map((use) => [`${carrier(use)} ${use.by}`, localsOf(use.by, values)[use.at]]));
  }

  showFactors(factors) {
    const shown = this.laidOut ? this.paths.filter(({ from, to }) => factors[`${from} ${to}`] !== undefined) : [];
    this.factors.replaceChildren(...shown.flatMap(({ from, to }) => {
      const { x, y, room } = middle(this.laidOut[from], this.laidOut[to]);
      if (room < ROOM_FOR_FACTOR) return [];
      const node = make("span", {}, `×${short(factors[`${from} ${to}`], 2)}`);
      place(node, x, y);
      return [node];
    }));
  }

  showLegend(reach) {
    const bar = make("span", { class: "gb-bp-bar" });
    bar.style.background = `linear-gradient(to right, ${[-reach, 0, reach].map((value) => `rgb(${this.state.scale.colour(value)})`)})`;
    const known = this.state.done > TO_LOSS;
    this.legend.replaceChildren(...(known ? ["gradient ", brief(-reach), bar, brief(reach)] : ["value above, gradient below"]));
  }

  layOut() {
    const room = this.root.clientWidth;
    if (!room) return;
    const { boxes, titles, sizes, height } = placesIn(room);
    this.laidOut = boxes;
    this.root.style.height = `${height}px`;
    this.root.classList.toggle("gb-bp-small", sizes.box < 50);
    this.root.classList.toggle("gb-bp-scrolls", sizes.width > room);
    for (const [name, { x, y, width, height: high }] of Object.entries(boxes)) {
      place(this.boxes[name].node, x, y);
      Object.assign(this.boxes[name].node.style, { width: `${width}px`, height: `${high}px` });
    }
    for (const [row, node] of Object.entries(this.titles)) place(node, titles[row].x, titles[row].y);
    for (const [name, node] of Object.entries(this.labels)) place(node, boxes[name].x + sizes.box / 2, boxes[name].y - 3);
    for (const [row, node] of Object.entries(this.layers)) place(node, boxes[`${row}0`].x, boxes[`${row}0`].y - 18);
    for (const { from, to, node } of this.paths) node.setAttribute("d", curve(boxes[from], boxes[to]));
    this.status.style.left = `${(boxes.a0.x + boxes.s0.x + sizes.box) / 2}px`;
    place(this.legend, boxes.m0.x, boxes.m1.y + sizes.pitch + 4);
    this.showLines();
  }
}
