// The network's answer: its outline on the slice or its probabilities, the threshold, and how well it agrees with the reference.

import { make, radioChoice } from "../../unet_lib/widgets/shared/base.js";
import { outlinePath } from "../../unet_lib/widgets/shared/slice_pictures.js";
import { Screen, write } from "../../unet_lib/widgets/feature_explorer/feature_pictures.js";

export class AnswerPicture {
  /** `turned()` after a choice of what is shown; `set(threshold)` after a move of the slider. */
  constructor({ side, inks, turned, set }) {
    Object.assign(this, { side, inks, words: "" });
    this.screen = new Screen({ role: "img" });
    this.shows = radioChoice("pg", "The answer as", ["outline", "probability"], turned);
    this.shows.show("outline");
    this.threshold = make("input", { type: "range", min: 0.01, max: 0.99, step: 0.01, "aria-label": "Threshold" });
    this.threshold.addEventListener("input", () => set(Number(this.threshold.value)));
    this.thresholdWords = make("output");
    this.pixels = make("b", {});
    this.dice = make("b", {});
    this.thinking = make("span", { class: "gb-feat-thinking", role: "status" });
    const keys = ["reference", "network"].map((name) => make("span", {}, make("i", { class: `gb-feat-key-${name}` }), name));
    this.node = make("section", { class: "gb-feat-output pg-output", "aria-label": "The network's answer" },
      make("div", { class: "gb-row gb-feat-head" }, make("strong", {}, "The answer"), this.thinking, this.shows.field),
      this.screen.node, make("div", { class: "gb-feat-keys" }, ...keys),
      make("label", { class: "pg-threshold" }, "threshold", this.threshold, this.thresholdWords),
      make("p", { class: "pg-score" }, make("span", {}, "marked ", this.pixels), make("span", {}, "Dice ", this.dice)));
  }

  showThreshold(threshold) {
    this.threshold.value = threshold;
    write(this.thresholdWords, threshold.toFixed(2));
  }

  /** `marked` and `mask` are 0 or 1 in each pixel; of a visitor's own picture nobody knows the mask. */
  draw({ probability, marked, mask, isOwn, drawSlice }) {
    const [canvas] = this.screen.pictures;
    if (this.shows.field.querySelector(":checked").value === "outline") drawSlice(canvas);
    else this.drawProbability(canvas, probability);
    this.border = outlinePath(marked, this.side, this.side);
    this.score = scored(marked, mask);
    const dice = this.score.dice.toFixed(2);
    write(this.pixels, `${this.score.marked} pixels`);
    write(this.dice, isOwn ? "–" : dice);
    this.words = `The network marks ${this.score.marked} pixels${isOwn ? "" : `, Dice ${dice}`}`;
    this.screen.node.setAttribute("aria-label", this.words);
  }

  drawProbability(canvas, probability) {
    const picture = new ImageData(this.side, this.side);
    const dots = new Uint32Array(picture.data.buffer);
    probability.forEach((value, at) => (dots[at] = this.inks[Math.round(255 * value)]));
    Object.assign(canvas, { width: this.side, height: this.side });
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }
}

/** Pixels marked, of these inside the reference, and Dice; 1 where both are empty. */
function scored(marked, mask) {
  let [both, mine, theirs] = [0, 0, 0];
  marked.forEach((inside, at) => { both += inside & mask[at]; mine += inside; theirs += mask[at]; });
  return { marked: mine, both, reference: theirs, dice: mine + theirs ? (2 * both) / (mine + theirs) : 1 };
}
