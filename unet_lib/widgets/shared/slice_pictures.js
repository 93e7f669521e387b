// Pictures of a slice: grey levels, kinds of pixels as tints and stripes, borders; of the whole slice or of a close-up.
// A view is what part of the slice is seen: { top, left, rows, columns }, in pixels.

const STRIPES = 6; // px from one stripe to the next
const MARGIN = 8; // pixels around the chosen ones in a close-up, at least

/** The square around the pixels inside a mask, at least half as wide as the slice. */
function surroundings(mask, width, height) {
  const [rows, columns] = [[], []];
  mask.forEach((inside, at) => inside && (rows.push(Math.floor(at / width)), columns.push(at % width)));
  const ends = [rows, columns].map((places) => places.reduce(([low, high], at) => [Math.min(low, at), Math.max(high, at)], [Infinity, -1]));
  const least = Math.min(height, width);
  const side = Math.min(Math.max(...ends.map(([low, high]) => high - low + 1 + 2 * MARGIN), Math.round(least / 2)), least);
  const [top, left] = ends.map(([low, high], axis) =>
    Math.min(Math.max(Math.round((low + high + 1 - side) / 2), 0), [height, width][axis] - side));
  return { top, left, rows: side, columns: side };
}

/** One canvas dot a pixel, each byte in its colour of `inks` (red in the lowest byte). */
function drawLevels(canvas, levels, inks, width, { top, left, rows, columns }) {
  const picture = new ImageData(columns, rows);
  const dots = new Uint32Array(picture.data.buffer);
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at++) dots[at] = inks[levels[(top + y) * width + left + x]];
  }
  Object.assign(canvas, { width: columns, height: rows });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

const GREYS = Uint32Array.from({ length: 256 }, (_, level) => (0xff000000 | (level * 0x010101)) >>> 0);

const drawGrey = (canvas, grey, width, view) => drawLevels(canvas, grey, GREYS, width, view);

/**
 * Tints and stripes in screen dots, so that stripes are as wide on a close-up as on a whole slice. `kinds` has a number
 * for each pixel, 0 for none; `looks` say of each kind its colour, the opacity on and between stripes (`alphas`), and
 * which way these lean. The canvas is `wide` px wide on the page.
 */
function drawKinds(context, kinds, sliceWidth, { top, left, rows, columns }, looks, wide) {
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
  for (const { kind, colour: [red, green, blue], alphas, lean } of looks) {
    const ink = alphas.map((alpha) => ((Math.round(255 * alpha) << 24) | (blue << 16) | (green << 8) | red) >>> 0);
    inks[kind] = Array.from({ length: period }, (_, at) => ink[at < period / 2 ? 0 : 1]);
    inks[kind].lean = lean < 0 ? period - 1 : lean;
  }
  return inks;
}

/** A border (see outlinePath) with a dark rim, as thick on a close-up as on a whole slice. */
function drawBorder(context, border, { top, left, rows, columns }, colour, wide) {
  const { width, height } = context.canvas;
  context.setTransform(width / columns, 0, 0, height / rows, (-left * width) / columns, (-top * height) / rows);
  context.lineCap = "square";
  for (const [ink, thickness] of [["rgba(0, 0, 0, 0.5)", 3], [colour, 1.5]]) {
    context.strokeStyle = ink;
    context.lineWidth = (thickness * columns) / wide;
    context.stroke(border);
  }
}
