// The feature explorer: what the reader does goes out, what the network says comes in. Whoever answers, Python or a
// worker in the page, gets traits (ASKS), messages { kind: "paint", paint, of } with the painted planes, and { kind: "look" }, and sends
// { kind: "answer", shown, parts } with bytes: see _answer in feature_explorer.py. `shown` repeats what was asked.

import { MOVES, bytesOf, follow, inflate, keepKeys, make, patientOptions, radioChoice, rendering, watchSize } from "../shared/base.js";
import { StageDetail } from "./feature_detail.js";
import { InputPicture, LONG_STEP } from "./feature_input.js";
import { OutputPicture } from "./feature_output.js";
import { MapPainter, sketchBorders, write } from "./feature_pictures.js";
import { Scene } from "./feature_scene.js";
import { FeatureU } from "./feature_u.js";
import { PointedValue } from "./feature_values.js";
import { TrainingStrip } from "./training_strip.js";

const THINKING = 80; // ms without an answer, after which we say that it is on its way
const PATIENCE = 2500; // ms without an answer, after which we say that nothing answers
const QUIET = 700; // ms without a change before something is spoken
const ASKS = ["patient", "slice", "step", "stage", "channel", "compare", "boxes", "order"]; // what has an answer

class FeatureView {
  constructor(model, el, signal) {
    Object.assign(this, { model, signal, id: Math.random().toString(36).slice(2), count: 0 });
    this.stages = model.get("stages");
    this.steps = model.get("steps");
    this.size = this.stages.at(-1).height;
    this.painter = new MapPainter(bytesOf(model.get("palette")));
    this.build(el);
    this.connect();
    this.patient.replaceChildren(...patientOptions(model.get("patients")));
    this.fillStrip();
    this.open();
  }

  // ---- the parts ------------------------------------------------------------------------------------------

