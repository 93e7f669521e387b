// The slice and channel browser. Python sends one slice at a time (see slice_payload in slice_browser.py);
// everything else, contrast and mask and the numbers under the pointer, happens here without asking Python.

import { MOVES, follow, inflate, keepKeys, make, nearestPixel, patientOptions, pixelUnder, radioChoice, rendering,
  watchSize } from "../shared/base.js";
import { TUMOUR, css, inkOf } from "../shared/colours.js";
import { drawLevels, freshContext, outlinePath, strokeTwice, wholeSlice } from "../shared/slice_pictures.js";

const REACH = 4; // the inspector shows the pixel and 4 more each way: 9 × 9 numbers
const SIDE = 2 * REACH + 1;
const LONG_STEP = 10;
const GAP = 12; // px between pictures, as in the style
const PADDING = 2; // px at both sides of the widget, as in the style
const NUMBERS = 240; // px: the least side of the numbers where they stand beside the pictures
const SMALLEST = 176; // px: the least side of a picture there
const DARKEST = 118; // the darkest grey on which black is read at least as well as white (WCAG: 4.6 to 1 for both)
const TINT = 0.32; // of the tumour's colour; base.py says the same
const PATIENCE = 1500; // ms without an answer, after which we say that the kernel is silent

class SliceView {
  constructor(model, el, signal) {
    this.model = model;
    this.signal = signal;
    this.slice = null; // { planes, mask, border, shown }
    this.hover = null; // { row, column } while a pointer is over a picture
    this.focus = 1; // the channel whose numbers the inspector shows: FLAIR first, where oedema is bright
    this.ticket = 0;
    this.build(el);
    this.connect();
    this.fillPatients();
    this.fillStrip();
    this.showSettings();
    this.receive();
  }

  // ---- the parts ------------------------------------------------------------------------------------

