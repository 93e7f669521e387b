// The convolution microscope. It asks Python for nothing, so it also works in a saved notebook without a kernel.

import { MOVES, follow, inflate, keepKeys, make, nearestPixel, radioChoice, rendering, watchSize } from "../shared/base.js";
import { Grid, NumberField, equals, greyScale, inBrackets, isShort, longestTerm, minus, paint, scaleFor, short, signScale,
  term, writer } from "../shared/number_grid.js";
import { drawGrey, wholeSlice } from "../shared/slice_pictures.js";
import { cannotReflect, correlate, outputLength, padPlane, problem, products, sum } from "./conv_arithmetic.js";

const PAUSE = 300; // ms from one step to the next while it plays
const CELL = { least: 8, readable: 18, most: 34 }; // px, side of a pixel
const OPERATION = { most: 48, least: 34 }; // px, width of a kernel cell
const GAP = 24; // px between pictures, as in the style
const CHARACTER = 8.2; // px, at most, in an equation
const BESIDE = 860; // px, from which on the kernel stands between input and output

const heading = (...children) => make("figcaption", {}, ...children);

class MicroscopeView {
  constructor(model, el, signal) {
    this.model = model;
    this.planes = model.get("planes");
    this.names = model.get("channels");
    this.hover = null; // [row, column] of the output while a pointer is over it
    this.seen = new Set(); // output pixels stepped through so far
    this.taps = []; // input cells marked as taps of a dilated window
    this.group = `gb-conv-${Math.random().toString(36).slice(2)}`;
    this.build(el);
    this.connect(signal);
    this.refresh();
  }

  build(el) {
    this.root = make("div", { class: "gb gb-conv", role: "group", "aria-label": "Convolution microscope" });
    this.channels = this.names.map((name) => this.buildChannel(name));
    this.stage = make("div", { class: "gb-conv-stage" }, ...this.channels.map(({ block }) => block), this.buildOutput());
    this.total = make("p", { class: "gb-conv-total" });
    const sums = make("div", { class: "gb-conv-sums" }, ...this.channels.map(({ part }) => part));
    const equation = make("div", { class: "gb-conv-equation" }, sums, this.total);
    this.formula = make("p", { class: "gb-conv-formula" });
    this.spoken = make("p", { class: "gb-unseen", "aria-live": "polite" });
    const explained = make("div", { class: "gb-conv-explained" }, equation, this.formula);
    const settings = make("div", { class: "gb-conv-head" }, make("div", { class: "gb-conv-rows" }, this.buildKernelRow(), this.buildPlaceRow()));
    if (this.model.get("overview").byteLength) settings.append(this.buildOverview());
    this.root.append(settings, this.stage, this.buildSteps(), explained, this.spoken);
    keepKeys(this.root);
    el.append(this.root);
  }

  /** The whole slice, small, and a frame where the patch lies. */
  buildOverview() {
    const [[height, width], [top, left]] = [this.model.get("overview_size"), this.model.get("corner")];
    const [rows, columns] = [this.planes[0].length, this.planes[0][0].length];
    const where = `rows ${top} to ${top + rows - 1}, columns ${left} to ${left + columns - 1}`;
    const canvas = make("canvas", { role: "img", "aria-label": `The whole slice; the patch is ${where}` });
    const frame = make("div", { class: "gb-conv-patch" });
    const percent = { top: top / height, left: left / width, height: rows / height, width: columns / width };
    for (const [name, part] of Object.entries(percent)) frame.style[name] = `${100 * part}%`;
    inflate(this.model.get("overview")).then((pixels) => drawGrey(canvas, pixels, width, wholeSlice(width, height)));
    return make("figure", { class: "gb-conv-overview" }, make("div", {}, canvas, frame), make("figcaption", {}, where.replace(", ", "\n")));
  }

