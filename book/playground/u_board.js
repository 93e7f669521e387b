// The whole U with every map: encoder down the left, decoder up the right, a switch on every skip.

import { MOVES, draw, make } from "../../unet_lib/widgets/shared/base.js";

const GAP = 2; // dots between two maps
const ACROSS = { 8: 4, 16: 8, 32: 8, 64: 16 }; // maps in a row

/** A stage's maps side by side: { across, down } in maps. */
export function tiling(channels) {
  const across = ACROSS[channels] ?? Math.ceil(Math.sqrt(2 * channels));
  return { across, down: Math.ceil(channels / across) };
}

export class UBoard {
  /** `stages` are { name, channels, side } in order; `on` has chosen(stage name, channel) and cut(levels). */
  constructor(stages, on) {
    Object.assign(this, { on, stages: Object.fromEntries(stages.map((stage) => [stage.name, new StageMaps(stage, (channel) => on.chosen(stage.name, channel))])) });
    const levels = stages.filter(({ name }) => name.startsWith("encoder.")).length;
    this.skips = Array.from({ length: levels }, (_, index) => this.buildSkip(index + 1));
    const rows = this.skips.map((skip, index) => make("div", { class: "pg-level" },
      this.stages[`encoder.${index + 1}`].node, skip, this.stages[`decoder.${index + 1}`].node));
    const arrows = make("div", { class: "pg-ways", "aria-hidden": "true" }, make("span", {}, "↓ max pooling"), make("span", {}, "↑ transposed convolution"));
    const between = rows.flatMap((row) => [row, arrows.cloneNode(true)]);
    this.node = make("section", { class: "pg-u", "aria-label": "The network: every map of every stage" }, ...between,
      make("div", { class: "pg-level pg-bottom" }, this.stages.bottleneck.node));
  }

  buildSkip(level) {
    const arrow = draw("svg", { viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" }, draw("path", { d: "M0 7H96M90 2l8 5-8 5" }));
    const button = make("button", { type: "button", class: "pg-skip", "aria-pressed": "true", title: `Cut or restore skip connection ${level}` },
      arrow, make("span", {}, `skip ${level}`));
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
      this.on.cut(this.cut);
    });
    return button;
  }

  /** The levels whose skips are cut. */
  get cut() {
    return this.skips.flatMap((skip, index) => (skip.getAttribute("aria-pressed") === "true" ? [] : [index + 1]));
  }

  set cut(levels) {
    this.skips.forEach((skip, index) => skip.setAttribute("aria-pressed", !levels.includes(index + 1)));
  }

  draw(stages, inks) {
    for (const stage of stages) this.stages[stage.name].draw(stage, inks);
  }

  choose(name, channel) {
    for (const [other, stage] of Object.entries(this.stages)) stage.ring(other === name ? channel : null);
  }

  /** Data has passed: each stage lights up a little later than the one before. */
  pulse() {
    Object.values(this.stages).forEach(({ node }, at) => {
      node.style.setProperty("--turn", at);
      node.classList.remove("pg-pulse");
      requestAnimationFrame(() => node.classList.add("pg-pulse"));
    });
  }
}

class StageMaps {
  constructor({ name, channels, side }, choose) {
    Object.assign(this, { name, channels, choose, ...tiling(channels) });
    const words = name.replace(".", " ");
    this.canvas = make("canvas", {});
    this.mark = make("div", { class: "pg-ring", hidden: "" });
    this.maps = make("div", { class: "pg-maps", tabindex: 0, role: "slider", "aria-label": `${words}: ${channels} maps; arrow keys choose one`,
      "aria-valuemin": 1, "aria-valuemax": channels, "aria-valuenow": 1, style: `--across: ${this.across}; --down: ${this.down}` }, this.canvas, this.mark);
    this.node = make("figure", { class: "pg-stage", "data-stage": name }, make("figcaption", {}, make("b", {}, words), ` ${channels} × ${side}²`), this.maps);
    this.maps.addEventListener("click", (event) => this.choose(this.under(event)));
    this.maps.addEventListener("keydown", (event) => this.onKey(event));
  }

  under({ clientX, clientY }) {
    const { left, top, width, height } = this.maps.getBoundingClientRect();
    const [column, row] = [(clientX - left) / width * this.across, (clientY - top) / height * this.down].map(Math.floor);
    return Math.min(Math.max(row, 0) * this.across + Math.max(column, 0), this.channels - 1);
  }

  onKey(event) {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const next = (this.chosen ?? 0) + move[0] * this.across + move[1];
    if (next >= 0 && next < this.channels) this.choose(next);
  }

  /** A frame around one map, or none. */
  ring(channel) {
    this.chosen = channel;
    this.mark.hidden = channel === null;
    if (channel === null) return;
    this.maps.setAttribute("aria-valuenow", channel + 1);
    this.maps.setAttribute("aria-valuetext", `map ${channel + 1} of ${this.channels}`);
    this.mark.style.setProperty("--column", channel % this.across);
    this.mark.style.setProperty("--row", Math.floor(channel / this.across));
  }

  draw({ side, levels }, inks) {
    const step = side + GAP;
    const picture = new ImageData(this.across * step, this.down * step);
    const dots = new Uint32Array(picture.data.buffer);
    for (let channel = 0, at = 0; channel < this.channels; channel++) {
      const corner = Math.floor(channel / this.across) * step * picture.width + (channel % this.across) * step;
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++, at++) dots[corner + y * picture.width + x] = inks[levels[at]];
      }
    }
    Object.assign(this.canvas, { width: picture.width, height: picture.height });
    this.canvas.getContext("2d").putImageData(picture, 0, 0);
  }
}