  build(el) {
    this.root = make("div", { class: "gb gb-browser", role: "group", "aria-label": "Slice browser" });
    this.status = make("p", { class: "gb-status", "aria-live": "polite" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    this.stage = make("div", { class: "gb-stage" });
    this.panels = this.model.get("channels").map((name, channel) => this.buildPanel(name, channel));
    this.stage.append(...this.panels.map((panel) => panel.figure), this.buildInspector());
    this.root.append(
      this.buildPatientRow(), this.buildSliceRow(), this.status, this.buildToolbar(), this.stage,
      this.buildReadout(), this.spoken,
    );
    keepKeys(this.root);
    el.append(this.root);
  }

  buildPatientRow() {
    this.patient = make("select", { "aria-label": "Patient" });
    this.previous = make("button", { type: "button", "aria-label": "Previous patient", title: "Page Up" }, "‹");
    this.next = make("button", { type: "button", "aria-label": "Next patient", title: "Page Down" }, "›");
    this.facts = make("span", { class: "gb-row gb-facts" });
    const chooser = make("span", { class: "gb-join" }, this.previous, this.patient, this.next);
    return make("div", { class: "gb-row" }, make("span", { class: "gb-label gb-lead" }, "Patient"), chooser, this.facts);
  }

  buildSliceRow() {
    this.slider = make("input", { type: "range", min: 0, step: 1, class: "gb-slider", "aria-label": "Slice" });
    this.bars = make("div", { class: "gb-bars", "aria-hidden": "true" });
    this.position = make("output", { class: "gb-number gb-position" });
    const track = make("div", { class: "gb-track" }, this.slider, this.bars);
    return make("div", { class: "gb-row gb-slices" }, make("span", { class: "gb-label gb-lead" }, "Slice"), track, this.position);
  }

  buildToolbar() {
    this.outline = make("input", { type: "checkbox" });
    this.tint = make("input", { type: "checkbox" });
    this.low = make("input", { type: "range", min: 0, max: 254, "aria-label": "Grey level drawn black" });
    this.high = make("input", { type: "range", min: 1, max: 255, "aria-label": "Grey level drawn white" });
    this.levels = make("output", { class: "gb-number" });
    this.reset = make("button", { type: "button" }, "Reset");
    const mask = make("span", { class: "gb-row" }, make("span", { class: "gb-label" }, "Mask"),
      make("label", {}, this.outline, "outline"), make("label", {}, this.tint, "tint"));
    const contrast = make("span", { class: "gb-row gb-contrast" }, make("span", { class: "gb-label" }, "Contrast"),
      make("label", {}, "black", this.low), make("label", {}, "white", this.high), this.levels, this.reset);
    this.choice = radioChoice(`gb-view-${Math.random().toString(36).slice(2)}`, "Channels shown",
      [["all", "All three"], ...this.model.get("channels")], (view) => this.set({ view }));
    return make("div", { class: "gb-row gb-toolbar" }, this.choice.field, mask, contrast);
  }


  buildPanel(name, channel) {
    const base = make("canvas", { class: "gb-pixels" });
    const over = make("canvas", { class: "gb-over" });
    const box = make("div", { class: "gb-box" });
    const help = `${name}: arrow keys move the chosen pixel, with Shift by ${LONG_STEP}`;
    const screen = make("div", { class: "gb-screen", tabindex: 0, role: "application", "aria-label": help }, base, over, box);
    const note = make("span", { class: "gb-note" });
    const caption = make("figcaption", {}, make("span", {}, name), note);
    const figure = make("figure", { class: "gb-panel" }, caption, screen);
    return { name, channel, base, over, box, screen, note, figure };
  }

  buildInspector() {
    this.cells = [];
    this.columnHeads = Array.from({ length: SIDE }, () => make("th", { scope: "col" }));
    this.rowHeads = Array.from({ length: SIDE }, () => make("th", { scope: "row" }));
    this.inspected = make("span");
    const rows = this.rowHeads.map((head) => {
      const cells = Array.from({ length: SIDE }, () => make("td"));
      this.cells.push(...cells);
      return make("tr", {}, head, ...cells);
    });
    this.cells[REACH * SIDE + REACH].className = "gb-centre";
    this.table = make("table", { class: "gb-table" }, make("tr", {}, make("td"), ...this.columnHeads), ...rows);
    const caption = make("figcaption", {}, this.inspected, make("span", { class: "gb-note" }, "row ↓ col →"));
    return make("figure", { class: "gb-panel gb-inspector" }, caption, this.table);
  }

  buildReadout() {
    this.values = {};
    const items = ["row", "column", ...this.model.get("channels"), "mask"].map((name) => {
      this.values[name] = make("span", { class: "gb-number" });
      return make("span", { class: "gb-value" }, make("span", { class: "gb-label" }, name), this.values[name]);
    });
    return make("div", { class: "gb-row gb-readout" }, ...items);
  }

  // ---- what the reader does -------------------------------------------------------------------------

  connect() {
    const { model, signal } = this;
    const listen = (node, kind, react) => node.addEventListener(kind, react.bind(this), { signal });
    listen(this.patient, "change", () => this.turnTo(this.patient.selectedIndex));
    listen(this.previous, "click", () => this.turnTo(this.patient.selectedIndex - 1));
    listen(this.next, "click", () => this.turnTo(this.patient.selectedIndex + 1));
    listen(this.root, "keydown", this.onPageKey);
    listen(this.slider, "input", () => this.slideTo(Number(this.slider.value)));
    listen(this.outline, "change", () => this.set({ outline: this.outline.checked }));
    listen(this.tint, "change", () => this.set({ tint: this.tint.checked }));
    listen(this.low, "input", () => this.setWindow(Number(this.low.value), null));
    listen(this.high, "input", () => this.setWindow(null, Number(this.high.value)));
    listen(this.reset, "click", () => this.set({ window: [0, 255] }));
    listen(this.table, "click", this.onCell);
    for (const panel of this.panels) this.connectPanel(panel, listen);
    follow(model, signal, ["shown"], () => this.receive());
    follow(model, signal, ["strip"], () => this.fillStrip());
    follow(model, signal, ["patients"], () => this.fillPatients());
    follow(model, signal, ["patient", "slice"], () => this.showPlace());
    follow(model, signal, ["view", "outline", "tint", "window"], () => this.showSettings());
    follow(model, signal, ["pixel"], () => this.showPixel());
    follow(model, signal, ["silence"], () => this.expectAnswer());
    watchSize(signal, () => this.layOut(), this.root);
  }

  connectPanel(panel, listen) {
    listen(panel.screen, "pointermove", (event) => this.point(panel, event));
    listen(panel.screen, "pointerdown", (event) => this.choose(this.point(panel, event)));
    listen(panel.screen, "pointerleave", () => this.leave());
    listen(panel.screen, "focus", () => this.look(panel.channel));
    listen(panel.screen, "keydown", this.onArrow);
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
  }

  turnTo(index) {
    const option = this.patient.options[index];
    if (!option) return;
    this.set({ patient: option.value });
    this.expectAnswer();
  }

  slideTo(index) {
    this.set({ slice: this.model.get("strip")[index][0] });
    this.expectAnswer();
  }

  setWindow(low, high) {
    const [black, white] = this.model.get("window");
    if (low !== null) this.set({ window: [low, Math.max(white, low + 1)] });
    else this.set({ window: [Math.min(black, high - 1), high] });
  }

  /** Page keys turn to another patient from anywhere in the widget, except in an open list of patients. */
  onPageKey(event) {
    const step = { PageUp: -1, PageDown: 1 }[event.key];
    if (!step || event.target === this.patient) return;
    event.preventDefault();
    this.turnTo(this.patient.selectedIndex + step);
  }

  onArrow(event) {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const step = event.shiftKey ? LONG_STEP : 1;
    const [row, column] = this.model.get("pixel");
    this.hover = null;
    this.choose(this.clamp(row + step * move[0], column + step * move[1]));
    this.spoken.textContent = this.sentence();
  }

  onCell(event) {
    const index = this.cells.indexOf(event.target);
    if (index < 0) return;
    const { row, column } = this.current();
    this.choose(this.clamp(row + Math.floor(index / SIDE) - REACH, column + (index % SIDE) - REACH));
  }

  /** The pixel under the pointer, shown while the pointer stays. */
  point(panel, event) {
    this.focus = panel.channel;
    this.hover = this.clamp(...pixelUnder(event, panel.screen, this.model.get("shown")));
    this.showPixel();
    return this.hover;
  }

  leave() {
    this.hover = null;
    this.showPixel();
  }

  look(channel) {
    this.focus = channel;
    this.showPixel();
  }

  choose({ row, column }) {
    this.set({ pixel: [row, column] });
    this.showPixel();
  }

  clamp(row, column) {
    [row, column] = nearestPixel([row, column], this.model.get("shown"));
    return { row, column };
  }

  current() {
    const [row, column] = this.model.get("pixel");
    return this.hover ?? { row, column };
  }

  // ---- what comes from Python -----------------------------------------------------------------------

  /** Unpack the slice just sent; if a newer one overtakes it meanwhile, forget it. */
  async receive() {
    const ticket = ++this.ticket;
    const shown = this.model.get("shown");
    const bytes = await inflate(this.model.get("pixels"));
    if (ticket !== this.ticket || this.signal.aborted) return;
    const size = shown.height * shown.width;
    const planes = this.panels.map((_, channel) => bytes.subarray(channel * size, (channel + 1) * size));
    const mask = bytes.subarray(planes.length * size);
    this.slice = { shown, planes, mask, border: outlinePath(mask, shown.width, shown.height) };
    this.showPlace();
    this.showFacts();
    this.showStatus();
    this.draw();
    this.root.dataset.drawn = `${shown.patient} ${shown.number}`;
  }

  expectAnswer() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.showStatus(), PATIENCE);
  }

