// What every widget's script uses: elements, traits, keys and pointers.

const SVG = "http://www.w3.org/2000/svg";

/** Rows down and columns right that an arrow key moves. */
export const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** anywidget's `render` for a class of views: it makes a `new View(model, el, signal)`; `signal` ends the view. */
export function rendering(View) {
  return ({ model, el }) => {
    const ending = new AbortController();
    new View(model, el, ending.signal);
    return () => ending.abort();
  };
}

// ---- elements --------------------------------------------------------------------------------------------

/** An element with attributes and children: make("button", { type: "button" }, "Reset"). */
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element: draw("rect", { x: 0 }). */
export function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/**
 * A row of choices of which one holds: its `part` of the page, the `field` alone, and `show(value)`. An option is a
 * value, or [value, text]. `group` keeps widgets apart.
 */
export function radioChoice(group, title, options, choose) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  const radios = pairs.map(([value]) => make("input", { type: "radio", name: `${group}-${title}`, value }));
  const labels = radios.map((radio, at) => make("label", {}, radio, pairs[at][1]));
  const field = make("fieldset", { class: "gb-choice" }, make("legend", { class: "gb-unseen" }, title), ...labels);
  field.addEventListener("change", (event) => choose(event.target.value));
  const part = make("div", { class: "gb-row" }, make("span", { class: "gb-label", "aria-hidden": "true" }, title), field);
  return { part, field, show: (value) => radios.forEach((radio) => (radio.checked = radio.value === String(value))) };
}

/** A button that can be aria-disabled but never is disabled: then it would lose the focus, and a keyboard user their position. */
export function steadyButton(text, title, react) {
  const node = make("button", { type: "button", title }, text);
  node.addEventListener("click", () => node.getAttribute("aria-disabled") !== "true" && react());
  return node;
}

/** The options of a list of patients, grouped by site. */
export function patientOptions(patients) {
  const sites = {};
  for (const { name, site } of patients) {
    sites[site] ??= make("optgroup", { label: `Site ${site}` });
    sites[site].append(make("option", { value: name }, name));
  }
  return Object.values(sites);
}

// ---- traits and sizes ----------------------------------------------------------------------------------------------

/** The bytes that Python's zlib.compress packed; exact, and built into the browser. */
export async function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** What a bytes trait, which arrives as a DataView, holds. */
export const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength);

/** Call `react` when one of the named traits changes, until `signal` ends the view. */
export function follow(model, signal, names, react) {
  for (const name of names) {
    model.on(`change:${name}`, react);
    signal.addEventListener("abort", () => model.off(`change:${name}`, react));
  }
}

/** Call `react` when one of the nodes has another size, until `signal` ends the view. */
export function watchSize(signal, react, ...nodes) {
  const watcher = new ResizeObserver(react);
  for (const node of nodes) watcher.observe(node);
  signal.addEventListener("abort", () => watcher.disconnect());
}

// ---- keys and pointers -----------------------------------------------------------------------------------

/**
 * Keep the notebook's single-key shortcuts (arrows choose cells, letters do worse) away from a widget that
 * has the focus, yet let Ctrl+S and its like through. JupyterLab looks for this attribute, from the focused
 * element upwards, before any listener of ours is called; so it has to be right when the key goes down.
 */
export function keepKeys(root) {
  const update = (event) =>
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.metaKey));
  for (const kind of ["focusin", "keydown", "keyup"]) root.addEventListener(kind, update);
}

/** [row, column] of the pixel under an event, in a picture that fills `node`; outside the picture if the event is. */
export function pixelUnder(event, node, { height, width }) {
  const area = node.getBoundingClientRect();
  return [Math.floor(((event.clientY - area.top) / area.height) * height),
    Math.floor(((event.clientX - area.left) / area.width) * width)];
}

/** The pixel of the picture that is nearest to [row, column]. */
export function nearestPixel([row, column], { height, width }) {
  return [Math.min(Math.max(row, 0), height - 1), Math.min(Math.max(column, 0), width - 1)];
}
