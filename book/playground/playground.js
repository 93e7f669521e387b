// The playground: a slice, a brush, the U with all its maps, and the answer, on one page.

import { MOVES, keepKeys, make, radioChoice } from "../../unet_lib/widgets/shared/base.js";
import { NETWORK, REFERENCE, paletteInks } from "../../unet_lib/widgets/shared/colours.js";
import { drawGrey, outlinePath, wholeSlice } from "../../unet_lib/widgets/shared/slice_pictures.js";
import { InputPicture, LONG_STEP } from "../../unet_lib/widgets/feature_explorer/feature_input.js";
import { trace, write } from "../../unet_lib/widgets/feature_explorer/feature_pictures.js";
import { TrainingStrip } from "../../unet_lib/widgets/feature_explorer/training_strip.js";
import { delivered, fromBase64, fromPng } from "../live/delivered.js";
import { NetworkClient } from "../live/network_client.js";
import { AnswerPicture } from "./answer_picture.js";
import { readAddress, writeAddress } from "./address.js";
import { Challenges } from "./challenges.js";
import { Lens } from "./lens.js";
import { ownPicture } from "./own_picture.js";
import { RecordedSlice } from "./recorded_slice.js";
import { Tour } from "./tour.js";
import { UBoard } from "./u_board.js";

const QUIET = 700; // ms without a change before something is spoken or the address follows
const FOLDER = "playground/data"; // beside the page

class Playground {
  constructor(first, page) {
    Object.assign(this, { first, page, side: first.side, area: first.side ** 2, steps: first.steps, own: null, asking: false, again: false });
    this.inks = paletteInks(fromBase64(first.palette));
    this.state = { patient: 0, step: first.steps.at(-1), cut: [], threshold: 0.5, strokes: "", ...readAddress(location.hash, first) };
    this.client = new NetworkClient({ folder: FOLDER, loading: (name) => this.showLoading(name) });
    this.build();
  }

  // ---- the parts ------------------------------------------------------------------------------------------

