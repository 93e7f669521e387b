// The shape explorer. Python works out every number and position (see explain in shape_explorer.py); here they are
// drawn, and the settings sent back.

import { bytesOf, draw, follow, keepKeys, make, rendering } from "../shared/base.js";
import { drawArrow, drawBox, drawLabel } from "../shared/u_drawing.js";

const SIZE_STEP = 4; // fine enough to meet 100 and other sizes that do not fit
const LEAST_TARGET = 14; // units: thinner boxes are still easy to hit
const ROOM = 8; // units of white above and below the U
const PATIENCE = 1500; // ms without an answer, after which we say that the kernel is silent

class ShapeView {
  constructor(model, el, signal) {
    this.model = model;
    this.signal = signal;
    this.stages = {}; // name → the <g> that draws it
    this.build(el);
    this.connect();
    this.showSettings();
    this.receive();
  }

  // ---- the parts ------------------------------------------------------------------------------------

  build(el) {
    this.root = make("div", { class: "gb gb-shapes", role: "group", "aria-label": "Shape explorer" });
    this.status = make("p", { class: "gb-status", role: "status" });
    this.cards = make("div", { class: "gb-cards" });
    this.svg = draw("svg", { role: "listbox", "aria-label": "Stages of the U-Net; arrow keys go from one to the next" });
    this.problem = make("div", { class: "gb-problem", role: "alert" });
    const stage = make("div", { class: "gb-u" }, this.svg, this.problem);
    const left = make("div", { class: "gb-left" }, stage, this.buildLegend());
    this.root.append(this.buildControls(), this.status, this.cards, make("div", { class: "gb-split" }, left, this.buildPanel(), this.buildCode()));
    keepKeys(this.root);
    el.append(this.root);
  }

  buildControls() {
    const { bases, deepest, smallest, largest } = this.model.get("ranges");
    const plain = { say: (value) => String(value), read: Number, write: Number };
    const images = (n) => (n === 1 ? "1 image" : `${n} images`);
    this.sliders = [
      { name: "depth", label: "Depth", min: 1, max: deepest, ...plain, say: (n) => `${n} pooling${n > 1 ? "s" : ""}` },
      { name: "base", label: "Base", min: 0, max: bases.length - 1, read: (index) => bases[index],
        write: (value) => bases.indexOf(value), say: (n) => `${n} channels` },
      { name: "size", label: "Input size", min: smallest, max: largest, step: SIZE_STEP, ...plain, say: (n) => `${n} × ${n}` },
      { name: "in_channels", label: "Input channels", min: 1, max: 4, ...plain },
      { name: "batch", label: "Batch", min: 1, max: 32, ...plain, say: images },
    ];
    const rows = this.sliders.map((slider) => this.buildSlider(slider));
    this.norm = make("input", { type: "checkbox" });
    return make("div", { class: "gb-controls" }, ...rows, make("label", { class: "gb-norm" }, this.norm, "batch norm"));
  }

  buildSlider(slider) {
    const { name, label, min, max, step = 1 } = slider;
    slider.input = make("input", { type: "range", min, max, step, "aria-label": label, "data-setting": name });
    slider.output = make("output", { class: "gb-number" });
    return make("label", { class: "gb-slider-row" }, make("span", { class: "gb-label" }, label), slider.input, slider.output);
  }

  buildLegend() {
    const kinds = { DoubleConv: "3×3 convolution, twice", MaxPool2d: "2×2 max pooling, ÷2", Up: "2×2 transposed convolution, ×2",
      Concat: "copied by the skip connection", Conv2d: "1×1 convolution", Image: "input image" };
    const items = Object.entries(kinds).map(([kind, words]) =>
      make("span", { class: "gb-key" }, make("span", { class: `gb-swatch gb-kind-${kind}` }), words));
    const scale = make("span", {}, "Width is the square root of the channels (above), height that of the resolution (left).");
    return make("div", { class: "gb-legend" }, ...items, scale);
  }

