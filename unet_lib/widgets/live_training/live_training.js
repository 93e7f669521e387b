// The live view of a training. Python sends each epoch's numbers and masks; here they are drawn.

import { draw, follow, inflate, keepKeys, make, rendering, steadyButton } from "../shared/base.js";
import { NETWORK, REFERENCE, css } from "../shared/colours.js";
import { drawGrey, outlinePath, wholeSlice } from "../shared/slice_pictures.js";

const WIDE = 400; // a chart's own units: about as many as it has pixels on the page
const HIGH = 190;
const ROOM = { left: 42, right: 16, top: 8, bottom: 34 };
const SIDE = 384; // dots of a slice's canvas
const CHARTS = [
  { name: "loss", series: { training: "loss", validation: "validation_loss" } },
  { name: "F1", series: { training: "train_f1", validation: "validation_f1" }, top: 1 },
];

/** A round step (1, 2 or 5 times a power of ten) of which about `count` fit into `span`. */
export function roundStep(span, count) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => span / step <= count);
}

/** The loss within the epochs, as an SVG path; broken where it is not a number. */
export function stepsPath(steps, { x, y }) {
  return steps.map(([at, loss], index) => {
    if (loss === null) return "";
    const joined = index > 0 && steps[index - 1][1] !== null;
    return `${joined ? "L" : "M"}${x(at).toFixed(1)},${y(loss).toFixed(1)}`;
  }).join("");
}

class LiveView {
  constructor(model, el, signal) {
    this.model = model;
    this.turn = 0;
    [this.count, this.height, this.width] = model.get("size");
    this.build(el);
    follow(model, signal, ["rows", "running", "steps"], () => this.showCharts());
    follow(model, signal, ["masks"], () => this.showSlices());
    follow(model, signal, ["status", "running"], () => this.showStatus());
    this.showStatus();
    this.showCharts();
    this.showSlices();
  }

  build(el) {
    this.button = steadyButton("■ Stop", "", () => this.stop());
    this.button.className = "gb-live-stop";
    this.status = make("p", { class: "gb-live-status gb-number" });
    this.note = make("p", { class: "gb-live-note", role: "status" });
    this.charts = CHARTS.map(({ name }) => {
      const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
      const caption = make("figcaption");
      return { svg, caption, figure: make("figure", { "data-chart": name }, caption, svg) };
    });
    this.slices = Array.from({ length: this.count }, () => make("canvas", { width: SIDE, height: (SIDE * this.height) / this.width, role: "img" }));
    const key = make("p", { class: "gb-live-key" }, make("span", { class: "gb-live-network" }), "the network's mask ",
      make("span", { class: "gb-live-reference" }), "the expert's outline");
    this.root = make("div", { class: "gb gb-live", role: "group", "aria-label": "Live view of the training" },
      make("div", { class: "gb-row" }, this.button, this.status), this.note,
      make("div", { class: "gb-live-charts" }, ...this.charts.map((chart) => chart.figure)),
      make("div", { class: "gb-live-slices" }, ...this.slices), key);
    keepKeys(this.root);
    el.append(this.root);
  }

  // ---- stopping -------------------------------------------------------------------------------------------

  /** Interrupt the kernel, as ■ in the toolbar does: while a cell runs, it may have no time for our messages. */
  async stop() {
    try {
      await this.model.widget_manager.kernel.interrupt();
      this.note.textContent = "Stopping after the step in hand …";
    } catch {
      this.note.textContent = "This page cannot reach the kernel. Press ■ (interrupt) in the notebook's toolbar: it does the same.";
    }
  }

  showStatus() {
    const running = this.model.get("running");
    this.status.textContent = this.model.get("status");
    this.button.setAttribute("aria-disabled", String(!running));
    if (!running) this.note.textContent = "";
  }

  // ---- curves ---------------------------------------------------------------------------------------------

  showCharts() {
    CHARTS.forEach((chart, index) => this.showChart(chart, this.charts[index]));
    this.root.dataset.epochs = this.model.get("rows").length;
  }

  showChart({ name, series, top }, { svg, caption }) {
    const rows = this.model.get("rows");
    const lines = Object.entries(series).map(([label, key]) => ({ label, values: rows.map((row) => row[key]) }))
      .filter(({ values }) => values.some((value) => value !== null));
    const steps = name === "loss" ? this.model.get("steps") : [];
    const largest = top ?? Math.max(0, ...lines.flatMap(({ values }) => values), ...steps.map((step) => step[1]));
    const done = Math.max(rows.length, Math.ceil(steps.at(-1)?.[0] ?? 0));
    const scale = this.scale(done, largest || 1, steps.length ? 0 : 1);
    const within = steps.length ? [draw("path", { class: "gb-live-steps", d: stepsPath(steps, scale) })] : [];
    svg.replaceChildren(...this.axes(scale), ...within, ...lines.map((line) => this.curve(line, scale)));
    const last = lines.map(({ label, values }) => `${label} ${values.at(-1)?.toFixed(3) ?? "not a number"}`);
    svg.setAttribute("aria-label", `${name} after epoch ${rows.length}: ${last.join(", ") || "nothing yet"}`);
    const entries = lines.map(({ label }, at) => make("span", { class: `gb-live-${label}` }, last[at]));
    if (steps.length) entries.push(make("span", { class: "gb-live-steps" }, `just now ${steps.at(-1)[1]?.toFixed(3) ?? "not a number"}`));
    caption.replaceChildren(make("strong", {}, name), ...entries);
  }

