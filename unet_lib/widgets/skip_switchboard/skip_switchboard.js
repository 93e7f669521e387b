// The skip switchboard. Each switch is answered with counts and bytes (see _respond in skip_switchboard.py), by whoever
// stands behind the model; here they are drawn.

import { bytesOf, follow, inflate, keepKeys, make, radioChoice, rendering, watchSize } from "../shared/base.js";
import { GREEN, NETWORK, PURPLE, REFERENCE, paletteInks } from "../shared/colours.js";
import { rounded, score } from "../shared/mask_scores.js";
import { drawBorder, drawGrey, drawKinds, drawLevels, drawPalette, freshContext, outlinePath, surroundings,
  wholeSlice } from "../shared/slice_pictures.js";
import { SkipU } from "./skip_u.js";
import { SkipWorth } from "./skip_worth.js";

const PATIENCE = 2500; // ms without an answer, after which we say that nothing answers
const QUIET = 500; // ms without a change before something is spoken
const THINKING = 80; // ms without an answer, after which we say that it is on its way
// A pixel's kind is 2 where all skips together call it tumour, plus 1 where the switches as they are do. Stripes lean one
// way or the other, or there are none, so that the kinds are told apart without colour, too.
const KINDS = [
  { kind: 3, key: "kept", means: "kept", colour: NETWORK, alphas: [0.35, 0.35], lean: 0 },
  { kind: 2, key: "lost", means: "lost", colour: PURPLE, alphas: [0.9, 0.4], lean: -1 },
  { kind: 1, key: "gained", means: "gained", colour: GREEN, alphas: [0.9, 0.4], lean: 1 },
];
const TINT = [{ kind: 1, colour: NETWORK, alphas: [0.35, 0.35], lean: 0 }];
const dice = ([tp, fp, fn]) => score("F1", { tp, fp, fn });
const pixels = (count) => `${count} pixel${count === 1 ? "" : "s"}`;

class SwitchView {
  constructor(model, el, signal) {
    Object.assign(this, { model, ticket: 0, levels: model.get("levels"), id: Math.random().toString(36).slice(2) });
    this.palette = paletteInks(bytesOf(model.get("palette")));
    this.build(el);
    this.connect(signal);
    this.showSettings();
    this.receive();
  }

  // ---- the parts ------------------------------------------------------------------------------------------

