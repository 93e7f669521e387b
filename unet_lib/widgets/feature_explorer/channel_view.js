// One stage: its channels as a grid, and one of them large, with its histogram and the maps it is made of.

import { draw, make, nearestPixel, pixelUnder } from "../shared/base.js";
import { short, signScale } from "../shared/number_grid.js";
import { smoothWhereShrunk, write } from "./feature_pictures.js";

const BINS = 40;
const CELL = 13; // px, a weight of a kernel
const TILE = 64; // px, about as wide as the small pictures are

/** The channels of a stage as small pictures. Arrow keys move, Enter and Space choose. */
export class ChannelGrid {
  constructor(on) {
    Object.assign(this, { on, tiles: [], pair: false });
    this.node = make("div", { class: "gb-feat-grid", role: "group" });
    this.node.addEventListener("keydown", (event) => this.onKey(event));
  }

  buildTile() {
    const tile = { canvases: [make("canvas"), make("canvas")], word: make("span") };
    tile.button = make("button", { type: "button", class: "gb-feat-tile", tabindex: -1 },
      make("span", { class: "gb-feat-pair" }, tile.canvases[1], tile.canvases[0]), tile.word);
    tile.button.addEventListener("click", () => this.on.choose(tile.channel));
    tile.canvases.forEach((canvas, which) => {
      canvas.addEventListener("pointermove", (event) =>
        this.on.point(tile.channel, which, ...nearestPixel(pixelUnder(event, canvas, canvas), canvas)));
      canvas.addEventListener("pointerleave", () => this.on.leave());
    });
    return tile;
  }

  /** `order` are the channels in the order of the tiles, `words(channel)` what stands below each. */
  draw({ order, chosen, words, paint, pair, name }) {
    while (this.tiles.length < order.length) this.tiles.push(this.buildTile());
    this.tiles.length = order.length;
    if (this.node.childElementCount !== order.length) this.node.replaceChildren(...this.tiles.map(({ button }) => button));
    const focused = this.tiles.find(({ button }) => button === document.activeElement);
    this.node.setAttribute("aria-label", `${name}: its channels; arrow keys move, Enter shows one large`);
    this.node.classList.toggle("gb-feat-pairs", pair);
    order.forEach((channel, at) => this.fill(this.tiles[at], channel, { chosen, words, paint, pair }));
    (focused ?? this.tiles[order.indexOf(chosen)]).button.tabIndex = 0;
  }

  fill(tile, channel, { chosen, words, paint, pair }) {
    tile.channel = channel;
    tile.canvases[1].hidden = !pair;
    paint(tile.canvases, channel);
    for (const canvas of tile.canvases) smoothWhereShrunk(canvas, canvas.width, TILE);
    const [below, aloud] = words(channel);
    write(tile.word, below);
    tile.button.setAttribute("aria-label", aloud);
    tile.button.setAttribute("aria-pressed", channel === chosen);
    tile.button.tabIndex = -1;
  }

  onKey(event) {
    const here = this.tiles.findIndex(({ button }) => button === event.target);
    const columns = this.tiles.filter(({ button }) => button.offsetTop === this.tiles[0].button.offsetTop).length;
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, ArrowDown: here + columns, ArrowUp: here - columns,
      Home: 0, End: this.tiles.length - 1 }[event.key];
    if (here < 0 || to === undefined) return;
    event.preventDefault();
    if (!this.tiles[to]) return;
    this.tiles[here].button.tabIndex = -1;
    this.tiles[to].button.tabIndex = 0;
    this.tiles[to].button.focus();
  }
}

/** How often a channel takes which value: bars for the chosen step, a line for the first one. */
export class Histogram {
  constructor() {
    this.bars = draw("path", { class: "gb-feat-bar-now" });
    this.line = draw("path", { class: "gb-feat-line-then" });
    this.svg = draw("svg", { role: "img", viewBox: "0 0 240 78", preserveAspectRatio: "none" }, this.bars, this.line);
    this.ends = make("div", { class: "gb-feat-ends gb-number" });
    this.word = make("p");
    this.node = make("figure", { class: "gb-feat-histogram" }, make("figcaption", {}, "How often each value occurs"), this.svg, this.ends, this.word);
  }

