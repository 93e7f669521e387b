// Where the numbers of the tiny U-Net stand in a stage of some width, and the lines between them.

import { GIVEN, GRAPH } from "./tiny_unet.js";

const TITLE = 18; // px above a column
const APART = 4; // px between two boxes of a column
const ELEMENTWISE = 14; // px between columns where each number has one input
const CLOSE = 13; // px between a probability and its mask
const [NARROWEST, WIDEST] = [720, 1060]; // px; where there is less room, the stage scrolls
const MARGIN = 14; // px on the right, for the lines to the loss

/** Columns from left to right: the row they hold, and the gap before them: "wide" where paths cross. */
const COLUMNS = [["x"], ["c", "wide"], ["a", "narrow"], ["m", "wide"], ["d", "wide"], ["r", "narrow"], ["s", "wide"],
  ["z", "wide"], ["p", "narrow"], ["t", "close"], ["l", "narrow"]];
const WIDE = COLUMNS.filter(([, gap]) => gap === "wide").length;
const NARROW = COLUMNS.filter(([, gap]) => gap === "narrow").length;

/** Sizes for a stage of this width, in px; all boxes are equally large. */
export function sizesFor(room) {
  const width = Math.min(Math.max(room, NARROWEST), WIDEST);
  const box = Math.min(Math.max(Math.floor((width - 150) / 13.2), 40), 60);
  const high = box > 56 ? 38 : 33;
  const wide = (width - MARGIN - COLUMNS.length * box - NARROW * ELEMENTWISE - CLOSE) / WIDE;
  return { width, box, high, gaps: { wide, narrow: ELEMENTWISE, close: CLOSE }, pitch: high + APART };
}

/** { boxes, titles, height }: a name's { x, y, width, height }, a row's title place { x, y }. */
export function placesIn(room) {
  const sizes = sizesFor(room);
  const { box, high, gaps, pitch } = sizes;
  const lower = TITLE + 4 * pitch + TITLE + 4; // where the level below begins
  const [boxes, titles] = [{}, {}];
  const put = (row, x, y, across = 0) => {
    titles[row] = { x: x + box / 2, y: y - 4 };
    rowOf(row).forEach((name, at) => (boxes[name] = { x: x + across * at, y: y + (across ? 0 : at * pitch), width: box, height: high }));
  };
  let x = 0;
  const left = {};
  for (const [row, gap] of COLUMNS) {
    x += gap ? gaps[gap] : 0;
    left[row] = x;
    put(row, x, "mdr".includes(row) ? lower + pitch : TITLE);
    x += box;
  }
  put("u", left.s, lower);
  const [first, second] = [lower + 20, lower + 4 * pitch - high - APART];
  putWeights(put, "w", 0, first, box);
  putWeights(put, "v", 0, second, box);
  putWeights(put, "k", left.z, first, box);
  putWeights(put, "q", left.z, second, box);
  put("L", left.l, second);
  return { boxes, titles, sizes, height: lower + 4 * pitch };
}

/** A layer's weights side by side, then its bias. */
function putWeights(put, row, x, y, box) {
  put(row, x, y, box + 2);
  put(`${row}b`, x + GIVEN[row] * (box + 2), y, box + 2);
}

const rowOf = (row) => Object.keys(GRAPH).filter((name) => GRAPH[name].row === row);

/** A curve from the right edge of one box to the left edge of another, or round to the right edge of one below. */
export function curve(from, to) {
  const [x, y] = [from.x + from.width, from.y + from.height / 2];
  const [right, down] = [to.x, to.y + to.height / 2];
  if (to.x <= from.x) return `M${x} ${y}C${x + MARGIN + 4} ${y} ${x + MARGIN + 4} ${down} ${x} ${down}`;
  const bend = Math.max((right - x) / 2, 6);
  return `M${x} ${y}C${x + bend} ${y} ${right - bend} ${down} ${right} ${down}`;
}

/** The middle of that curve, and the room between the boxes. */
export const middle = (from, to) => ({ x: (from.x + from.width + to.x) / 2, y: (from.y + to.y + from.height) / 2, room: to.x - from.x - from.width });

/** The pairs [from, to] that are joined by a line: weights, and the mask beside the probability, have none. */
export const LINES = Object.values(GRAPH).flatMap(({ name, kind, inputs }) => inputs
  .filter((input, at) => input && (kind !== "sum" || at % 2 === 1 && at < inputs.length - 1) && GRAPH[input].row !== "t")
  .map((input) => [input, name]));
