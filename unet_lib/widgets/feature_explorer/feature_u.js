// The U as live pictures, five columns wide: encoder down the left, decoder up the right. One button a stage; arrow
// keys go from one to the next.

import { draw, make, nearestPixel, pixelUnder } from "../shared/base.js";
import { smoothWhereShrunk } from "./feature_pictures.js";

const [SIDE, GAP, SKIP, NAME, ROW] = [72, 11, 26, 15, 15]; // units: a picture, between two, of the skips, above one, below
const [AFTER, SWELL] = [28, 420]; // ms: from one stage of the pulse to the next, and how long each swells
const TINY = 0.7; // of the drawing's own size: below, there is no room for names
const COLUMNS = { pool: 0, stem: 0, encoder: 1, concat: 2, up: 3, decoder: 4 };
const HEAD = 5; // units, of an arrow

/** Where each stage but the output stands, and what leads from one to the next: straight lines in units of the drawing. */
export function placeStages(names) {
  const depth = names.filter((name) => name.startsWith("encoder.")).length;
  const left = (column) => column * (SIDE + GAP) + (column > 1 ? SKIP : 0);
  const top = (row) => NAME + row * (SIDE + NAME + ROW);
  const boxes = Object.fromEntries(names.filter((name) => name !== "output").map((name) => {
    const [kind, level] = name.split(".");
    if (kind === "bottleneck") return [name, { x: left(1) + (left(2) - left(1)) / 2, y: top(depth) }];
    return [name, { x: left(COLUMNS[kind]), y: top(kind === "stem" ? 0 : kind === "pool" ? Number(level) : level - 1) }];
  }));
  const arrows = [];
  const right = (kind, from, to) => arrows.push({ kind, to, points: [[boxes[from].x + SIDE, boxes[from].y + SIDE / 2], [boxes[to].x, boxes[to].y + SIDE / 2]] });
  const turned = (kind, to, ...points) => arrows.push({ kind, to, points });
  if (boxes.stem) right("conv", "stem", "encoder.1");
  else turned("conv", "encoder.1", [left(0) + SIDE / 2, boxes["encoder.1"].y + SIDE / 2], [left(1), boxes["encoder.1"].y + SIDE / 2]);
  for (let level = 1; level <= depth; level++) {
    const [encoder, pool, up] = ["encoder", "pool", "up"].map((kind) => boxes[`${kind}.${level}`]);
    const inner = level === depth ? "bottleneck" : `encoder.${level + 1}`;
    const below = level === depth ? "bottleneck" : `decoder.${level + 1}`;
    const [middle, edge, half] = [SIDE / 2, SIDE - 8, encoder.y + SIDE + ROW / 2]; // at the edge, past the name above a picture
    turned("pool", `pool.${level}`, [encoder.x + middle, encoder.y + SIDE], [encoder.x + middle, half], [pool.x + edge, half], [pool.x + edge, pool.y]);
    right("conv", `pool.${level}`, inner);
    const { x, y } = boxes[below];
    const way = level === depth ? [[x + SIDE, y + middle], [up.x + middle, y + middle]] : [[x + edge, y], [x + edge, half], [up.x + middle, half]];
    turned("up", `up.${level}`, ...way, [up.x + middle, up.y + SIDE]);
    right("skip", `encoder.${level}`, `concat.${level}`);
    right("conv", `up.${level}`, `decoder.${level}`);
  }
  return { width: left(4) + SIDE, height: top(depth) + SIDE + 2, boxes, arrows };
}

/** A line along these points, with a head at its end. */
function drawWay({ kind, points }) {
  const [[x0, y0], [x1, y1]] = points.slice(-2);
  const [right, down] = [Math.sign(x1 - x0), Math.sign(y1 - y0)];
  const back = [x1 - HEAD * right, y1 - HEAD * down];
  const side = (sign) => `${back[0] + sign * down * HEAD * 0.6},${back[1] + sign * right * HEAD * 0.6}`;
  return draw("g", { class: `gb-arrow gb-step-${kind}` }, draw("polyline", { points: [...points.slice(0, -1), back].join(" ") }),
    draw("polygon", { points: `${x1},${y1} ${side(1)} ${side(-1)}` }));
}

export class FeatureU {
  /** `on` has choose(name), point(name, row, column) and leave(). */
  constructor(stages, label, on) {
    const drawing = placeStages(stages.map(({ name }) => name));
    Object.assign(this, { drawing, on, boxes: {} });
    const svg = draw("svg", { viewBox: `0 0 ${drawing.width} ${drawing.height}`, "aria-hidden": "true" }, ...drawing.arrows.map(drawWay));
    for (const stage of stages) if (drawing.boxes[stage.name]) this.boxes[stage.name] = this.buildBox(stage);
    this.title = make("p", { class: "gb-feat-u-title" });
    this.node = make("div", { class: "gb-feat-u", role: "group", "aria-label": label }, this.title, svg,
      ...Object.values(this.boxes).map(({ button }) => button));
    this.node.style.aspectRatio = `${drawing.width} / ${drawing.height}`;
  }

  buildBox(stage) {
    const { name } = stage;
    const { width, height, boxes: { [name]: { x, y } } } = this.drawing;
    const canvas = make("canvas");
    const button = make("button", { type: "button", class: "gb-feat-box", "data-stage": name, tabindex: -1, title: name, "aria-label": stageWords(stage) },
      make("span", { class: "gb-feat-name" }, name), canvas);
    const percent = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(button.style, { left: percent(x, width), top: percent(y, height), width: percent(SIDE, width), height: percent(SIDE, height) });
    button.addEventListener("click", () => this.on.choose(name));
    button.addEventListener("pointermove", (event) => this.on.point(name, ...nearestPixel(pixelUnder(event, canvas, stage), stage)));
    button.addEventListener("pointerleave", () => this.on.leave());
    return { button, canvas, pixels: stage.width };
  }

  /** Pictures of one look; `before` shows through where the painter wipes. */
  draw(painter, look, before, scene, title) {
    for (const [name, { button, canvas }] of Object.entries(this.boxes)) {
      painter.paint(canvas, look.stagePictures[name], before?.stagePictures[name], scene.spanOf(name));
      button.setAttribute("aria-pressed", name === scene.shown.stage);
    }
    this.title.textContent = title;
  }

  /**
   * Stage after stage swells as the data passes, and the `answer` last; not while one pulse is running, nor where the
   * reader wants no motion. Only `transform` moves: what would have to be painted anew would delay the next answer.
   */
  pulse(answer) {
    if (this.last?.playState === "running" || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const swell = (node, at, scale) => node.animate([{}, { transform: `scale(${scale})`, offset: 0.3 }, {}], { duration: SWELL, delay: AFTER * at, easing: "ease-out" });
    const stages = Object.values(this.boxes);
    stages.forEach(({ canvas }, at) => swell(canvas, at, 1.16));
    this.last = swell(answer, stages.length, 1.03);
  }

  resize() {
    for (const { canvas, pixels } of Object.values(this.boxes)) smoothWhereShrunk(canvas, pixels, canvas.clientWidth);
    this.node.classList.toggle("gb-feat-tiny", this.node.clientWidth < TINY * this.drawing.width);
  }
}

/** "encoder.2: 16 channels of 64×64, each value sees up to 14×14 pixels of the slice" */
export const stageWords = ({ name, channels, height, width, field }) =>
  `${name}: ${channels} channel${channels > 1 ? "s" : ""} of ${height}×${width}, each value sees up to ${field}×${field} pixels of the slice`;
