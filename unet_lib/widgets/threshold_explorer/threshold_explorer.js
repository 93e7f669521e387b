// The threshold explorer. Python has counted everything once; here it is only looked up and drawn, so that a move of
// the slider asks nobody.

import { follow, inflate, keepKeys, make, rendering, watchSize } from "../shared/base.js";
import { GREEN, NETWORK, REFERENCE } from "../shared/colours.js";
import { SCORES, isEmpty, rounded, score } from "../shared/mask_scores.js";
import { drawBorder, drawGrey, drawKinds, freshContext, outlinePath, surroundings,
  wholeSlice } from "../shared/slice_pictures.js";
import { UnitChart } from "./unit_chart.js";

const STEPS = 100; // of the slider, from 0 to 1; threshold_explorer.py says the same
const LARGEST = 384; // px, side of the slice on the page
const PAIR = 556; // px, from which on the charts, where they stand below the slice, stand beside each other
const GAP = 16; // px between them, as in the style
const QUIET = 500; // ms without a move before the scores are spoken
// A pixel's kind is 2 where it is called tumour, plus 1 where the reference mask has tumour. Stripes lean one way or the other,
// or there are none, so that the kinds are told apart without colour, too.
const KINDS = [
  { kind: 3, key: "tp", name: "TP", means: "found", colour: GREEN, alphas: [0.5, 0.5], lean: 0 },
  { kind: 2, key: "fp", name: "FP", means: "false alarm", colour: NETWORK, alphas: [0.9, 0.4], lean: 1 },
  { kind: 1, key: "fn", name: "FN", means: "missed", colour: REFERENCE, alphas: [0.9, 0.4], lean: -1 },
];

/** The four counts of a table of 101 rows at one step. */
const countsAt = (table, step) => {
  const [tp, fp, fn, tn] = table.subarray(4 * step, 4 * step + 4);
  return { tp, fp, fn, tn };
};

/** The lowest step with the best F1. */
export function bestStep(table) {
  let best = 0;
  for (let step = 1; step <= STEPS; step++) {
    if (score("F1", countsAt(table, step)) > score("F1", countsAt(table, best))) best = step;
  }
  return best;
}

class ThresholdView {
  constructor(model, el, signal) {
    this.model = model;
    [this.count, this.height, this.width] = model.get("size");
    this.scopes = this.count > 1 ? ["this slice", `all ${this.count} slices`] : ["this slice"];
    this.build(el);
    this.connect(signal);
    this.receive();
  }

  // ---- the parts ------------------------------------------------------------------------------------------

  build(el) {
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    const stage = make("div", { class: "gb-thr-stage" }, this.buildPicture(), this.buildCharts(), this.buildTable());
    this.root = make("div", { class: "gb gb-thr", role: "group", "aria-label": "Threshold explorer" },
      make("div", { class: "gb-thr-top" }, make("div", { class: "gb-thr-controls" }, this.buildThresholdRow(), this.buildSliceRow()), this.buildBig()),
      stage, this.spoken);
    keepKeys(this.root);
    el.append(this.root);
  }

