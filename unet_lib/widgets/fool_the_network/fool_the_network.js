// Paint on a slice; whoever answers (Python, in JupyterLab) says what the network marks in it. soft_brush.js does the
// arithmetic of the brush. The network gets the newest picture as soon as it has answered the one before.

import { MOVES, bytesOf, follow, inflate, keepKeys, make, nearestPixel, pixelUnder, rendering, steadyButton,
  watchSize } from "../shared/base.js";
import { NETWORK, REFERENCE, WHITE, inkOf } from "../shared/colours.js";
import { unpackBits } from "../shared/mask_scores.js";
import { drawLevels, freshContext, outlinePath, strokeTwice, wholeSlice } from "../shared/slice_pictures.js";
import { PaintedSlice } from "../shared/soft_brush.js";

const LONG_STEP = 8; // pixels, with Shift
const PATIENCE = 3000; // ms without an answer, then it is said that nothing answers
const QUIET = 600; // ms without a change before something is spoken
const count = (pixels) => pixels.toLocaleString("en-GB");

class FoolView {
  constructor(model, el, signal) {
    Object.assign(this, { model, side: model.get("side"), stroke: null, brushSeen: false, again: false });
    this.asked = model.get("asked");
    this.slice = new PaintedSlice(this.side, 1);
    this.cursor = [Math.floor(this.side / 2), Math.floor(this.side / 2)];
    this.reference = this.pathOf(model.get("reference_bits"));
    const white = model.get("white");
    this.inks = Uint32Array.from({ length: 256 }, (_, level) => inkOf(Array(3).fill(Math.min(255, Math.round((255 * level) / white)))));
    this.build(el);
    this.connect(signal);
    this.showAnswer();
    this.open();
  }

  pathOf(bits) {
    return outlinePath(unpackBits(bits, this.side ** 2), this.side, this.side);
  }

  // ---- the parts ------------------------------------------------------------------------------------------

