// The training in the page, to be seen and steered. A worker trains (training_server.js); here its reports are drawn.

import { draw, make, radioChoice, steadyButton } from "../../unet_lib/widgets/shared/base.js";
import { NETWORK, REFERENCE, css, inkOf } from "../../unet_lib/widgets/shared/colours.js";
import { drawGrey, drawLevels, outlinePath, strokeTwice, wholeSlice } from "../../unet_lib/widgets/shared/slice_pictures.js";
import { CHOICES, DEFAULTS } from "./training.js";
import { serveTraining } from "./training_server.js";

const DOTS = 512; // of the watched slice's canvas
const [WIDE, HIGH] = [400, 170]; // a chart's own units: about as many as it has pixels on the page
const CHART = { left: 40, right: 388, top: 10, bottom: 142 };
const MOST_POINTS = 300; // of a curve; then every other point goes
const SHOWN_CHANNELS = 8; // of a stage: more would be too small to see
const VIRIDIS = ["440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725"];

/**
 * Build the training into `element`. At the first start `load(name)` is asked for "training-set" and "training-worker", and
 * promises what book/live_training.py delivers under these names. Returns a function that ends it all.
 */
export function mountLiveTraining(element, load) {
  const view = new TrainingView(element, load);
  return () => view.end();
}

class TrainingView {
  constructor(element, load) {
    Object.assign(this, { load, settings: { ...DEFAULTS }, wanted: false, loss: [], dice: [], step: 0 });
    this.build(element);
    this.showControls();
    this.showCharts();
  }

  // ---- what there is on the page -----------------------------------------------------------------------------------------

  build(element) {
    this.play = steadyButton("▶ Train", "", () => this.toggle());
    this.play.className = "gb-train-play";
    const reset = steadyButton("↺ Reset", "Begin again, from other random weights", () => this.reset({ seed: this.settings.seed + 1 }));
    this.status = make("span", { class: "gb-number gb-train-status" });
    this.spoken = make("p", { class: "gb-unseen", role: "status" });
    this.note = make("p", { class: "gb-train-note", role: "alert" });
    this.root = make("section", { class: "gb gb-train", "aria-label": "Train a U-Net in this page" },
      make("div", { class: "gb-row" }, this.play, reset, this.status), this.settingsRow(), this.note,
      make("div", { class: "gb-train-main" }, this.sliceFigure(), this.probabilityFigure(), this.chartFigures()),
      this.mapsFigure(), this.spoken);
    element.append(this.root);
  }

  settingsRow() {
    this.rate = make("select", {}, ...CHOICES.rate.map((value) => make("option", { value }, String(value))));
    this.batch = make("select", {}, ...CHOICES.batch.map((value) => make("option", { value }, String(value))));
    this.rate.addEventListener("change", () => this.setRate(Number(this.rate.value)));
    this.batch.addEventListener("change", () => this.reset({ batch: Number(this.batch.value) }));
    const choice = (title, options, change) => radioChoice("gb-train", title, options, change);
    this.base = choice("channels", CHOICES.base, (value) => this.reset({ base: Number(value) }));
    this.depth = choice("levels", CHOICES.depth, (value) => this.reset({ depth: Number(value) }));
    this.skips = choice("skips", [["true", "on"], ["false", "off"]], (value) => this.reset({ skips: value === "true" }));
    return make("div", { class: "gb-row gb-train-settings" },
      make("label", {}, make("span", { class: "gb-label" }, "learning rate"), this.rate),
      make("label", {}, make("span", { class: "gb-label" }, "batch"), this.batch), this.base.part, this.depth.part, this.skips.part);
  }

  sliceFigure() {
    this.picture = make("canvas", { width: DOTS, height: DOTS, role: "img", "aria-label": "The watched slice; nothing yet" });
    this.before = steadyButton("‹", "Watch the slice before", () => this.watch(-1));
    this.after = steadyButton("›", "Watch the next slice", () => this.watch(1));
    for (const button of [this.before, this.after]) button.setAttribute("aria-label", button.title);
    this.which = make("span", { class: "gb-train-which" }, "an unseen patient");
    return make("figure", {}, make("figcaption", {}, make("strong", {}, "mask"), make("span", { class: "gb-train-key gb-train-network" }, "the network's"),
      make("span", { class: "gb-train-key gb-train-reference" }, "reference")), this.picture,
    make("div", { class: "gb-row gb-train-watch" }, this.before, this.after, this.which));
  }

  probabilityFigure() {
    this.probability = make("canvas", { width: 64, height: 64, role: "img", "aria-label": "The tumour's probability; nothing yet" });
    return make("figure", {}, make("figcaption", {}, make("strong", {}, "probability"), make("span", {}, "of tumour")), this.probability,
      make("div", { class: "gb-row gb-train-watch" }, "0", make("span", { class: "gb-train-scale", "aria-hidden": "true" }), "1"));
  }