  buildThresholdRow() {
    this.slider = make("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": "Threshold" });
    this.number = make("output", { class: "gb-number gb-thr-number" });
    const label = this.count > 1 ? (scope) => `Best F1, ${scope}` : () => "Best F1";
    this.bests = this.scopes.map((scope) => make("button", { type: "button" }, label(scope)));
    return make("div", { class: "gb-row gb-thr-row" }, make("span", { class: "gb-label" }, "Threshold"), this.slider, this.number,
      make("span", { class: "gb-row gb-thr-bests" }, ...this.bests));
  }

  /** F1, large, beside the slider that changes it: of all slices first. */
  buildBig() {
    this.bigs = this.scopes.map(() => make("strong"));
    const parts = this.scopes.map((scope, at) => make("div", { class: this.lineClass(at) }, this.bigs[at], make("span", {}, `F1, ${scope}`)));
    return make("div", { class: "gb-thr-big" }, ...parts.reverse());
  }

  buildSliceRow() {
    this.chooser = make("input", { type: "range", min: 0, max: this.count - 1, step: 1, "aria-label": "Slice" });
    this.name = make("output");
    this.closeUp = make("input", { type: "checkbox" });
    const choose = this.count > 1 ? [make("span", { class: "gb-label" }, "Slice"), this.chooser, this.name] : [this.name];
    return make("div", { class: "gb-row gb-thr-row" }, ...choose, make("label", {}, this.closeUp, "close-up of the tumour"));
  }

  buildPicture() {
    this.base = make("canvas");
    this.over = make("canvas", { role: "img" });
    this.screen = make("div", { class: "gb-thr-screen" }, this.base, this.over);
    const title = this.model.get("grey").byteLength ? "FLAIR" : "probability, black 0 to white 1";
    this.keys = KINDS.map(({ key, name, means }) => make("span", { class: "gb-thr-key" }, make("i", { class: `gb-thr-${key}` }), `${name} ${means}`));
    const border = make("span", { class: "gb-thr-key" }, make("i", { class: "gb-thr-border" }), "the expert's border");
    return make("figure", { class: "gb-thr-picture" }, make("figcaption", {}, make("strong", {}, title)), this.screen,
      make("div", { class: "gb-thr-legend" }, ...this.keys, border));
  }

  lineClass(at) {
    return at === this.scopes.length - 1 ? "gb-thr-all" : "gb-thr-one";
  }

  buildCharts() {
    this.tradeOff = new UnitChart({ name: "tradeoff", across: "recall: how much of the tumour is found", up: "precision", height: 224, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] });
    this.strip = new UnitChart({ name: "f1", across: "threshold", up: "F1", height: 224, ticks: [0, 0.5, 1] });
    const classes = this.lineClasses = this.scopes.map((_, at) => this.lineClass(at));
    this.bestTexts = this.scopes.map((scope, at) => make("span", { class: classes[at] }));
    const names = this.scopes.map((scope, at) => make("span", { class: classes[at] }, scope));
    this.tradeOff.caption.append(make("strong", {}, "Precision and recall"), ...names, make("em", {}, "drag the large dot along its curve"));
    this.strip.caption.append(make("strong", {}, "F1"), ...this.bestTexts);
    this.charts = make("div", { class: "gb-thr-charts" }, this.tradeOff.figure, this.strip.figure);
    return this.charts;
  }

  buildTable() {
    const head = make("tr", {}, make("td"), ...this.scopes.map((scope) => make("th", { scope: "col" }, scope)));
    this.counted = this.scopes.map(() => make("td", { class: "gb-number gb-thr-counts" }));
    const counts = make("tr", {}, make("th", { scope: "row" }, "counts", make("small", {}, "pixels")), ...this.counted);
    this.cells = {};
    const rows = Object.entries(SCORES).map(([name, { formula }]) => {
      this.cells[name] = this.scopes.map(() => ({ fraction: make("span"), value: make("strong") }));
      const cells = this.cells[name].map(({ fraction, value }) => make("td", { class: "gb-number", "data-score": name }, fraction, " ", value));
      return make("tr", {}, make("th", { scope: "row" }, name === "F1" ? "F1 = Dice" : name, make("small", {}, formula)), ...cells);
    });
    this.note = make("p", { class: "gb-thr-note" }, "0 / 0 counts as 1: there was nothing to get wrong.");
    return make("div", { class: "gb-thr-figures" }, make("table", { class: "gb-thr-table" }, make("thead", {}, head), make("tbody", {}, counts, ...rows)), this.note);
  }

  // ---- what the reader does -------------------------------------------------------------------------------

  connect(signal) {
    const listen = (node, kind, react) => node.addEventListener(kind, react, { signal });
    // Below the last cell the notebook itself listens for arrow keys; Ctrl+S and its like are meant for it.
    listen(this.root, "keydown", (event) => event.ctrlKey || event.metaKey || event.stopPropagation());
    listen(this.slider, "input", () => this.moveTo(Number(this.slider.value)));
    listen(this.chooser, "input", () => this.set({ slice: Number(this.chooser.value) }));
    listen(this.closeUp, "change", () => this.set({ close_up: this.closeUp.checked }));
    this.bests.forEach((button, at) => listen(button, "click", () => this.moveTo(bestStep(this.tables()[at]))));
    this.connectChart(this.strip, ([threshold]) => threshold * STEPS, listen);
    this.connectChart(this.tradeOff, (point) => this.nearestStep(point), listen);
    follow(this.model, signal, ["threshold"], () => this.ready && this.show());
    follow(this.model, signal, ["slice", "close_up"], () => this.ready && this.turn());
    watchSize(signal, () => this.layOut(), this.root);
    signal.addEventListener("abort", () => clearTimeout(this.silence));
  }

  /** A press or a drag on a chart moves the threshold; the slider is the keyboard's way to the same. */
  connectChart(chart, stepAt, listen) {
    const move = (event) => event.buttons === 1 && this.ready && this.moveTo(stepAt(chart.locate(event)));
    listen(chart.svg, "pointermove", move);
    listen(chart.svg, "pointerdown", (event) => { chart.svg.setPointerCapture(event.pointerId); move(event); });
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
  }

  moveTo(step) {
    this.set({ threshold: Math.min(Math.max(Math.round(step), 0), STEPS) / STEPS });
  }

  get step() {
    return Math.round(this.model.get("threshold") * STEPS);
  }

  /** The step whose point on the curve of all slices lies nearest to this one. */
  nearestStep([recall, precision]) {
    const curve = this.curve(this.tables().at(-1));
    const far = ([x, y]) => (x - recall) ** 2 + (y - precision) ** 2;
    return curve.reduce((best, point) => (far(point) < far(best) ? point : best), curve[0] ?? [0, 0, this.step])[2];
  }

  // ---- what Python sent -----------------------------------------------------------------------------------

  async receive() {
    const unpack = (name) => (this.model.get(name).byteLength ? inflate(this.model.get(name)) : null);
    const [levels, references, greys, tallies] = await Promise.all(["levels", "reference", "grey", "tallies"].map(unpack));
    Object.assign(this, { levels, references, greys: greys ?? levels.map((level) => Math.round(2.55 * level)) });
    this.tallies = new Int32Array(tallies.buffer);
    this.together = new Int32Array(4 * (STEPS + 1));
    this.tallies.forEach((count, at) => (this.together[at % this.together.length] += count));
    this.ready = true;
    this.layOut();
  }

  /** One slice's part of what was sent for all. */
  part(all) {
    const [size, at] = [all.length / this.count, this.model.get("slice")];
    return all.subarray(at * size, (at + 1) * size);
  }

  /** The counts at every step, of this slice and, if there are several, of all. */
  tables() {
    return this.count > 1 ? [this.part(this.tallies), this.together] : [this.together];
  }

  /** [recall, precision, step], without thresholds at which one of them is 0 / 0. */
  curve(table) {
    const steps = Array.from({ length: STEPS + 1 }, (_, step) => step);
    const counts = (step) => countsAt(table, step);
    return steps.filter((step) => !isEmpty("recall", counts(step)) && !isEmpty("precision", counts(step)))
      .map((step) => [score("recall", counts(step)), score("precision", counts(step)), step]);
  }

  // ---- showing --------------------------------------------------------------------------------------------

  layOut() {
    const room = this.charts.clientWidth;
    if (!room || !this.ready || room === this.room) return;
    this.room = room;
    const pair = room >= PAIR;
    this.charts.classList.toggle("gb-thr-pair", pair);
    for (const chart of [this.tradeOff, this.strip]) chart.resize(pair ? Math.floor((room - GAP) / 2) : room);
    this.turn();
  }

  /** Another slice, another part of it, another size: everything anew. */
  turn() {
    if (!this.room) return; // not on the page yet
    this.grey = this.part(this.greys);
    this.level = this.part(this.levels);
    this.reference = this.part(this.references);
    this.border = outlinePath(this.reference, this.width, this.height);
    this.view = this.model.get("close_up") ? this.surroundings() : wholeSlice(this.width, this.height);
    const at = this.model.get("slice");
    this.name.textContent = this.model.get("names")[at];
    this.chooser.value = at;
    this.chooser.setAttribute("aria-valuetext", this.name.textContent);
    this.closeUp.checked = this.model.get("close_up");
    this.drawGrey();
    this.drawCurves();
    this.show();
  }

  /** The square around the expert's tumour, or else the likeliest pixels. */
  surroundings() {
    const most = this.level.reduce((best, level) => Math.max(best, level), 0);
    return surroundings(this.reference.includes(1) ? this.reference : this.level.map((level) => level === most), this.width, this.height);
  }

  drawGrey() {
    const { rows, columns } = this.view;
    drawGrey(this.base, this.grey, this.width, this.view);
    this.screen.style.aspectRatio = `${columns} / ${rows}`;
    this.screen.style.maxWidth = `${Math.min(LARGEST, (LARGEST * columns) / rows)}px`;
    // Enlarged twice and more, pixels are squares; less than that, some would be wider than others.
    this.base.classList.toggle("gb-thr-squares", this.screen.clientWidth >= 2 * columns);
  }

  drawCurves() {
    const tables = this.tables();
    this.tradeOff.setLines(tables.map((table, at) => [this.lineClasses[at], this.curve(table)]));
    this.strip.setLines(tables.map((table, at) => [this.lineClasses[at],
      Array.from({ length: STEPS + 1 }, (_, step) => [step / STEPS, score("F1", countsAt(table, step))])]));
    this.best = tables.map((table) => [bestStep(table) / STEPS, score("F1", countsAt(table, bestStep(table)))]);
    this.bestTexts.forEach((text, at) => {
      const [threshold, f1] = this.best[at];
      text.textContent = `${this.count > 1 ? `${this.scopes[at]}: ` : ""}best ${rounded(f1)} at ${threshold.toFixed(2)}`;
    });
  }

  /** After a move of the threshold. */
  show() {
    if (!this.room) return;
    const counts = this.tables().map((table) => countsAt(table, this.step));
    const text = this.model.get("threshold").toFixed(2);
    this.slider.value = this.step;
    this.slider.setAttribute("aria-valuetext", text);
    this.number.textContent = text;
    this.drawKinds(countsAt(this.part(this.tallies), this.step));
    this.showMarks(counts);
    this.showScores(counts);
    this.root.dataset.shown = `${this.model.get("slice")} ${this.step}`;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.speak(counts), QUIET);
  }

  drawKinds(counts) {
    const context = freshContext(this.over, this.screen.clientWidth, this.screen.clientHeight);
    const kinds = this.level.map((level, at) => 2 * (level >= this.step) + this.reference[at]);
    drawKinds(context, kinds, this.width, this.view, KINDS, this.screen.clientWidth);
    drawBorder(context, this.border, this.view, REFERENCE, this.screen.clientWidth);
    this.over.setAttribute("aria-label", `${this.name.textContent}: ${KINDS.map(({ key, means }) => `${counts[key]} pixels ${means}`).join(", ")}`);
  }

  showMarks(counts) {
    const points = counts.map((count) => (isEmpty("recall", count) || isEmpty("precision", count) ? null : [score("recall", count), score("precision", count)]));
    this.tradeOff.marks.replaceChildren(...points.flatMap((point, at) => (point ? [this.tradeOff.dot(this.lineClasses[at], point, at === points.length - 1 ? 8 : 5)] : [])));
    const now = this.step / STEPS;
    this.strip.marks.replaceChildren(this.strip.upright("gb-thr-now", now),
      ...this.best.map((point, at) => this.strip.diamond(`${this.lineClasses[at]} gb-thr-best`, point, 6)),
      ...counts.map((count, at) => this.strip.dot(this.lineClasses[at], [now, score("F1", count)], 4.5)));
    const say = (names) => counts.map((count, at) => `${this.scopes[at]}: ${names.map((name) => `${name} ${rounded(score(name, count))}`).join(", ")}`).join("; ");
    const at = `at threshold ${this.number.textContent}`;
    this.tradeOff.svg.setAttribute("aria-label", `Precision against recall, ${at}: ${say(["precision", "recall"])}`);
    this.strip.svg.setAttribute("aria-label", `F1 against threshold, ${at}: ${say(["F1"])}; best: ${this.bestTexts.map((text) => text.textContent).join(", ")}`);
  }

  showScores(counts) {
    counts.forEach((count, at) => {
      this.bigs[at].textContent = score("F1", count).toFixed(2);
      this.counted[at].replaceChildren(...["tp", "fp", "fn", "tn"].map((key) => make("span", {}, `${key.toUpperCase()} ${count[key]}`)));
      for (const [name, { fraction }] of Object.entries(SCORES)) {
        const cell = this.cells[name][at];
        cell.fraction.textContent = fraction(count)[2];
        cell.value.textContent = isEmpty(name, count) ? "= 0 / 0 → 1" : `= ${rounded(score(name, count))}`;
      }
    });
    const nothing = counts.some((count) => Object.keys(SCORES).some((name) => isEmpty(name, count)));
    this.note.style.visibility = nothing ? "visible" : "hidden"; // its room stays, so that nothing below jumps
  }

  speak(counts) {
    const scores = (count) => ["F1", "precision", "recall"].map((name) => `${name} ${score(name, count).toFixed(2)}`).join(", ");
    this.spoken.textContent = `Threshold ${this.number.textContent}. ${counts.map((count, at) => `${this.scopes[at]}: ${scores(count)}`).join(". ")}`;
  }
}

export default { render: rendering(ThresholdView) };