  buildPanel() {
    this.title = make("h3", {});
    this.table = make("table", { class: "gb-formulas" });
    this.picture = make("img", { class: "gb-map" });
    this.about = make("figcaption");
    this.restore = make("button", { type: "button" }, "Use its settings");
    const figure = make("figure", { class: "gb-feature" }, this.picture, this.about, this.restore);
    return make("section", { class: "gb-panel-of-stage", "aria-label": "The chosen stage" }, this.title, this.table, figure);
  }

  buildCode() {
    this.made = make("code", { class: "gb-made" });
    this.source = make("pre", { class: "gb-source" });
    return make("section", { class: "gb-code-of-stage", "aria-label": "The chosen stage in Python" },
      make("p", { class: "gb-label" }, "In Python"), this.made, this.source);
  }

  // ---- what the reader does -------------------------------------------------------------------------

  connect() {
    const { model, signal } = this;
    const listen = (node, kind, react) => node.addEventListener(kind, react.bind(this), { signal });
    for (const { name, input, read } of this.sliders) {
      listen(input, "input", () => this.set({ [name]: read(Number(input.value)) }));
    }
    listen(this.norm, "change", () => this.set({ batch_norm: this.norm.checked }));
    listen(this.svg, "keydown", this.onKey);
    listen(this.svg, "focusin", (event) => this.choose(event.target.closest("[data-stage]")?.dataset.stage));
    listen(this.svg, "click", (event) => this.stages[event.target.closest("[data-stage]")?.dataset.stage]?.focus());
    listen(this.restore, "click", () => this.set(model.get("feature").set));
    follow(model, signal, ["answer"], () => this.receive());
    follow(model, signal, [...this.sliders.map(({ name }) => name), "batch_norm"], () => this.showSettings());
    follow(model, signal, ["stage"], () => this.showStage());
    follow(model, signal, ["feature", "feature_png"], () => this.showFeature());
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
    this.showSettings();
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.showStatus(), PATIENCE);
  }

  choose(name) {
    if (!name || name === this.model.get("stage")) return;
    this.model.set({ stage: name });
    this.model.save_changes();
  }

  onKey(event) {
    const names = Object.keys(this.stages);
    const here = names.indexOf(event.target.dataset.stage);
    const to = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1,
      Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.stages[names[to]]?.focus();
  }

  // ---- what comes from Python -----------------------------------------------------------------------

  receive() {
    const { asked, totals } = this.model.get("answer");
    const focused = document.activeElement?.dataset?.stage && this.svg.contains(document.activeElement);
    this.cards.replaceChildren(...totals.map(([label, value, detail]) =>
      make("div", {}, make("div", { class: "gb-label" }, label), make("div", { class: "gb-big" }, value),
        make("div", { class: "gb-small" }, detail))));
    this.drawU();
    this.showProblem();
    this.showSettings();
    this.showStage();
    this.showFeature();
    if (focused) this.stages[this.stageShown()].focus();
    this.showStatus();
    this.root.dataset.drawn = JSON.stringify(asked, Object.keys(asked).sort());
  }

  isCurrent() {
    return Object.entries(this.model.get("answer").asked).every(([name, value]) => this.model.get(name) === value);
  }

  /** The chosen stage, or the bottleneck while Python has not yet left a stage that is gone. */
  stageShown() {
    return this.stages[this.model.get("stage")] ? this.model.get("stage") : "bottleneck";
  }

  // ---- showing --------------------------------------------------------------------------------------

  showSettings() {
    for (const { name, input, output, say, write } of this.sliders) {
      const value = this.model.get(name);
      input.value = write(value);
      output.textContent = say(value);
      input.setAttribute("aria-valuetext", say(value));
    }
    this.norm.checked = this.model.get("batch_norm");
  }

  showStatus() {
    const silent = this.isCurrent() ? "" : "Python does not answer, so this is still the last plan: run this cell again.";
    const { problem, shown } = this.model.get("answer");
    const last = problem.text ? `Still shown in grey: the last plan that fits, for ${shown.size}×${shown.size}.` : "";
    this.status.textContent = silent || last;
    this.root.classList.toggle("gb-stale", Boolean(silent || last));
  }

  showProblem() {
    const { text, chain, fixes } = this.model.get("answer").problem;
    this.problem.hidden = !text;
    if (!text) return this.problem.replaceChildren();
    const halves = chain.flatMap((side, at) => [at ? " → " : "", make("span", { class: "gb-number" }, side)]);
    halves.at(-1).classList.add("gb-wrong");
    const buttons = fixes.map(({ label, set }) => {
      const button = make("button", { type: "button" }, `Use ${label}`);
      button.addEventListener("click", () => this.fix(set));
      return button;
    });
    const rule = make("p", { class: "gb-chain" }, ...halves, " is no whole number of pixels.");
    this.problem.replaceChildren(make("p", {}, text), rule, make("div", { class: "gb-row" }, ...buttons));
  }

  /** The button that was pressed is about to go; the slider it moved takes the focus. */
  fix(set) {
    this.set(set);
    this.sliders.find(({ name }) => name in set).input.focus();
  }

  drawU() {
    const { drawing, panels } = this.model.get("answer");
    const high = drawing.height + ROOM;
    this.svg.setAttribute("viewBox", `0 0 ${drawing.width} ${high}`);
    this.stages = Object.fromEntries(panels.map((panel) => [panel.name, this.drawStage(panel, drawing)]));
    const input = drawing.boxes.find(({ name }) => name === "input");
    const still = drawing.arrows.filter(({ stage }) => !stage).map((arrow) => drawArrow(arrow));
    const words = drawing.labels.filter(({ stage }) => !stage).map((label) => drawLabel(label));
    this.svg.replaceChildren(drawBox(input), ...still, ...words, ...Object.values(this.stages));
  }

  drawStage({ name, aria }, { boxes, arrows, labels }) {
    const box = boxes.find((one) => one.name === name);
    const mine = (part) => part.stage === name;
    return draw("g", { class: "gb-of-stage", role: "option", "data-stage": name, "aria-label": aria, tabindex: -1 },
      draw("title", {}, aria), ...arrows.filter(mine).map((arrow) => drawArrow(arrow)), this.drawTarget(box),
      drawBox(box), ...labels.filter(mine).map((label) => drawLabel(label)));
  }

  /** An unseen, wider box to hit; copied and upsampled maps touch, so they grow to their free side only. */
  drawTarget({ kind, x, y, width, height }) {
    const more = Math.max(0, LEAST_TARGET - width);
    const left = kind === "Up" ? 0 : kind === "Concat" ? more : more / 2;
    return draw("rect", { class: "gb-target", x: x - left, y, width: width + more, height });
  }

  // ---- one stage ------------------------------------------------------------------------------------

  showStage() {
    const name = this.stageShown();
    for (const [other, group] of Object.entries(this.stages)) {
      group.setAttribute("aria-selected", other === name);
      group.setAttribute("tabindex", other === name ? 0 : -1);
    }
    const panel = this.model.get("answer").panels.find((one) => one.name === name);
    this.title.replaceChildren(make("code", {}, name), ` ${panel.kind}`);
    this.table.replaceChildren(...panel.rows.map(([label, expression, value]) => make("tr", {},
      make("th", { scope: "row" }, label), make("td", {}, this.formula(expression, value)))));
    this.made.textContent = panel.build;
    this.source.textContent = this.model.get("code")[panel.part];
    this.showFeature();
  }

  /** "9·64·128 = 73,728", breakable at the signs and nowhere else. */
  formula(expression, value) {
    const words = make("span", { class: "gb-expression" }, expression);
    if (!value) return words;
    const result = make("span", { class: "gb-result" }, value);
    return expression ? make("span", {}, words, " = ", result) : result;
  }

  showFeature() {
    const feature = this.model.get("feature");
    const png = this.model.get("feature_png");
    const here = feature.stage === this.stageShown() && png?.byteLength > 0;
    this.picture.hidden = !here;
    this.restore.hidden = !feature.set;
    if (here) {
      this.picture.src = `data:image/png;base64,${btoa(Array.from(bytesOf(png), (byte) => String.fromCharCode(byte)).join(""))}`;
      this.picture.alt = `Feature map of ${feature.stage}: ${feature.text}`;
    }
    const late = feature.stage && !here ? "Python has not sent this stage's feature map: run this cell again." : "";
    this.about.textContent = late || `${feature.text[0].toUpperCase()}${feature.text.slice(1)}`;
  }
}

export default { render: rendering(ShapeView) };
