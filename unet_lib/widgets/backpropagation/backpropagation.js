// The backpropagation widget. It asks Python for nothing, so it also works in a saved notebook without a kernel.

import { draw, follow, keepKeys, make, rendering, steadyButton, watchSize } from "../shared/base.js";
import { NumberField, minus, short, signScale } from "../shared/number_grid.js";
import { LINES, curve, middle, placesIn } from "./graph_layout.js";
import { brief, howComputed, reasonOf, remarkOn, roleOf, symbol } from "./graph_words.js";
import { GRAPH, STEPS, TO_LOSS, backward, descend, forward, localsOf, nextOperation,
  nudgedLosses, partsOf, previousOperation } from "./tiny_unet.js";

const PAUSE = 450; // ms from one step to the next while it plays
const PULL = 10; // px to drag a number up or down by one step
const NUDGE = 0.001;
const ROOM_FOR_FACTOR = 30; // px between two boxes, so that a factor can stand on their line
const LARGEST = 99; // as in Python
const UNSCALED = "ptlL"; // their gradients are large, and leave no colour for the others
const TITLES = { x: "image x", c: "conv c", a: "ReLU a", m: "max pool m", d: "conv d", r: "ReLU r", s: "skip s", u: "up u", z: "1×1 z",
  p: "sigmoid p", t: "mask t", l: "BCE ℓ", L: "loss L" };
const LAYER_TITLES = { w: "Convolution", v: "Bottleneck", k: "Up (transposed)", q: "1×1 output" };

const WHEN = { forward: {}, back: {} }; // name → the step that shows its value, or its gradient
STEPS.forEach(({ name, back }, at) => (WHEN[back ? "back" : "forward"][name] = at));

const isGiven = (name) => GRAPH[name].kind === "given";
const isWeight = (name) => isGiven(name) && !"xt".includes(GRAPH[name].row);
const largest = (gradients) => Math.max(...Object.keys(gradients).filter((name) => !UNSCALED.includes(name[0])).map((name) => Math.abs(gradients[name])));

class BackpropagationView {
  constructor(model, el, signal) {
    this.model = model;
    this.losses = []; // of the steps of descent so far
    this.first = largest(backward(forward(model.get("start"))));
    this.build(el);
    this.connect(signal);
    this.recompute();
  }

  // ---- what there is --------------------------------------------------------------------------------------------

