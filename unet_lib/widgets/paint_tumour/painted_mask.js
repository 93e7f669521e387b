// A mask that is being painted: its pixels, what it has in common with other masks, and the way back.
// It knows nothing of the page.

import { packBits, unpackBits } from "../shared/mask_scores.js";

const MOST_STEPS = 200; // that can be undone; each keeps a bit a pixel

/** The offsets [down, right] of a round brush's pixels around its middle one. */
export function disc(diameter) {
  const reach = (diameter - 1) / 2;
  const offsets = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) if (x * x + y * y <= diameter ** 2 / 4) offsets.push([y, x]);
  }
  return offsets;
}

export class PaintedMask {
  /** `others` are the masks to compare with: { mask }; each gets its number of `pixels`, and how many of `both`. */
  constructor(width, height, bits, others) {
    Object.assign(this, { width, height, others, past: [], future: [], before: null });
    this.mask = unpackBits(bits, width * height);
    for (const other of others) other.pixels = other.mask.reduce((sum, inside) => sum + inside, 0);
    this.recount();
  }

  // ---- painting -----------------------------------------------------------------------------------------

  /** One pixel, and with it the counts that the scores are made of. */
  put(row, column, value) {
    if (row < 0 || column < 0 || row >= this.height || column >= this.width) return;
    const at = row * this.width + column;
    if (this.mask[at] === value) return;
    this.mask[at] = value;
    const change = value ? 1 : -1;
    this.pixels += change;
    for (const other of this.others) if (other.mask[at]) other.both += change;
  }

  /** The brush at every pixel on the straight line from one pixel to another. */
  line([fromRow, fromColumn], [row, column], brush, value) {
    const steps = Math.max(Math.abs(row - fromRow), Math.abs(column - fromColumn), 1);
    for (let step = 1; step <= steps; step++) {
      const y = Math.round(fromRow + ((row - fromRow) * step) / steps);
      const x = Math.round(fromColumn + ((column - fromColumn) * step) / steps);
      for (const [down, right] of brush) this.put(y + down, x + right, value);
    }
  }

  /** Everything between two corners, both included. */
  rectangle([row, column], [otherRow, otherColumn], value) {
    for (let y = Math.min(row, otherRow); y <= Math.max(row, otherRow); y++) {
      for (let x = Math.min(column, otherColumn); x <= Math.max(column, otherColumn); x++) this.put(y, x, value);
    }
  }

  clear() {
    this.mask.fill(0);
    this.recount();
  }

  // ---- steps that can be undone -------------------------------------------------------------------------

  begin() {
    this.before = packBits(this.mask);
  }

  /** The end of a step; whether it changed anything. */
  commit() {
    const now = packBits(this.mask);
    if (now.every((bits, at) => bits === this.before[at])) return false;
    this.past.push(this.before);
    this.past.splice(0, this.past.length - MOST_STEPS);
    this.future = [];
    return true;
  }

  undo() {
    return this.travel(this.past, this.future);
  }

  redo() {
    return this.travel(this.future, this.past);
  }

  travel(from, to) {
    if (!from.length) return false;
    to.push(packBits(this.mask));
    this.replace(from.pop());
    return true;
  }

  /** Another mask instead of this one, as a step of its own; whether it differs. */
  adopt(bits) {
    this.begin();
    this.replace(bits);
    return this.commit();
  }

  replace(bits) {
    this.mask = unpackBits(bits, this.mask.length);
    this.recount();
  }

  // ---- counting -----------------------------------------------------------------------------------------

  recount() {
    this.pixels = this.mask.reduce((sum, inside) => sum + inside, 0);
    for (const other of this.others) other.both = inCommon(this.mask, other.mask);
  }

  /** TP, FP, FN and TN of this mask, judged by the other. */
  countsWith({ pixels, both }) {
    return fourCounts(this.pixels, pixels, both, this.mask.length);
  }
}

export const inCommon = (one, other) => one.reduce((sum, inside, at) => sum + (inside & other[at]), 0);

/** TP, FP, FN and TN of `called` pixels, of which `both` are among the `truly` positive ones. */
export const fourCounts = (called, truly, both, all) =>
  ({ tp: both, fp: called - both, fn: truly - both, tn: all - called - truly + both });