  build(el) {
    this.status = make("p", { class: "gb-feat-status", role: "status" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    this.readout = make("p", { class: "gb-feat-readout" });
    this.pointed = new PointedValue(() => this.scene, (text) => this.showPointed(text));
    const leave = () => this.pointed.leave();
    this.input = new InputPicture({ size: this.size, channels: this.model.get("channels"), group: this.id, on: { leave,
      painted: () => this.painted(), rested: () => this.rested(), turned: () => this.detail.drawUnder(),
      point: ({ text, again }) => this.pointed.ofInput(text, again), drawLines: () => this.drawLines(),
      sketch: (context, thin) => this.sketchOnInput(context, thin), said: () => this.say(() => this.pointed.text) } });
    this.output = new OutputPicture(this.stages.at(-1), (stage) => this.choose(stage));
    this.us = ["The stages of the network; arrow keys go from one to the next, Enter opens one", "The same at the first step"]
      .map((name, which) => new FeatureU(this.stages, name, { leave, choose: (stage) => this.choose(stage),
        point: (stage, row, column) => this.pointed.ofStage(stage, row, column, which) }));
    this.detail = new StageDetail({ painter: this.painter, group: this.id, drawOn: (canvas) => this.input.drawOn(canvas), on: { leave,
      set: (traits) => this.set(traits), point: (...where) => this.pointed.ofChannel(...where) } });
    const u = make("section", { class: "gb-feat-whole", "aria-label": "Stages" }, make("div", { class: "gb-feat-two" }, this.us[1].node, this.us[0].node), this.buildWipe());
    const left = make("div", { class: "gb-feat-ends-of-u" }, this.input.node, this.output.node);
    this.board = make("div", { class: "gb-feat-board" }, this.buildBar(), left, u, this.detail.node, this.buildTraining(),
      make("div", { class: "gb-feat-says" }, this.readout, this.status), this.spoken);
    this.root = make("div", { class: "gb gb-feat", role: "group", "aria-label": "Feature explorer" }, this.board);
    keepKeys(this.root);
    el.append(this.root);
  }

  /** Patient, slice, and less-used choices in a fold. */
  buildBar() {
    this.patient = make("select", { "aria-label": "Patient" });
    this.slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Slice" });
    this.bars = make("div", { class: "gb-feat-bars", "aria-hidden": "true" });
    this.place = make("output");
    this.scale = radioChoice(this.id, "Colours span", ["each map", "each stage"], (scale) => this.set({ scale }));
    this.boxes = radioChoice(this.id, "Boxes show", ["mean", "strongest"], (boxes) => this.set({ boxes }));
    this.words = make("p");
    this.more = make("details", { class: "gb-feat-more" }, make("summary", {}, "Colours"), make("div", {}, this.scale.part, this.boxes.part,
      make("p", { class: "gb-feat-colours" }, this.painter.legend(), this.words)));
    return make("div", { class: "gb-row gb-feat-above" }, this.patient, make("span", { class: "gb-label" }, "Slice"),
      make("div", { class: "gb-feat-track" }, this.slider, this.bars), this.place, this.more);
  }

  buildWipe() {
    this.wipe = make("input", { class: "gb-feat-wipe", type: "range", min: 0, max: 1, step: 0.01, "aria-label": "How much of each picture shows the first step" });
    return this.wipe;
  }

  buildTraining() {
    this.compare = radioChoice(this.id, "Before and after", ["off", "wipe", "side by side"], (compare) => this.set({ compare }));
    this.training = new TrainingStrip({ steps: this.steps, history: this.model.get("history"), choose: (step) => this.set({ step }),
      more: [this.compare.part] });
    this.training.node.hidden = this.steps.length === 1;
    return this.training.node;
  }

  // ---- what the reader does -------------------------------------------------------------------------------

  connect() {
    const { model, signal } = this;
    const listen = (node, kind, react) => node.addEventListener(kind, react, { signal });
    listen(this.root, "keydown", (event) => this.onKey(event));
    listen(this.patient, "change", () => this.set({ patient: this.patient.value }));
    listen(this.slider, "input", () => this.set({ slice: model.get("strip")[this.slider.value][0] }));
    listen(this.wipe, "input", () => this.set({ wipe: Number(this.wipe.value) }));
    listen(document, "pointerdown", (event) => this.more.contains(event.target) || (this.more.open = false));
    this.training.connect(listen);
    this.input.connect(listen);
    this.detail.connect(listen, signal, () => this.scene.stage(), () => model.get("channel"));
    this.output.screens.forEach((screen, which) => screen.listen(signal, () => this.stages.at(-1),
      (row, column) => this.pointed.ofStage("output", row, column, which), () => this.pointed.leave()));
    follow(model, signal, ["step", "slice", "compare", "scale", "boxes", "order", "opacity"], () => this.showSettings());
    follow(model, signal, ["scale", "wipe"], () => this.draw());
    follow(model, signal, ["strip", "patient"], () => this.fillStrip());
    follow(model, signal, ["silence"], () => this.expectAnswer());
    const hear = (content, buffers) => content.kind === "answer" && this.receive(content, bytesOf(buffers[0]));
    model.on("msg:custom", hear);
    watchSize(signal, () => this.layOut(), ...[...this.screens, ...this.us, this.training].map(({ node }) => node));
    signal.addEventListener("abort", () => {
      model.off("msg:custom", hear);
      this.training.stop();
      for (const timer of [this.slow, this.silence, this.speaking]) clearTimeout(timer);
    });
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
    if (event.ctrlKey || event.metaKey) return; // Ctrl+S and its like are the notebook's
    event.stopPropagation(); // below the last cell the notebook itself listens for arrow keys
    const move = MOVES[event.key];
    const step = event.shiftKey ? LONG_STEP : 1;
    if (event.key === "Escape") this.more.open = false;
    else if (event.target.dataset?.stage) this.onStageKey(event);
    else if (event.target === this.input.screen.node) this.input.onKey(event, move, step);
    else if (event.target === this.detail.larges[0].node && move) {
      event.preventDefault();
      this.detail.move(move.map((way) => step * way), this.scene.stage(), this.model.get("channel"));
      this.say(() => this.pointed.text);
    }
  }

  /** From stage to stage as the data goes; the probability comes last. */
  onStageKey(event) {
    const buttons = this.stageButtons;
    const here = buttons.indexOf(event.target);
    const to = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (here < 0 || to === undefined) return;
    event.preventDefault();
    if (!buttons[to]) return;
    for (const button of buttons) button.tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
  }

  get stageButtons() {
    return [...Object.values(this.us[0].boxes).map(({ button }) => button), this.output.select];
  }

  // ---- painting: drawn at once; the network gets the newest as soon as it has answered the one before -------

  painted() {
    this.detail.drawUnder();
    if (this.asking) this.again = true;
    else this.sendPaint();
  }

  rested() {
    this.pulse();
    this.say(() => this.verdict());
  }

  sendPaint() {
    Object.assign(this, { asking: `${this.id} ${++this.count}`, again: false });
    const pixels = this.input.brush.touched ? [this.input.brush.planes.slice().buffer] : [];
    this.model.send({ kind: "paint", paint: this.asking, of: [this.scene.shown.patient, this.scene.shown.slice] }, undefined, pixels);
    this.expectAnswer();
  }

  // ---- answers --------------------------------------------------------------------------------------------

  async open() {
    const pictures = await inflate(bytesOf(this.model.get("opening_bytes")));
    if (this.scene || this.signal.aborted) return;
    this.receive(this.model.get("opening"), pictures);
    if (!this.isCurrent()) this.model.send({ kind: "look" }); // the reader has moved on since it was made
  }

  receive(content, bytes) {
    const before = this.scene;
    const { shown, planes } = (this.scene = new Scene(content, bytes, this.stages));
    if (this.scene.isTurnedFrom(before)) {
      this.input.brush.load(planes);
      Object.assign(this, { asking: null, again: false });
    } else if (shown.paint && !shown.paint.startsWith(this.id)) this.input.brush.adopt(planes);
    if (shown.paint === this.asking) this.asking = null;
    this.draw();
    this.root.dataset.drawn = JSON.stringify([...ASKS.map((name) => shown[name]), shown.paint]);
    if (before && this.scene.isRecomputed(before) && !this.input.stroke) this.pulse();
    this.training.drawn(shown.step);
    if (this.again && !this.asking) this.sendPaint();
    this.expectAnswer();
  }

  /** What is on show is what was asked for; or soon will be; or nothing answers. */
  expectAnswer() {
    for (const timer of [this.slow, this.silence]) clearTimeout(timer);
    if (this.isCurrent()) return this.showStatus("", "");
    this.slow = setTimeout(() => this.showStatus("thinking …", ""), THINKING);
    this.silence = setTimeout(() => this.showStatus("", this.model.get("silence")), PATIENCE);
  }

  isCurrent() {
    return !this.asking && ASKS.every((name) => this.scene?.shown[name] === this.model.get(name));
  }

  showStatus(thinking, silent) {
    write(this.output.thinking, thinking);
    write(this.status, silent);
    this.board.classList.toggle("gb-feat-stale", Boolean(silent));
  }

  // ---- showing --------------------------------------------------------------------------------------------

  pulse() {
    this.us.forEach((u, at) => u.pulse(this.output.screens[at].node));
  }

  fillStrip() {
    const strip = this.model.get("strip");
    const most = Math.max(1, ...strip.map(([, tumour]) => tumour));
    this.patient.value = this.model.get("patient");
    this.slider.max = strip.length - 1;
    this.bars.replaceChildren(...strip.map(([, tumour]) => make("span", { style: `height: ${(100 * tumour) / most}%` })));
    this.showSettings();
  }

  showSettings() {
    const { model } = this;
    const strip = model.get("strip");
    const index = strip.findIndex(([number]) => number === model.get("slice"));
    if (index >= 0) { // the strip of a new patient comes first, its slice next
      const [number, tumour] = strip[index];
      const which = number === index + 1 ? `slice ${number} of ${strip.length}` : `slice ${number} (${index + 1} of ${strip.length})`;
      const words = `${which}, ${tumour ? "with" : "without"} tumour`;
      this.slider.value = index;
      this.slider.setAttribute("aria-valuetext", words);
      this.place.textContent = words;
      [...this.bars.children].forEach((bar, at) => bar.classList.toggle("gb-feat-here", at === index));
    }
    for (const name of ["compare", "scale", "boxes"]) this[name].show(model.get(name));
    this.wipe.value = model.get("wipe");
    this.wipe.hidden = model.get("compare") !== "wipe";
    this.detail.showSettings(model.get("order"), model.get("opacity"));
    this.training.show(model.get("step"));
  }

  get screens() {
    return [this.input.screen, ...this.output.screens, ...this.detail.larges];
  }

  /** Only here is anything measured: between drawing it would make the browser lay out the page again. */
  layOut() {
    this.training.resize(this.training.slider.clientWidth);
    for (const part of [...this.us, ...this.screens]) part.resize();
    this.drawLines();
  }

  /** Everything, from the last answer. */
  draw() {
    const { scene, painter } = this;
    if (!scene) return;
    Object.assign(scene, { scale: this.model.get("scale"), wipe: this.model.get("wipe") });
    painter.wiped = scene.wiped;
    this.board.classList.toggle("gb-feat-beside", Boolean(scene.beside));
    this.input.draw();
    this.detail.drawUnder();
    this.output.draw(scene, painter, this.steps.length > 1);
    this.us[0].draw(painter, scene.look, scene.behind, scene, scene.beside ? `step ${scene.look.step}` : "");
    if (scene.beside) this.us[1].draw(painter, scene.beside, null, scene, `step ${scene.beside.step}`);
    const buttons = this.stageButtons;
    if (buttons.every(({ tabIndex }) => tabIndex < 0)) buttons.find(({ dataset }) => dataset.stage === scene.shown.stage).tabIndex = 0;
    this.detail.draw(scene);
    this.showColours();
    this.drawLines();
    this.pointed.again();
  }

  showColours() {
    const { scale, first, shown } = this.scene;
    const shows = shown.boxes === "mean" ? "the mean of its channels" : "the channel with the largest mean square (most energy)";
    const spans = scale === "each map"
      ? "each map has its own colours, from its lowest value to its highest, so brightness cannot be compared between maps"
      : `one scale for all maps of a stage${first ? " at both steps" : ""}, so brightness can be compared within a stage`;
    write(this.words, `Each box of the U shows ${shows}. Colours: ${spans}.`);
  }

  /** Outlines, the brush, and the receptive field of the value that is pointed at. */
  drawLines() {
    if (!this.scene) return;
    this.input.drawLines();
    this.output.drawLines(this.scene);
    this.detail.drawLines(this.scene, (context, thin) => this.pointed.sketch(context, thin));
  }

  sketchOnInput(context, thin) {
    sketchBorders(context, thin, this.scene);
    this.pointed.sketch(context, thin);
  }

  showPointed(text) {
    write(this.readout, text);
    this.drawLines();
  }

  // ---- saying ---------------------------------------------------------------------------------------------

  /** Once nothing has happened for a while, so that nobody is told of every pixel. */
  say(text) {
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => (this.spoken.textContent = text()), QUIET);
  }

  verdict() {
    const { step, dice } = this.scene.look;
    return `${this.steps.length > 1 ? `Step ${step}: ` : ""}Dice ${dice.toFixed(2)} on this slice${this.input.brush.touched ? ", as painted" : ""}.`;
  }
}

export default { render: rendering(FeatureView) };