  draw(values, before) {
    const all = before ? [...values, ...before] : values;
    const [low, high] = all.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
    const bins = (numbers) => {
      const counts = new Array(BINS).fill(0);
      for (const value of numbers) counts[high > low ? Math.min(Math.floor((BINS * (value - low)) / (high - low)), BINS - 1) : 0]++;
      return counts;
    };
    const [now, then] = [bins(values), before ? bins(before) : null];
    // Zeros would dwarf the rest after a ReLU, so heights are square roots.
    const most = Math.sqrt(Math.max(...now, ...(then ?? [0])));
    const top = (count) => 77 - (74 * Math.sqrt(count)) / most;
    const wide = 240 / BINS;
    this.bars.setAttribute("d", now.map((count, at) => `M${at * wide + 0.5},77V${top(count)}h${wide - 1}V77z`).join(""));
    this.line.setAttribute("d", (then ?? []).map((count, at) => `${at ? "L" : "M"}${at * wide},${top(count)}H${(at + 1) * wide}`).join(""));
    this.svg.dataset.counts = JSON.stringify(now);
    const zeros = values.reduce((sum, value) => sum + (value === 0), 0);
    this.ends.replaceChildren(make("span", {}, short(low, 2)), make("span", {}, short(high, 2)));
    write(this.word, `${Math.round((100 * zeros) / values.length)} % are exactly 0; heights are square roots of counts${then ? ", the line is the first step" : ""}`);
    this.svg.setAttribute("aria-label", `Histogram of ${values.length} values from ${short(low, 2)} to ${short(high, 2)}; ${this.word.textContent}`);
  }
}

/** The maps that a channel is made of, each with the weights with which it is read. */
export class SourceList {
  /** `choose(stage, channel)` for a map that is a channel of a stage of its own. */
  constructor(choose) {
    this.choose = choose;
    this.word = make("p");
    this.list = make("div", { class: "gb-feat-list" });
    this.node = make("figure", { class: "gb-feat-sources" }, this.list, this.word);
  }

  /** Whether the focus was on one that is gone. */
  draw(stage, sources, painter) {
    const form = JSON.stringify(sources.map(({ stage: name, kernel }) => [Boolean(name), kernel?.length]));
    const focused = form !== this.form && this.list.contains(document.activeElement);
    if (form !== this.form) { // else the same elements show other maps
      this.form = form;
      this.entries = sources.map((source) => this.buildEntry(source));
      this.list.replaceChildren(...this.entries.map(({ node }) => node));
    }
    const most = Math.max(...sources.flatMap(({ kernel }) => (kernel ?? [[0]]).flat().map(Math.abs)));
    sources.forEach((source, at) => this.fill(this.entries[at], source, painter, most));
    const side = sources[0].kernel?.length;
    const weightless = { MaxPool2d: "The largest of every 2×2 values: no weights.", Concat: "A copy: no weights.",
      Upsample: "Each value repeated 2×2: no weights." };
    write(this.word, weightless[stage.kind] ?? `The strongest of its inputs: Σ|weight| × root mean square of the map. Weights ${side}×${side}: blue negative, red positive, up to ±${short(most, 3)}.`);
    return focused;
  }

  buildEntry({ stage, kernel }) {
    const side = kernel?.length ?? 0;
    const entry = { map: make("canvas"), word: make("span"),
      weights: make("canvas", { class: "gb-feat-kernel", width: side, height: side, style: `width: ${CELL * side}px`, "aria-hidden": "true" }) };
    const parts = [entry.map, ...(kernel ? [entry.weights] : []), entry.word];
    entry.node = stage ? make("button", { type: "button", class: "gb-feat-source" }, ...parts)
      : make("div", { class: "gb-feat-source", role: "img" }, ...parts);
    if (stage) entry.node.addEventListener("click", () => this.choose(entry.source.stage, entry.source.channel));
    return entry;
  }

  fill(entry, source, painter, most) {
    entry.source = source;
    painter.paint(entry.map, source.map);
    smoothWhereShrunk(entry.map, source.map.width, TILE);
    const about = `${source.title}${source.kernel ? `, strength ${short(source.strength, 3)}, weights ${source.kernel.map((row) => row.map((weight) => short(weight, 3)).join(" ")).join("; ")}` : ""}`;
    write(entry.word, source.label);
    for (const name of ["title", "aria-label"]) entry.node.setAttribute(name, about);
    if (source.kernel) this.fillKernel(entry.weights, source.kernel, most);
  }

  fillKernel(canvas, kernel, most) {
    const scale = signScale(most || 1);
    const dots = kernel.flat().flatMap((weight) => [...scale.colour(weight), 255]);
    canvas.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(dots), kernel.length, kernel.length), 0, 0);
    canvas.dataset.weights = JSON.stringify(kernel);
  }
}
