// The embedding map. It asks Python for nothing, so it also works in a saved notebook without a kernel.

import { bytesOf, follow, inflate, keepKeys, make, rendering, steadyButton, watchSize } from "../shared/base.js";
import { WHITE } from "../shared/colours.js";
import { drawGrey, freshContext, strokeTwice, wholeSlice } from "../shared/slice_pictures.js";
import { between, eased, frameOf, nearestPoint, nextPoint } from "./embedding_points.js";

const FINEST = 1000; // what a unit is in the numbers that travel; the Python file says the same
const BORDER = 10; // px around the points
const NEAR = 14; // px: a point no further from the pointer is meant
const MOVING = 450; // ms from one step to another
const RESTING = 350; // ms between two moves when all steps are played
const MAIN_KIND = "tumour";
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

class EmbeddingMapView {
  constructor(model, el, signal) {
    this.model = model;
    this.signal = signal;
    this.kinds = model.get("kinds");
    this.hover = -1;
    this.playing = false;
    this.build(el);
    this.open();
  }

  build(el) {
    this.canvas = make("canvas");
    this.screen = make("div", { class: "gb-embed-points", tabindex: 0, role: "application",
      "aria-label": "Map of squares: arrow keys go from point to point, with Shift from slice to slice" }, this.canvas);
    this.slice = make("canvas", { class: "gb-embed-slice", role: "img" });
    this.facts = make("p");
    this.spoken = make("div", { class: "gb-unseen", "aria-live": "polite" });
    const last = this.model.get("steps").length - 1;
    this.slider = make("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "Step of training" });
    this.says = make("output");
    this.play = steadyButton("Play", "Move through all steps of training", () => this.setPlaying(!this.playing));
    this.score = make("p");
    this.legend = make("div", { class: "gb-embed-legend", role: "group", "aria-label": "Show one kind of square" });
    this.root = make("div", { class: "gb gb-embed", role: "group", "aria-label": "Embedding map" },
      make("div", { class: "gb-row gb-embed-time" }, this.play, make("span", { class: "gb-label" }, "Training"), this.slider, this.says),
      make("div", { class: "gb-embed-sides" }, this.screen,
        make("div", { class: "gb-embed-what" }, this.legend, this.slice, this.facts)), this.score, this.spoken);
    keepKeys(this.root);
    el.append(this.root);
  }

  /** Unpack what came from Python, then listen. */
  async open() {
    const [points, table, pictures] = await Promise.all(["points", "squares", "pictures"].map((name) => inflate(bytesOf(this.model.get(name)))));
    if (this.signal.aborted) return;
    this.table = new Uint16Array(table.buffer); // slice, row, column, kind
    this.count = this.table.length / 4;
    const numbers = Float32Array.from(new Int16Array(points.buffer), (value) => value / FINEST);
    this.planes = this.model.get("steps").map((_, at) => numbers.subarray(2 * this.count * at, 2 * this.count * (at + 1)));
    this.pictures = pictures;
    this.view = frameOf(this.planes);
    this.now = this.planes[this.model.get("at")];
    this.buildLegend();
    this.connect();
    this.refresh();
    this.root.dataset.drawn = "yes";
  }

  buildLegend() {
    const present = new Set(Array.from({ length: this.count }, (_, point) => this.kindOf(point)));
    const button = (kind, name, ...key) => {
      const node = steadyButton("", kind < 0 ? "Show all squares" : `Show ${name} alone; again: all`, () => this.show(kind));
      node.append(...key, name);
      node.dataset.kind = kind;
      return node;
    };
    const key = ([name, colour]) => make("span", { class: `gb-embed-key${name === MAIN_KIND ? " gb-embed-diamond" : ""}`, style: `--ink: ${colour}`, "aria-hidden": "true" });
    this.keys = [button(-1, "all squares"), ...this.kinds.flatMap((kind, at) => (present.has(at) ? [button(at, kind[0], key(kind))] : []))];
    this.legend.append(...this.keys);
  }

  // ---- what the reader does -----------------------------------------------------------------------------

  connect() {
    const listen = (node, kind, react) => node.addEventListener(kind, react.bind(this), { signal: this.signal });
    listen(this.screen, "pointermove", (event) => this.lookAt(this.under(event)));
    listen(this.screen, "pointerleave", () => this.lookAt(-1));
    listen(this.screen, "pointerdown", (event) => this.choose(this.under(event)));
    listen(this.root, "keydown", this.onKey);
    listen(this.slider, "input", () => {
      this.setPlaying(false);
      this.set({ at: Number(this.slider.value) });
    });
    follow(this.model, this.signal, ["at"], () => this.move());
    follow(this.model, this.signal, ["shown", "chosen"], () => this.refresh());
    watchSize(this.signal, () => this.draw(), this.screen);
    this.signal.addEventListener("abort", () => this.stop());
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
  }

  show(kind) {
    this.set({ shown: kind === this.model.get("shown") ? -1 : kind });
  }

  choose(point) {
    if (point >= 0) this.set({ chosen: point });
  }

  lookAt(point) {
    if (point === this.hover) return;
    this.hover = point;
    this.refresh();
  }

  under(event) {
    const area = this.screen.getBoundingClientRect();
    return nearestPoint(this.spots, [event.clientX - area.left, event.clientY - area.top], NEAR, (point) => this.isShown(point));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey) return; // Ctrl+S and its like are meant for JupyterLab
    event.stopPropagation(); // below the last cell the notebook itself listens for arrow keys
    const direction = STEPS[event.key];
    if (!direction || event.target !== this.screen) return;
    event.preventDefault();
    const here = this.model.get("chosen"), slice = this.table[4 * here];
    const counts = (point) => this.isShown(point) && !(event.shiftKey && this.table[4 * point] === slice);
    this.hover = -1;
    this.choose(nextPoint(this.count, here, direction, counts));
    this.spoken.textContent = this.sentence(this.model.get("chosen"));
  }