  /** What the kernel is. */
  buildKernelRow() {
    const groups = Object.entries(this.model.get("presets")).filter(([, group]) => Object.keys(group).length);
    const label = { classic: "By hand", learnt: "Learnt by a network" };
    const options = groups.map(([key, group]) => make("optgroup", { label: label[key] },
      ...Object.keys(group).map((name) => make("option", { value: `${key} ${name}` }, name))));
    this.preset = make("select", { "aria-label": "Kernel" }, make("option", { value: "", disabled: "" }, "your own"), ...options);
    this.size = this.buildChoice("Size", [1, 2, 3, 4, 5], (value) => this.resizeKernel(Number(value)));
    this.bias = new NumberField("Bias", () => 1, (bias) => this.set({ bias }));
    this.relu = make("input", { type: "checkbox" });
    return make("div", { class: "gb-row gb-conv-settings" },
      make("label", {}, make("span", { class: "gb-label" }, "Kernel"), this.preset), this.size.part,
      make("label", {}, make("span", { class: "gb-label" }, "Bias"), this.bias.input), make("label", {}, this.relu, "ReLU"));
  }

  /** Where it is laid. */
  buildPlaceRow() {
    this.stride = this.buildChoice("Stride", [1, 2, 3, 4], (value) => this.set({ stride: Number(value) }));
    this.dilation = this.buildChoice("Dilation", [1, 2, 3], (value) => this.set({ dilation: Number(value) }));
    this.mode = this.buildChoice("Padding", ["none", "zeros", "reflect", "replicate"], (value) => this.setMode(value));
    this.amount = make("input", { type: "number", min: 0, max: 8, "aria-label": "Padding in pixels", class: "gb-conv-number" });
    this.same = make("button", { type: "button", title: "The padding that keeps the size at stride 1" }, "same size");
    return make("div", { class: "gb-row gb-conv-settings" }, this.stride.part, this.dilation.part,
      make("span", { class: "gb-conv-pair" }, this.mode.part, this.amount, this.same));
  }

  buildChoice(title, options, choose) {
    const choice = radioChoice(this.group, title, options, choose);
    choice.part.className = "gb-conv-pair"; // several stand in one row
    return choice;
  }

  buildChannel(name) {
    const help = `${name}: arrow keys move the window, N steps, Space plays`;
    const input = new Grid({ role: "application", tabindex: 0, "aria-label": help });
    const [kernel, product] = [make("div", { class: "gb-conv-small" }), make("div", { class: "gb-conv-small" })];
    const title = this.names.length > 1 ? name : "Input";
    const size = make("span", { class: "gb-conv-note" });
    const operations = make("div", { class: "gb-conv-operations" },
      make("figure", {}, heading("Kernel"), kernel), make("figure", {}, heading("Products"), product));
    const block = make("div", { class: "gb-conv-channel" }, make("figure", {}, heading(make("span", {}, title), size), input.root), operations);
    const [equation, partial] = [make("div", { class: "gb-conv-terms" }), make("strong")];
    const part = make("div", {}, ...(this.names.length > 1 ? [make("div", { class: "gb-label" }, name)] : []), equation, partial);
    return { name, block, part, input, size, kernel, product, equation, partial, fields: [], results: [], terms: [] };
  }

  buildOutput() {
    this.output = new Grid({ role: "application", tabindex: 0, "aria-label": "Output: arrow keys choose a pixel, N steps, Space plays" });
    this.outputSize = make("span", { class: "gb-conv-note" });
    this.fault = make("p", { class: "gb-conv-fault", role: "status" });
    this.legend = make("div", { class: "gb-conv-legend" });
    return make("figure", { class: "gb-conv-result" }, heading(make("span", {}, "Output"), this.outputSize),
      this.output.root, this.fault, this.legend);
  }

  buildSteps() {
    const button = (text, title, react) => {
      const node = make("button", { type: "button", title }, text);
      node.addEventListener("click", () => react());
      return node;
    };
    this.play = button("▶ Play", "Space", () => this.togglePlay());
    this.steps = [button("Step", "N or →", () => this.step()), this.play, button("Fill all", "Compute every output pixel", () => this.fill()),
      button("Reset", "Empty the output and start again", () => this.reset())];
    this.place = make("output", { class: "gb-number" });
    return make("div", { class: "gb-row gb-conv-steps" }, ...this.steps, this.place);
  }

  // ---- what the reader does ---------------------------------------------------------------------------