  build(el) {
    this.root = make("div", { class: "gb gb-bp", role: "group", "aria-label": "Backpropagation through a tiny U-Net" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    this.root.append(this.buildSteps(), this.buildStage(), this.buildPanel(), this.buildDescent(), this.spoken);
    keepKeys(this.root);
    el.append(this.root);
  }

  buildSteps() {
    const button = (text, title, go) => steadyButton(text, title, () => go());
    this.play = button("▶ Play", "Step after step", () => this.togglePlay());
    this.buttons = {
      reset: button("|◀", "Back to the first step", () => this.goTo(0)),
      less: button("◀", "One number back (←)", () => this.goTo(this.done - 1)),
      more: button("▶", "The next number (→)", () => this.goTo(this.done + 1)),
      operation: button("Next operation", "All numbers of the next operation (Shift →)", () => this.goTo(nextOperation(this.done))),
      loss: button("Loss", "Forward to the loss", () => this.goTo(TO_LOSS)),
      end: button("All gradients", "To the last gradient", () => this.goTo(STEPS.length)),
    };
    for (const node of Object.values(this.buttons)) node.setAttribute("aria-label", node.title); // signs say little
    this.slider = make("input", { type: "range", min: 0, max: STEPS.length, "aria-label": "Step" });
    this.status = make("output", { class: "gb-bp-status" });
    const { reset, less, more, operation, loss, end } = this.buttons;
    return make("div", { class: "gb-row gb-bp-steps" }, reset, less, this.play, more, operation, loss, end, this.slider);
  }

  buildStage() {
    this.stage = make("div", { class: "gb-bp-stage" });
    this.lines = draw("svg", { class: "gb-bp-lines", "aria-hidden": "true" });
    this.paths = LINES.map(([from, to]) => ({ from, to, node: draw("path") }));
    this.lines.append(...this.paths.map(({ node }) => node));
    this.boxes = Object.fromEntries(Object.keys(GRAPH).map((name) => [name, this.buildBox(name)]));
    this.titles = Object.fromEntries(Object.entries(TITLES).map(([row, text]) => [row, make("span", { class: "gb-bp-title", "data-row": row }, text)]));
    this.layers = Object.fromEntries(Object.entries(LAYER_TITLES).map(([row, text]) => [row, make("span", { class: "gb-bp-layer" }, text)]));
    this.legend = make("span", { class: "gb-bp-legend" });
    this.labels = Object.fromEntries(Object.keys(GRAPH).filter(isWeight).map((name) => [name, make("span", { class: "gb-bp-title" }, symbol(name))]));
    this.factors = make("div", { class: "gb-bp-factors", "aria-hidden": "true" });
    this.stage.append(this.lines, ...[this.titles, this.labels, this.layers].flatMap(Object.values), this.factors,
      ...Object.values(this.boxes).map(({ node }) => node), this.legend, this.status);
    return this.stage;
  }

  buildBox(name) {
    const [value, gradient] = [make("span"), make("span", { class: "gb-bp-gradient" })];
    const node = make("button", { type: "button", class: `gb-bp-box${isGiven(name) ? " gb-bp-given" : ""}`, "data-name": name, tabindex: -1 }, value, gradient);
    return { node, value, gradient };
  }

  buildPanel() {
    this.select = make("select", { "aria-label": "Explained number" });
    this.select.append(...Object.keys(GRAPH).map((name) => make("option", { value: name }, `${symbol(name)}  ${roleOf(name)}`)));
    this.field = new NumberField("Value", () => this.stepOf(this.chosen), (value) => this.setNumber(this.chosen, value));
    this.smaller = steadyButton("−", "Smaller", () => this.setNumber(this.chosen, this.field.value - this.stepOf(this.chosen)));
    this.larger = steadyButton("+", "Larger", () => this.setNumber(this.chosen, this.field.value + this.stepOf(this.chosen)));
    for (const node of [this.smaller, this.larger]) node.setAttribute("aria-label", node.title);
    this.editor = make("span", { class: "gb-bp-editor" }, this.smaller, this.field.input, this.larger);
    this.nudge = steadyButton("Check by nudging", "Make this number 0.001 larger and smaller, and see what the loss does", () => this.showNudge());
    this.computed = make("div", { class: "gb-bp-lines-of-text" });
    this.parts = make("div", { class: "gb-bp-parts" });
    this.nudged = make("p", { class: "gb-bp-nudged", "aria-live": "polite" });
    const head = make("div", { class: "gb-row" }, this.select, this.editor, this.nudge);
    const half = (title, body) => make("section", {}, make("div", { class: "gb-label" }, title), body);
    return make("div", { class: "gb-bp-panel" }, head,
      make("div", { class: "gb-bp-halves" }, half("Forward: how it is computed", make("div", {}, this.computed, this.nudged)), half("Back: its gradient", this.parts)));
  }

  buildDescent() {
    this.rate = new NumberField("Learning rate", () => 0.1, (rate) => this.set({ rate: Math.min(Math.max(rate, 0), 100) }));
    this.descent = steadyButton("Step of gradient descent", "Each weight minus learning rate × its gradient", () => this.descend());
    this.restore = steadyButton("First numbers", "The numbers to begin with", () => this.setAll(this.model.get("start"), []));
    this.course = make("output", { class: "gb-bp-course" });
    this.spark = draw("svg", { class: "gb-bp-spark", "aria-hidden": "true", viewBox: "0 0 100 24" }, draw("polyline"));
    return make("div", { class: "gb-row gb-bp-descent" }, this.descent, make("label", {}, "learning rate", this.rate.input), this.restore,
      this.course, this.spark);
  }

  // ---- what the reader does -------------------------------------------------------------------------------------

  connect(signal) {
    const listen = (node, kind, react) => node.addEventListener(kind, react.bind(this), { signal });
    listen(this.root, "keydown", this.onKey);
    listen(this.slider, "input", () => this.goTo(Number(this.slider.value)));
    listen(this.select, "change", () => this.choose(this.select.value));
    listen(this.stage, "pointerdown", this.grab);
    listen(this.stage, "click", (event) => this.choose(event.target.closest("[data-name]")?.dataset.name));
    follow(this.model, signal, ["numbers"], () => this.recompute());
    follow(this.model, signal, ["step", "chosen", "rate"], () => this.show());
    watchSize(signal, () => this.layOut(), this.root);
    signal.addEventListener("abort", () => this.pause());
  }

  get done() {
    return this.model.get("step");
  }

  get chosen() {
    return this.model.get("chosen");
  }

  get numbers() {
    return this.model.get("numbers");
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
  }

  /** Go to a step; what it computed last is explained. */
  goTo(step) {
    const done = Math.min(Math.max(step, 0), STEPS.length);
    if (done === this.done) return false;
    this.set({ step: done, chosen: STEPS[Math.max(done - 1, 0)].name });
    if (!this.timer) this.speak(); // while it plays, nobody could listen so fast
    return true;
  }

  choose(name) {
    if (!name) return;
    this.pause();
    this.set({ chosen: name });
    this.speak();
  }

  stepOf(name) {
    return { x: 1, t: 1 }[GRAPH[name].row] ?? 0.1;
  }

  setNumber(name, value) {
    const { row, at } = GRAPH[name];
    const low = row === "t" ? 0 : -LARGEST;
    const kept = Number(Math.min(Math.max(value, low), row === "t" ? 1 : LARGEST).toPrecision(12));
    this.setAll({ ...this.numbers, [row]: this.numbers[row].map((old, place) => (place === at ? kept : old)) }, []);
  }

  setAll(numbers, losses) {
    this.pause();
    this.losses = losses;
    this.set({ numbers });
  }

  descend() {
    const within = (row) => row.map((value) => Math.min(Math.max(value, -LARGEST), LARGEST)); // descent can run away
    const after = Object.entries(descend(this.numbers, this.model.get("rate"))).map(([name, row]) => [name, within(row)]);
    const losses = [...(this.losses.length ? this.losses : [this.values.L0])];
    this.setAll(Object.fromEntries(after), [...losses, forward(Object.fromEntries(after)).L0]);
    this.set({ step: STEPS.length });
    this.spoken.textContent = `Loss ${brief(this.values.L0)}`;
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey) return; // Ctrl+S and its like are meant for JupyterLab
    event.stopPropagation(); // below the last cell the notebook itself listens for arrow keys
    if (event.altKey || event.target.matches("input, select")) return;
    const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const upward = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const name = event.target.dataset.name;
    if (along) this.stepBy(along, event.shiftKey);
    else if (upward && name && isGiven(name)) this.changeBy(name, upward, event.shiftKey);
    else return;
    event.preventDefault();
  }

  stepBy(along, whole) {
    const inStage = this.stage.contains(document.activeElement);
    this.pause();
    if (whole) this.goTo(along > 0 ? nextOperation(this.done) : previousOperation(this.done));
    else this.goTo(this.done + along);
    if (inStage) this.boxes[this.chosen].node.focus();
  }

  changeBy(name, steps, fine) {
    const { row, at } = GRAPH[name];
    if (name !== this.chosen) this.choose(name);
    this.setNumber(name, this.numbers[row][at] + steps * this.stepOf(name) * (fine ? 0.1 : 1));
  }

  /** A given number can be dragged up and down. */
  grab(start) {
    const name = start.target.closest("[data-name]")?.dataset.name;
    if (!name || !isGiven(name)) return;
    const [ending, { node }] = [new AbortController(), this.boxes[name]];
    let last = start.clientY;
    node.setPointerCapture(start.pointerId);
    node.addEventListener("pointermove", (event) => {
      const steps = Math.trunc((last - event.clientY) / PULL);
      last -= steps * PULL;
      if (steps) this.changeBy(name, steps, event.shiftKey);
    }, { signal: ending.signal });
    for (const kind of ["pointerup", "pointercancel"]) node.addEventListener(kind, () => ending.abort(), { signal: ending.signal });
  }

  togglePlay() {
    if (this.timer) return this.pause();
    if (this.done === STEPS.length) this.goTo(0);
    this.timer = setInterval(() => this.goTo(this.done + 1) || this.pause(), PAUSE);
    this.play.textContent = "❚❚ Pause";
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "▶ Play";
  }

  // ---- showing --------------------------------------------------------------------------------------------------

  recompute() {
    this.values = forward(this.numbers);
    this.gradients = backward(this.values);
    this.reach = Math.max(this.first, largest(this.gradients)) || 1; // so colours fade as gradients shrink
    this.scale = signScale(this.reach);
    this.show();
  }

  hasValue(name) {
    return isGiven(name) || WHEN.forward[name] < this.done;
  }

  hasGradient(name) {
    return WHEN.back[name] < this.done; // the mask has none
  }

  show() {
    for (const name of Object.keys(GRAPH)) this.showBox(name);
    this.showLines();
    this.showLegend();
    this.showSteps();
    this.showNumber();
    this.showDescent();
    this.root.dataset.drawn = "yes";
  }

  showBox(name) {
    const { node, value, gradient } = this.boxes[name];
    const [known, back] = [this.hasValue(name), this.hasGradient(name)];
    value.textContent = known ? short(this.values[name], 3) : "";
    gradient.textContent = back ? short(this.gradients[name], 3) : "";
    gradient.removeAttribute("style");
    if (back) this.tint(gradient, this.gradients[name]);
    node.classList.toggle("gb-bp-has-gradient", back);
    node.tabIndex = name === this.chosen ? 0 : -1;
    const classes = { chosen: name === this.chosen, source: this.sources().has(name), empty: !known,
      closed: known && GRAPH[name].kind === "relu" && !this.values[name] };
    for (const [kind, holds] of Object.entries(classes)) node.classList.toggle(`gb-bp-${kind}`, holds);
    const says = [symbol(name), roleOf(name), known ? `value ${value.textContent}` : "not computed yet", ...(back ? [`gradient ${gradient.textContent}`] : [])];
    node.setAttribute("aria-label", says.join(", "));
  }

  tint(node, gradient) {
    const [red, green, blue] = this.scale.colour(gradient);
    node.style.background = `rgb(${red} ${green} ${blue})`;
    node.style.color = 0.299 * red + 0.587 * green + 0.114 * blue > 130 ? "#000" : "#fff";
  }

  /** Whether the lines show where the gradient comes from, rather than how the number is computed. */
  explainsGradient() {
    return this.hasGradient(this.chosen);
  }

  /** The numbers that the explained one is made of, or that its gradient comes from. */
  sources() {
    const { inputs, uses } = GRAPH[this.chosen];
    return new Set(this.explainsGradient() ? uses.map(({ by }) => by) : inputs);
  }

  showLines() {
    const [back, factors] = [this.explainsGradient(), this.factorsOnLines()];
    for (const { from, to, node } of this.paths) {
      const on = `${from} ${to}` in factors;
      node.setAttribute("class", [on ? "gb-bp-on" : "", on && back ? "gb-bp-back" : "", this.hasValue(to) ? "gb-bp-known" : ""].join(" "));
      if (on) this.lines.append(node); // above the others
    }
    this.showFactors(factors);
  }

  /** "from to" → the local derivative on that line, for the lines of the explained number. */
  factorsOnLines() {
    const name = this.chosen;
    const { inputs, uses } = GRAPH[name];
    if (!this.explainsGradient()) {
      const locals = inputs.length && this.hasValue(name) ? localsOf(name, this.values) : [];
      return Object.fromEntries(inputs.map((input, at) => [`${input} ${name}`, locals[at]]));
    }
    const carrier = ({ by, at }) => (isWeight(name) ? GRAPH[by].inputs[at + 1] : name);
    return Object.fromEntries(uses.map((use) => [`${carrier(use)} ${use.by}`, localsOf(use.by, this.values)[use.at]]));
  }

  showFactors(factors) {
    const shown = this.boxAt ? this.paths.filter(({ from, to }) => `${from} ${to}` in factors) : [];
    this.factors.replaceChildren(...shown.flatMap(({ from, to }) => {
      const { x, y, room } = middle(this.boxAt[from], this.boxAt[to]);
      const local = factors[`${from} ${to}`];
      if (room < ROOM_FOR_FACTOR || local === undefined) return [];
      return [make("span", { style: `left: ${x}px; top: ${y}px` }, `×${short(local, 2)}`)];
    }));
  }

  showLegend() {
    const bar = make("span", { class: "gb-bp-bar" });
    bar.style.background = `linear-gradient(to right, ${[-this.reach, 0, this.reach].map((value) => `rgb(${this.scale.colour(value)})`)})`;
    const known = this.done > TO_LOSS;
    this.legend.replaceChildren(...(known ? ["gradient ", brief(-this.reach), bar, brief(this.reach)] : ["value above, gradient below"]));
  }

  showSteps() {
    const { done } = this;
    this.slider.value = done;
    const ends = { reset: done === 0, less: done === 0, more: done === STEPS.length, operation: done === STEPS.length, loss: done === TO_LOSS,
      end: done === STEPS.length };
    for (const [name, ended] of Object.entries(ends)) this.buttons[name].setAttribute("aria-disabled", ended);
    const { title, back } = STEPS[Math.max(done - 1, 0)];
    this.status.textContent = done ? `${back ? "Back" : "Forward"}: ${title}` : "Press ▶ to begin";
    this.slider.setAttribute("aria-valuetext", `${done} of ${STEPS.length}: ${this.status.textContent}`);
  }

  showNumber() {
    const { chosen } = this;
    const editable = isGiven(chosen);
    this.select.value = chosen;
    this.editor.hidden = !editable;
    if (editable) this.field.show(this.values[chosen]);
    this.nudge.setAttribute("aria-disabled", !this.hasGradient(chosen));
    this.nudged.textContent = "";
    this.computed.replaceChildren(...this.computedLines().map((text) => make("div", {}, text)));
    this.parts.replaceChildren(...this.gradientLines());
  }

  computedLines() {
    if (isGiven(this.chosen)) return [`${symbol(this.chosen)} = ${minus(brief(this.values[this.chosen]))}, given. Change it: drag, ↑ ↓, or type.`];
    if (!this.hasValue(this.chosen)) return ["Not computed yet. Step on with ▶."];
    return howComputed(this.chosen, this.values);
  }

  gradientLines() {
    const name = this.chosen;
    if (GRAPH[name].row === "t") return ["The mask is given. Nobody changes it, so nobody needs its gradient."];
    if (!this.hasGradient(name)) return ["Known on the way back, after the loss."];
    if (name === "L0") return ["1: if L grows by a little, L grows by just as much."];
    const parts = partsOf(name, this.values, this.gradients);
    const row = (tag, ...cells) => make("tr", {}, ...cells.map((cell) => make(tag, {}, cell)));
    const head = row("th", "via", "its gradient", "× local derivative", "", "product");
    const rows = parts.map(({ by, at, local, gradient, part }) =>
      row("td", symbol(by), brief(gradient), `× ${brief(local)}`, reasonOf(by, at, local), `= ${brief(part)}`));
    const sum = make("p", {}, `∂L/∂${symbol(name)} = `, make("strong", {}, brief(this.gradients[name])), ` ${remarkOn(name, parts)}`);
    return [make("table", {}, head, ...rows), sum];
  }

  showNudge() {
    const [up, down] = nudgedLosses(this.numbers, this.chosen, NUDGE);
    const measured = (up - down) / (2 * NUDGE);
    this.nudged.textContent = `${symbol(this.chosen)} + 0.001: L = ${up.toFixed(6)}; − 0.001: L = ${down.toFixed(6)}. ` +
      `Difference / 0.002 = ${minus(measured.toFixed(4))}, gradient ${minus(this.gradients[this.chosen].toFixed(4))}`;
  }

  showDescent() {
    this.rate.show(this.model.get("rate"));
    const shown = this.losses.slice(-3).map((loss) => loss.toFixed(3));
    this.course.textContent = this.losses.length ? `loss ${this.losses.length > 3 ? "… → " : ""}${shown.join(" → ")}` :
      this.done >= TO_LOSS ? `loss ${this.values.L0.toFixed(3)}` : "";
    const most = Math.max(...this.losses, 1e-9);
    const points = this.losses.map((loss, at) => `${(98 * at) / Math.max(this.losses.length - 1, 1) + 1},${23 - (22 * loss) / most}`);
    this.spark.firstChild.setAttribute("points", points.join(" "));
    this.spark.classList.toggle("gb-bp-hidden", this.losses.length < 2);
  }

  speak() {
    const [computed, parts] = [this.computedLines(), this.hasGradient(this.chosen)];
    this.spoken.textContent = `${symbol(this.chosen)}, ${roleOf(this.chosen)}: ` +
      (parts ? `gradient ${brief(this.gradients[this.chosen])}` : computed.join(" "));
  }

  layOut() {
    const room = this.stage.clientWidth;
    if (!room) return;
    const { boxes, titles, sizes, height } = placesIn(room);
    this.boxAt = boxes;
    this.stage.style.height = `${height}px`;
    this.root.classList.toggle("gb-bp-small", sizes.box < 50);
    for (const [name, { x, y, width, height: high }] of Object.entries(boxes))
      Object.assign(this.boxes[name].node.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${high}px` });
    for (const [row, node] of Object.entries(this.titles)) Object.assign(node.style, { left: `${titles[row].x}px`, top: `${titles[row].y}px` });
    for (const [name, node] of Object.entries(this.labels))
      Object.assign(node.style, { left: `${boxes[name].x + sizes.box / 2}px`, top: `${boxes[name].y - 3}px` });
    for (const [row, node] of Object.entries(this.layers)) Object.assign(node.style, { left: `${boxes[`${row}0`].x}px`, top: `${boxes[`${row}0`].y - 18}px` });
    for (const { from, to, node } of this.paths) node.setAttribute("d", curve(boxes[from], boxes[to]));
    this.showLines();
    this.status.style.left = `${(boxes.a0.x + boxes.s0.x + sizes.box) / 2}px`;
    Object.assign(this.legend.style, { left: `${boxes.m0.x}px`, top: `${boxes.m1.y + sizes.pitch + 4}px` });
  }
}

export default { render: rendering(BackpropagationView) };
