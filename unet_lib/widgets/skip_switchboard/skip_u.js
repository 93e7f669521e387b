// The U with a switch on each skip connection. What the reader does to it with a pointer, radio buttons beside it do for
// the keyboard.

import { draw } from "../shared/base.js";
import { drawArrow, drawBox } from "../shared/u_drawing.js";

const PILL = { width: 58, height: 27 }; // units of the drawing
const SAYS = { on: "on", zeroed: "0", mean: "mean", swapped: "other" };
const END = { input: "slice", output: "answer" }; // what stands above the first and the last box

/** Left, top, width and height of all boxes, with room for words above the outermost. */
function extent(boxes) {
  const [left, top] = ["x", "y"].map((side) => Math.min(...boxes.map((box) => box[side])));
  const [right, bottom] = [["x", "width"], ["y", "height"]].map(([side, size]) => Math.max(...boxes.map((box) => box[side] + box[size])));
  return [left - 24, top - 24, right - left + 56, bottom - top + 28];
}

export class SkipU {
  /** `flip(level)` is called where a skip is clicked, with the uppermost as level 0. */
  constructor({ boxes, arrows }, depth, flip) {
    const copied = boxes.filter(({ kind }) => kind === "Concat");
    const level = ({ stage, name }) => Number((stage ?? name).split(".")[1]);
    this.skips = Array.from({ length: depth }, (_, at) => {
      const mine = (part) => level(part) === at + 1;
      return this.buildSkip(arrows.find((arrow) => arrow.kind === "skip" && mine(arrow)), copied.find(mine), at, flip);
    });
    this.svg = draw("svg", { class: "gb-skips-u", viewBox: extent(boxes).join(" "), "aria-hidden": "true" },
      ...arrows.filter(({ kind }) => kind !== "skip").map(drawArrow), ...boxes.filter(({ kind }) => kind !== "Concat").map(drawBox),
      ...boxes.filter(({ name }) => END[name]).map((box) => draw("text", { class: "gb-says gb-skips-end", x: box.x + box.width / 2, y: box.y - 9 }, END[box.name])),
      ...this.skips.map(({ group }) => group));
  }

  buildSkip({ start: [x0, y], end: [x1] }, box, at, flip) {
    const middle = (x0 + x1) / 2;
    const [left, right] = [middle - PILL.width / 2, middle + PILL.width / 2];
    const state = draw("text", { class: "gb-says gb-skips-state", x: middle, y: y + 5 });
    const group = draw("g", { class: "gb-skips-skip" },
      draw("title", {}, `Skip ${at + 1}: click to switch it`),
      draw("rect", { class: "gb-skips-target", x: x0, y: y - PILL.height, width: x1 - x0, height: 2 * PILL.height }),
      drawBox(box), draw("line", { class: "gb-skips-from", x1: x0, x2: left, y1: y, y2: y }),
      draw("g", { class: "gb-skips-to" }, drawArrow({ kind: "skip", start: [right, y], end: [x1, y] })),
      draw("rect", { class: "gb-skips-pill", x: left, y: y - PILL.height / 2, width: PILL.width, height: PILL.height, rx: PILL.height / 2 }),
      state, draw("text", { class: "gb-says gb-skips-name", x: middle, y: y - PILL.height / 2 - 6 }, `skip ${at + 1}`));
    group.addEventListener("click", () => flip(at));
    return { group, state };
  }

  show(states) {
    states.forEach((state, at) => {
      this.skips[at].group.dataset.state = state;
      this.skips[at].state.textContent = SAYS[state];
    });
  }

  /** Point out one skip, as when its radio buttons have the focus; none for −1. */
  point(at) {
    this.skips.forEach(({ group }, other) => group.classList.toggle("gb-skips-pointed", other === at));
  }
}