  connect(signal) {
    const listen = (node, kind, react) => node.addEventListener(kind, react.bind(this), { signal });
    listen(this.root, "keydown", this.onKey);
    listen(this.preset, "change", this.choosePreset);
    listen(this.amount, "input", () => this.set({ padding: Math.min(Math.max(Math.round(Number(this.amount.value)), 0), 8) }));
    listen(this.same, "click", () => this.set({ padding: this.samePadding() }));
    listen(this.relu, "change", () => this.set({ relu: this.relu.checked }));
    for (const [grid, find] of [...this.channels.map(({ input }) => [input, this.aroundInput]), [this.output, (place) => place]]) {
      const point = (event) => this.point(find.call(this, grid.locate(event)));
      for (const kind of ["pointermove", "pointerdown"]) listen(grid.root, kind, point);
      for (const kind of ["pointerdown", "pointerup"]) listen(grid.root, kind, () => this.choose(this.current()));
      listen(grid.root, "pointerleave", () => this.point(null));
    }
    follow(this.model, signal, ["kernel", "stride", "padding", "padding_mode", "dilation", "bias", "relu", "filled"], () => this.refresh());
    follow(this.model, signal, ["position"], () => this.showPlace());
    watchSize(signal, () => this.layOut(), this.root);
    signal.addEventListener("abort", () => this.pause());
  }

  set(traits) {
    this.model.set(traits);
    this.model.save_changes();
  }

  setKernel(slices) {
    this.set({ kernel: slices.length > 1 ? slices : slices[0] });
  }

  setWeight(channel, i, j, weight) {
    this.setKernel(this.kernel.map((rows, c) => rows.map((row, y) => row.map((old, x) => (c === channel && y === i && x === j ? weight : old)))));
  }

  /** The middle of the old kernel, or the old kernel in the middle of zeros. */
  resizeKernel(size) {
    const shift = Math.floor((this.kernel[0].length - 1) / 2) - Math.floor((size - 1) / 2);
    const indices = Array.from({ length: size }, (_, index) => index + shift);
    this.setKernel(this.kernel.map((rows) => indices.map((i) => indices.map((j) => rows[i]?.[j] ?? 0))));
  }

  choosePreset() {
    const [group, ...name] = this.preset.value.split(" ");
    this.setKernel(this.model.get("presets")[group][name.join(" ")]);
  }

  setMode(mode) {
    const padding = mode === "none" ? 0 : this.model.get("padding") || this.samePadding() || 1;
    this.set(mode === "none" ? { padding } : { padding, padding_mode: mode });
  }