  isCurrent() {
    const shown = this.slice?.shown;
    return shown && shown.patient === this.model.get("patient") && shown.number === this.model.get("slice");
  }

  // ---- showing --------------------------------------------------------------------------------------

  showStatus() {
    const text = this.slice.shown.text;
    const silent = this.isCurrent() ? "" : ` — ${this.model.get("silence")}`;
    this.status.textContent = `${text[0].toUpperCase()}${text.slice(1)}${silent}`;
  }

  fillPatients() {
    this.patient.replaceChildren(...patientOptions(this.model.get("patients")));
  }

  fillStrip() {
    const strip = this.model.get("strip");
    const most = Math.max(1, ...strip.map(([, tumour]) => tumour));
    this.slider.max = strip.length - 1;
    this.bars.replaceChildren(...strip.map(([number, tumour], index) => {
      const title = `slice ${number}: ${tumour ? `${tumour} tumour pixels` : "no tumour"}`;
      const bar = make("span", { title, class: tumour ? "gb-full" : "" });
      bar.style.setProperty("--at", strip.length > 1 ? index / (strip.length - 1) : 0);
      bar.style.setProperty("--high", tumour / most);
      bar.addEventListener("click", () => this.slideTo(index));
      return bar;
    }));
    this.showPlace();
  }

