// The training as a strip: loss and F1 over its slider. Networks were kept at a few steps, and these stand evenly
// apart, each above its position on the slider; between two of them the axis is straight.

import { draw, make } from "../shared/base.js";

const THUMB = 8; // px, half a slider's thumb: where its track begins and ends
const STRIP = { height: 62, top: 9, bottom: 6 };
const PLAY = 450; // ms that each step stays

export class TrainingStrip {
  /** `choose(step)` when the reader moves the slider; `more` are controls that stand above it. */
  constructor({ steps, history, choose, more }) {
    Object.assign(this, { steps, history, choose, width: 0 });
    this.most = Math.max(1, ...history.rows.map(([, loss]) => loss));
    this.axes = draw("g", { class: "gb-feat-axes" });
    this.lines = draw("g");
    this.marks = draw("g");
    this.svg = draw("svg", { role: "img", height: STRIP.height }, this.axes, this.lines, this.marks);
    this.slider = make("input", { type: "range", min: 0, max: steps.length - 1, step: 1, "aria-label": "Step of training" });
    this.ticks = make("div", { class: "gb-feat-ticks", "aria-hidden": "true" }, ...steps.map((step) => make("span", {}, step)));
    this.play = make("button", { type: "button", class: "gb-feat-play" }, "▶ Play");
    this.now = make("div", { class: "gb-feat-now" });
    this.node = make("section", { class: "gb-feat-training", "aria-label": "Training" },
      make("div", { class: "gb-row gb-feat-head" }, this.play, this.now, ...more), this.svg, this.slider, this.ticks);
  }

  connect(listen) {
    listen(this.slider, "input", () => { this.stop(); this.choose(this.steps[Number(this.slider.value)]); });
    listen(this.play, "click", () => (this.playing ? this.stop() : this.start()));
  }

  // ---- playing: a step follows when the one before has been drawn and looked at -------------------------

  start() {
    this.playing = true;
    this.play.textContent = "❚❚ Pause";
    this.choose(this.steps[Number(this.slider.value) < this.steps.length - 1 ? Number(this.slider.value) + 1 : 0]);
  }

  stop() {
    clearTimeout(this.timer);
    this.playing = false;
    this.play.textContent = "▶ Play";
  }

  /** The step that was asked for has been drawn. */
  drawn(step) {
    if (!this.playing) return;
    if (step === this.steps.at(-1)) return this.stop();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.choose(this.steps[this.steps.indexOf(step) + 1]), PLAY);
  }

  // ---- drawing ------------------------------------------------------------------------------------------

  resize(width) {
    if (width === this.width || width <= 0) return;
    this.width = width;
    this.svg.setAttribute("width", width);
    const levels = [0, 1].filter((level) => level <= this.most * 1.1);
    this.axes.replaceChildren(...levels.flatMap((level) => [
      draw("line", { x1: 0, x2: width, y1: this.y(level), y2: this.y(level) }),
      draw("text", { x: 0, y: this.y(level) - 3 }, String(level))]));
    const path = (at) => this.history.rows.map((row, index) => `${index ? "L" : "M"}${this.x(row[0]).toFixed(1)},${this.y(row[at]).toFixed(1)}`).join("");
    this.lines.replaceChildren(draw("path", { class: "gb-feat-loss", d: path(1) }), draw("path", { class: "gb-feat-f1", d: path(2) }),
      ...this.history.validation.map(([step, dice]) => this.diamond(step, dice, 4)));
    if (this.step !== undefined) this.show(this.step);
  }

  x(step) {
    const right = this.steps.findIndex((kept) => kept >= step);
    const position = right < 0 ? this.steps.length - 1 : right === 0 ? 0
      : right - 1 + (step - this.steps[right - 1]) / (this.steps[right] - this.steps[right - 1]);
    return THUMB + (position * (this.width - 2 * THUMB)) / Math.max(this.steps.length - 1, 1);
  }

  y(value) {
    const most = Math.max(this.most, 1);
    return STRIP.height - STRIP.bottom - (value / most) * (STRIP.height - STRIP.top - STRIP.bottom);
  }

  diamond(step, value, size) {
    return draw("path", { class: "gb-feat-dice", d: `M${this.x(step)},${this.y(value) - size}l${size},${size}l${-size},${size}l${-size},${-size}z` });
  }

  /** Slider, marker and numbers at a step. */
  show(step) {
    this.step = step;
    this.slider.value = this.steps.indexOf(step);
    this.slider.setAttribute("aria-valuetext", `step ${step}`);
    const row = this.history.rows.find(([at]) => at === step);
    const dice = this.history.validation.find(([at]) => at === step)?.[1];
    const said = [["gb-feat-loss", "loss", row?.[1]], ["gb-feat-f1", "training F1", row?.[2]], ["gb-feat-dice", "validation Dice", dice]];
    this.now.replaceChildren(make("span", { class: "gb-feat-step" }, `step ${step}`),
      ...said.map(([name, words, value]) => make("span", { class: name }, `${words} ${value === undefined ? "–" : value.toFixed(2)}`)));
    this.svg.setAttribute("aria-label", `Loss and scores over training, at step ${step}: ${said.map(([, words, value]) =>
      `${words} ${value === undefined ? "not measured" : value.toFixed(2)}`).join(", ")}`);
    if (!this.width) return;
    const x = this.x(step);
    this.marks.replaceChildren(draw("line", { class: "gb-feat-marker", x1: x, x2: x, y1: STRIP.top - 4, y2: STRIP.height }),
      ...(row ? [1, 2].map((at) => draw("circle", { class: at === 1 ? "gb-feat-loss" : "gb-feat-f1", cx: x, cy: this.y(row[at]), r: 4.5 })) : []),
      ...(dice === undefined ? [] : [this.diamond(step, dice, 7)]));
    [...this.ticks.children].forEach((tick, at) => tick.classList.toggle("gb-feat-here", this.steps[at] === step));
  }
}