  setPlaying(playing) {
    this.playing = playing;
    clearTimeout(this.rest);
    this.play.textContent = playing ? "Pause" : "Play";
    if (playing) this.advance();
  }

  /** One step on; from the last one back to the first, and at the last one the end. */
  advance() {
    const [at, last] = [this.model.get("at"), this.planes.length - 1];
    this.set({ at: at < last ? at + 1 : 0 });
    if (at === last - 1) this.setPlaying(false);
    else this.rest = setTimeout(() => this.advance(), MOVING + RESTING);
  }

  // ---- showing --------------------------------------------------------------------------------------------

  kindOf(point) {
    return this.table[4 * point + 3];
  }

  isShown(point) {
    const shown = this.model.get("shown");
    return shown < 0 || this.kindOf(point) === shown;
  }

  stop() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.rest);
  }

  /** From where the points are to where they belong. */
  move() {
    cancelAnimationFrame(this.frame);
    const [from, to, start] = [this.now, this.planes[this.model.get("at")], performance.now()];
    const length = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : MOVING;
    const go = (time) => {
      const fraction = length ? eased((time - start) / length) : 1;
      this.now = fraction < 1 ? between(from, to, fraction) : to;
      this.draw();
      if (fraction < 1) this.frame = requestAnimationFrame(go);
    };
    go(start);
    this.refresh();
  }

  refresh() {
    const at = this.model.get("at"), step = this.model.get("steps")[at];
    this.slider.value = at;
    this.slider.setAttribute("aria-valuetext", `step ${step}`);
    this.says.textContent = `step ${step}`;
    for (const key of this.keys) key.setAttribute("aria-pressed", Number(key.dataset.kind) === this.model.get("shown"));
    this.score.textContent = this.summary(at);
    this.facts.textContent = this.sentence(this.current());
    this.drawSlice();
    this.draw();
  }

  current() {
    return this.hover >= 0 ? this.hover : this.model.get("chosen");
  }

  summary(at) {
    const auc = this.model.get("aucs")[at], percent = Math.round(100 * this.model.get("explained")[at]);
    const apart = auc === undefined ? "" : `Tumour squares lie among tumour squares of other patients: AUC ${auc.toFixed(2)} (0.5 is chance). `;
    return `${apart}This plane shows ${percent} % of what differs between the squares.`;
  }

  sentence(point) {
    const [slice, row, column, kind] = this.table.subarray(4 * point, 4 * point + 4);
    const name = this.kinds[kind][0];
    const holds = name === MAIN_KIND ? "holds tumour" : `mostly ${name}`;
    return `${this.model.get("titles")[slice]}: square in row ${row + 1}, column ${column + 1}, ${holds}`;
  }

  drawSlice() {
    const size = this.model.get("size"), side = size / this.model.get("side");
    const [slice, row, column] = this.table.subarray(4 * this.current());
    const view = wholeSlice(size, size);
    const small = make("canvas");
    drawGrey(small, this.pictures.subarray(slice * size * size), size, view);
    const context = freshContext(this.slice, 192, 192);
    context.drawImage(small, 0, 0, this.slice.width, this.slice.height);
    context.scale(this.slice.width / size, this.slice.height / size);
    strokeTwice(context, WHITE, [1.6, 0.7], () => context.strokeRect(column * side, row * side, side, side));
    this.slice.setAttribute("aria-label", `FLAIR, ${this.sentence(this.current())}`);
  }

  draw() {
    const wide = this.screen.clientWidth;
    if (!wide) return;
    const context = freshContext(this.canvas, wide, wide);
    context.scale(this.canvas.width / wide, this.canvas.height / wide);
    const { x: middle, y: height, half } = this.view;
    const unit = (wide / 2 - BORDER) / half;
    this.spots = this.now.map((value, at) => wide / 2 + unit * (at % 2 ? height - value : value - middle));
    this.kinds.forEach(([name, colour], kind) => this.drawKind(context, name, colour, kind));
    const point = this.current(), [x, y] = this.spots.subarray(2 * point);
    context.globalAlpha = 1;
    strokeTwice(context, WHITE, [4, 2], () => {
      context.beginPath();
      context.arc(x, y, 7, 0, 2 * Math.PI);
      context.stroke();
    }, 0.85);
    this.root.dataset.marked = [point, Math.round(x), Math.round(y)].join(" ");
  }

  drawKind(context, name, colour, kind) {
    const size = name === MAIN_KIND ? 4 : 2;
    const shown = this.model.get("shown");
    context.globalAlpha = shown < 0 || shown === kind ? 0.7 : 0.06;
    context.fillStyle = colour;
    context.beginPath();
    for (let point = 0; point < this.count; point++) {
      if (this.kindOf(point) !== kind) continue;
      const [x, y] = [this.spots[2 * point], this.spots[2 * point + 1]];
      context.moveTo(x, y - size);
      if (name === MAIN_KIND) for (const [right, down] of [[size, 0], [0, size], [-size, 0]]) context.lineTo(x + right, y + down);
      else context.arc(x, y, size, -Math.PI / 2, 1.5 * Math.PI);
    }
    context.fill();
  }
}

export default { render: rendering(EmbeddingMapView) };
