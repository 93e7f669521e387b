// The painting widget. It asks Python for nothing; after each stroke it tells Python what is painted.

import { MOVES, follow, inflate, keepKeys, make, nearestPixel, pixelUnder, radioChoice, rendering, steadyButton,
  watchSize } from "../shared/base.js";
import { NETWORK, PURPLE, REFERENCE, WHITE, inkOf } from "../shared/colours.js";
import { SCORES, borderOf, directedDistances, isEmpty, packBits, rounded, score, surfaceOf,
  unpackBits } from "../shared/mask_scores.js";
import { drawGrey, fitSquares, freshContext, outlinePath, strokeTwice, wholeSlice } from "../shared/slice_pictures.js";
import { PaintedMask, disc, fourCounts, inCommon } from "./painted_mask.js";

const LARGEST_BRUSH = 41; // pixels; paint_tumour.py says the same
const LONG_STEP = 10; // pixels, with Shift
const MEASURE = 120; // ms from one Hausdorff distance to the next within a stroke
const QUIET = 600; // ms without a change before something is spoken
// The masks to compare with. `words` say whose they are.
const OTHERS = {
  reference: { words: "expert", title: "You and the expert", colour: REFERENCE, dashed: false },
  model: { words: "model", title: "You and the model", colour: NETWORK, dashed: true },
};

class PaintView {
  constructor(model, el, signal) {
    this.model = model;
    [this.height, this.width] = model.get("size");
    this.area = this.height * this.width;
    this.others = Object.keys(OTHERS).filter((key) => model.get(`${key}_bits`).byteLength).map((key) => this.other(key));
    this.painted = new PaintedMask(this.width, this.height, model.get("painted"), this.others);
    this.stroke = null; // { value, last } while a button is down
    this.corner = null; // [row, column] where a rectangle was begun
    this.cursor = [Math.floor(this.height / 2), Math.floor(this.width / 2)];
    this.hover = null; // [row, column] while a pointer is over the slice
    this.build(el);
    this.connect(signal);
    this.showSettings();
    this.showMask();
    this.measure();
    this.receive();
  }

  /** A mask to be compared with, and whatever of the comparison does not change. */
  other(key) {
    const mask = unpackBits(this.model.get(`${key}_bits`), this.area);
    return { key, mask, path: outlinePath(mask, this.width, this.height, OTHERS[key].dashed), ...OTHERS[key],
      ...surfaceOf(mask, this.width, this.height) };
  }

  // ---- the parts ------------------------------------------------------------------------------------------

  build(el) {
    this.group = `gb-paint-${Math.random().toString(36).slice(2)}`;
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    const left = make("div", { class: "gb-paint-picture" }, this.buildScreen(), this.place, this.help);
    const right = make("div", { class: "gb-paint-side" }, this.buildTools(), this.buildCompare(), this.buildScores());
    this.root = make("div", { class: "gb gb-paint", role: "group", "aria-label": "Paint the tumour" },
      make("div", { class: "gb-paint-whole" }, left, right), this.spoken);
    keepKeys(this.root);
    el.append(this.root);
  }

  buildScreen() {
    this.base = make("canvas", { width: this.width, height: this.height });
    this.over = make("canvas", { width: this.width, height: this.height });
    this.lines = make("canvas", { class: "gb-paint-lines" });
    this.place = make("p", { class: "gb-paint-place gb-number" });
    this.help = make("p", { class: "gb-paint-help", id: `${this.group}-help` },
      ...[["arrows", "move the cursor"], ["Shift", "by 10 pixels"], ["Space", "paint"], ["B", "brush"], ["E", "eraser"],
        ["R", "a corner of a rectangle, again: the other"], ["Z", "undo"], ["Shift+Z", "redo"]]
        .map(([key, means]) => make("span", {}, make("kbd", {}, key), ` ${means}`)));
    this.screen = make("div", { class: "gb-paint-screen", tabindex: 0, role: "application", "aria-label": "Slice to paint on",
      "aria-describedby": this.help.id }, this.base, this.over, this.lines);
    return this.screen;
  }