  /** Where an epoch and a value lie on the chart. */
  scale(done, largest, first) {
    const planned = this.model.get("running") ? this.model.get("total") : 0; // once it is over, no room for the rest
    const epochs = Math.max(planned, done, 2);
    const [right, bottom] = [WIDE - ROOM.right, HIGH - ROOM.bottom];
    return {
      epochs, largest, right, bottom,
      x: (epoch) => ROOM.left + ((right - ROOM.left) * (epoch - first)) / (epochs - first),
      y: (value) => bottom - ((bottom - ROOM.top) * value) / largest,
    };
  }

  axes({ epochs, largest, right, bottom, x, y }) {
    const nodes = [draw("text", { x: (ROOM.left + right) / 2, y: HIGH - 4, class: "gb-live-middle" }, "epoch")];
    const step = roundStep(largest, 4);
    for (let at = 0; at * step <= largest * 1.001; at++) {
      const height = y(at * step);
      nodes.push(draw("line", { x1: ROOM.left, x2: right, y1: height, y2: height }));
      nodes.push(draw("text", { x: ROOM.left - 6, y: height + 4, class: "gb-live-end" }, String(+(at * step).toPrecision(2))));
    }
    const stride = Math.max(1, roundStep(epochs, 8));
    for (let epoch = 1; epoch <= epochs; epoch = epoch === 1 && stride > 1 ? stride : epoch + stride) {
      nodes.push(draw("text", { x: x(epoch), y: bottom + 16, class: "gb-live-middle" }, String(epoch)));
    }
    return nodes;
  }

  /** One line; where a value is not a number, it is broken. Few points are marked one by one. */
  curve({ label, values }, { x, y }) {
    let path = "";
    const dots = [];
    values.forEach((value, at) => {
      if (value === null) return;
      const joined = at > 0 && values[at - 1] !== null;
      path += `${joined ? "L" : "M"}${x(at + 1).toFixed(1)},${y(value).toFixed(1)}`;
      if (values.length <= 40) dots.push(draw("circle", { cx: x(at + 1), cy: y(value), r: 2.6 }));
    });
    return draw("g", { class: `gb-live-${label}` }, draw("path", { d: path }), ...dots);
  }

  // ---- slices ---------------------------------------------------------------------------------------------

  async showSlices() {
    const turn = (this.turn += 1);
    const area = this.height * this.width;
    const unpack = (name) => (this.model.get(name).byteLength ? inflate(this.model.get(name)) : new Uint8Array(this.count * area));
    const [flair, references, masks] = await Promise.all(["grey", "reference", "masks"].map(unpack));
    if (turn !== this.turn) return; // newer masks came while these were unpacked
    const part = (all, index) => all.subarray(index * area, (index + 1) * area);
    this.slices.forEach((canvas, index) =>
      this.showSlice(canvas, index, part(flair, index), part(references, index), part(masks, index)));
    this.root.dataset.drawn = turn;
  }

  showSlice(canvas, index, flair, reference, mask) {
    const small = new OffscreenCanvas(this.width, this.height);
    drawGrey(small, flair, this.width, wholeSlice(this.width, this.height));
    const context = canvas.getContext("2d");
    context.resetTransform();
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    context.scale(canvas.width / this.width, canvas.height / this.height);
    context.fillStyle = css(NETWORK, 1 / 3);
    mask.forEach((inside, at) => inside && context.fillRect(at % this.width, Math.floor(at / this.width), 1, 1));
    this.outline(context, mask, NETWORK, canvas.width);
    this.outline(context, reference, REFERENCE, canvas.width);
    const count = (test) => mask.reduce((sum, inside, at) => sum + test(inside, reference[at]), 0);
    canvas.setAttribute("aria-label", `Slice ${index + 1}: the network marks ${count((m) => m)} pixels, the expert ` +
      `${count((_, r) => r)}, both ${count((m, r) => m & r)}`);
  }

  outline(context, mask, colour, dots) {
    context.lineWidth = (3 * this.width) / dots;
    context.strokeStyle = css(colour);
    context.stroke(outlinePath(mask, this.width, this.height));
  }
}

export default { render: rendering(LiveView) };
