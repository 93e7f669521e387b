// The U as live pictures: one button a stage, arrows between them. Arrow keys go from one to the next.

import { draw, make, nearestPixel, pixelUnder } from "../shared/base.js";
import { drawArrow } from "../shared/u_drawing.js";
import { smoothWhereShrunk } from "./feature_pictures.js";

const [NARROW, TINY] = [0.85, 0.5]; // of the drawing's own size: below, stages between two resolutions lose their names, or all do

export class FeatureU {
  /** `on` has choose(name), point(name, row, column) and leave(). */
  constructor(stages, drawing, name, on) {
    Object.assign(this, { stages, drawing, on, boxes: {} });
    this.svg = draw("svg", { viewBox: `0 0 ${drawing.width} ${drawing.height}`, "aria-hidden": "true" },
      ...drawing.arrows.map(drawArrow), ...this.buildEnds());
    for (const box of drawing.boxes) this.boxes[box.name] = this.buildBox(box);
    this.title = make("p", { class: "gb-feat-u-title" });
    this.node = make("div", { class: "gb-feat-u", role: "group", "aria-label": name }, this.title, this.svg,
      ...Object.values(this.boxes).map(({ button }) => button));
    this.node.style.aspectRatio = `${drawing.width} / ${drawing.height}`;
  }

  /** From the slice above down to the first stage, and from the last up to the probability. */
  buildEnds() {
    const [first] = this.drawing.boxes;
    const last = this.drawing.boxes.find(({ name }) => name === "decoder.1");
    const middle = ({ x, width }) => x + width / 2;
    return [drawArrow({ kind: "conv", start: [middle(first), 2], end: [middle(first), first.y - 2] }),
      drawArrow({ kind: "conv", start: [middle(last), last.y - 2], end: [middle(last), 2] })];
  }

  buildBox({ name, x, y, width, height }) {
    const stage = this.stages.find((one) => one.name === name);
    const canvas = make("canvas");
    // Beside the arrow that comes in from above, or goes out.
    const beside = /^(pool\..|decoder\.1)$/.test(name) ? "gb-feat-left"
      : name === this.drawing.boxes[0].name || /^(bottleneck|decoder\..)$/.test(name) ? "gb-feat-right" : "";
    const step = /^(pool|up|concat)\./.test(name) ? "gb-feat-between" : "";
    const word = make("span", { class: `gb-feat-name ${beside}` }, name);
    const button = make("button", { type: "button", class: `gb-feat-box ${step}`, "data-stage": name, tabindex: -1, title: name,
      "aria-label": stageWords(stage) }, word, canvas);
    const percent = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(button.style, { left: percent(x, this.drawing.width), top: percent(y, this.drawing.height),
      width: percent(width, this.drawing.width), height: percent(height, this.drawing.height) });
    button.addEventListener("click", () => this.on.choose(name));
    button.addEventListener("pointermove", (event) => this.on.point(name, ...nearestPixel(pixelUnder(event, canvas, stage), stage)));
    button.addEventListener("pointerleave", () => this.on.leave());
    return { button, canvas, pixels: stage.width };
  }

  /** Pictures of one look; `before` shows through where the painter wipes. */
  draw(painter, look, before, span) {
    for (const [name, { canvas }] of Object.entries(this.boxes)) {
      painter.paint(canvas, look.stagePictures[name], before?.stagePictures[name], span(name));
    }
  }

  select(name) {
    for (const [other, { button }] of Object.entries(this.boxes)) button.setAttribute("aria-pressed", other === name);
  }

  resize() {
    for (const { canvas, pixels } of Object.values(this.boxes)) smoothWhereShrunk(canvas, pixels, canvas.clientWidth);
    for (const [name, fraction] of [["gb-feat-narrow", NARROW], ["gb-feat-tiny", TINY]]) {
      this.node.classList.toggle(name, this.node.clientWidth < fraction * this.drawing.width);
    }
  }
}

/** "encoder.2: 16 channels of 64×64, each value sees up to 14×14 pixels of the slice" */
export const stageWords = ({ name, channels, height, width, field }) =>
  `${name}: ${channels} channel${channels > 1 ? "s" : ""} of ${height}×${width}, each value sees up to ${field}×${field} pixels of the slice`;
