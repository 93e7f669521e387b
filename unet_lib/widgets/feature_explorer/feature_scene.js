// One answer: what the network says of one slice at one step, and at the first step, if they are compared. The bytes
// are those of part_of_answer in feature_answer.py.

import { outlinePath } from "../shared/slice_pictures.js";

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
class Look {
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
    const { levels, height, width } = this.stagePictures.output;
    this.border = outlinePath(levels.map((level) => level >= 128), width, height); // 128 is the byte of 0.5
  }

  /** The channel's ROC AUC against the mask, from 0 to 1; null where the mask is empty, or where it was not asked for. */
  rocAucOf(channel) {
    return this.roc_auc.length > 1 ? this.roc_auc[channel] : channel === this.channel ? this.roc_auc[0] : null;
  }
}

/** From the lowest to the highest of two spans. */
const together = (one, other) => (other ? { low: Math.min(one.low, other.low), high: Math.max(one.high, other.high) } : one);

export class Scene {
  /** `scale` and `wipe` are the reader's, and may be set anew. */
  constructor({ shown, parts }, bytes, stages) {
    let at = 0;
    const take = (count) => bytes.subarray(at, (at += count));
    Object.assign(this, { shown, stages, size: stages.at(-1).height, scale: "each map", wipe: 0 });
    this.planes = take(3 * this.size ** 2);
    this.mask = take(this.size ** 2);
    [this.look, this.first] = parts.map((told) => new Look(told, take, stages, shown));
    this.border = outlinePath(this.mask, this.size, this.size);
  }

  stage(name = this.shown.stage) {
    return this.stages.find((one) => one.name === name);
  }

  /** The look to compare with, where two pictures stand side by side; else null. */
  get beside() {
    return this.shown.compare === "side by side" ? this.first : null;
  }

  /** The look that shows through, where pictures are wiped; else null. */
  get behind() {
    return this.shown.compare === "wipe" ? this.first : null;
  }

  /** The fraction of each picture, from the left, that shows the first step. */
  get wiped() {
    return this.behind ? this.wipe : 0;
  }

  /** What is seen there: in the second picture, and left of the wipe, the first step's. */
  lookAt(which, fraction) {
    return (which && this.beside) || (fraction < this.wiped && this.behind) || this.look;
  }

  /** What a stage's colours span, where they span more than each map; null where they do not. */
  spanOf(name) {
    if (this.scale === "each map") return null;
    return together(...[this.look, this.first].map((look) => look?.stagePictures[name].stageSpan));
  }

  /** Is it another slice than that? */
  isTurnedFrom(other) {
    return !other || ["patient", "slice"].some((name) => this.shown[name] !== other.shown[name]);
  }

  /** Has the network seen, or is it, something else than there? Then every map is new. */
  isRecomputed(other) {
    return this.isTurnedFrom(other) || ["step", "paint"].some((name) => this.shown[name] !== other.shown[name]);
  }
}
