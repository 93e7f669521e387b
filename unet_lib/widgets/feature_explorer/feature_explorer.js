// The feature explorer. Python answers every move with one message of bytes (see _answer in feature_explorer.py); what
// the reader paints is drawn here at once and sent along.

import { MOVES, bytesOf, follow, inflate, keepKeys, make, nearestPixel, patientOptions, radioChoice, rendering,
  watchSize } from "../shared/base.js";
import { NETWORK, REFERENCE, WHITE } from "../shared/colours.js";
import { minus, short } from "../shared/number_grid.js";
import { outlinePath } from "../shared/slice_pictures.js";
import { ChannelGrid, Histogram, SourceList } from "./channel_view.js";
import { InputPicture, LONG_STEP } from "./feature_input.js";
import { Look, MapPainter, Screen, together, trace, write } from "./feature_pictures.js";
import { FeatureU, stageWords } from "./feature_u.js";
import { TrainingStrip } from "./training_strip.js";

const PATIENCE = 2500; // ms without an answer, after which we say that the kernel is silent
const QUIET = 700; // ms without a change before something is spoken
const ASKS = ["patient", "slice", "step", "stage", "channel", "compare", "boxes", "order"]; // what Python answers

class FeatureView {
  constructor(model, el, signal) {
    Object.assign(this, { model, signal, id: Math.random().toString(36).slice(2), count: 0, pixel: null, stroke: null });
    this.stages = model.get("stages");
    this.size = this.stages.at(-1).height;
    this.painter = new MapPainter(bytesOf(model.get("palette")));
    this.build(el);
    this.connect();
    this.fillPatients();
    this.fillStrip();
    this.showSettings();
    this.leave();
    this.open();
  }

  // ---- the parts ------------------------------------------------------------------------------------------