  build(el) {
    this.status = make("p", { class: "gb-skips-status", role: "status" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    this.u = new SkipU(this.model.get("drawing"), this.levels.length, (at) => this.flip(at));
    this.worth = new SkipWorth(this.model.get("figures"), this.levels.length, (levels) => this.zero(levels));
    const body = make("div", { class: "gb-skips-body" }, this.buildChoosers(), this.buildSide(), this.buildAnswer(), this.spoken);
    this.root = make("div", { class: "gb gb-skips", role: "group", "aria-label": "Skip switchboard" }, body);
    keepKeys(this.root);
    el.append(this.root);
  }

  buildChoosers() {
    this.patient = make("select", { "aria-label": "Patient" }, ...this.model.get("patients").map(({ name }) => make("option", { value: name }, name)));
    this.slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Slice" });
    this.place = make("output");
    this.closeUp = make("input", { type: "checkbox" });
    return make("div", { class: "gb-row" }, this.patient, make("span", { class: "gb-label" }, "Slice"),
      this.slider, this.place, make("label", {}, this.closeUp, "close-up of the tumour"));
  }

  /** The switches, or, in their place, what was measured of networks without a skip. */
  buildSide() {
    const board = this.buildBoard();
    const tab = radioChoice(this.id, "Shown beside the answer", ["switches", ["worth", "what a skip is worth"]], (shown) => {
      board.hidden = shown !== "switches";
      this.worth.node.hidden = shown !== "worth";
    });
    tab.show("switches");
    this.worth.node.hidden = true;
    return make("div", { class: "gb-skips-side" }, tab.field, board, this.worth.node);
  }

  /** The U, a row of radio buttons for each skip, and the shortcuts. */
  buildBoard() {
    this.switches = this.levels.map((level, at) => this.buildSwitch(level, at));
    this.allOn = make("button", { type: "button" }, "All on");
    this.allZeroed = make("button", { type: "button" }, "All zeroed");
    this.explained = make("p", { class: "gb-skips-quiet" });
    return make("section", { class: "gb-skips-board", "aria-label": "Switches" }, this.u.svg,
      ...this.switches.map(({ row }) => row), make("div", { class: "gb-row" }, this.allOn, this.allZeroed), this.explained);
  }

  /** Dice, what changed in words, and the pictures. */
  buildAnswer() {
    this.score = make("strong", { class: "gb-skips-score" });
    this.before = make("span", { class: "gb-skips-before" });
    this.change = make("span", { class: "gb-skips-change" });
    this.thinking = make("span", { class: "gb-skips-thinking", role: "status" });
    this.story = make("p", { class: "gb-skips-story" });
    const verdict = make("div", { class: "gb-skips-verdict" }, make("span", { class: "gb-label" }, "Dice"), this.score, this.before, this.change, this.thinking);
    return make("section", { class: "gb-skips-told", "aria-label": "Answer" }, verdict, this.story, this.status, this.buildPictures());
  }

  buildSwitch({ channels, height, width }, at) {
    const title = `Skip ${at + 1}, ${channels} channels of ${height} by ${width}`;
    const { field, show } = radioChoice(this.id, title, this.model.get("states"), (state) => this.turn(at, state));
    field.dataset.level = at + 1;
    const name = make("span", { class: "gb-skips-level", "aria-hidden": "true" }, make("strong", {}, `Skip ${at + 1}`), make("small", {}, `${channels} × ${height}×${width}`));
    return { row: make("div", { class: "gb-skips-switch" }, name, field), show };
  }

  buildPictures() {
    const key = (name, words) => make("span", {}, make("i", { class: `gb-skips-key-${name}` }), words);
    const colours = make("span", { class: "gb-skips-scale" }, "0", make("canvas", { "aria-hidden": "true" }), "1");
    drawPalette(colours.children[0], this.palette);
    const parts = { answer: ["Answer, over FLAIR", [key("mask", "called tumour"), key("reference", "the expert's border")]],
      probability: ["Probability", [colours, key("reference", "the expert's border")]],
      changed: ["Change", KINDS.map(({ key: name, means }) => key(name, means))] };
    this.pictures = {};
    const figures = Object.entries(parts).map(([name, [title, keys]]) => {
      const [base, over] = [make("canvas"), make("canvas", { role: "img" })];
      const screen = make("div", { class: "gb-skips-screen" }, base, over);
      this.pictures[name] = { base, over, screen };
      const button = make("button", { type: "button", title: `Show large: ${title}` }, title);
      button.addEventListener("click", () => this.enlarge(name));
      return make("figure", { "data-picture": name }, make("figcaption", {}, button), screen, make("div", { class: "gb-skips-keys" }, ...keys));
    });
    this.figures = make("div", { class: "gb-skips-pictures" }, ...figures);
    this.enlarge("answer");
    return this.figures;
  }

  enlarge(name) {
    for (const figure of this.figures.children) {
      figure.classList.toggle("gb-skips-large", figure.dataset.picture === name);
      figure.querySelector("button").setAttribute("aria-pressed", figure.dataset.picture === name);
    }
    if (this.slice) this.draw();
  }

  // ---- what the reader does -------------------------------------------------------------------------------

  connect(signal) {
    const listen = (node, kind, react) => node.addEventListener(kind, react, { signal });
    // Below the last cell the notebook itself listens for arrow keys; Ctrl+S and its like are meant for it.
    listen(this.root, "keydown", (event) => event.ctrlKey || event.metaKey || event.stopPropagation());
    listen(this.patient, "change", () => this.set({ patient: this.patient.value }));
    listen(this.slider, "input", () => this.set({ slice: this.model.get("strip")[this.slider.value][0] }));
    listen(this.closeUp, "change", () => this.set({ close_up: this.closeUp.checked }));
    listen(this.allOn, "click", () => this.zero([]));
    listen(this.allZeroed, "click", () => this.zero(this.levels.map((_, at) => at + 1)));
    this.switches.forEach(({ row }, at) => {
      for (const kind of ["focusin", "pointerenter"]) listen(row, kind, () => this.u.point(at));
      for (const kind of ["focusout", "pointerleave"]) listen(row, kind, () => this.u.point(-1));
    });
    follow(this.model, signal, ["answer"], () => this.receive()); // maps and pixels come in the same message
    follow(this.model, signal, ["patient", "slice", "strip", "skips"], () => this.showSettings());
    follow(this.model, signal, ["silence"], () => this.expectAnswer());
    follow(this.model, signal, ["close_up"], () => this.slice && this.draw());
    watchSize(signal, () => this.slice && this.pictures.answer.screen.clientWidth !== this.wide && this.draw(), this.root);
    signal.addEventListener("abort", () => { for (const timer of [this.slow, this.silence, this.speech]) clearTimeout(timer); });
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
    this.showSettings();
  }

  turn(at, state) {
    this.set({ skips: this.model.get("skips").map((old, other) => (other === at ? state : old)) });
  }

  flip(at) {
    this.turn(at, this.model.get("skips")[at] === "on" ? "zeroed" : "on");
  }

  /** Exactly these levels zeroed, the others on. */
  zero(levels) {
    this.set({ skips: this.levels.map((_, at) => (levels.includes(at + 1) ? "zeroed" : "on")) });
  }

  // ---- answers --------------------------------------------------------------------------------------------

  /** Is the last answer one to the settings as they are? */
  isCurrent() {
    const answer = this.model.get("answer");
    return ["patient", "slice", "skips"].every((name) => String(answer[name]) === String(this.model.get(name)));
  }

  async receive() {
    if (!this.isCurrent()) return; // the newest is on its way
    const ticket = ++this.ticket;
    const [shown, answer, pixels] = ["shown", "answer", "pixels"].map((name) => this.model.get(name));
    const turned = pixels !== this.slice?.packed;
    const [slice, maps] = await Promise.all([turned && inflate(pixels), inflate(this.model.get("maps"))]);
    if (ticket !== this.ticket) return;
    const [size, { width, height }] = [shown.height * shown.width, shown];
    const part = (bytes, at) => bytes.subarray(at * size, (at + 1) * size);
    if (turned) this.slice = { packed: pixels, grey: part(slice, 0), reference: part(slice, 1), border: outlinePath(part(slice, 1), width, height) };
    Object.assign(this, { shown, answer, probability: part(maps, 0), mask: part(maps, 1), kinds: part(maps, 2).map((whole, at) => 2 * whole + maps[size + at]) });
    this.outline = outlinePath(this.mask, width, height);
    this.showSettings();
    this.showAnswer();
    this.draw();
  }

  // ---- showing --------------------------------------------------------------------------------------------

  showSettings() {
    const [states, strip] = [this.model.get("skips"), this.model.get("strip")];
    this.switches.forEach(({ show }, at) => show(states[at]));
    this.u.show(states);
    this.worth.show(states);
    this.patient.value = this.model.get("patient");
    this.slider.max = strip.length - 1;
    this.slider.value = strip.findIndex(([number]) => number === this.model.get("slice"));
    this.slider.setAttribute("aria-valuetext", `slice ${this.model.get("slice")}`);
    this.closeUp.checked = this.model.get("close_up");
    this.expectAnswer();
  }

  /** What is on show is what was asked for; or soon will be; or nothing answers. */
  expectAnswer() {
    for (const timer of [this.slow, this.silence]) clearTimeout(timer);
    const show = (thinking, silent) => Object.assign(this.thinking, { textContent: thinking }) && (this.status.textContent = silent);
    if (this.isCurrent()) return show("", "");
    this.slow = setTimeout(() => show("thinking …", ""), THINKING);
    this.silence = setTimeout(() => show("", this.model.get("silence")), PATIENCE);
  }

  showAnswer() {
    const { counts, whole, lost, gained, skips } = this.answer;
    const off = skips.some((state) => state !== "on");
    this.place.textContent = this.shown.text.replace(/^patient \S+, /, "");
    this.score.textContent = rounded(dice(counts));
    this.before.textContent = off ? `instead of ${rounded(dice(whole))} with all skips on` : "with all skips on";
    this.change.textContent = off ? `${pixels(lost)} lost, ${gained} gained` : "";
    this.story.textContent = this.tell();
    this.explained.textContent = `What the decoder gets: zeroed, only zeros; mean, each channel's mean everywhere${this.model.get("states").includes("swapped") ? `; swapped, the maps of ${this.shown.other}` : ""}.`;
    clearTimeout(this.speech);
    this.speech = setTimeout(() => this.speak(), QUIET);
  }

  draw() {
    const { width, height } = this.shown;
    const chosen = this.slice.reference.includes(1) ? this.slice.reference : this.kinds;
    this.view = this.model.get("close_up") && chosen.some(Boolean) ? surroundings(chosen, width, height) : wholeSlice(width, height);
    this.wide = this.pictures.answer.screen.clientWidth;
    if (!this.wide) return; // not on the page yet
    const { answer, probability, changed } = this.pictures;
    drawGrey(answer.base, this.slice.grey, width, this.view);
    drawLevels(probability.base, this.probability, this.palette, width, this.view);
    drawGrey(changed.base, this.slice.grey, width, this.view);
    this.drawOver(answer, this.mask, TINT, [[this.outline, NETWORK], [this.slice.border, REFERENCE]]);
    this.drawOver(probability, null, [], [[this.slice.border, REFERENCE]]);
    this.drawOver(changed, this.kinds, KINDS, [[this.slice.border, REFERENCE]]);
    this.describe();
    this.root.dataset.shown = [this.answer.patient, this.answer.slice, ...this.answer.skips].join(" ");
  }

  drawOver({ base, over, screen }, kinds, looks, borders) {
    const { rows, columns } = this.view;
    screen.style.aspectRatio = `${columns} / ${rows}`;
    // Enlarged twice and more, pixels are squares; less than that, some would be wider than others.
    base.classList.toggle("gb-skips-squares", screen.clientWidth >= 2 * columns);
    const context = freshContext(over, screen.clientWidth, screen.clientHeight);
    if (kinds) drawKinds(context, kinds, this.shown.width, this.view, looks, screen.clientWidth);
    for (const [border, colour] of borders) drawBorder(context, border, this.view, colour, screen.clientWidth);
  }

  // ---- in words -------------------------------------------------------------------------------------------

  /** "skip 1 zeroed, skip 3 mean" */
  offWords() {
    const off = this.answer.skips.flatMap((state, at) => (state === "on" ? [] : [`skip ${at + 1} ${state}`]));
    return off.length ? off.join(", ") : "all skips on";
  }

  /** What the switches do to this slice, counted. */
  tell() {
    const { whole, lost, gained, skips } = this.answer;
    const { reference } = this.slice;
    const [, , missed] = whole;
    const area = reference.reduce((sum, inside) => sum + inside, 0);
    const found = area ? ` finds ${area - missed} of the ${pixels(area)} of tumour on this slice` : " sees a slice without tumour";
    if (skips.every((state) => state === "on")) return `With all skips on the network${found}. Switch a skip off and watch.`;
    const right = (kind) => this.kinds.reduce((sum, is, at) => sum + (is === kind && reference[at]), 0);
    return `With all skips on the network${found}. With ${this.offWords()} it drops ${pixels(lost)} (${right(2)} of them tumour) and adds ${gained} (${right(1)} of them tumour).`;
  }

  describe() {
    const { counts: [tp, fp, fn], lost, gained } = this.answer;
    const label = { answer: `Answer with ${this.offWords()}: ${pixels(tp)} found, ${fp} false alarms, ${fn} missed`,
      probability: `Probability of tumour with ${this.offWords()}`, changed: `Against all skips on: ${pixels(lost)} lost, ${gained} gained` };
    for (const [name, text] of Object.entries(label)) this.pictures[name].over.setAttribute("aria-label", text);
  }

  speak() {
    const { counts, whole, lost, gained, skips } = this.answer;
    const words = this.offWords();
    const change = skips.some((state) => state !== "on") ? ` instead of ${dice(whole).toFixed(2)}. ${pixels(lost)} lost, ${gained} gained.` : ".";
    this.spoken.textContent = `${words[0].toUpperCase()}${words.slice(1)}. Dice ${dice(counts).toFixed(2)}${change}`;
  }
}

export default { render: rendering(SwitchView) };