  showFacts() {
    const strip = this.model.get("strip");
    const patient = this.model.get("patients").find(({ name }) => name === this.model.get("patient"));
    const withTumour = strip.filter(([, tumour]) => tumour > 0).length;
    const facts = [`site ${patient.site}`, `${strip.length} slices, ${withTumour} with tumour`];
    const chips = facts.map((fact) => make("span", { class: "gb-chip" }, fact));
    const warnings = patient.missing.map((name) => make("span", { class: "gb-chip gb-warn" }, `${name} was not taken`));
    this.facts.replaceChildren(...chips, ...warnings);
    for (const panel of this.panels) {
      panel.note.textContent = patient.missing.includes(panel.name) ? "a copy of FLAIR" : "";
    }
  }

  showPlace() {
    const strip = this.model.get("strip");
    const index = strip.findIndex(([number]) => number === this.model.get("slice"));
    if (index < 0) return; // the strip of a new patient comes first, its slice next
    const [number, tumour] = strip[index];
    this.patient.value = this.model.get("patient");
    this.previous.disabled = this.patient.selectedIndex === 0;
    this.next.disabled = this.patient.selectedIndex === this.patient.length - 1;
    this.slider.value = index;
    const all = strip.at(-1)[0] === strip.length; // no number is left out
    const where = all ? `${number} of ${strip.length}` : `${number} (${index + 1} of ${strip.length})`;
    this.slider.setAttribute("aria-valuetext", `slice ${where}, ${tumour || "no"} tumour pixels`);
    this.position.textContent = where;
    [...this.bars.children].forEach((bar, at) => bar.classList.toggle("gb-here", at === index));
  }

  showSettings() {
    const [black, white] = this.model.get("window");
    const view = this.model.get("view");
    this.outline.checked = this.model.get("outline");
    this.tint.checked = this.model.get("tint");
    this.low.value = black;
    this.high.value = white;
    this.levels.textContent = `${String(black).padStart(3)}–${String(white).padEnd(3)}`;
    this.reset.disabled = black === 0 && white === 255;
    this.choice.show(view);
    for (const panel of this.panels) panel.figure.hidden = view !== "all" && view !== panel.name;
    if (view !== "all") this.focus = this.panels.findIndex(({ name }) => name === view);
    this.layOut();
    this.draw();
  }

  /**
   * The numbers stand at the right of the pictures where the window is wide enough for that, else below. Pictures grow by
   * whole steps only, so that every pixel is a square of the same size; they shrink to keep the numbers beside them.
   */
  layOut() {
    const side = this.model.get("shown").width;
    const room = Math.floor((this.root.clientWidth + GAP) / (side + GAP)); // in pictures
    const large = this.model.get("view") !== "all";
    const wide = this.root.clientWidth - 2 * PADDING - 3 * GAP; // for three pictures and the numbers
    const third = Math.floor((wide - Math.max(NUMBERS, wide / 4)) / 3);
    const beside = !large && third >= SMALLEST;
    const scale = large && room >= 2 ? 2 : beside ? Math.min(third / side, 1) : 1;
    const numbers = beside ? Math.min(wide - 3 * third, side) : side * (large && room >= 4 ? 2 : 1);
    this.stage.style.setProperty("--scale", scale);
    this.stage.style.setProperty("--inspector", numbers / side);
    this.stage.classList.toggle("gb-two-by-two", !large && !beside);
    if (scale === this.scale) return;
    this.scale = scale;
    this.drawOver();
  }

  draw() {
    if (!this.slice) return;
    for (const panel of this.panels) this.drawPixels(panel);
    this.drawOver();
    this.showPixel();
  }

  drawPixels(panel) {
    const { shown: { width, height }, planes } = this.slice;
    const inks = Array.from(this.greyLevels(), (grey) => inkOf([grey, grey, grey]));
    drawLevels(panel.base, planes[panel.channel], inks, width, wholeSlice(width, height));
  }

  /** What grey each of the 256 levels is drawn in, given the contrast window. */
  greyLevels() {
    const [black, white] = this.model.get("window");
    return Uint8ClampedArray.from({ length: 256 }, (_, level) => ((level - black) * 255) / (white - black));
  }

