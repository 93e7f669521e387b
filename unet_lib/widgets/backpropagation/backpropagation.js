// The backpropagation widget. It asks Python for nothing, so it also works in a saved notebook without a kernel.

import { draw, follow, keepKeys, make, rendering, steadyButton, watchSize } from "../shared/base.js";
import { NumberField, minus } from "../shared/number_grid.js";
import { GraphStage, hasGradient, hasValue, isGiven, largest } from "./graph_stage.js";
import { brief, howComputed, reasonOf, remarkOn, roleOf, symbol } from "./graph_words.js";
import { GRAPH, STEPS, TO_LOSS, backward, descend, forward, nextOperation, nudgedLosses, partsOf, previousOperation } from "./tiny_unet.js";

const PAUSE = 450; // ms from one step to the next while it plays
const PULL = 10; // px to drag a number up or down by one step
const NUDGE = 0.001;
const LARGEST = 99; // as in Python
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
    this.stage = new GraphStage();
    this.root.append(this.buildSteps(), this.stage.root, this.buildPanel(), this.buildDescent(), this.spoken);
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
    const { reset, less, more, operation, loss, end } = this.buttons;
    return make("div", { class: "gb-row gb-bp-steps" }, reset, less, this.play, more, operation, loss, end, this.slider);
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
    listen(this.stage.root, "pointerdown", this.grab);
    listen(this.stage.root, "click", (event) => this.choose(event.target.closest("[data-name]")?.dataset.name));
    follow(this.model, signal, ["numbers"], () => this.recompute());
    follow(this.model, signal, ["step", "chosen", "rate"], () => this.show());
    watchSize(signal, () => this.stage.layOut(), this.root);
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
    const inStage = this.stage.root.contains(document.activeElement);
    this.pause();
    if (whole) this.goTo(along > 0 ? nextOperation(this.done) : previousOperation(this.done));
    else this.goTo(this.done + along);
    if (inStage) this.stage.boxes[this.chosen].node.focus();
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
    const [ending, { node }] = [new AbortController(), this.stage.boxes[name]];
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
    this.show();
  }

  show() {
    this.stage.show(this);
    this.showSteps();
    this.showNumber();
    this.showDescent();
    this.root.dataset.drawn = "yes";
  }

  showSteps() {
    const { done } = this;
    this.slider.value = done;
    const ends = { reset: done === 0, less: done === 0, more: done === STEPS.length, operation: done === STEPS.length, loss: done === TO_LOSS,
      end: done === STEPS.length };
    for (const [name, ended] of Object.entries(ends)) this.buttons[name].setAttribute("aria-disabled", ended);
    const { title, back } = STEPS[Math.max(done - 1, 0)];
    this.stage.status.textContent = done ? `${back ? "Back" : "Forward"}: ${title}` : "Press ▶ to begin";
    this.slider.setAttribute("aria-valuetext", `${done} of ${STEPS.length}: ${this.stage.status.textContent}`);
  }

  showNumber() {
    const { chosen } = this;
    const editable = isGiven(chosen);
    this.select.value = chosen;
    this.editor.hidden = !editable;
    if (editable) this.field.show(this.values[chosen]);
    this.nudge.setAttribute("aria-disabled", !hasGradient(chosen, this.done));
    this.nudged.textContent = "";
    this.computed.replaceChildren(...this.computedLines().map((text) => make("div", {}, text)));
    this.parts.replaceChildren(...this.gradientLines());
  }

  computedLines() {
    if (isGiven(this.chosen)) return [`${symbol(this.chosen)} = ${minus(brief(this.values[this.chosen]))}, given. Change it: drag, ↑ ↓, or type.`];
    if (!hasValue(this.chosen, this.done)) return ["Not computed yet. Step on with ▶."];
    return howComputed(this.chosen, this.values);
  }

  gradientLines() {
    const name = this.chosen;
    if (GRAPH[name].row === "t") return ["The mask is given. Nobody changes it, so nobody needs its gradient."];
    if (!hasGradient(name, this.done)) return ["Known on the way back, after the loss."];
    if (name === "L0") return ["1: if L grows by a little, L grows by just as much."];
    const parts = partsOf(name, this.values, this.gradients);
    const row = (tag, ...cells) => make("tr", {}, ...cells.map((cell) => make(tag, {}, cell)));
    const head = row("th", "via", "its gradient", "× local derivative", "product");
    head.children[2].colSpan = 2; // a number, and its reason
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
    const [computed, parts] = [this.computedLines(), hasGradient(this.chosen, this.done)];
    this.spoken.textContent = `${symbol(this.chosen)}, ${roleOf(this.chosen)}: ` +
      (parts ? `gradient ${brief(this.gradients[this.chosen])}` : computed.join(" "));
  }

}

export default { render: rendering(BackpropagationView) };