  chartFigures() {
    this.charts = ["loss", "Dice"].map((name) => {
      const [svg, value] = [draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" }), make("span", { class: "gb-number" })];
      const about = name === "loss" ? "while it learns" : "on unseen patients";
      return { name, svg, value, figure: make("figure", { "data-chart": name }, make("figcaption", {}, make("strong", {}, name), make("span", {}, about), value), svg) };
    });
    return make("div", { class: "gb-train-charts" }, ...this.charts.map(({ figure }) => figure));
  }

  mapsFigure() {
    this.u = make("div", { class: "gb-train-u" });
    return make("figure", {}, make("figcaption", {}, make("strong", {}, "feature maps"),
      make("span", {}, "down on the left, up on the right; dark is 0, yellow each map's largest value")), this.u);
  }

  // ---- what the reader does ----------------------------------------------------------------------------------------------

  toggle() {
    this.wanted = !this.wanted;
    if (this.wanted && !this.loading) this.start();
    this.post({ type: this.wanted ? "run" : "pause" });
    this.showControls();
  }

  async start() {
    this.loading = true;
    this.status.textContent = "loading the slices …";
    try {
      const [set, { text }] = await Promise.all([this.load("training-set"), this.load("training-worker")]);
      this.worker = trainer(text);
      this.worker.onmessage = ({ data }) => this[{ slice: "showSlice", progress: "showProgress", problem: "showProblem" }[data.type]](data);
      this.worker.onerror = (event) => this.showProblem(event);
      this.post({ type: "start", set, settings: this.settings });
      if (this.wanted) this.post({ type: "run" });
    } catch (error) {
      this.loading = false;
      this.showProblem(error);
    }
  }

  end() {
    this.worker?.terminate();
    this.worker = null;
  }

  post(message) {
    this.worker?.postMessage(message);
  }

  /** A new beginning, from settings some of which have changed. */
  reset(changed) {
    Object.assign(this.settings, changed);
    Object.assign(this, { loss: [], dice: [], step: 0 });
    this.note.textContent = "";
    this.post({ type: "reset", settings: this.settings });
    this.showControls();
    this.showCharts();
  }

  setRate(rate) {
    this.settings.rate = rate;
    this.post({ type: "rate", rate });
  }

  watch(by) {
    if (this.slice) this.post({ type: "watch", watched: this.slice.watched + by });
  }

  // ---- what the worker reports -------------------------------------------------------------------------------------------

  showControls() {
    const { rate, batch, base, depth, skips } = this.settings;
    Object.assign(this.rate, { value: rate });
    Object.assign(this.batch, { value: batch });
    this.base.show(base);
    this.depth.show(depth);
    this.skips.show(skips);
    this.play.textContent = this.wanted ? "❚❚ Pause" : "▶ Train";
    if (!this.loading) this.status.textContent = "random weights; nothing learnt yet";
  }

  showProblem({ message }) {
    this.wanted = false;
    this.note.textContent = message;
    this.showControls();
  }

  showSlice(slice) {
    this.slice = slice;
    this.which.textContent = `slice ${slice.watched + 1} of ${slice.count}, unseen`;
    this.before.setAttribute("aria-disabled", String(slice.watched === 0));
    this.after.setAttribute("aria-disabled", String(slice.watched === slice.count - 1));
  }

  showProgress({ step, loss, dice, stepsASecond, probability, maps, settings }) {
    if (Object.entries(settings).some(([name, value]) => name !== "rate" && value !== this.settings[name])) return; // from before a reset
    this.step = step;
    if (loss !== null) this.loss = thinned([...this.loss, [step, loss]]);
    if (dice !== null) {
      this.dice = thinned([...this.dice, [step, dice]]);
      if (step % 100 === 0) this.spoken.textContent = `Step ${step}: Dice ${dice.toFixed(2)}`;
    }
    this.status.textContent = `step ${step}${stepsASecond === null ? "" : `, ${stepsASecond.toFixed(1)} a second`}, seed ${settings.seed}`;
    this.showMask(probability);
    this.showMaps(maps);
    this.showCharts();
    this.root.dataset.step = step;
  }

  showMask(probability) {
    const { side, flair, reference } = this.slice;
    const mask = probability.map((byte) => Number(byte > 127));
    const small = document.createElement("canvas");
    drawGrey(small, flair, side, wholeSlice(side, side));
    const context = this.picture.getContext("2d");
    context.resetTransform();
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, DOTS, DOTS);
    context.scale(DOTS / side, DOTS / side);
    context.fillStyle = css(NETWORK, 1 / 3);
    mask.forEach((inside, at) => inside && context.fillRect(at % side, Math.floor(at / side), 1, 1));
    for (const [pixels, colour] of [[reference, REFERENCE], [mask, NETWORK]]) {
      const path = outlinePath(pixels, side, side);
      strokeTwice(context, colour, [0.7, 0.4], () => context.stroke(path));
    }
    const count = (test) => mask.reduce((sum, inside, at) => sum + test(inside, reference[at]), 0);
    this.picture.setAttribute("aria-label", `The watched slice: the network marks ${count((m) => m)} pixels, the reference ` +
      `${count((_, r) => r)}, both ${count((m, r) => m & r)}`);
    drawLevels(this.probability, probability, viridisInks(), side, wholeSlice(side, side));
    this.probability.setAttribute("aria-label", `The tumour's probability, at most ${(Math.max(...probability) / 255).toFixed(2)}`);
  }