  drawOver() {
    if (!this.slice) return;
    for (const panel of this.panels) if (!panel.figure.hidden) this.drawMask(panel);
    this.showPixel();
  }

  drawMask(panel) {
    const { width, height } = this.slice.shown;
    const context = freshContext(panel.over, width * this.scale, height * this.scale);
    context.scale(panel.over.width / width, panel.over.height / height);
    if (this.model.get("tint")) this.drawTint(context);
    if (this.model.get("outline")) this.drawOutline(context);
  }

  drawTint(context) {
    const { shown, mask } = this.slice;
    context.fillStyle = css(TUMOUR, TINT);
    for (let row = 0; row < shown.height; row++) {
      const end = (row + 1) * shown.width;
      for (let at = row * shown.width; at < end; at++) {
        if (!mask[at]) continue;
        const start = at;
        while (at < end && mask[at]) at++;
        context.fillRect(start - row * shown.width, row, at - start, 1);
      }
    }
  }

  drawOutline(context) {
    context.lineCap = "square";
    strokeTwice(context, TUMOUR, [3.5 / this.scale, 1.5 / this.scale], () => context.stroke(this.slice.border), 0.55);
  }

  // ---- one pixel and those around it -----------------------------------------------------------------

  showPixel() {
    if (!this.slice) return;
    const { row, column } = this.current();
    for (const panel of this.panels) {
      panel.box.style.setProperty("--row", row - REACH);
      panel.box.style.setProperty("--column", column - REACH);
      panel.figure.classList.toggle("gb-looked-at", panel.channel === this.focus);
    }
    this.showValues(row, column);
    this.showAround(row, column);
  }

  showValues(row, column) {
    const at = row * this.slice.shown.width + column;
    const write = (name, value) => (this.values[name].textContent = String(value).padStart(3));
    write("row", row);
    write("column", column);
    for (const panel of this.panels) write(panel.name, this.slice.planes[panel.channel][at]);
    this.values.mask.textContent = this.slice.mask[at] ? "1 tumour    " : "0 background";
  }

  showAround(row, column) {
    const grey = this.greyLevels();
    this.inspected.textContent = `${this.panels[this.focus].name} numbers`;
    for (let i = 0; i < SIDE; i++) {
      this.rowHeads[i].textContent = this.inside(row + i - REACH, 0) ? row + i - REACH : "";
      this.columnHeads[i].textContent = this.inside(0, column + i - REACH) ? column + i - REACH : "";
    }
    this.cells.forEach((cell, index) =>
      this.showCell(cell, row + Math.floor(index / SIDE) - REACH, column + (index % SIDE) - REACH, grey));
  }

  showCell(cell, row, column, grey) {
    if (!this.inside(row, column)) {
      cell.textContent = cell.style.background = cell.style.boxShadow = "";
      return;
    }
    const level = this.slice.planes[this.focus][row * this.slice.shown.width + column];
    cell.textContent = level;
    cell.style.background = `rgb(${grey[level]} ${grey[level]} ${grey[level]})`;
    cell.style.color = grey[level] >= DARKEST ? "#000" : "#fff";
    cell.style.boxShadow = this.model.get("outline") ? this.cellBorder(row, column) : "";
  }

  /** The mask's outline, where it runs along this cell. */
  cellBorder(row, column) {
    if (!this.maskAt(row, column)) return "";
    const sides = [[-1, 0, "0 2px"], [1, 0, "0 -2px"], [0, -1, "2px 0"], [0, 1, "-2px 0"]];
    return sides
      .filter(([down, right]) => !this.maskAt(row + down, column + right))
      .map(([, , offset]) => `inset ${offset} 0 ${css(TUMOUR)}`)
      .join(", ");
  }

  inside(row, column) {
    const { height, width } = this.slice.shown;
    return row >= 0 && column >= 0 && row < height && column < width;
  }

  maskAt(row, column) {
    return this.inside(row, column) && this.slice.mask[row * this.slice.shown.width + column] > 0;
  }

  sentence() {
    const { row, column } = this.current();
    const at = row * this.slice.shown.width + column;
    const numbers = this.panels.map(({ name, channel }) => `${name} ${this.slice.planes[channel][at]}`);
    return `Row ${row}, column ${column}: ${numbers.join(", ")}, mask ${this.slice.mask[at]}`;
  }
}

export default { render: rendering(SliceView) };