  buildTools() {
    this.channel = radioChoice(this.group, "Channel", this.model.get("channels"), (channel) => this.set({ channel }));
    this.tool = radioChoice(this.group, "Tool", ["brush", "eraser", "rectangle"], (tool) => this.choose(tool));
    this.brush = make("input", { type: "range", min: 1, max: LARGEST_BRUSH, step: 2, "aria-label": "Brush size" });
    this.brushSize = make("output", { class: "gb-number" });
    this.undoButton = steadyButton("Undo", "Z", () => this.undo());
    this.redoButton = steadyButton("Redo", "Shift+Z", () => this.redo());
    this.clearButton = steadyButton("Clear", "Take everything painted away", () => this.change(() => this.painted.clear()));
    return make("div", { class: "gb-paint-tools" }, this.channel.part, this.tool.part,
      make("div", { class: "gb-row" }, make("span", { class: "gb-label" }, "Size"), this.brush, this.brushSize),
      make("div", { class: "gb-row" }, this.undoButton, this.redoButton, this.clearButton));
  }

  /** The way to the scores: nobody shall paint by them. */
  buildCompare() {
    this.compareButton = steadyButton("", "", () => this.compare());
    this.compareButton.classList.add("gb-paint-compare");
    this.compareHint = make("span", {});
    return make("div", { class: "gb-row" }, this.compareButton, this.compareHint);
  }

  buildScores() {
    this.blocks = this.others.map((other) => {
      const toggle = steadyButton("", "", () => this.set({ [`show_${other.key}`]: !this.model.get(`show_${other.key}`) }));
      return { other, toggle, ...this.buildBlock(other.title, other.key, toggle) };
    });
    this.third = this.others.length > 1 ? this.buildBlock("The model and the expert", "both") : null;
    if (this.third) this.showThird();
    this.scores = make("div", { class: "gb-paint-scores" }, ...this.blocks.map(({ block }) => block));
    if (this.third) this.scores.append(this.third.block);
    return this.scores;
  }

  buildBlock(title, key, ...extra) {
    const cells = {};
    const rows = [["F1", "Dice"], ["IoU", "IoU"], ["far", "Hausdorff 95"]].map(([name, label]) => {
      cells[name] = { value: make("strong"), fraction: make("span") };
      const about = name === "far" ? "95 % of either border lie at most this far from the other border" : SCORES[name].formula;
      return make("tr", { "data-score": name }, make("th", { scope: "row", title: about }, label),
        make("td", {}, cells[name].value), make("td", {}, cells[name].fraction));
    });
    const head = make("div", { class: "gb-row gb-paint-head" }, make("span", { class: "gb-paint-title" }, make("i", { class: `gb-paint-${key}` }), title), ...extra);
    return { cells, block: make("section", { class: "gb-paint-block", "data-with": key, "aria-label": title }, head, make("table", {}, make("tbody", {}, ...rows))) };
  }

  // ---- what the reader does -------------------------------------------------------------------------------

  connect(signal) {
    const listen = (node, kind, react) => node.addEventListener(kind, react.bind(this), { signal });
    listen(this.screen, "pointerdown", this.press);
    listen(this.screen, "pointermove", this.drag);
    for (const kind of ["pointerup", "pointercancel"]) listen(this.screen, kind, this.release);
    listen(this.screen, "pointerleave", () => this.point(null));
    for (const kind of ["focus", "blur"]) listen(this.screen, kind, () => this.drawLines());
    listen(this.brush, "input", () => this.set({ brush: Number(this.brush.value) }));
    listen(this.root, "keydown", this.onKey);
    follow(this.model, signal, ["channel", "tool", "brush", "compared", "show_reference", "show_model"], () => this.showSettings());
    follow(this.model, signal, ["painted"], () => this.adopt());
    watchSize(signal, () => this.layOut(), this.root);
    signal.addEventListener("abort", () => { clearTimeout(this.silence); clearTimeout(this.measuring); });
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
  }

  /** Scores and the expert's outline appear together, or all outlines vanish with the scores. */
  compare() {
    const compared = !this.model.get("compared");
    if (compared && !this.painted.pixels) return;
    this.set(compared ? { compared, show_reference: true } : { compared, show_reference: false, show_model: false });
    if (compared) this.say(() => this.summary());
  }

