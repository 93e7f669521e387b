// Maps in colours, and the canvases that they are drawn on.

import { make, nearestPixel, pixelUnder } from "../shared/base.js";
import { NETWORK, REFERENCE, WHITE, paletteInks } from "../shared/colours.js";
import { drawPalette, freshContext, strokeTwice } from "../shared/slice_pictures.js";

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
  legend() {
    const canvas = make("canvas", { class: "gb-feat-legend", "aria-hidden": "true" });
    drawPalette(canvas, this.palette);
    return canvas;
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

  /** Call `point(row, column)` for the pixel under the pointer, and `leave()`; `size()` is the picture's. */
  listen(signal, size, point, leave) {
    this.node.addEventListener("pointermove", (event) => point(...this.locate(event, size())), { signal });
    this.node.addEventListener("pointerleave", leave, { signal });
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

/** The expert's border, those of the networks' masks (of the `which`-th of two pictures side by side), and the wipe. */
export function sketchBorders(context, thin, scene, which = 0) {
  const { size, look, first, behind, wiped } = scene;
  trace(context, REFERENCE, 1.4 * thin, () => context.stroke(scene.border));
  if (wiped) sketchPart(context, thin, behind.border, 0, wiped * size, size);
  sketchPart(context, thin, (which ? first : look).border, wiped * size, size, size);
  sketchWipe(context, thin, scene);
}

/** A network's border, between two columns. */
function sketchPart(context, thin, border, left, right, size) {
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, size);
  context.clip();
  trace(context, NETWORK, 1.4 * thin, () => context.stroke(border));
  context.restore();
}

export function sketchWipe(context, thin, { wiped, size }) {
  if (!wiped) return;
  context.beginPath();
  context.moveTo(wiped * size, 0);
  context.lineTo(wiped * size, size);
  trace(context, WHITE, 1.4 * thin, () => context.stroke());
}
