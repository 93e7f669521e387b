// The slice that the network is shown, large, and the brush that paints on it. soft_brush.js does the arithmetic.

import { make, radioChoice, steadyButton } from "../shared/base.js";
import { WHITE } from "../shared/colours.js";
import { drawGrey, wholeSlice } from "../shared/slice_pictures.js";
import { Screen, trace } from "./feature_pictures.js";
import { PaintedSlice } from "../shared/soft_brush.js";

export const LONG_STEP = 8; // pixels, with Shift
const FLAIR = 1; // the channel in which a tumour is seen best

export class InputPicture {
  /** `on` has painted() after every move, rested() after a stroke, turned() to another channel, point({ text, again }),
   * leave(), said() when a key has moved the brush, drawLines() for all pictures and sketch(context, thin) below it. */
  constructor({ size, channels, group, on }) {
    Object.assign(this, { size, channels, on, stroke: null, brushSeen: false, erasing: false });
    this.brush = new PaintedSlice(size);
    this.cursor = [Math.floor(size / 2), Math.floor(size / 2)];
    const help = `The slice, to paint on: arrow keys move the brush, with Shift by ${LONG_STEP}, Space paints, Z undoes`;
    this.screen = new Screen({ class: "gb-feat-screen gb-feat-paint", tabindex: 0, role: "application", "aria-label": help });
    this.sequence = make("select", { "aria-label": "Channel on show" }, ...channels.map((name, at) => make("option", { value: at }, name)));
    this.sequence.value = FLAIR;
    const head = make("div", { class: "gb-row gb-feat-head" }, make("strong", {}, "Paint here"), this.sequence);
    this.node = make("section", { class: "gb-feat-input", "aria-label": "Input" }, head, this.screen.node, this.buildTools(group));
  }

  buildTools(group) {
    const slider = (label, min, max, step, value) => make("input", { type: "range", min, max, step, value, "aria-label": label, title: label });
    const tool = radioChoice(group, "Brush", ["brighten", "erase"], (chosen) => (this.erasing = chosen === "erase"));
    tool.show("brighten");
    this.everywhere = make("input", { type: "checkbox", role: "switch" });
    this.radius = slider("Radius of the brush", 3, Math.round(this.size / 4), 1, Math.round(this.size / 12));
    this.strength = slider("Grey levels that the brush adds", 20, 200, 10, 120);
    this.undo = steadyButton("Undo", "Take the last stroke back (Z)", () => this.change(() => this.brush.undo()));
    this.reset = steadyButton("Reset", "The slice as it was", () => this.change(() => this.brush.reset()));
    return make("div", { class: "gb-feat-tools" }, make("div", { class: "gb-row" }, tool.field, this.undo, this.reset),
      make("div", { class: "gb-feat-pair" }, make("label", {}, "size", this.radius), make("label", {}, "strength", this.strength)),
      make("label", { title: "Off: only the channel on show. On: all three sequences." }, this.everywhere, "paint all channels"));
  }

  connect(listen) {
    const { node } = this.screen;
    const locate = (event) => this.screen.locate(event, { height: this.size, width: this.size });
    listen(this.sequence, "change", () => { this.draw(); this.on.turned(); });
    listen(this.radius, "input", () => this.drawLines());
    listen(node, "pointerdown", (event) => {
      if (event.button !== 0 || this.stroke) return; // a second finger
      node.setPointerCapture(event.pointerId);
      this.cursor = locate(event);
      this.begin();
    });
    listen(node, "pointermove", (event) => {
      Object.assign(this, { cursor: locate(event), brushSeen: true });
      if (this.stroke) this.strokeTo(this.cursor);
      this.point();
    });
    for (const kind of ["pointerup", "pointercancel"]) listen(node, kind, () => this.end());
    listen(node, "pointerleave", () => { this.brushSeen = false; this.on.leave(); });
    for (const kind of ["focus", "blur"]) listen(node, kind, () => this.on.drawLines());
  }

  onKey(event, move, step) {
    if (move) {
      this.cursor = this.cursor.map((index, axis) => Math.min(Math.max(index + step * move[axis], 0), this.size - 1));
      this.point();
      this.on.said();
    } else if (event.key === " ") {
      this.begin();
      this.end();
    } else if (event.key.toLowerCase() === "z") this.undo.click();
    else return;
    event.preventDefault();
  }

  // ---- painting -------------------------------------------------------------------------------------------

  get tip() {
    return { radius: Number(this.radius.value), strength: Number(this.strength.value), erase: this.erasing,
      channels: this.everywhere.checked ? [0, 1, 2] : [Number(this.sequence.value)] };
  }

  begin() {
    this.brush.begin();
    this.stroke = this.cursor;
    this.brush.dab(this.cursor, this.tip);
    this.painted();
  }

  strokeTo(pixel) {
    this.brush.line(this.stroke, pixel, this.tip);
    this.stroke = pixel;
    this.painted();
  }

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.brush.commit();
    this.showTools();
    this.on.rested();
  }

  change(change) {
    change();
    this.painted();
    this.on.rested();
  }

  painted() {
    this.draw();
    this.on.painted();
  }

  // ---- showing --------------------------------------------------------------------------------------------

  /** The grey levels of the channel on show. */
  get plane() {
    return this.brush.part(this.brush.planes, Number(this.sequence.value));
  }

  draw() {
    this.drawOn(this.screen.pictures[0]);
    this.showTools();
  }

  drawOn(canvas) {
    drawGrey(canvas, this.plane, this.size, wholeSlice(this.size, this.size));
  }

  showTools() {
    this.undo.setAttribute("aria-disabled", !this.brush.past.length);
    this.reset.setAttribute("aria-disabled", !this.brush.touched);
  }

  drawLines() {
    this.screen.sketch(this.size, (context, thin) => {
      this.on.sketch(context, thin);
      if (!this.brushSeen && !this.screen.node.matches(":focus")) return;
      context.beginPath();
      context.arc(this.cursor[1] + 0.5, this.cursor[0] + 0.5, this.tip.radius, 0, 2 * Math.PI);
      trace(context, WHITE, 1.4 * thin, () => context.stroke());
    });
  }

  point([row, column] = this.cursor) {
    const levels = this.channels.map((name, channel) => `${name} ${this.brush.part(this.brush.planes, channel)[row * this.size + column]}`);
    this.on.point({ text: `Input, row ${row}, column ${column}: ${levels.join(", ")}`, again: () => this.point([row, column]) });
  }
}