  choose(tool) {
    this.corner = null;
    this.set({ tool });
  }

  /** The pixel under the pointer; beyond the slice's edge while a stroke leaves it. */
  locate(event) {
    return pixelUnder(event, this.screen, this);
  }

  clamp(pixel) {
    return nearestPixel(pixel, this);
  }

  point(place) {
    this.hover = place && this.clamp(place);
    this.showPlace();
  }

  press(event) {
    if (event.button !== 0 || this.stroke) return; // a second finger
    this.screen.setPointerCapture(event.pointerId);
    const place = this.locate(event);
    this.cursor = this.clamp(place);
    if (this.model.get("tool") === "rectangle") this.corner = this.cursor;
    else this.begin(place);
    this.point(place);
  }

  drag(event) {
    const place = this.locate(event);
    if (this.stroke) {
      // A fast pointer has been over more pixels than there are events; without these, curves turn into polygons.
      for (const between of event.getCoalescedEvents?.() ?? []) this.strokeTo(this.locate(between));
      this.strokeTo(place);
      this.showMask();
      this.measureSoon();
    }
    if (this.stroke || event.buttons === 1) this.cursor = this.clamp(place);
    this.point(place);
  }

  release(event) {
    if (this.stroke) return this.end();
    if (!this.corner || this.model.get("tool") !== "rectangle") return;
    if (event.type === "pointerup") return this.closeRectangle(this.clamp(this.locate(event)));
    this.corner = null; // the system has taken the pointer away
    this.drawLines();
  }

  begin(place) {
    this.painted.begin();
    this.stroke = { value: this.value(), last: place };
    this.strokeTo(place);
    this.showMask();
    this.measureSoon();
  }

  end() {
    this.stroke = null;
    this.commit();
  }

  /** What the tool in hand leaves behind. */
  value() {
    return this.model.get("tool") === "eraser" ? 0 : 1;
  }

  strokeTo(place) {
    this.painted.line(this.stroke.last, place, this.tip, this.stroke.value);
    this.stroke.last = place;
  }