  build(el) {
    this.picture = make("canvas");
    this.lines = make("canvas");
    this.screen = make("div", { class: "gb-fool-screen", tabindex: 0, role: "application",
      "aria-label": `FLAIR, to paint on: arrow keys move the brush, with Shift by ${LONG_STEP}, Space paints, Z undoes` }, this.picture, this.lines);
    this.now = make("b");
    this.before = make("span", {}, count(this.model.get("before")));
    this.says = make("p", { class: "gb-fool-says" });
    this.status = make("p", { class: "gb-fool-status", role: "status" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    const counts = make("p", { class: "gb-fool-counts" }, this.now, " pixels marked", make("br"), "before painting: ", this.before);
    const legend = make("p", { class: "gb-fool-legend" }, ...[["network", "what the network marks as tumour"], ["reference", "the reference mask"]]
      .map(([kind, words]) => make("span", {}, make("i", { class: `gb-fool-${kind}` }), words)));
    const side = make("div", { class: "gb-fool-side" }, legend, counts, this.says, this.buildTools(), this.buildKeys(), this.status);
    this.root = make("div", { class: "gb gb-fool", role: "group", "aria-label": "Fool the network" },
      make("div", { class: "gb-fool-whole" }, this.screen, side), this.spoken);
    keepKeys(this.root);
    el.append(this.root);
  }

  buildTools() {
    const { radius, strength } = this.model.get("brush");
    const slider = (label, min, max, step, value) => make("input", { type: "range", min, max, step, value, "aria-label": label });
    this.radius = slider("Radius of the brush, in pixels", 6, 40, 1, radius);
    this.strength = slider("Grey levels that the brush adds; below 0 it darkens", -80, 120, 10, strength);
    this.sizes = [make("output", { class: "gb-number" }), make("output", { class: "gb-number" })];
    this.undo = steadyButton("Undo", "Take the last stroke back (Z)", () => this.change(() => this.slice.undo()));
    this.reset = steadyButton("Reset", "The slice as it was", () => this.change(() => this.slice.reset()));
    this.example = steadyButton("Paint one for me", "One touch of the brush on the healthy side", () => this.paintExample());
    const row = (words, input, output) => make("div", { class: "gb-row" }, make("span", { class: "gb-label", "aria-hidden": "true" }, words), input, output);
    return make("div", { class: "gb-fool-tools" }, row("Brightness", this.strength, this.sizes[1]), row("Size", this.radius, this.sizes[0]),
      make("div", { class: "gb-row" }, this.undo, this.reset, this.example));
  }

  buildKeys() {
    return make("p", { class: "gb-fool-keys" }, ...[["Tab", "to the picture"], ["arrows", "move"], ["Space", "paint"], ["Z", "undo"]]
      .map(([key, means]) => make("span", {}, make("kbd", {}, key), ` ${means}`)));
  }

  // ---- what the reader does -------------------------------------------------------------------------------

  connect(signal) {
    const listen = (node, kind, react) => node.addEventListener(kind, react, { signal });
    const locate = (event) => nearestPixel(pixelUnder(event, this.screen, { height: this.side, width: this.side }), { height: this.side, width: this.side });
    listen(this.screen, "pointerdown", (event) => {
      if (event.button !== 0 || this.stroke) return; // a second finger
      this.screen.setPointerCapture(event.pointerId);
      this.cursor = locate(event);
      this.begin();
    });
    listen(this.screen, "pointermove", (event) => {
      Object.assign(this, { cursor: locate(event), brushSeen: true });
      if (this.stroke) this.strokeTo(this.cursor);
      else this.drawLines();
    });
    for (const kind of ["pointerup", "pointercancel"]) listen(this.screen, kind, () => this.end());
    listen(this.screen, "pointerleave", () => { this.brushSeen = false; this.drawLines(); });
    for (const kind of ["focus", "blur"]) listen(this.screen, kind, () => this.drawLines());
    for (const input of [this.radius, this.strength]) listen(input, "input", () => { this.showTools(); this.drawLines(); });
    listen(this.root, "keydown", (event) => this.onKey(event));
    follow(this.model, signal, ["answered"], () => this.receive());
    follow(this.model, signal, ["painted"], () => this.adopt());
    watchSize(signal, () => this.drawLines(), this.screen);
    signal.addEventListener("abort", () => { for (const timer of [this.silence, this.speaking]) clearTimeout(timer); });
  }

  onKey(event) {
    const undo = event.key.toLowerCase() === "z" && !event.shiftKey;
    if ((event.ctrlKey || event.metaKey) && !undo) return; // Ctrl+S and its like are the notebook's
    event.stopPropagation(); // below the last cell the notebook itself listens for arrow keys
    const move = event.target === this.screen && MOVES[event.key];
    if (move) this.moveBy(move, event.shiftKey ? LONG_STEP : 1);
    else if (event.target === this.screen && event.key === " ") { this.begin(); this.end(); }
    else if (undo) this.undo.click();
    else return;
    event.preventDefault();
  }

  moveBy(move, step) {
    this.cursor = nearestPixel(this.cursor.map((index, axis) => index + step * move[axis]), { height: this.side, width: this.side });
    this.drawLines();
    this.say(() => `Row ${this.cursor[0]}, column ${this.cursor[1]}, grey level ${this.slice.planes[this.cursor[0] * this.side + this.cursor[1]]}`);
  }

  // ---- painting -------------------------------------------------------------------------------------------

  get tip() {
    return { radius: Number(this.radius.value), strength: Number(this.strength.value), erase: false, channels: [0] };
  }

  begin() {
    this.slice.begin();
    this.stroke = this.cursor;
    this.slice.dab(this.cursor, this.tip);
    this.painted();
  }

  strokeTo(pixel) {
    this.slice.line(this.stroke, pixel, this.tip);
    this.stroke = pixel;
    this.painted();
  }

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.slice.commit();
    this.showTools();
    this.say(() => this.sentence());
  }

  change(change) {
    change();
    this.painted();
    this.say(() => this.sentence());
  }

  paintExample() {
    this.cursor = this.model.get("example");
    this.begin();
    this.end();
  }

  painted() {
    this.draw();
    if (this.waiting) this.again = true;
    else this.ask();
  }

  // ---- asking, and answers --------------------------------------------------------------------------------

  get waiting() {
    return this.model.get("answered") !== this.asked;
  }

  ask() {
    this.again = false;
    this.asked = this.model.get("asked") + 1;
    this.model.set({ painted: new DataView(this.slice.planes.slice().buffer), asked: this.asked });
    this.model.save_changes();
    clearTimeout(this.silence);
    this.silence = setTimeout(() => { this.status.textContent = this.model.get("silence"); }, PATIENCE);
  }

  receive() {
    this.asked = Math.max(this.asked, this.model.get("answered")); // Python or another view may have asked
    if (!this.waiting) {
      clearTimeout(this.silence);
      this.status.textContent = "";
    }
    this.showAnswer();
    if (this.again && !this.waiting) this.ask();
  }

  async open() {
    const levels = await inflate(bytesOf(this.model.get("levels")));
    this.slice.load(levels);
    this.adopt();
    this.draw();
    this.root.dataset.ready = "";
  }

  /** Python, or another view of this widget, has painted; or we have, which is no news. */
  adopt() {
    const painted = bytesOf(this.model.get("painted"));
    if (!painted.length || this.stroke || painted.every((level, at) => level === this.slice.planes[at])) return;
    this.slice.adopt(painted);
    this.draw();
  }

  // ---- showing --------------------------------------------------------------------------------------------

  draw() {
    drawLevels(this.picture, this.slice.planes, this.inks, this.side, wholeSlice(this.side, this.side));
    this.drawLines();
    this.showTools();
  }

  drawLines() {
    const side = this.screen.clientWidth;
    if (!side) return; // not on the page
    const context = freshContext(this.lines, side, side);
    context.scale(this.lines.width / this.side, this.lines.height / this.side);
    context.lineCap = "square";
    const thin = this.side / side;
    const trace = (colour, width, stroke) => strokeTwice(context, colour, [2 * width * thin, width * thin], stroke);
    trace(REFERENCE, 1.6, () => context.stroke(this.reference));
    trace(NETWORK, 2, () => context.stroke(this.found));
    if (!this.brushSeen && !this.screen.matches(":focus")) return;
    context.beginPath();
    context.arc(this.cursor[1] + 0.5, this.cursor[0] + 0.5, this.tip.radius, 0, 2 * Math.PI);
    trace(WHITE, 1.2, () => context.stroke());
  }

  showTools() {
    const { radius, strength } = this.tip;
    this.sizes[0].textContent = `${2 * radius} pixels`;
    this.sizes[1].textContent = strength > 0 ? `+${strength}` : `${strength}`.replace("-", "−");
    this.undo.setAttribute("aria-disabled", !this.slice.past.length);
    this.reset.setAttribute("aria-disabled", !this.slice.touched);
  }

  showAnswer() {
    this.found = this.pathOf(this.model.get("found_bits"));
    this.now.textContent = count(this.model.get("now"));
    this.says.textContent = this.sentence();
    this.root.dataset.answered = this.model.get("answered");
    this.drawLines();
  }

  sentence() {
    const more = this.model.get("now") - this.model.get("before");
    if (more > 0) return `The network now marks ${count(more)} pixels more than before you painted.`;
    if (more < 0) return `The network now marks ${count(-more)} pixels fewer than before you painted.`;
    return this.slice.touched ? "The network marks as many pixels as before you painted." : "Paint a bright spot on the healthy side of the brain.";
  }

  /** Once nothing has happened for a while, so that nobody is told of every pixel. */
  say(text) {
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => (this.spoken.textContent = text()), QUIET);
  }
}

export default { render: rendering(FoolView) };
