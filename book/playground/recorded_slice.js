// A painted slice that remembers its strokes, so that they fit into an address.

import { PaintedSlice } from "../../unet_lib/widgets/shared/soft_brush.js";

const MOST_LETTERS = 1500; // letters of an address that strokes may take
const TOOLS = { b: false, e: true };

export class RecordedSlice extends PaintedSlice {
  load(planes) {
    super.load(planes);
    Object.assign(this, { strokes: [], earlier: [] });
  }

  begin() {
    super.begin();
    this.stroke = null;
  }

  dab(pixel, brush) {
    super.dab(pixel, brush);
    this.stroke ??= { ...brush, points: [pixel] };
  }

  line(from, to, brush) {
    super.line(from, to, brush);
    this.stroke.points.push(to);
  }

  commit() {
    super.commit();
    if (this.past.at(-1) === this.base) this.remember([...this.strokes, this.stroke]); // it changed something
  }

  undo() {
    if (this.past.length) this.strokes = this.earlier.pop() ?? [];
    super.undo();
  }

  reset() {
    if (this.touched) this.remember([]);
    super.reset();
  }

  remember(strokes) {
    this.earlier.push(this.strokes);
    this.strokes = strokes;
  }

  /** Paint the strokes of a text again. */
  replay(text) {
    for (const { points, ...brush } of strokesOf(text, this.size)) {
      this.begin();
      this.dab(points[0], brush);
      for (let at = 1; at < points.length; at++) this.line(points[at - 1], points[at], brush);
      this.commit();
    }
  }
}

/** Strokes as text: tool, radius, strength, channels and points, numbers in base 36; null if it would be too long. */
export function textOf(strokes, size) {
  const text = strokes.map(({ erase, radius, strength, channels, points }) => [`${erase ? "e" : "b"}${radius}`, strength, channels.join(""),
    points.map(([row, column]) => (row * size + column).toString(36).padStart(3, "0")).join("")].join("-")).join("_");
  return text.length > MOST_LETTERS ? null : text;
}

/** The strokes in a text; what is not a stroke is left out. */
export function strokesOf(text, size) {
  return text.split("_").flatMap((part) => {
    const found = /^([be])(\d{1,2})-(\d{1,3})-([0-2]{1,3})-((?:[0-9a-z]{3})+)$/.exec(part);
    if (!found) return [];
    const [, tool, radius, strength, channels, points] = found;
    const pixels = points.match(/.{3}/g).map((digits) => parseInt(digits, 36)).map((at) => [Math.floor(at / size), at % size]);
    if (pixels.some(([row]) => row >= size) || !Number(radius)) return [];
    return [{ erase: TOOLS[tool], radius: Number(radius), strength: Number(strength), channels: [...channels].map(Number), points: pixels }];
  });
}