  samePadding() {
    return Math.ceil((this.settings.dilation * (this.kernel[0].length - 1)) / 2);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey) return; // Ctrl+S and its like are meant for JupyterLab
    event.stopPropagation(); // below the last cell the notebook itself listens for arrow keys
    if (event.altKey || event.target.matches("input:not([type=radio], [type=checkbox]), select")) return;
    const onGrid = event.target.matches("[role=application]");
    const [down, right] = MOVES[event.key] ?? [0, 0];
    if (onGrid && event.key === " ") this.togglePlay();
    else if (event.key === "n" || event.key === "N") this.step();
    else if (onGrid && right > 0) this.step();
    else if (onGrid && (down || right)) this.moveBy(down, right);
    else return;
    event.preventDefault();
  }

  moveBy(down, right) {
    const [row, column] = this.chosen();
    this.hover = null;
    this.choose(this.clamp(row + down, column + right));
    this.speak();
  }

  /** The next output pixel, row by row; whether there was one. */
  step() {
    if (this.problem) return false;
    this.hover = null;
    const [row, column] = this.chosen();
    const next = row * this.output.columns + column + 1;
    if (next >= this.output.cells.length) return false;
    this.choose([Math.floor(next / this.output.columns), next % this.output.columns]);
    if (!this.timer) this.speak(); // while it plays, nobody could listen so fast
    return true;
  }

  togglePlay() {
    if (this.timer) return this.pause();
    if (this.problem) return;
    const [row, column] = this.chosen();
    if (row * this.output.columns + column + 1 === this.output.cells.length || this.model.get("filled")) this.reset();
    this.timer = setInterval(() => this.step() || this.pause(), PAUSE);
    this.play.textContent = "❚❚ Pause";
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "▶ Play";
  }

  fill() {
    this.pause();
    this.set({ filled: true });
  }

  reset() {
    this.pause();
    this.seen.clear();
    this.set({ filled: false, position: [0, 0] });
    this.refresh();
  }

  point(place) {
    this.hover = this.problem ? null : place;
    this.showPlace();
  }

  choose(place) {
    if (this.problem) return;
    this.set({ position: place });
    this.showPlace();
  }

  /** The output pixel whose window lies around this pixel of the padded input. */
  aroundInput(place) {
    const middle = (this.settings.dilation * (this.kernel[0].length - 1)) / 2;
    return this.problem ? null : this.clamp(...place.map((at) => Math.round((at - middle) / this.settings.stride)));
  }

  clamp(row, column) {
    return nearestPixel([row, column], { height: this.output.rows, width: this.output.columns });
  }

  chosen() {
    return this.clamp(...this.model.get("position"));
  }

  current() {
    return this.hover ?? this.chosen();
  }

  // ---- showing ------------------------------------------------------------------------------------------

  /** After a change of kernel or settings: compute everything anew, and show it. */
  refresh() {
    const names = ["stride", "padding", "padding_mode", "dilation", "bias", "relu"];
    this.settings = Object.fromEntries(names.map((name) => [name, this.model.get(name)]));
    const kernel = this.model.get("kernel");
    this.kernel = this.names.length > 1 ? kernel : [kernel];
    const [height, width, size] = [this.planes[0].length, this.planes[0][0].length, kernel.at(-1).length];
    this.problem = problem(height, width, size, this.settings);
    this.padding = cannotReflect(height, width, this.settings) ? 0 : this.settings.padding;
    this.padded = this.planes.map((plane) => padPlane(plane, { ...this.settings, padding: this.padding }));
    if (!this.problem) this.compute(outputLength(height, size, this.settings), outputLength(width, size, this.settings));
    this.showSettings(size);
    this.channels.forEach((channel, index) => { this.showInput(channel, index); this.showKernel(channel, index, size); });
    this.showOutputPart();
    this.showFormula(height, width, size);
    this.termLength = longestTerm(this.padded, this.kernel);
    this.root.style.setProperty("--term", this.termLength);
    this.layOut();
    this.showPlace();
  }

  compute(rows, columns) {
    if (this.output.rows !== rows || this.output.columns !== columns) this.seen.clear();
    this.hover = null;
    this.output.resize(rows, columns);
    this.result = correlate(this.padded, this.kernel, this.settings, { rows, columns });
    this.mostProduct = Math.max(...this.padded.flat(2).map(Math.abs)) * Math.max(...this.kernel.flat(2).map(Math.abs)) || 1;
    this.writeResult = writer(this.result);
    this.scale = scaleFor(this.result, this.model.get("levels"), this.settings.relu);
  }

  showSettings(size) {
    const { stride, dilation, padding, padding_mode, bias, relu } = this.settings;
    const known = Object.entries(this.model.get("presets")).flatMap(([key, group]) =>
      Object.entries(group).map(([name, slices]) => [`${key} ${name}`, JSON.stringify(slices)]));
    this.preset.value = known.find(([, slices]) => slices === JSON.stringify(this.kernel))?.[0] ?? "";
    this.size.show(size);
    this.stride.show(stride);
    this.dilation.show(dilation);
    this.mode.show(padding ? padding_mode : "none");
    if (Number(this.amount.value) !== padding || this.amount.value === "") this.amount.value = padding;
    this.same.disabled = (dilation * (size - 1)) % 2 === 1;
    this.bias.show(bias);
    this.relu.checked = relu;
  }

  showInput({ input, size }, index) {
    const plane = this.padded[index];
    const scale = greyScale(...this.model.get("levels"));
    const write = writer(this.padded);
    input.resize(plane.length, plane[0].length);
    const original = (row, column) => this.planes[index][row - this.padding]?.[column - this.padding] !== undefined;
    plane.forEach((numbers, row) => numbers.forEach((value, column) => {
      paint(input.at(row, column), write(value), value, scale);
      input.at(row, column).classList.toggle("gb-conv-padding", !original(row, column));
    }));
    const [height, width] = [this.planes[index].length, this.planes[index][0].length];
    const [black, white] = this.model.get("levels");
    const notes = [`${height}×${width}`];
    if (this.padding) notes.push(`padded ${plane.length}×${plane[0].length}`);
    if (black !== 0 || white !== 255) notes.push(`black ${short(black, 2)}, white ${short(white, 2)}`);
    size.textContent = notes.join(", ");
  }

  showKernel(channel, index, size) {
    if (channel.fields.length !== size * size) this.buildKernel(channel, index, size);
    const most = Math.max(...this.kernel.flat(2).map(Math.abs)) || 1;
    const format = this.kernel.flat(2).every((weight) => isShort(weight, 2)) ? writer(this.kernel) : undefined; // 1/9 stays 1/9
    channel.fields.forEach((field, at) => {
      const weight = this.kernel[index][Math.floor(at / size)][at % size];
      field.show(weight, format);
      paint(field.input, null, weight, signScale(most));
    });
  }

  buildKernel(channel, index, size) {
    const label = (i, j) => `Kernel${this.names.length > 1 ? ` of ${channel.name}` : ""}, row ${i}, column ${j}`;
    const step = () => (this.kernel.flat(2).every(Number.isInteger) ? 1 : 0.1);
    const taps = Array.from({ length: size * size }, (_, at) => [Math.floor(at / size), at % size]);
    channel.fields = taps.map(([i, j]) => new NumberField(label(i, j), step, (weight) => this.setWeight(index, i, j, weight)));
    channel.results = taps.map(() => make("span"));
    channel.terms = taps.map(() => make("span"));
    channel.kernel.replaceChildren(...channel.fields.map((field) => field.input));
    channel.product.replaceChildren(...channel.results);
    channel.equation.replaceChildren(...channel.terms);
    for (const part of [channel.kernel, channel.product, channel.equation]) part.style.setProperty("--columns", size);
  }

  showOutputPart() {
    this.fault.textContent = this.problem;
    this.output.root.hidden = this.legend.hidden = Boolean(this.problem);
    for (const button of this.steps) button.disabled = Boolean(this.problem);
    this.outputSize.textContent = this.problem ? "" : `${this.output.rows}×${this.output.columns}`;
    if (this.problem) return this.pause();
    this.output.cells.forEach((_, index) => this.showOutputCell(index));
    const ends = this.scale.ends.map((end) => minus(Number(end.toPrecision(3))));
    const bar = make("span", { class: "gb-conv-bar", "aria-hidden": "true" });
    bar.style.background = `linear-gradient(to right, ${this.scale.ends.map((end) => `rgb(${this.scale.colour(end)})`)})`;
    this.legend.replaceChildren(bar, ...ends.map((end) => make("span", {}, end)));
  }

  showOutputCell(index) {
    const cell = this.output.cells[index];
    const value = this.result[Math.floor(index / this.output.columns)][index % this.output.columns];
    const known = this.model.get("filled") || this.seen.has(index);
    cell.classList.toggle("gb-conv-open", !known);
    if (known) paint(cell, this.writeResult(value), value, this.scale);
    else Object.assign(cell, { textContent: "", title: "" }).removeAttribute("style");
  }

  /** After a step or under the pointer: one window, its products, its sum. */
  showPlace() {
    for (const cell of this.taps.splice(0)) cell.classList.remove("gb-conv-tap");
    for (const { input } of this.channels) input.frame.hidden = Boolean(this.problem);
    if (this.problem) return this.showNothing();
    const [row, column] = this.current();
    const index = row * this.output.columns + column;
    if (!this.seen.has(index)) {
      this.seen.add(index);
      this.showOutputCell(index);
    }
    this.output.setFrame(row, column, 1);
    this.place.textContent = `output row ${row}, column ${column}`;
    const found = products(this.padded, this.kernel, this.settings, row, column);
    this.channels.forEach((channel, at) => this.showWindow(channel, at, row, column, found[at]));
    this.showTotal(found.map(sum), this.result[row][column]);
  }

  showNothing() {
    this.place.textContent = "no output";
    this.total.replaceChildren();
    for (const { results, terms, partial } of this.channels) {
      for (const cell of results) Object.assign(cell, { textContent: "", title: "" }).removeAttribute("style");
      for (const part of [...terms, partial]) part.textContent = "";
    }
  }

  showWindow({ input, results, terms }, at, row, column, found) {
    const { stride, dilation } = this.settings;
    const size = this.kernel[at].length;
    const scale = signScale(this.mostProduct);
    const write = writer(found);
    input.setFrame(row * stride, column * stride, dilation * (size - 1) + 1);
    found.forEach((product, tap) => {
      const [i, j] = [Math.floor(tap / size), tap % size];
      const [y, x] = [row * stride + i * dilation, column * stride + j * dilation];
      if (dilation > 1) this.taps.push(input.at(y, x));
      paint(results[tap], write(product), product, scale);
      terms[tap].textContent = `${tap ? "+ " : ""}${term(this.padded[at][y][x], this.kernel[at][i][j])} `;
      terms[tap].classList.toggle("gb-conv-zero", product === 0);
    });
    for (const cell of this.taps) cell.classList.add("gb-conv-tap");
  }

  /** The end of the equation: the sums of the channels, if there are several, the bias, and ReLU. */
  showTotal(sums, result) {
    const { bias, relu } = this.settings;
    const total = sum(sums) + bias;
    const several = sums.length > 1;
    if (several) this.channels.forEach(({ partial }, at) => (partial.textContent = equals(sums[at])));
    const parts = several ? sums.map((part, at) => `${at ? "+ " : ""}${this.names[at]} ${inBrackets(short(part, 3))} `) : [];
    parts.push(`+ bias ${inBrackets(short(bias, 3))} `);
    const strong = (text) => make("strong", {}, text);
    this.total.replaceChildren(...parts.map((part) => make("span", {}, part)), strong(equals(total)),
      ...(relu ? [make("span", {}, ` → ReLU: max(0, ${short(total, 3)}) `), strong(equals(result))] : []));
  }

  showFormula(height, width, size) {
    const { padding, dilation, stride } = this.settings;
    const numbers = (length) => `⌊(${length} + 2·${padding} − ${dilation}·(${size} − 1) − 1) / ${stride}⌋ + 1`;
    const line = (name, length) => {
      const result = this.problem ? " — no output" : ` = ${outputLength(length, size, this.settings)}`;
      return [make("span", { class: "gb-label" }, name), make("span", {}, `= ${numbers(length)}`, make("strong", {}, result))];
    };
    const lines = height === width ? line("output", height) : [...line("output rows", height), ...line("output columns", width)];
    this.formula.replaceChildren(make("span", { class: "gb-label" }, "output size"),
      make("span", {}, "= ⌊(input + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1"), ...lines);
  }

  speak() {
    const [row, column] = this.current();
    const terms = this.names.length > 1 ? [] : this.channels[0].terms;
    const equation = [...terms, this.total].map((part) => part.textContent).join("");
    this.spoken.textContent = `Output row ${row}, column ${column}: ${equation}`;
  }

  /** All pictures have cells of one size, the largest that fits; what does not fit in one row stands in two. */
  layOut() {
    const room = this.stage.clientWidth;
    if (!room) return;
    const [single, size] = [this.names.length === 1, this.kernel[0].length];
    const [across, out] = [this.channels[0].input.columns, this.problem ? this.channels[0].input.columns : this.output.columns];
    const beside = single && room >= BESIDE; // kernel and products between input and output
    const taken = beside ? size * OPERATION.most + GAP : 0;
    const inOneRow = Math.floor((room - taken - GAP * this.names.length) / (this.names.length * across + out));
    const inPairs = Math.floor((room - GAP) / (2 * Math.max(across, out)));
    const oneRow = single || inOneRow >= CELL.readable;
    const cell = Math.min(Math.max(oneRow ? inOneRow : inPairs, CELL.least), CELL.most);
    const pair = Math.floor((across * cell - 12) / (2 * size)); // kernel and products side by side under the input
    const stacked = beside || pair < OPERATION.least;
    const operation = Math.min(stacked && !beside ? Math.floor((across * cell) / size) : beside ? OPERATION.most : pair, OPERATION.most);
    const shapes = { beside, stacked, compact: beside && size <= 3, flowing: size * this.termLength * CHARACTER > room };
    for (const [name, holds] of Object.entries(shapes)) this.root.classList.toggle(`gb-conv-${name}`, holds);
    for (const [name, value] of Object.entries({ cell, operation })) this.root.style.setProperty(`--${name}`, `${value}px`);
    for (const { input } of this.channels) input.fitText(cell, this.padded, writer(this.padded));
    if (!this.problem) this.output.fitText(cell, [this.result], this.writeResult);
  }
}

export default { render: rendering(MicroscopeView) };