  build(el) {
    this.status = make("p", { class: "gb-feat-status", role: "status" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    this.steps = this.model.get("steps");
    this.training = new TrainingStrip({ steps: this.steps, history: this.model.get("history"), choose: (step) => this.set({ step }) });
    this.readout = make("p", { class: "gb-feat-readout" });
    const middle = make("div", { class: "gb-feat-middle" }, this.training.node, this.buildViews(), this.readout);
    this.input = new InputPicture({ size: this.size, channels: this.model.get("channels"), group: this.id, on: {
      painted: () => this.painted(), rested: () => this.say(() => this.verdict()), turned: () => this.drawUnder(),
      point: (pixel) => this.point(pixel), leave: () => this.leave(), drawLines: () => this.drawLines(),
      sketch: (context, thin) => this.sketchField(context, thin), said: () => this.say(() => this.readout.textContent) } });
    const head = make("div", { class: "gb-feat-top" }, this.input.node, middle, this.buildOutput());
    this.root = make("div", { class: "gb gb-feat", role: "group", "aria-label": "Feature explorer" }, this.buildChoosers(), this.status, head,
      this.buildUs(), this.buildStage(), this.spoken);
    keepKeys(this.root);
    el.append(this.root);
  }

  buildChoosers() {
    this.patient = make("select", { "aria-label": "Patient" });
    this.slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Slice" });
    this.bars = make("div", { class: "gb-feat-bars", "aria-hidden": "true" });
    this.place = make("output", { class: "gb-number" });
    return make("div", { class: "gb-row" }, make("span", { class: "gb-label" }, "Patient"), this.patient, make("span", { class: "gb-label" }, "Slice"),
      make("div", { class: "gb-feat-track" }, this.slider, this.bars), this.place);
  }

  buildViews() {
    this.wipe = make("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "How much of each picture shows the first step" });
    this.compare = radioChoice(this.id, "Before and after", ["off", "wipe", "side by side"], (compare) => this.set({ compare }));
    this.scale = radioChoice(this.id, "Colours span", ["each map", "each stage"], (scale) => this.set({ scale }));
    this.boxes = radioChoice(this.id, "Boxes show", ["mean", "strongest"], (boxes) => this.set({ boxes }));
    this.compare.part.append(this.wipe);
    this.training.node.hidden = this.compare.part.hidden = this.steps.length === 1;
    return make("div", { class: "gb-feat-views" }, this.compare.part, this.scale.part, this.boxes.part);
  }

  buildOutput() {
    this.outputs = [0, 1].map((at) => new Screen({ role: "img", "data-part": at }));
    this.select = make("button", { type: "button", class: "gb-feat-open", "data-stage": "output", tabindex: -1, title: "output",
      "aria-label": stageWords(this.stages.at(-1)) }, "output");
    this.dice = make("div", { class: "gb-feat-score" });
    this.counts = make("div", { class: "gb-number gb-feat-counts" });
    const keys = [["reference", "the expert's border"], ["network", "the network's, at 0.5"]].map(([name, words]) =>
      make("span", {}, make("i", { class: `gb-feat-key-${name}` }), words));
    keys.push(make("span", {}, "dark is 0, bright 1"));
    return make("section", { class: "gb-feat-output", "aria-label": "Output" },
      make("div", { class: "gb-row gb-feat-head" }, make("strong", {}, "Probability of tumour"), this.select),
      make("div", { class: "gb-feat-two" }, this.outputs[1].node, this.outputs[0].node),
      make("div", { class: "gb-feat-verdict" }, this.dice, this.counts, make("div", { class: "gb-feat-keys" }, ...keys)));
  }

  buildUs() {
    const on = (which) => ({ choose: (stage) => this.choose(stage), leave: () => this.leave(),
      point: (name, row, column) => this.pointAtStage(name, row, column, which) });
    const drawing = this.model.get("drawing");
    this.us = ["The stages of the network; arrow keys go from one to the next, Enter opens one", "The same at the first step"]
      .map((name, which) => new FeatureU(this.stages, drawing, name, on(which)));
    this.words = make("span");
    this.legend = make("canvas", { class: "gb-feat-legend", "aria-hidden": "true" });
    this.painter.paintLegend(this.legend);
    return make("section", { class: "gb-feat-whole", "aria-label": "Stages" }, make("div", { class: "gb-feat-two gb-feat-us" }, this.us[1].node, this.us[0].node),
      make("p", { class: "gb-feat-colours" }, this.legend, this.words));
  }

  buildStage() {
    this.title = make("h3", {}, make("code"), " ", make("span"));
    this.order = radioChoice(this.id, "Sorted by", ["index", "energy", ["roc_auc", "ROC AUC"]], (order) => this.set({ order }));
    this.note = make("p", { class: "gb-feat-note" });
    this.grid = new ChannelGrid({ choose: (channel) => this.set({ channel }), leave: () => this.leave(),
      point: (channel, which, row, column) => this.pointAtChannel(channel, row, column, which, false) });
    const left = make("div", { class: "gb-feat-channels" }, this.order.part, this.note, this.grid.node);
    return make("section", { class: "gb-feat-stage", "aria-label": "The chosen stage" }, this.title, left, ...this.buildLarge());
  }

  buildLarge() {
    const help = "The chosen channel over the slice; arrow keys go from value to value";
    this.larges = [0, 1].map((at) => new Screen({ role: at ? "img" : "application", "aria-label": help, "data-part": at, ...(at ? {} : { tabindex: 0 }) }, 2));
    this.name = make("strong");
    this.facts = make("span", { class: "gb-feat-quiet" });
    this.opacity = make("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Opacity of the map over the slice" });
    this.ends = make("div", { class: "gb-feat-ends gb-number" });
    this.bar = make("canvas", { "aria-hidden": "true" });
    this.painter.paintLegend(this.bar);
    this.histogram = new Histogram();
    this.sources = new SourceList((stage, channel) => this.set({ stage, channel }));
    const large = make("div", { class: "gb-feat-large" }, make("div", { class: "gb-row gb-feat-head" }, this.name, this.facts),
      make("div", { class: "gb-feat-two" }, this.larges[1].node, this.larges[0].node),
      make("div", { class: "gb-feat-bar" }, this.bar, this.ends),
      make("label", { class: "gb-feat-opacity" }, "slice", this.opacity, "map"));
    return [large, make("div", { class: "gb-feat-details" }, this.histogram.node, this.sources.node)];
  }

  // ---- what the reader does -------------------------------------------------------------------------------

  connect() {
    const { model, signal } = this;
    const listen = (node, kind, react) => node.addEventListener(kind, react, { signal });
    listen(this.root, "keydown", (event) => this.onKey(event));
    listen(this.patient, "change", () => this.set({ patient: this.patient.value }));
    listen(this.slider, "input", () => this.set({ slice: model.get("strip")[this.slider.value][0] }));
    listen(this.wipe, "input", () => this.set({ wipe: Number(this.wipe.value) }));
    listen(this.opacity, "input", () => this.set({ opacity: Number(this.opacity.value) }));
    listen(this.select, "click", () => this.choose("output"));
    this.training.connect(listen);
    this.input.connect(listen);
    for (const [which, screen] of this.outputs.entries()) this.connectPointer(listen, screen, (row, column) => this.pointAtStage("output", row, column, which), () => this.stages.at(-1));
    for (const [which, screen] of this.larges.entries()) this.connectPointer(listen, screen, (row, column) => this.pointAtChannel(model.get("channel"), row, column, which, true), () => this.stage());
    for (const kind of ["focus", "blur"]) listen(this.larges[0].node, kind, () => this.drawLines());
    follow(model, signal, ["step", "slice", "stage", "channel", "compare", "scale", "boxes", "order", "opacity"], () => this.showSettings());
    follow(model, signal, ["scale", "wipe"], () => this.draw());
    follow(model, signal, ["strip", "patient"], () => this.fillStrip());
    const hear = (content, buffers) => content.kind === "answer" && this.receive(content, bytesOf(buffers[0]));
    model.on("msg:custom", hear);
    signal.addEventListener("abort", () => model.off("msg:custom", hear));
    watchSize(signal, () => this.layOut(), ...[...this.screens, ...this.us, this.training].map(({ node }) => node));
    signal.addEventListener("abort", () => { this.training.stop(); clearTimeout(this.silence); clearTimeout(this.speaking); });
  }

  connectPointer(listen, screen, point, stage) {
    listen(screen.node, "pointermove", (event) => point(...screen.locate(event, stage())));
    listen(screen.node, "pointerleave", () => this.leave());
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
    if (Object.keys(traits).some((name) => ASKS.includes(name))) this.expectAnswer();
  }

  choose(stage) {
    if (stage !== this.model.get("stage")) this.set({ stage, channel: 0 });
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey) return; // Ctrl+S and its like are JupyterLab's
    event.stopPropagation(); // below the last cell the notebook itself listens for arrow keys
    const move = MOVES[event.key];
    const step = event.shiftKey ? LONG_STEP : 1;
    if (event.target.dataset?.stage) this.onStageKey(event);
    else if (event.target === this.input.screen.node) this.input.onKey(event, move, step);
    else if (event.target === this.larges[0].node && move) this.moveInLarge(event, move, step);
  }

  /** From stage to stage as the data goes; the probability comes last. */
  onStageKey(event) {
    const targets = { ...Object.fromEntries(Object.entries(this.us[0].boxes).map(([name, { button }]) => [name, button])), output: this.select };
    const names = this.stages.map(({ name }) => name);
    const here = names.indexOf(event.target.dataset.stage);
    const to = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (!names[to]) return;
    for (const button of Object.values(targets)) button.tabIndex = -1;
    targets[names[to]].tabIndex = 0;
    targets[names[to]].focus();
  }

  moveInLarge(event, move, step) {
    event.preventDefault();
    const { height, width } = this.stage();
    const [row, column] = this.spot ?? [Math.floor(height / 2), Math.floor(width / 2)];
    this.spot = nearestPixel([row + step * move[0], column + step * move[1]], { height, width });
    this.pointAtChannel(this.model.get("channel"), ...this.spot, 0, true);
    this.say(() => this.readout.textContent);
  }

  // ---- painting -------------------------------------------------------------------------------------------

  /** Drawn at once; Python gets the newest as soon as it has answered the one before. */
  painted() {
    this.drawUnder();
    if (this.asking) this.again = true;
    else this.sendPaint();
  }

  sendPaint() {
    Object.assign(this, { asking: `${this.id} ${++this.count}`, again: false });
    const pixels = this.input.brush.touched ? [this.input.brush.planes.slice().buffer] : [];
    this.model.send({ kind: "paint", paint: this.asking, of: [this.shown.patient, this.shown.slice] }, undefined, pixels);
    this.expectAnswer();
  }

  // ---- what comes from Python -----------------------------------------------------------------------------

  async open() {
    const pictures = await inflate(bytesOf(this.model.get("opening_bytes")));
    if (!this.shown && !this.signal.aborted) this.receive(this.model.get("opening"), pictures);
  }

  receive({ shown, parts }, bytes) {
    let at = 0;
    const take = (count) => bytes.subarray(at, (at += count));
    const planes = take(3 * this.size ** 2);
    this.mask = take(this.size ** 2);
    const turned = !this.shown || shown.patient !== this.shown.patient || shown.slice !== this.shown.slice;
    [this.look, this.first] = parts.map((told) => new Look(told, take, this.stages, shown));
    this.shown = shown;
    if (turned) {
      this.input.brush.load(planes);
      Object.assign(this, { asking: null, again: false });
    } else if (shown.paint && !shown.paint.startsWith(this.id)) this.input.brush.adopt(planes);
    if (shown.paint === this.asking) this.asking = null;
    this.border = outlinePath(this.mask, this.size, this.size);
    this.draw();
    this.root.dataset.drawn = JSON.stringify([...ASKS.map((name) => shown[name]), shown.paint]);
    this.training.drawn(shown.step);
    if (this.again && !this.asking) this.sendPaint();
    if (this.isCurrent()) this.showStatus();
  }

  expectAnswer() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.showStatus(), PATIENCE);
  }

  isCurrent() {
    return !this.asking && ASKS.every((name) => this.shown?.[name] === this.model.get(name));
  }

  // ---- showing --------------------------------------------------------------------------------------------

  stage(name = this.shown?.stage) {
    return this.stages.find((one) => one.name === name);
  }

  /** The look to compare with, where two pictures stand side by side; else null. */
  get beside() {
    return this.shown.compare === "side by side" ? this.first : null;
  }

  /** The look that shows through, where pictures are wiped; else null. */
  get behind() {
    return this.shown.compare === "wipe" ? this.first : null;
  }

  showStatus() {
    const silent = this.isCurrent() ? "" : "Python does not answer: run this cell again to explore.";
    this.status.textContent = silent;
    this.root.classList.toggle("gb-feat-stale", Boolean(silent));
  }

  fillPatients() {
    this.patient.replaceChildren(...patientOptions(this.model.get("patients")));
  }

  fillStrip() {
    const strip = this.model.get("strip");
    const most = Math.max(1, ...strip.map(([, tumour]) => tumour));
    this.patient.value = this.model.get("patient");
    this.slider.max = strip.length - 1;
    this.bars.replaceChildren(...strip.map(([, tumour]) => {
      const bar = make("span");
      bar.style.height = `${(100 * tumour) / most}%`;
      return bar;
    }));
    this.showSettings();
  }

  showSettings() {
    const { model } = this;
    const strip = model.get("strip");
    const index = strip.findIndex(([number]) => number === model.get("slice"));
    if (index >= 0) { // the strip of a new patient comes first, its slice next
      const words = `slice ${strip[index][0]} of ${strip.length}, ${strip[index][1] ? "with" : "without"} tumour`;
      this.slider.value = index;
      this.slider.setAttribute("aria-valuetext", words);
      this.place.textContent = words;
      [...this.bars.children].forEach((bar, at) => bar.classList.toggle("gb-feat-here", at === index));
    }
    for (const name of ["compare", "scale", "boxes", "order"]) this[name].show(model.get(name));
    this.wipe.value = model.get("wipe");
    this.wipe.hidden = model.get("compare") !== "wipe";
    this.opacity.value = model.get("opacity");
    for (const screen of this.larges) screen.pictures[1].style.opacity = model.get("opacity");
    this.training.show(model.get("step"));
  }

  get screens() {
    return [this.input.screen, ...this.outputs, ...this.larges];
  }

  /** Only here is anything measured: between drawing it would make the browser lay out the page again. */
  layOut() {
    this.training.resize(this.training.slider.clientWidth);
    for (const part of [...this.us, ...this.screens]) part.resize();
    this.drawLines();
  }

  /** Everything, from the last answer. */
  draw() {
    if (!this.shown) return;
    this.painter.wiped = this.behind ? this.model.get("wipe") : 0;
    this.root.classList.toggle("gb-feat-beside", Boolean(this.beside));
    this.input.draw();
    this.drawUnder();
    this.drawOutput();
    this.drawUs();
    this.drawChannels();
    this.drawLarge();
    this.drawLines();
    if (this.pixel) this.pixel.again();
  }

  /** What a stage's colours span, where they span more than each map; null where they do not. */
  spanOf(name) {
    if (this.model.get("scale") === "each map") return null;
    const spans = [this.look, this.first].map((look) => look?.stagePictures[name].stageSpan);
    return together(...spans);
  }

  /** The slice below the large maps. */
  drawUnder() {
    for (const screen of this.larges) this.input.drawOn(screen.pictures[0]);
  }

  drawOutput() {
    const unit = { low: 0, high: 1 };
    const pictures = [this.look, this.beside].map((look) => look?.stagePictures.output);
    this.painter.paint(this.outputs[0].pictures[0], pictures[0], this.behind?.stagePictures.output, unit);
    if (pictures[1]) this.painter.paint(this.outputs[1].pictures[0], pictures[1], null, unit);
    // The byte of a probability is at least 128 exactly where it is at least 0.5.
    this.called = [this.look, this.first].map((look) => look && outlinePath(look.stagePictures.output.levels.map((level) => level >= 128), this.size, this.size));
    const score = (look) => make("span", {}, make("b", {}, look.dice.toFixed(2)), this.atStep(look));
    this.dice.replaceChildren("Dice ", ...(this.first ? [score(this.first), " → "] : []), score(this.look));
    const { tp, fp, fn } = this.look.counts;
    this.counts.replaceChildren(...[["found", tp], ["false alarm", fp], ["missed", fn]].map(([word, pixels]) => make("span", {}, `${word} ${pixels}`)));
    this.outputs.forEach(({ node }, at) => [this.look, this.first][at] && node.setAttribute("aria-label", `Probability of tumour${this.atStep([this.look, this.first][at])}`));
  }

  /** In words, where there are several steps. */
  atStep({ step }) {
    return this.steps.length > 1 ? ` at step ${step}` : "";
  }

  drawUs() {
    this.us[0].draw(this.painter, this.look, this.behind, (name) => this.spanOf(name));
    if (this.beside) this.us[1].draw(this.painter, this.beside, null, (name) => this.spanOf(name));
    this.us.forEach((u, at) => {
      write(u.title, this.beside ? `step ${[this.look, this.beside][at].step}` : "");
      u.select(this.shown.stage);
    });
    this.select.setAttribute("aria-pressed", this.shown.stage === "output");
    if (![...Object.values(this.us[0].boxes).map(({ button }) => button), this.select].some((button) => button.tabIndex === 0)) {
      (this.us[0].boxes[this.shown.stage]?.button ?? this.select).tabIndex = 0;
    }
    const shows = this.shown.boxes === "mean" ? "the mean of its channels" : "the channel with most energy (mean square)";
    const spans = this.model.get("scale") === "each map"
      ? "each map has its own colours, from its lowest value to its highest, so brightness cannot be compared between maps"
      : `one scale for all maps of a stage${this.first ? " at both steps" : ""}, so brightness can be compared within a stage`;
    write(this.words, `Each box shows ${shows}. Colours: ${spans}.`);
  }

  // ---- the chosen stage -----------------------------------------------------------------------------------

  drawChannels() {
    const stage = this.stage();
    const { energy } = this.look;
    const fromChance = (channel) => Math.abs((this.look.rocAucOf(channel) ?? 0.5) - 0.5);
    const keys = { index: (channel) => channel, energy: (channel) => -energy[channel], roc_auc: (channel) => -fromChance(channel) };
    const by = this.shown.order;
    const order = energy.map((_, channel) => channel).sort((one, other) => keys[by](one) - keys[by](other) || one - other);
    const numbers = { index: () => "", energy: (channel) => short(energy[channel], 2), roc_auc: (channel) => this.look.rocAucOf(channel)?.toFixed(2) ?? "" };
    const words = (channel) => [`${channel}${by === "index" ? "" : ` · ${numbers[by](channel)}`}`,
      `channel ${channel}, energy ${short(energy[channel], 3)}${by === "roc_auc" ? `, ROC AUC ${numbers[by](channel) || "unknown"}` : ""}`];
    const span = this.spanOf(stage.name);
    const paint = ([now, then], channel) => {
      this.painter.paint(now, this.look.channels[channel], this.behind?.channels[channel], span);
      if (this.beside) this.painter.paint(then, this.beside.channels[channel], null, span);
    };
    this.grid.draw({ order, chosen: this.shown.channel, words, paint, pair: Boolean(this.beside), name: stage.name });
    write(this.title.firstChild, stage.name);
    write(this.title.lastChild, `${stage.channels} channel${stage.channels > 1 ? "s" : ""} of ${stage.height}×${stage.width}; each value sees up to ${stage.field}×${stage.field} pixels of the slice`);
    const known = this.look.roc_auc.some((value) => value !== null);
    write(this.note, by === "energy" ? "Energy: the mean of the squared values." : by !== "roc_auc" ? ""
      : known ? "ROC AUC: the chance that a pixel of tumour is brighter than a pixel outside it. 1 is always, 0 never; 0.5 tells nothing."
        : "No tumour on this slice, so there is no ROC AUC.");
  }

  drawLarge() {
    const { channel } = this.shown;
    const stage = this.stage();
    const span = this.spanOf(stage.name);
    [this.look, this.beside].forEach((look, at) => look && this.painter.paint(this.larges[at].pictures[1], look.channels[channel], at ? null : this.behind?.channels[channel], span));
    write(this.name, `${stage.name}, channel ${channel}`);
    const rocAuc = this.look.rocAucOf(channel);
    this.facts.textContent = `energy ${short(this.look.energy[channel], 2)}${rocAuc === null ? "" : ` · ROC AUC against the mask ${rocAuc.toFixed(2)}`}`;
    const ends = span ?? this.look.channels[channel];
    this.ends.replaceChildren(make("span", {}, short(ends.low, 2)), make("span", {}, this.beside && !span ? `step ${this.look.step}` : ""), make("span", {}, short(ends.high, 2)));
    this.histogram.draw(this.look.exact, this.first?.exact);
    const focused = this.sources.draw(stage, this.look.sources, this.painter);
    if (focused) this.larges[0].node.focus(); // where what was chosen is to be seen
  }

  /** Outlines, the brush, and the receptive field of the value that is pointed at. */
  drawLines() {
    if (!this.shown) return;
    this.input.drawLines();
    this.outputs.forEach((screen, at) => screen.sketch(this.size, (context, thin) => {
      trace(context, REFERENCE, 1.4 * thin, () => context.stroke(this.border));
      const wiped = this.painter.wiped * this.size;
      if (wiped) this.sketchCalled(context, thin, this.called[1], 0, wiped);
      if (this.called[at]) this.sketchCalled(context, thin, this.called[at], wiped, this.size);
      this.sketchWipe(context, thin);
    }));
    for (const screen of this.larges) {
      screen.sketch(this.size, (context, thin) => {
        trace(context, REFERENCE, 1.2 * thin, () => context.stroke(this.border));
        this.sketchField(context, thin);
        this.sketchWipe(context, thin);
      });
    }
  }

  /** The border of what a network calls tumour, between two columns. */
  sketchCalled(context, thin, border, left, right) {
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, this.size);
    context.clip();
    trace(context, NETWORK, 1.4 * thin, () => context.stroke(border));
    context.restore();
  }

  sketchField(context, thin) {
    const { pixel } = this;
    if (!pixel?.rows) return;
    const [[top, bottom], [left, right]] = [pixel.rows, pixel.columns].map(([first, last]) => // what is beyond the edge is padding
      [Math.max(first, thin), Math.min(last + 1, this.size - thin)]);
    trace(context, NETWORK, 1.8 * thin, () => context.strokeRect(left, top, right - left, bottom - top));
    trace(context, WHITE, 1.4 * thin, () => context.strokeRect(pixel.cell[1], pixel.cell[0], pixel.cell[2], pixel.cell[2]));
  }

  sketchWipe(context, thin) {
    if (!this.painter.wiped) return;
    context.beginPath();
    context.moveTo(this.painter.wiped * this.size, 0);
    context.lineTo(this.painter.wiped * this.size, this.size);
    trace(context, WHITE, 1.4 * thin, () => context.stroke());
  }

  // ---- one value ------------------------------------------------------------------------------------------

  /** A value of a box's picture; of the output, its probability. */
  pointAtStage(name, row, column, which) {
    const map = this.lookAt(which, column / this.stage(name).width).stagePictures[name];
    const what = name === "output" ? "probability" : this.shown.boxes === "mean" ? "mean of its channels" : "strongest channel";
    this.pointAt(this.stage(name), null, row, column, `${name}, ${what}`, map.value(row, column), false,
      () => this.pointAtStage(name, row, column, which));
  }

  /** A value of a channel: exact in the large picture. */
  pointAtChannel(channel, row, column, which, exact) {
    const stage = this.stage();
    const look = this.lookAt(which, column / stage.width);
    if (exact) this.spot = [row, column];
    const value = exact ? look.exact[row * stage.width + column] : look.channels[channel]?.value(row, column);
    if (value === undefined) return this.leave(); // the stage has changed beneath the pointer
    this.pointAt(stage, channel, row, column, `${stage.name}, channel ${channel}`, value, exact, () => this.pointAtChannel(channel, row, column, which, exact));
  }

  /** The look that is seen there: in the second picture, and left of the wipe, the first step's. */
  lookAt(which, fraction) {
    return (which && this.beside) || (fraction < this.painter.wiped && this.behind) || this.look;
  }

  pointAt(stage, channel, row, column, name, value, exact, again) {
    // The first channels of a concatenation are a copy, and have seen no more than their original.
    const skip = stage.kind === "Concat" && channel !== null ? this.stage(stage.name.replace("concat", "encoder")) : null;
    const { fields } = channel < skip?.channels ? skip : stage;
    const [rows, columns, cell] = [fields[row], fields[column], this.size / stage.height];
    const sees = `sees ${rows[1] - rows[0] + 1}×${columns[1] - columns[0] + 1} pixels of the slice`;
    this.point({ text: `${name}, row ${row}, column ${column}: ${exact ? exactly(value) : `≈ ${short(value, 3)}`}; ${sees}`, again, rows, columns,
      cell: [row * cell, column * cell, cell] });
  }

  point(pixel) {
    this.pixel = pixel;
    write(this.readout, pixel.text);
    this.drawLines();
  }

  leave() {
    this.pixel = null;
    this.readout.textContent = "Point at any picture: its value, and what it sees of the slice.";
    this.drawLines();
  }

  // ---- saying ---------------------------------------------------------------------------------------------

  /** Once nothing has happened for a while, so that nobody is told of every pixel. */
  say(text) {
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => (this.spoken.textContent = text()), QUIET);
  }

  verdict() {
    const step = this.steps.length > 1 ? `Step ${this.look.step}: ` : "";
    return `${step}Dice ${this.look.dice.toFixed(2)} on this slice${this.input.brush.touched ? ", as painted" : ""}.`;
  }
}

/** To the digits that tell one float32 from the next. */
const exactly = (value) => minus(Number(value.toPrecision(7)));

export default { render: rendering(FeatureView) };
