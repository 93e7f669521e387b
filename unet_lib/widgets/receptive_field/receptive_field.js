// The receptive field explorer. It asks Python for nothing, so it also works in a saved notebook without a kernel.

import { MOVES, follow, inflate, keepKeys, make, nearestPixel, pixelUnder, rendering, steadyButton,
  watchSize } from "../shared/base.js";
import { drawGrey, fitSquares, freshContext, strokeTwice, wholeSlice } from "../shared/slice_pictures.js";

const LONG_STEP = 10; // pixels, with Shift
const PACE = 450; // ms from one layer to the next while the stack grows
const YELLOW = [240, 228, 66];

/**
 * What is known after each layer: jump j (input pixels from one value to the next), field r (side of the square
 * that one value sees), start (where the square of value 0 begins). The first entry is the input itself.
 */
export function receptiveFields(layers) {
  const found = [{ jump: 1, field: 1, start: 0 }];
  for (const [kernel, stride, dilation, padding] of layers) {
    const { jump, field, start } = found.at(-1);
    found.push({ jump: jump * stride, field: field + (kernel - 1) * dilation * jump, start: start - padding * jump });
  }
  return found;
}

/** The square that the value lying over this pixel sees. */
export function squareAround([row, column], { jump, field, start }) {
  const from = (at) => Math.floor(at / jump) * jump + start;
  return { top: from(row), left: from(column), side: field };
}

class ReceptiveFieldView {
  constructor(model, el, signal) {
    this.model = model;
    this.hover = null; // [row, column] while a pointer is over the slice
    this.marked = null; // the layer whose row is pointed at
    this.grown = null; // how many layers are there so far, while the stack grows
    [this.height, this.width] = model.get("size");
    this.build(el);
    this.connect(signal);
    this.drawSlice();
    this.refresh();
  }

