// Shared by all widgets: base.py puts this text in front of each widget's own script.

const SVG = "http://www.w3.org/2000/svg";
const TUMOUR = "#ffab1a";
const TUMOUR_TINT = "rgba(255, 171, 26, 0.32)";

/** An element with attributes and children: make("button", { type: "button" }, "Reset"). */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** An SVG element: draw("rect", { x: 0 }). */
function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** The bytes that Python's zlib.compress packed; exact, and built into the browser. */
async function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A row of choices of which one holds: its `part` of the page, and `show(value)`. `group` keeps widgets apart. */
function radioChoice(group, title, options, choose) {
  const radios = options.map((value) => make("input", { type: "radio", name: `${group}-${title}`, value }));
  const labels = radios.map((radio) => make("label", {}, radio, radio.value));
  const field = make("fieldset", { class: "gb-choice" }, make("legend", { class: "gb-unseen" }, title), ...labels);
  field.addEventListener("change", (event) => choose(event.target.value));
  const part = make("div", { class: "gb-row" }, make("span", { class: "gb-label", "aria-hidden": "true" }, title), field);
  return { part, field, show: (value) => radios.forEach((radio) => (radio.checked = radio.value === value)) };
}

/** A button that can be aria-disabled but never is disabled: then it would lose the focus, and a keyboard user the place. */
function steadyButton(text, title, react) {
  const node = make("button", { type: "button", title }, text);
  node.addEventListener("click", () => node.getAttribute("aria-disabled") !== "true" && react());
  return node;
}

/** Call `react` when one of the named traits changes, until `signal` ends the view. */
function follow(model, signal, names, react) {
  for (const name of names) {
    model.on(`change:${name}`, react);
    signal.addEventListener("abort", () => model.off(`change:${name}`, react));
  }
}

/**
 * Keep the notebook's single-key shortcuts (arrows choose cells, letters do worse) away from a widget that
 * has the focus, yet let Ctrl+S and its like through. JupyterLab looks for this attribute, from the focused
 * element upwards, before any listener of ours is called; so it has to be right when the key goes down.
 */
function keepKeys(root) {
  const update = (event) =>
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.metaKey));
  for (const kind of ["focusin", "keydown", "keyup"]) root.addEventListener(kind, update);
}

/** The border of a mask as a path along pixel edges, in pixel units: one unit square per pixel. */
function outlinePath(mask, width, height) {
  const path = new Path2D();
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] > 0;
  const edge = (x0, y0, x1, y1) => {
    path.moveTo(x0, y0);
    path.lineTo(x1, y1);
  };
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (at(x, y) !== at(x, y - 1)) edge(x, y, x + 1, y);
      if (at(x, y) !== at(x - 1, y)) edge(x, y, x, y + 1);
    }
  }
  return path;
}

/** Fit a canvas to the space it is shown in, one canvas dot per screen dot; returns its context; the canvas is empty then. */
function freshContext(canvas, cssWidth, cssHeight) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(cssWidth * ratio);
  canvas.height = Math.round(cssHeight * ratio);
  return canvas.getContext("2d");
}