  build() {
    this.input = new InputPicture({ size: this.side, channels: ["pre-contrast", "FLAIR", "post-contrast"], group: "pg", on: {
      painted: () => this.ask(), rested: () => this.rested(), turned: () => this.drawOutput(), point: () => {}, leave: () => this.drawLines(),
      drawLines: () => this.drawLines(), sketch: (context, thin) => this.sketchBorders(context, thin), said: () => {} } });
    this.input.brush = new RecordedSlice(this.side);
    this.answer = new AnswerPicture({ side: this.side, inks: this.inks, turned: () => this.drawOutput(), set: (threshold) => this.change({ threshold }) });
    this.lens = new Lens(this.inks, { stage: "decoder.1", channel: this.first.telling });
    this.u = new UBoard(this.first.stages, { chosen: (stage, channel) => this.choose(stage, channel), cut: (cut) => this.change({ cut }) });
    this.training = new TrainingStrip({ steps: this.steps, history: this.first.history, choose: (step) => this.change({ step }), more: [this.buildBefore()] });
    this.status = make("p", { class: "pg-status", role: "status" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    this.tour = new Tour(this);
    this.challenges = new Challenges(this);
    const left = make("div", { class: "pg-left" }, this.input.node, this.buildChooser());
    const right = make("div", { class: "pg-right" }, this.answer.node, this.lens.node);
    this.board = make("div", { class: "pg-board" }, left, make("div", { class: "pg-middle" }, this.u.node), right, this.training.node, this.status);
    this.page.append(this.board, this.challenges.node, this.tour.node, this.spoken);
    keepKeys(this.page);
    this.connect();
  }

  buildBefore() {
    this.before = radioChoice("pg", "Training", [[this.steps[0], "before training"], [this.steps.at(-1), "after"]], (step) => this.change({ step: Number(step) }));
    return this.before.field;
  }

  buildChooser() {
    this.thumbs = this.first.patients.map(({ label }, patient) => {
      const button = make("button", { type: "button", class: "pg-thumb", title: label, "aria-label": label, "aria-pressed": "false" }, make("canvas", {}));
      button.addEventListener("click", () => this.change({ patient, strokes: "" }));
      return button;
    });
    this.file = make("input", { type: "file", accept: "image/png,image/jpeg,image/tiff,.tif,.tiff,.png,.jpg,.jpeg", class: "gb-unseen", tabindex: -1, "aria-label": "Your own picture" });
    const open = make("button", { type: "button", class: "pg-own" }, "Your own picture …");
    open.addEventListener("click", () => this.file.click());
    this.file.addEventListener("change", () => this.openOwn(this.file.files[0]));
    return make("section", { class: "pg-chooser", "aria-label": "Slices" }, make("div", { class: "pg-thumbs" }, ...this.thumbs), this.file, open);
  }

  // ---- what the visitor does ------------------------------------------------------------------------------

  connect() {
    const listen = (node, kind, react) => node.addEventListener(kind, react);
    this.input.connect(listen);
    this.training.connect(listen);
    listen(this.input.screen.node, "keydown", (event) => this.onKey(event));
    for (const kind of ["dragover", "drop"]) listen(this.page, kind, (event) => event.preventDefault());
    listen(this.page, "drop", ({ dataTransfer }) => dataTransfer.files.length && this.openOwn(dataTransfer.files[0]));
    listen(window, "hashchange", () => this.goTo(readAddress(location.hash, this.first)));
    listen(document.querySelector("#theme"), "click", globalThis.turnTheme);
    const watcher = new ResizeObserver(() => this.layOut());
    for (const node of [this.input.screen.node, this.answer.screen.node, this.training.slider]) watcher.observe(node);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey) return;
    this.input.onKey(event, MOVES[event.key], event.shiftKey ? LONG_STEP : 1);
    this.drawLines();
  }

  /** Part of the state is another; everything that depends on it follows. */
  change(changed) {
    Object.assign(this.state, changed);
    if ("patient" in changed) return this.open();
    this.show();
    if ("step" in changed || "cut" in changed) this.ask();
    else this.drawOutput();
    this.settle();
  }

  async goTo(state) {
    if (this.written === location.hash) return; // our own doing
    Object.assign(this.state, state);
    await this.open();
  }

  /** The slice that the state names, with its strokes. */
  async open() {
    const { patient, strokes } = this.state;
    this.own = null;
    try {
      this.slice = await this.sliceOf(patient);
    } catch (error) {
      return this.fail(error);
    }
    this.input.brush.load(this.slice.planes);
    this.input.brush.replay(strokes);
    this.mask = this.slice.mask;
    this.note("");
    this.begin();
  }

  begin() {
    this.border = outlinePath(this.mask, this.side, this.side);
    this.input.draw();
    this.show();
    this.drawLines();
    if (!this.look) return this.drawFirst();
    this.ask();
    this.settle();
  }

  async openOwn(file) {
    this.file.value = "";
    if (!file) return;
    try {
      const { planes, statistics, grey } = await ownPicture(file, this.side);
      this.own = { planes, statistics };
      this.slice = { ...this.own, mask: new Uint8Array(this.area) };
      this.mask = this.slice.mask;
      this.input.brush.load(planes);
      this.note(`Your picture stays on this machine. ${grey ? "A grey picture is taken for FLAIR" : "Red, green and blue are taken for pre-contrast, FLAIR and post-contrast"}. `
        + "The network learnt from MRI slices of heads with a tumour, real ones and phantoms. It answers for any other picture too, but then the answer means nothing. For learning only: do not diagnose with it.");
      this.look ??= {};
      this.begin();
    } catch (error) {
      this.fail(error);
    }
  }

  async sliceOf(patient) {
    const name = `slice-${patient}`;
    const { planes, mask, statistics } = patient === 0 ? this.first.slice : await delivered(name, `${FOLDER}/${name}.js`);
    const [colours, inside] = await Promise.all([fromPng(planes), fromPng(mask)]);
    const levels = new Uint8Array(3 * this.area);
    for (let channel = 0; channel < 3; channel++) {
      for (let at = 0; at < this.area; at++) levels[channel * this.area + at] = colours.rgba[4 * at + channel];
    }
    return { planes: levels, mask: Uint8Array.from({ length: this.area }, (_, at) => Number(inside.rgba[4 * at] > 127)), statistics };
  }

  // ---- the network: it gets the newest question as soon as it has answered the one before ------------------

  async ask() {
    this.drawOutput();
    delete this.page.dataset.drawn;
    if (this.asking) return (this.again = true);
    Object.assign(this, { asking: true, again: false });
    const { step, cut } = this.state;
    try {
      const look = await this.client.look({ network: nameOf(step), planes: this.input.brush.planes.slice(), statistics: this.slice.statistics, cut });
      this.receive(look, step);
    } catch (error) {
      this.fail(error);
    }
    this.asking = false;
    if (this.again) this.ask();
    else this.page.dataset.drawn = "";
  }

  receive(look, step) {
    const isFirst = !this.look?.probability;
    this.look = look;
    if (!this.input.brush.touched) this.clean = { of: this.asked, probability: look.probability };
    this.u.draw(look.stages, this.inks);
    this.drawOutput();
    this.lens.draw(look.stages);
    this.training.drawn(step);
    if (isFirst || !this.input.stroke) this.u.pulse();
    this.challenges.check();
  }

  rested() {
    if (this.look) this.u.pulse();
    this.state.strokes = "";
    this.settle();
  }

  // ---- showing --------------------------------------------------------------------------------------------

  /** The answer that came with the page: the first slice, before anything is loaded. */
  async drawFirst() {
    const { levels, probability } = this.first.look;
    const [maps, answer] = await Promise.all([fromPng(levels), fromPng(probability)]);
    const tile = this.first.tile;
    let row = 0;
    const stages = this.first.stages.map(({ name, channels, high }) => {
      const found = new Uint8Array(channels * tile * tile);
      for (let at = 0; at < found.length; at++) found[at] = maps.rgba[4 * (row * tile * tile + at)];
      row += channels;
      return { name, channels, side: tile, levels: found, high };
    });
    this.look = { probability: Float32Array.from({ length: this.area }, (_, at) => answer.rgba[4 * at] / 255), stages };
    this.clean = { of: JSON.stringify([0, this.steps.at(-1), [], false]), probability: this.look.probability };
    this.u.draw(stages, this.inks);
    this.drawOutput();
    this.lens.draw(stages);
    const { step, cut, strokes, patient } = this.state;
    if (patient || strokes || cut.length || step !== this.steps.at(-1)) this.ask();
    this.fillThumbs();
    this.page.dataset.ready = "";
  }

  async fillThumbs() {
    for (const [patient, thumb] of this.thumbs.entries()) {
      const { planes } = await this.sliceOf(patient);
      drawGrey(thumb.firstChild, planes.subarray(this.area, 2 * this.area), this.side, wholeSlice(this.side, this.side));
    }
  }

  show() {
    const { patient, step, cut, threshold } = this.state;
    this.thumbs.forEach((thumb, at) => thumb.setAttribute("aria-pressed", !this.own && at === patient));
    this.u.cut = cut;
    this.training.show(step);
    this.before.show(step);
    this.answer.showThreshold(threshold);
  }

  layOut() {
    this.training.resize(this.training.slider.clientWidth);
    for (const screen of [this.input.screen, this.answer.screen]) screen.resize();
    this.drawLines();
  }

  get marked() {
    return this.above(this.look.probability);
  }

  /** What the same network marks in the slice as it was, if it has been asked. */
  get markedBefore() {
    return this.above(this.clean?.of === this.asked ? this.clean.probability : new Float32Array(this.area));
  }

  /** What an answer depends on, but for the painting. */
  get asked() {
    return JSON.stringify([this.state.patient, this.state.step, this.state.cut, Boolean(this.own)]);
  }

  /** Pixels marked, shared with the reference, and Dice; see AnswerPicture. */
  get score() {
    return this.answer.score;
  }

  above(probability) {
    return Uint8Array.from(probability, (value) => Number(value >= this.state.threshold));
  }

  drawOutput() {
    if (!this.look?.probability) return;
    this.answer.draw({ probability: this.look.probability, marked: this.marked, mask: this.mask, isOwn: Boolean(this.own), drawSlice: (canvas) => this.input.drawOn(canvas) });
    this.drawLines();
  }

  drawLines() {
    this.input.drawLines();
    this.answer.screen.sketch(this.side, (context, thin) => this.sketchBorders(context, thin));
  }

  sketchBorders(context, thin) {
    if (this.border) trace(context, REFERENCE, 1.4 * thin, () => context.stroke(this.border));
    if (this.answer.border) trace(context, NETWORK, 1.4 * thin, () => context.stroke(this.answer.border));
  }

  choose(stage, channel) {
    this.u.choose(stage, channel);
    this.lens.choose(stage, channel, this.look.stages);
  }

  showLoading(name) {
    write(this.answer.thinking, name ? "loading the network …" : "");
  }

  note(text) {
    write(this.status, text);
    this.status.classList.remove("pg-bad");
  }

  fail(error) {
    write(this.status, error.message);
    this.status.classList.add("pg-bad");
  }

  /** After a while without a change: the address follows, and what changed is spoken. */
  settle() {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      if (!this.own) history.replaceState(null, "", (this.written = writeAddress(this.state, this.input.brush)));
      write(this.spoken, this.answer.words);
    }, QUIET);
  }
}

const nameOf = (step) => `step-${String(step).padStart(4, "0")}`;

delivered("first", `${FOLDER}/first.js`).then((first) => new Playground(first, document.querySelector("main")).open());
