// A slice that is painted on with a soft brush: brighter, or like the tissue around. It knows nothing of the page.

const MOST_STROKES = 60; // that can be undone; each keeps a slice

export class PaintedSlice {
  constructor(size, channels = 3) {
    Object.assign(this, { size, channels, area: size * size });
    this.load(new Uint8Array(channels * this.area));
  }

  /** Another slice: channel by channel, row by row. */
  load(planes) {
    this.original = planes.slice();
    this.planes = planes.slice();
    this.past = [];
    this.means = Array.from({ length: this.channels }, (_, channel) => this.part(this.original, channel).reduce((sum, level) => sum + level, 0) / this.area);
  }

  part(planes, channel) {
    return planes.subarray(channel * this.area, (channel + 1) * this.area);
  }

  get touched() {
    return this.planes.some((level, at) => level !== this.original[at]);
  }

  // ---- strokes ------------------------------------------------------------------------------------------

  begin() {
    this.base = this.planes.slice();
    this.weight = new Float64Array(this.area); // how much of the stroke each pixel has: the most of any dab
    this.aim = Array.from({ length: this.channels }, () => new Float64Array(this.area)); // what it would become with all of it
  }

  /** One touch of the brush: full in the middle, nothing at `radius`, cos² in between. */
  dab([row, column], { radius, strength, erase, channels }) {
    const around = erase ? channels.map((channel) => this.surroundings(row, column, radius, channel)) : null;
    this.eachWithin(row, column, radius, (at, distance) => {
      const weight = Math.cos((Math.PI * distance) / (2 * radius)) ** 2;
      if (weight <= this.weight[at]) return;
      this.weight[at] = weight;
      channels.forEach((channel, index) => {
        const level = this.part(this.base, channel)[at];
        this.aim[channel][at] = erase ? around[index] ?? level : level + strength;
        const blended = level + weight * (this.aim[channel][at] - level);
        this.part(this.planes, channel)[at] = Math.min(Math.max(Math.round(blended), 0), 255);
      });
    });
  }

  /** Dabs at every pixel on the straight line from one pixel to another. */
  line([fromRow, fromColumn], [row, column], brush) {
    const steps = Math.max(Math.abs(row - fromRow), Math.abs(column - fromColumn), 1);
    for (let step = 1; step <= steps; step++) {
      this.dab([Math.round(fromRow + ((row - fromRow) * step) / steps), Math.round(fromColumn + ((column - fromColumn) * step) / steps)], brush);
    }
  }

  /** The mean of the tissue in a ring from one to two radii; tissue is what is brighter than the slice's mean. */
  surroundings(row, column, radius, channel) {
    const plane = this.part(this.original, channel);
    let [sum, count] = [0, 0];
    this.eachWithin(row, column, 2 * radius, (at, distance) => {
      if (distance < radius || plane[at] <= this.means[channel]) return;
      sum += plane[at];
      count++;
    });
    return count ? sum / count : null;
  }

  eachWithin(row, column, radius, visit) {
    const reach = Math.floor(radius);
    for (let y = Math.max(row - reach, 0); y <= Math.min(row + reach, this.size - 1); y++) {
      for (let x = Math.max(column - reach, 0); x <= Math.min(column + reach, this.size - 1); x++) {
        const distance = Math.hypot(y - row, x - column);
        if (distance <= radius) visit(y * this.size + x, distance);
      }
    }
  }

  commit() {
    if (this.base.every((level, at) => level === this.planes[at])) return;
    this.past.push(this.base);
    this.past.splice(0, this.past.length - MOST_STROKES);
  }

  // ---- the way back -------------------------------------------------------------------------------------

  undo() {
    if (this.past.length) this.planes = this.past.pop();
  }

  reset() {
    if (!this.touched) return;
    this.past.push(this.planes);
    this.planes = this.original.slice();
  }

  /** Painted elsewhere: in another view of the same widget. */
  adopt(planes) {
    this.past.push(this.planes);
    this.planes = planes.slice();
  }
}