  closeRectangle(place) {
    const corner = this.corner;
    this.corner = null;
    this.change(() => this.painted.rectangle(corner, place, this.value()));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey) return this.onUndoKey(event);
    event.stopPropagation(); // below the last cell the notebook itself listens for arrow keys
    if (event.altKey || this.stroke) return; // one hand at a time
    const onScreen = event.target === this.screen;
    const keys = {
      b: () => this.choose("brush"), e: () => this.choose("eraser"), r: () => this.markCorner(),
      z: () => (event.shiftKey ? this.redo() : this.undo()),
    };
    if (this.corner && event.key === "Escape") keys.escape = () => { this.corner = null; this.drawLines(); };
    if (onScreen && MOVES[event.key]) this.moveBy(MOVES[event.key], event.shiftKey ? LONG_STEP : 1);
    else if (onScreen && event.key === " ") this.paintHere();
    else if (keys[event.key.toLowerCase()]) keys[event.key.toLowerCase()]();
    else return;
    event.preventDefault();
  }

  /** Ctrl+Z is ours, or else JupyterLab would undo something in a cell; Ctrl+S and its like are JupyterLab's. */
  onUndoKey(event) {
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.stopPropagation();
    event.preventDefault();
    if (key === "y" || event.shiftKey) this.redo();
    else this.undo();
  }

  moveBy([down, right], step) {
    this.hover = null;
    this.cursor = this.clamp([this.cursor[0] + down * step, this.cursor[1] + right * step]);
    this.showPlace();
    this.say(() => this.place.textContent);
  }

  paintHere() {
    if (this.model.get("tool") === "rectangle") return this.markCorner();
    this.hover = null;
    this.begin(this.cursor);
    this.end();
  }

  markCorner() {
    this.hover = null;
    if (this.corner) return this.closeRectangle(this.cursor);
    this.corner = this.cursor;
    this.drawLines();
    this.say(() => `First corner at row ${this.cursor[0]}, column ${this.cursor[1]}`);
  }

  // ---- steps ----------------------------------------------------------------------------------------------

  /** Change the mask in one step that can be undone. */
  change(paint) {
    this.painted.begin();
    paint();
    this.commit();
  }

  commit() {
    if (this.painted.commit()) this.changed();
    else this.drawLines();
  }

  undo() {
    if (!this.stroke && this.painted.undo()) this.changed();
  }

  redo() {
    if (!this.stroke && this.painted.redo()) this.changed();
  }

  /** After each step: show it, measure it, tell Python. */
  changed() {
    this.set({ painted: new DataView(packBits(this.painted.mask).buffer) });
    this.showStep();
    this.say(() => this.summary());
  }

  /** Python, or another view of this widget, has painted; or we have, which is no news. */
  adopt() {
    if (!this.painted.adopt(this.model.get("painted"))) return;
    this.stroke = null;
    this.showStep();
  }

  showStep() {
    this.showMask();
    this.measure();
    this.showHistory();
    this.showPlace();
  }

  // ---- showing --------------------------------------------------------------------------------------------

  async receive() {
    const bytes = await inflate(this.model.get("planes"));
    this.planes = this.model.get("channels").map((_, at) => bytes.subarray(at * this.area, (at + 1) * this.area));
    this.drawChannel();
    this.showPlace();
    this.root.dataset.ready = "";
  }

  showSettings() {
    this.channel.show(this.model.get("channel"));
    this.tool.show(this.model.get("tool"));
    this.brush.value = this.model.get("brush");
    this.brushSize.textContent = `${this.model.get("brush")} px`.padStart(5);
    this.brush.setAttribute("aria-valuetext", `${this.model.get("brush")} pixels`);
    this.tip = disc(this.model.get("brush"));
    for (const { other, toggle } of this.blocks) {
      toggle.textContent = `${this.model.get(`show_${other.key}`) ? "Hide" : "Show"} the ${other.words}`;
    }
    this.scores.hidden = !this.model.get("compared");
    this.compareButton.textContent = this.model.get("compared") ? "Hide the scores" : "Compare";
    if (this.third) this.third.block.hidden = !this.model.get("show_model");
    this.showHistory();
    this.drawChannel();
    this.drawLines();
  }

  showHistory() {
    this.undoButton.setAttribute("aria-disabled", !this.painted.past.length);
    this.redoButton.setAttribute("aria-disabled", !this.painted.future.length);
    this.clearButton.setAttribute("aria-disabled", !this.painted.pixels);
    const compared = this.model.get("compared");
    this.compareButton.setAttribute("aria-disabled", !compared && !this.painted.pixels);
    this.compareHint.textContent = compared ? "" : this.painted.pixels ? "with the expert's outline, once you are content" : "First paint the tumour.";
  }

  layOut() {
    this.scale = fitSquares(this.screen, this.root, this);
    this.drawLines();
  }

  drawChannel() {
    if (!this.planes) return;
    const plane = this.planes[this.model.get("channels").indexOf(this.model.get("channel"))];
    drawGrey(this.base, plane, this.width, wholeSlice(this.width, this.height));
    this.showPlace();
  }

  /** The reader's mask as a tint with a strong border, and the scores that follow from it. */
  showMask() {
    const picture = new ImageData(this.width, this.height);
    const dots = new Uint32Array(picture.data.buffer);
    const [tint, line] = [inkOf(PURPLE, 90 / 255), inkOf(PURPLE, 240 / 255)];
    this.painted.mask.forEach((inside, at) => inside && (dots[at] = tint));
    for (const at of borderOf(this.painted.mask, this.width, this.height)) dots[at] = line;
    this.over.getContext("2d").putImageData(picture, 0, 0);
    for (const { other, cells } of this.blocks) this.showOverlap(cells, this.painted.countsWith(other));
    this.root.dataset.pixels = this.painted.pixels;
  }

  showOverlap(cells, counts) {
    for (const name of ["F1", "IoU"]) {
      cells[name].value.textContent = rounded(score(name, counts));
      cells[name].fraction.textContent = `= ${SCORES[name].fraction(counts)[2]}${isEmpty(name, counts) ? " → 1" : ""}`;
    }
  }

  measureSoon() {
    this.measuring ??= setTimeout(() => this.measure(), MEASURE);
  }

  /** The distances, which take longer than the scores: at a stroke's end, and now and then within one. */
  measure() {
    clearTimeout(this.measuring);
    this.measuring = null;
    const surface = surfaceOf(this.painted.mask, this.width, this.height);
    for (const { other, cells } of this.blocks) this.showDistance(cells, directedDistances(surface, other));
  }

  showDistance({ far }, distances) {
    far.value.textContent = distances ? `${Math.max(...distances).toFixed(2)} px` : "—";
    far.fraction.textContent = distances ? `= max(${distances.map((distance) => distance.toFixed(2)).join(", ")})` : "one of the masks is empty";
  }

  /** The model against the expert: what the reader competes with. It never changes. */
  showThird() {
    const [reference, model] = this.others;
    const both = inCommon(model.mask, reference.mask);
    this.showOverlap(this.third.cells, fourCounts(model.pixels, reference.pixels, both, this.area));
    this.showDistance(this.third.cells, directedDistances(model, reference));
  }

  showPlace() {
    const [row, column] = this.hover ?? this.cursor;
    const at = row * this.width + column;
    const level = this.planes?.[this.model.get("channels").indexOf(this.model.get("channel"))][at] ?? "";
    this.place.textContent = `row ${row}, column ${column}: ${this.model.get("channel")} ${level}${this.painted.mask[at] ? ", painted" : ""}`;
    this.drawLines();
  }

  /** Everything that lies over the mask: outlines, a rectangle begun, and where the brush would paint. */
  drawLines() {
    if (!this.scale) return; // not on the page yet
    const context = freshContext(this.lines, this.scale * this.width, this.scale * this.height);
    context.scale(this.lines.width / this.width, this.lines.height / this.height);
    context.lineCap = "square";
    for (const { key, path, colour } of this.others) {
      if (this.model.get(`show_${key}`)) this.trace(context, colour, 2, () => context.stroke(path));
    }
    const [row, column] = this.hover ?? this.cursor;
    if (!this.hover && !this.screen.matches(":focus")) return;
    if (this.corner) this.drawRectangle(context, row, column);
    else if (this.model.get("tool") !== "rectangle") this.drawBrush(context, row, column);
    this.drawCross(context, row, column);
  }

  drawRectangle(context, row, column) {
    const [top, left] = [Math.min(row, this.corner[0]), Math.min(column, this.corner[1])];
    const [high, wide] = [Math.abs(row - this.corner[0]) + 1, Math.abs(column - this.corner[1]) + 1];
    this.trace(context, WHITE, 1.5, () => context.strokeRect(left, top, wide, high));
  }

  drawBrush(context, row, column) {
    context.beginPath();
    context.arc(column + 0.5, row + 0.5, this.model.get("brush") / 2, 0, 2 * Math.PI);
    this.trace(context, WHITE, 1.5, () => context.stroke());
  }

  drawCross(context, row, column) {
    const arm = 5 / this.scale;
    context.beginPath();
    for (const [down, right] of Object.values(MOVES)) {
      context.moveTo(column + 0.5 + right, row + 0.5 + down);
      context.lineTo(column + 0.5 + right + right * arm, row + 0.5 + down + down * arm);
    }
    this.trace(context, WHITE, 1.5, () => context.stroke());
  }

  trace(context, colour, thickness, stroke) {
    strokeTwice(context, colour, [(thickness + 2) / this.scale, thickness / this.scale], stroke);
  }

  // ---- saying ---------------------------------------------------------------------------------------------

  /** Once nothing has happened for a while, so that nobody is told of every pixel. */
  say(text) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => (this.spoken.textContent = text()), QUIET);
  }

  summary() {
    const scores = this.blocks.map(({ other, cells }) => `${other.words}: Dice ${cells.F1.value.textContent}, IoU ` +
      `${cells.IoU.value.textContent}, Hausdorff distance ${cells.far.value.textContent.replace("px", "pixels").replace("—", "not defined")}`);
    if (!this.model.get("compared")) return `${this.painted.pixels} pixels painted.`;
    return `${this.painted.pixels} pixels painted. Against the ${scores.join(". Against the ")}.`;
  }
}

export default { render: rendering(PaintView) };