  /** The stages as a U: the encoder on the left, the decoder on the right, each level in a row, the bottleneck below. */
  showMaps(maps) {
    const shape = maps.map(({ name, channels }) => `${name} ${channels.length}`).join();
    if (this.shape !== shape) this.buildU(maps, shape);
    maps.forEach(({ side, channels }, stage) => this.tiles[stage].forEach((canvas, channel) =>
      drawLevels(canvas, channels[channel], viridisInks(), side, wholeSlice(side, side))));
  }

  buildU(maps, shape) {
    this.shape = shape;
    const depth = (maps.length - 1) / 2;
    this.tiles = maps.map(({ channels }) => Array.from({ length: Math.min(channels.length, SHOWN_CHANNELS) }, () => make("canvas")));
    this.u.replaceChildren(...maps.map(({ name, side, channels }, stage) => {
      const level = Math.min(stage, maps.length - 1 - stage) + 1;
      const words = `${name}: ${channels.length} of ${side}×${side}${channels.length > SHOWN_CHANNELS ? `, ${SHOWN_CHANNELS} shown` : ""}`;
      const at = stage === depth ? `grid-column: 1 / -1; grid-row: ${level}` : `grid-column: ${stage < depth ? 1 : 2}; grid-row: ${level}`;
      return make("div", { class: "gb-train-stage", style: at, role: "img", "aria-label": words },
        make("span", { class: "gb-label" }, words), make("div", { class: "gb-train-tiles" }, ...this.tiles[stage]));
    }));
  }

  // ---- curves ------------------------------------------------------------------------------------------------------------

  showCharts() {
    for (const { name, svg, value } of this.charts) {
      const points = name === "loss" ? this.loss : this.dice;
      const top = name === "loss" ? Math.max(1.6, ...points.map(([, y]) => y)) : 1;
      svg.replaceChildren(...chartAxes(this.step, top, name === "loss" ? 0.5 : 0.25), draw("path", { class: `gb-train-${name}`, d: chartCurve(points, this.step, top) }));
      value.textContent = points.length ? points.at(-1)[1].toFixed(2) : "–";
      svg.setAttribute("aria-label", points.length ? `${name} after step ${points.at(-1)[0]}: ${value.textContent}` : `${name}: nothing yet`);
    }
  }
}

/** A worker that runs `text`, or what answers in its place within the page. */
function trainer(text) {
  try {
    return new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  } catch {
    const here = { terminate: () => here.postMessage({ type: "pause" }), postMessage: (data) => inside.onmessage({ data }) };
    const inside = { postMessage: (data) => setTimeout(() => here.onmessage({ data })) };
    serveTraining(inside);
    return here;
  }
}

const thinned = (points) => (points.length > MOST_POINTS ? points.filter((_, at) => at % 2 === 1) : points);

const [chartX, chartY] = [(step, steps) => CHART.left + ((CHART.right - CHART.left) * step) / Math.max(steps, 100),
  (value, top) => CHART.bottom - ((CHART.bottom - CHART.top) * value) / top];

function chartCurve(points, steps, top) {
  return points.map(([step, value], at) => `${at ? "L" : "M"}${chartX(step, steps).toFixed(1)},${chartY(value, top).toFixed(1)}`).join("");
}

function chartAxes(steps, top, stride) {
  const nodes = [];
  for (let value = 0; value <= top; value += stride) {
    nodes.push(draw("line", { x1: CHART.left, x2: CHART.right, y1: chartY(value, top), y2: chartY(value, top) }),
      draw("text", { x: CHART.left - 6, y: chartY(value, top) + 4, "text-anchor": "end" }, String(value)));
  }
  const width = Math.max(steps, 100);
  const every = [20, 50, 100, 200, 500, 1000, 2000, 5000, 10000].find((step) => width / step <= 6) ?? 20000;
  for (let step = 0; step <= width; step += every) nodes.push(draw("text", { x: chartX(step, steps), y: CHART.bottom + 16, "text-anchor": "middle" }, String(step)));
  return nodes;
}

let viridis = null;

/** The colours of viridis, from the nine that it is drawn between here. */
function viridisInks() {
  viridis ??= Uint32Array.from({ length: 256 }, (_, level) => {
    const [from, part] = [Math.min(Math.floor(level / 32), 7), level / 32 - Math.min(Math.floor(level / 32), 7)];
    const [low, high] = [from, from + 1].map((at) => [0, 2, 4].map((digit) => parseInt(VIRIDIS[at].slice(digit, digit + 2), 16)));
    return inkOf(low.map((value, channel) => Math.round(value + Math.min(part, 1) * (high[channel] - value))));
  });
  return viridis;
}
