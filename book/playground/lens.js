// One map, large.

import { make } from "../../unet_lib/widgets/shared/base.js";
import { write } from "../../unet_lib/widgets/feature_explorer/feature_pictures.js";

export class Lens {
  /** `chosen` is the { stage, channel } to begin with. */
  constructor(inks, chosen) {
    Object.assign(this, { inks, chosen });
    this.canvas = make("canvas", {});
    this.words = make("p", {});
    this.node = make("section", { class: "pg-lens", "aria-label": "One map" }, this.canvas, this.words);
  }

  choose(stage, channel, stages) {
    this.chosen = { stage, channel };
    this.draw(stages);
  }

  draw(stages) {
    const { stage, channel } = this.chosen;
    const { side, channels, levels, high } = stages.find(({ name }) => name === stage);
    const map = levels.subarray(channel * side ** 2, (channel + 1) * side ** 2);
    const picture = new ImageData(side, side);
    const dots = new Uint32Array(picture.data.buffer);
    map.forEach((level, at) => (dots[at] = this.inks[level]));
    Object.assign(this.canvas, { width: side, height: side });
    this.canvas.getContext("2d").putImageData(picture, 0, 0);
    const most = map.reduce((largest, level) => Math.max(largest, level), 0);
    const value = `${((most * high) / 255).toPrecision(2)}${most === 255 ? " or more" : ""}`;
    write(this.words, `${stage.replace(".", " ")}, map ${channel + 1} of ${channels}. `
      + (most ? `Its largest value here is ${value}; yellow is ${high.toPrecision(2)} for every map of this stage.` : "It is 0 everywhere in this slice."));
  }
}
