// Feature maps as Python sends them, and as pictures: see part_of_answer in feature_answer.py.

import { make, nearestPixel, pixelUnder } from "../shared/base.js";
import { paletteInks } from "../shared/colours.js";
import { drawPalette, freshContext, strokeTwice } from "../shared/slice_pictures.js";

/** One map: bytes between its lowest and its highest value. */
class FeatureMap {
  constructor(levels, low, high, { height, width }) {
    Object.assign(this, { levels, low, high, height, width });
  }

  /** The value at a pixel, to a 510th of the map's range. */
  value(row, column) {
    return this.low + (this.levels[row * this.width + column] * (this.high - this.low)) / 255;
  }
}

/** What one network says: a picture of every stage, and the chosen stage's channels. `take(n)` hands out bytes. */
export class Look {
  constructor(told, take, stages, { stage, channel }) {
    Object.assign(this, told, { channel });
    const chosen = stages.find(({ name }) => name === stage);
    const area = chosen.height * chosen.width;
    this.stagePictures = Object.fromEntries(stages.map((one, at) => {
      const [low, high, least, most] = told.spans[at];
      return [one.name, Object.assign(new FeatureMap(take(one.height * one.width), low, high, one), { stageSpan: { low: least, high: most } })];
    }));
    this.channels = told.low.map((low, at) => new FeatureMap(take(area), low, told.high[at], chosen));
    this.exact = new Float32Array(take(4 * area).slice().buffer);
    this.sources = told.sources.map((source) => {
      const [height, width] = source.size;
      return { ...source, map: new FeatureMap(take(height * width), source.low, source.high, { height, width }) };
    });
    this.span = { low: Math.min(...told.low), high: Math.max(...told.high) };
  }

  /** The channel's ROC AUC against the mask, from 0 to 1; null where the mask is empty, or where it was not asked for. */
  rocAucOf(channel) {
    return this.roc_auc.length > 1 ? this.roc_auc[channel] : channel === this.channel ? this.roc_auc[0] : null;
  }
}

/** From the lowest to the highest of two spans. */
export const together = (one, other) => (other ? { low: Math.min(one.low, other.low), high: Math.max(one.high, other.high) } : one);

/** Draws maps in colours. `wiped` is the fraction of each picture, from the left, that shows the map before. */
export class MapPainter {
  constructor(palette) {
    this.palette = paletteInks(palette);
    this.wiped = 0;
  }

  /** The colour of each byte of a map, if colours span `span`; without one, the map's own range. */
  inks(map, span) {
    const { low, high } = span ?? map;
    return Uint32Array.from({ length: 256 }, (_, level) => {
      const value = map.low + (level * (map.high - map.low)) / 255;
      return this.palette[high > low ? Math.round((255 * (value - low)) / (high - low)) : 0];
    });
  }

  paint(canvas, map, before = null, span = null) {
    const { width, height, levels } = map;
    const picture = new ImageData(width, height);
    const dots = new Uint32Array(picture.data.buffer);
    const inks = this.inks(map, span);
    for (let at = 0; at < levels.length; at++) dots[at] = inks[levels[at]];
    if (before && this.wiped) this.paintBefore(dots, before, span);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  paintBefore(dots, map, span) {
    const inks = this.inks(map, span);
    const end = Math.round(this.wiped * map.width);
    for (let at = 0; at < dots.length; at++) if (at % map.width < end) dots[at] = inks[map.levels[at]];
  }

  /** The palette from left to right. */
  paintLegend(canvas) {
    drawPalette(canvas, this.palette);
  }
}

/** Values are squares where there is room for them; where there is not, leaving some out would draw false patterns. */
export function smoothWhereShrunk(canvas, pixels, side) {
  canvas.style.imageRendering = pixels > side ? "auto" : "";
}

/** Canvases over each other, all as large as their box: pictures in their own pixels, and one for lines in front. */
export class Screen {
  constructor(attributes, pictures = 1) {
    this.pictures = Array.from({ length: pictures }, () => make("canvas"));
    this.lines = make("canvas");
    this.node = make("div", { class: "gb-feat-screen", ...attributes }, ...this.pictures, this.lines);
  }

  resize() {
    this.side = this.node.clientWidth;
  }

  /** [row, column] under an event, for a picture of so many pixels; kept inside it. */
  locate(event, size) {
    return nearestPixel(pixelUnder(event, this.node, size), size);
  }

  /** Lines anew, in units of a picture `across` pixels wide; `sketch` gets the context and a pixel's thickness. */
  sketch(across, sketch) {
    if (!this.side) return; // not on the page
    const context = freshContext(this.lines, this.side, this.side);
    context.scale(this.lines.width / across, this.lines.height / across);
    context.lineCap = "square";
    sketch(context, across / this.side);
  }
}

/** Other words, where they are others: the same words anew would make the browser lay out the page again. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function trace(context, colour, thickness, stroke) {
  strokeTwice(context, colour, [2.2 * thickness, thickness], stroke, 0.65);
}