  build(el) {
    const help = "Slice: arrow keys move the chosen pixel, with Shift by 10";
    this.base = make("canvas", { width: this.width, height: this.height });
    this.over = make("canvas");
    this.screen = make("div", { class: "gb-rf-screen", tabindex: 0, role: "application", "aria-label": help }, this.base, this.over);
    this.status = make("p", { class: "gb-rf-status" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    this.rows = make("tbody");
    const head = [["layer", ""], ["k", "kernel"], ["s", "stride"], ["d", "dilation"], ["jump j = j′·s", "j′: the jump before this layer"],
      ["field r = r′ + (k − 1)·d·j′", "r′, j′: field and jump before this layer"], ["", ""]];
    const heads = head.map(([text, title]) => make("th", { scope: "col", title }, text));
    const table = make("table", { class: "gb-rf-table" }, make("thead", {}, make("tr", {}, ...heads)), this.rows);
    const stack = make("div", { class: "gb-rf-stack" }, this.buildPresets(), this.buildAdders(), table);
    this.root = make("div", { class: "gb gb-rf", role: "group", "aria-label": "Receptive field explorer" },
      make("div", { class: "gb-rf-picture" }, this.screen, this.status), stack, this.spoken);
    keepKeys(this.root);
    el.append(this.root);
  }

  buildPresets() {
    this.preset = make("select", { "aria-label": "Stack of layers" }, make("option", { value: "", disabled: "" }, "your own"),
      ...Object.keys(this.model.get("presets")).map((name) => make("option", { value: name }, name)));
    this.preset.addEventListener("change", () => {
      this.setLayers(this.model.get("presets")[this.preset.value]);
      if (this.grows()) this.grow();
    });
    this.growButton = this.button("▶ Grow", "Grow: add the layers one after the other", () => (this.grown === null ? this.grow() : this.stopGrowing()));
    this.removeLast = this.button("Remove last", "", () => this.setLayers(this.model.get("layers").slice(0, -1)));
    this.clear = this.button("Clear", "Remove all layers", () => this.setLayers([]));
    return make("div", { class: "gb-row" }, make("label", {}, make("span", { class: "gb-label" }, "Layers"), this.preset), this.growButton, this.removeLast, this.clear);
  }

  buildAdders() {
    this.adders = Object.keys(this.model.get("kinds")).map((name) =>
      this.button(`+ ${name}`, `Add: ${name}`, () => this.setLayers([...this.model.get("layers"), name])));
    return make("div", { class: "gb-row gb-rf-adders" }, ...this.adders);
  }

  button(text, label, react) {
    const node = steadyButton(text, label, react);
    if (label) node.setAttribute("aria-label", label);
    return node;
  }

  // ---- what the reader does -----------------------------------------------------------------------------

  connect(signal) {
    const listen = (node, kind, react) => node.addEventListener(kind, react.bind(this), { signal });
    listen(this.screen, "pointermove", this.point);
    listen(this.screen, "pointerdown", this.point);
    for (const kind of ["pointerdown", "pointerup"]) listen(this.screen, kind, () => this.choose(this.current()));
    listen(this.screen, "pointerleave", () => this.lookAt(null));
    listen(this.root, "keydown", this.onKey);
    for (const kind of ["pointerover", "focusin"]) listen(this.rows, kind, (event) => this.mark(event.target.closest("tr")));
    for (const kind of ["pointerleave", "focusout"]) listen(this.rows, kind, () => this.mark(null));
    follow(this.model, signal, ["layers"], () => this.refresh());
    follow(this.model, signal, ["pixel"], () => this.draw());
    watchSize(signal, () => this.layOut(), this.root);
    signal.addEventListener("abort", () => this.stopGrowing());
    if (this.grows()) this.growWhenSeen(signal);
  }

  grows() {
    return this.model.get("growing") && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  growWhenSeen(signal) {
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      this.grow();
    }, { threshold: 0.6 });
    observer.observe(this.screen);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  /** The layers appear one after the other, and the square grows with them. */
  grow() {
    this.stopGrowing();
    const count = this.fields.length - 1;
    if (!count) return;
    this.showGrown(0);
    this.growButton.textContent = "■ Stop";
    this.growth = setInterval(() => (this.grown < count ? this.showGrown(this.grown + 1) : this.stopGrowing()), PACE);
  }

  showGrown(layers) {
    this.grown = layers;
    for (const row of this.rows.children) {
      row.classList.toggle("gb-rf-later", layers !== null && Number(row.dataset.at) >= layers);
      row.classList.toggle("gb-rf-now", layers !== null && Number(row.dataset.at) === layers - 1);
    }
    this.draw();
  }

  stopGrowing() {
    clearInterval(this.growth);
    this.growButton.textContent = "▶ Grow";
    if (this.grown !== null) this.showGrown(null);
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
  }

  setLayers(layers) {
    if (layers.length <= this.model.get("most")) this.set({ layers });
  }

  moveLayer(from, to) {
    const layers = [...this.model.get("layers")];
    layers.splice(to, 0, ...layers.splice(from, 1));
    this.setLayers(layers);
    this.focusRow(to, from > to ? "up" : "down");
  }

  removeLayer(at) {
    this.setLayers(this.model.get("layers").filter((_, index) => index !== at));
    this.focusRow(Math.min(at, this.model.get("layers").length - 1), "remove");
  }

  /** The table is built anew with each change; the focus goes where it was. */
  focusRow(at, name) {
    (this.rows.querySelector(`[data-at="${at}"] [data-does="${name}"]`) ?? this.adders[0]).focus();
  }

  point(event) {
    this.lookAt(nearestPixel(pixelUnder(event, this.screen, this), this));
  }

  lookAt(pixel) {
    this.hover = pixel;
    this.draw();
  }

  choose(pixel) {
    this.set({ pixel });
    this.draw();
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey) return; // Ctrl+S and its like are meant for JupyterLab
    event.stopPropagation(); // below the last cell the notebook itself listens for arrow keys
    const move = MOVES[event.key];
    if (!move || event.target !== this.screen) return;
    event.preventDefault();
    const [row, column] = this.model.get("pixel");
    const step = event.shiftKey ? LONG_STEP : 1;
    this.hover = null;
    this.choose(nearestPixel([row + step * move[0], column + step * move[1]], this));
    this.spoken.textContent = this.sentence();
  }

  current() {
    return this.hover ?? this.model.get("pixel");
  }

  mark(row) {
    if (row) this.stopGrowing();
    this.marked = row ? Number(row.dataset.at) + 1 : null;
    this.draw();
  }

  // ---- showing --------------------------------------------------------------------------------------------

  async drawSlice() {
    drawGrey(this.base, await inflate(this.model.get("pixels")), this.width, wholeSlice(this.width, this.height));
    this.root.dataset.drawn = "yes";
  }

  refresh() {
    const [names, kinds] = [this.model.get("layers"), this.model.get("kinds")];
    this.fields = receptiveFields(names.map((name) => kinds[name]));
    const input = make("tr", { class: "gb-rf-input" }, make("th", { scope: "row" }, "input pixel"),
      ...["", "", "", "1", "1", ""].map((text) => make("td", {}, text)));
    this.rows.replaceChildren(input, ...names.map((name, at) => this.buildRow(name, kinds[name], at, names.length)));
    input.dataset.at = -1;
    const presets = Object.entries(this.model.get("presets"));
    this.preset.value = presets.find(([, layers]) => layers.join() === names.join())?.[0] ?? "";
    for (const button of this.adders) button.setAttribute("aria-disabled", names.length >= this.model.get("most"));
    for (const button of [this.growButton, this.removeLast, this.clear]) button.setAttribute("aria-disabled", !names.length);
    this.spoken.textContent = this.summary(names.length);
    this.marked = null;
    this.stopGrowing();
    this.draw();
  }

  buildRow(name, [kernel, stride, dilation], at, count) {
    const [before, after] = [this.fields[at], this.fields[at + 1]];
    const jump = [`${before.jump}·${stride} = `, make("strong", {}, after.jump)];
    const field = [`${before.field} + (${kernel} − 1)·${dilation}·${before.jump} = `, make("strong", {}, after.field)];
    const action = (text, does, label, possible, react) => {
      const node = this.button(text, `${label} layer ${at + 1}, ${name}`, react);
      node.dataset.does = does;
      node.setAttribute("aria-disabled", !possible);
      return node;
    };
    const actions = [action("↑", "up", "Move up", at > 0, () => this.moveLayer(at, at - 1)),
      action("↓", "down", "Move down", at < count - 1, () => this.moveLayer(at, at + 1)),
      action("✕", "remove", "Remove", true, () => this.removeLayer(at))];
    const numbers = [[kernel], [stride], [dilation], jump, field, actions].map((content) => make("td", {}, ...content));
    return make("tr", { "data-at": at }, make("th", { scope: "row" }, name), ...numbers);
  }

  /** What one value sees after this many layers. */
  summary(count) {
    if (!this.fields[1]) return "No layers yet: one value is one pixel. Add a layer.";
    const { jump, field } = this.fields[count];
    const percent = (100 * field ** 2) / (this.height * this.width);
    const part = percent > 100 ? "more than the slice has" : `${percent < 1 ? "less than 1" : Math.round(percent)} % of the slice`;
    if (!count) return "A pixel of the input sees itself alone.";
    const after = count === this.fields.length - 1 ? `After ${count} layer${count > 1 ? "s" : ""}` : `After layer ${count}`;
    return `${after} one value sees ${field}×${field} pixels, ${part}; ` +
      `its neighbour sees a square ${jump} pixel${jump > 1 ? "s" : ""} further on.`;
  }

  sentence() {
    const [row, column] = this.current();
    const { top, left, side } = squareAround([row, column], this.fields.at(-1));
    return `Row ${row}, column ${column}: rows ${top} to ${top + side - 1}, columns ${left} to ${left + side - 1}`;
  }

  layOut() {
    this.scale = fitSquares(this.screen, this.root, this);
    this.draw();
  }

  /** What lies outside the square is veiled; the squares after earlier layers are drawn thinly inside it. */
  draw() {
    if (!this.scale) return; // not on the page yet
    const context = freshContext(this.over, this.scale * this.width, this.scale * this.height);
    context.scale(this.over.width / this.width, this.over.height / this.height);
    const shown = this.marked ?? this.grown ?? this.fields.length - 1;
    this.status.textContent = this.summary(shown);
    const squares = this.fields.map((field) => squareAround(this.current(), field));
    const { top, left, side } = squares[shown];
    context.fillStyle = "rgba(0, 0, 0, 0.42)";
    context.beginPath();
    context.rect(0, 0, this.width, this.height);
    context.rect(left, top, side, side);
    context.fill("evenodd");
    squares.forEach((square, at) => at !== shown && (at < shown || this.grown === null) && this.drawSquare(context, square, at < shown ? 0.75 : 0.3, 1));
    this.drawSquare(context, squares[shown], 1, 2.5);
    this.root.dataset.square = [top, left, side].join(" ");
  }

  drawSquare(context, { top, left, side }, alpha, thickness) {
    context.globalAlpha = alpha;
    strokeTwice(context, YELLOW, [(thickness + 2) / this.scale, thickness / this.scale], () => context.strokeRect(left, top, side, side));
  }
}

export default { render: rendering(ReceptiveFieldView) };
