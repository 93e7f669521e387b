// Pictures of a slice: grey levels, kinds of pixels as tints and stripes, borders; of the whole slice or of a close-up.
// A view is what part of the slice is seen: { top, left, rows, columns }, in pixels.

import { css, inkOf } from "./colours.js";

const STRIPES = 6; // px from one stripe to the next
const LARGE = { most: 512, padding: 2 }; // px: a large slice's side, and what a widget has on both sides, as in the style
const MARGIN = 8; // pixels around the chosen ones in a close-up, at least

export const wholeSlice = (width, height) => ({ top: 0, left: 0, rows: height, columns: width });

/** The square around the pixels inside a mask, at least half as wide as the slice. */
export function surroundings(mask, width, height) {
  const [rows, columns] = [[], []];
  mask.forEach((inside, at) => inside && (rows.push(Math.floor(at / width)), columns.push(at % width)));
  const ends = [rows, columns].map((found) => found.reduce(([low, high], at) => [Math.min(low, at), Math.max(high, at)], [Infinity, -1]));
  const least = Math.min(height, width);
  const side = Math.min(Math.max(...ends.map(([low, high]) => high - low + 1 + 2 * MARGIN), Math.round(least / 2)), least);
  const [top, left] = ends.map(([low, high], axis) =>
    Math.min(Math.max(Math.round((low + high + 1 - side) / 2), 0), [height, width][axis] - side));
  return { top, left, rows: side, columns: side };
}

/** One canvas dot a pixel, each byte in its colour of `inks` (red in the lowest byte). */
export function drawLevels(canvas, levels, inks, width, { top, left, rows, columns }) {
  const picture = new ImageData(columns, rows);
  const dots = new Uint32Array(picture.data.buffer);
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at++) dots[at] = inks[levels[(top + y) * width + left + x]];
  }
  Object.assign(canvas, { width: columns, height: rows });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

const GREYS = Uint32Array.from({ length: 256 }, (_, level) => inkOf([level, level, level]));

export const drawGrey = (canvas, grey, width, view) => drawLevels(canvas, grey, GREYS, width, view);

/** All inks of a palette side by side. */
export function drawPalette(canvas, inks) {
  Object.assign(canvas, { width: inks.length, height: 1 });
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(inks.buffer), inks.length, 1), 0, 0);
}

/** One canvas dot a screen dot, in a canvas shown at this size; returns its context. The canvas is empty then. */
export function freshContext(canvas, cssWidth, cssHeight) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(cssWidth * ratio);
  canvas.height = Math.round(cssHeight * ratio);
  return canvas.getContext("2d");
}

/**
 * Tints and stripes in screen dots, so that stripes are as wide on a close-up as on a whole slice. `kinds` has a number
 * for each pixel, 0 for none; `looks` say of each kind its colour, the opacity on and between stripes (`alphas`), and
 * which way these lean. The canvas is `wide` px wide on the page.
 */
export function drawKinds(context, kinds, sliceWidth, { top, left, rows, columns }, looks, wide) {
  const { width, height } = context.canvas;
  const picture = context.createImageData(width, height);
  const dots = new Uint32Array(picture.data.buffer);
  const period = Math.round((STRIPES * width) / wide);
  const inks = stripeInks(looks, period);
  const from = Uint32Array.from({ length: width }, (_, x) => left + Math.floor((x * columns) / width));
  for (let y = 0, dot = 0; y < height; y++) {
    const start = (top + Math.floor((y * rows) / height)) * sliceWidth;
    for (let x = 0; x < width; x++, dot++) {
      const kind = kinds[start + from[x]];
      if (kind) dots[dot] = inks[kind][(x + inks[kind].lean * y) % period];
    }
  }
  context.putImageData(picture, 0, 0);
}

/** For each kind the colours along a stripe. Leaning by period − 1 is leaning by −1, without negative remainders. */
function stripeInks(looks, period) {
  const inks = [];
  for (const { kind, colour, alphas, lean } of looks) {
    const ink = alphas.map((alpha) => inkOf(colour, alpha));
    inks[kind] = Array.from({ length: period }, (_, at) => ink[at < period / 2 ? 0 : 1]);
    inks[kind].lean = lean < 0 ? period - 1 : lean;
  }
  return inks;
}

/**
 * Every edge between a pixel of the mask and one outside, as [x0, y0, x1, y1] in pixels. Dashed, every other two edges
 * are left out.
 */
export function borderEdges(mask, width, height, dashed = false) {
  const edges = [];
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] > 0;
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (dashed && (x + y) % 4 > 1) continue;
      if (at(x, y) !== at(x, y - 1)) edges.push([x, y, x + 1, y]);
      if (at(x, y) !== at(x - 1, y)) edges.push([x, y, x, y + 1]);
    }
  }
  return edges;
}

/** The mask's border as a path along pixel edges, in pixels. */
export function outlinePath(mask, width, height, dashed = false) {
  const path = new Path2D();
  for (const [x0, y0, x1, y1] of borderEdges(mask, width, height, dashed)) {
    path.moveTo(x0, y0);
    path.lineTo(x1, y1);
  }
  return path;
}

/** Stroke in dark and then in a colour, so that a line is seen on every picture; `widths` are those of both strokes. */
export function strokeTwice(context, colour, [darkWidth, width], stroke, darkness = 0.6) {
  for (const [ink, thickness] of [[css([0, 0, 0], darkness), darkWidth], [css(colour), width]]) {
    context.strokeStyle = ink;
    context.lineWidth = thickness;
    stroke();
  }
}

/** A border (see outlinePath) as thick on a close-up as on a whole slice. */
export function drawBorder(context, border, { top, left, rows, columns }, colour, wide) {
  const { width, height } = context.canvas;
  context.setTransform(width / columns, 0, 0, height / rows, (-left * width) / columns, (-top * height) / rows);
  context.lineCap = "square";
  strokeTwice(context, colour, [(3 * columns) / wide, (1.5 * columns) / wide], () => context.stroke(border), 0.5);
}

/**
 * Show a slice as large as its widget has room for, grown by whole steps only, so that every pixel stays a square of the
 * same size. Returns how many px a pixel has; 0 while the widget is not on the page.
 */
export function fitSquares(screen, widget, { width, height }) {
  const room = Math.min(widget.clientWidth - 2 * LARGE.padding, LARGE.most);
  if (room <= 0) return 0;
  const steps = Math.max(Math.floor(room / Math.max(width, height)), 1);
  screen.style.width = `${Math.min(steps * width, room)}px`;
  const scale = screen.clientWidth / width;
  screen.style.height = `${scale * height}px`;
  return scale;
}
