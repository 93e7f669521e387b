// Numbers as text, as colours, in fields that can be dragged, and in squares that can be pointed at.

import { make, nearestPixel, pixelUnder } from "./base.js";

const DRAG = 8; // px to drag a number up or down by one step

// ---- numbers as text -----------------------------------------------------------------------------------

export const minus = (text) => String(text).replaceAll("-", "−");

/** A number short enough for its cell: `decimals` of them, fewer where it is large, none where it is whole. */
export function short(value, decimals) {
  if (Number.isInteger(value)) return minus(value);
  const size = Math.abs(value);
  const text = value.toFixed(Math.max(0, decimals - (size >= 1) - (size >= 10)));
  return minus(Number(text) === 0 ? text : Number(text)); // "−0.00" is a small number, not none
}

export const isShort = (value, decimals) => Math.abs(value - Number(value.toFixed(decimals))) < 1e-9;

/** How a grid writes its numbers: all with as many decimals, none if they are whole, two at most, one where some are large. */
export function writer(numbers) {
  const flat = numbers.flat(Infinity);
  const alike = (decimals) => flat.every((value) => isShort(value, decimals));
  const most = flat.some((value) => Math.abs(value) >= 10) ? 1 : 2;
  const decimals = Array.from({ length: most }, (_, at) => at).find(alike) ?? most;
  return (value) => minus(value.toFixed(decimals));
}

/** A weight: 1/9 rather than 0.1111, but 0.25 rather than 1/4. */
export function weightText(value, decimals = 2) {
  if (Math.abs(value * 100 - Math.round(value * 100)) < 1e-9) return minus(Number(value.toFixed(2)));
  for (let below = 3; below <= 49; below++) {
    const above = Math.round(value * below);
    if (above && Math.abs(value * below - above) < 1e-12) return minus(`${above}/${below}`);
  }
  return short(value, decimals);
}

/** The number somebody typed, "−0,5" and "1/9" included; null if it is none. */
export function parseNumber(text) {
  const [above, below, ...more] = text.replaceAll("−", "-").replaceAll(",", ".").split("/").map((part) => part.trim());
  const value = below === undefined ? Number(above) : Number(above) / Number(below);
  return above === "" || below === "" || more.length || !Number.isFinite(value) ? null : value;
}

/** How wide digits, points and minus signs are in a wide font, in font sizes; it need not be exact. */
const ems = (text) => 0.62 * text.length + 0.2 * text.startsWith("−") - 0.3 * text.includes(".");

export const inBrackets = (text) => (text.startsWith("−") ? `(${text})` : text);
export const term = (number, weight) => `${inBrackets(short(number, 3))}·${inBrackets(weightText(weight, 3))}`;

/** How many characters a term takes at most, with "+ " and a gap: columns that wide do not jump about. */
export function longestTerm(padded, kernel) {
  const most = (planes, text) => Math.max(...planes.flat(2).map((number) => inBrackets(text(number)).length));
  return most(padded, (number) => short(number, 3)) + most(kernel, (weight) => weightText(weight, 3)) + 4;
}

/** "= 87", or "≈ 0.333" where the text is rounded. */
export const equals = (value) => `${short(value, 3) === minus(value) ? "=" : "≈"} ${short(value, 3)}`;

// ---- numbers as colours --------------------------------------------------------------------------------

const [NEGATIVE, ZERO, POSITIVE] = [[33, 102, 172], [247, 247, 247], [178, 24, 43]];

/** A scale maps a number to [red, green, blue] and says of itself what the ends mean. */
export function greyScale(black, white) {
  const level = (value) => Math.round((255 * Math.min(Math.max(value - black, 0), white - black)) / (white - black));
  return { colour: (value) => Array(3).fill(level(value)), ends: [black, white] };
}

export function signScale(most) {
  const fraction = (value) => Math.min(Math.abs(value) / most, 1);
  const colour = (value) => ZERO.map((zero, i) => Math.round(zero + fraction(value) * ((value < 0 ? NEGATIVE : POSITIVE)[i] - zero)));
  return { colour, ends: [-most, 0, most] };
}

/** Grey like the input where nothing is negative, else blue below zero and red above. */
export function scaleFor(output, [black, white], relu) {
  const numbers = output.flat();
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  if (low < 0) return signScale(Math.max(-low, high));
  return greyScale(0, !relu && black === 0 && high <= white ? white : high || 1);
}

/** The number's colour, and its text unless the cell is a field, which writes its own. */
export function paint(cell, text, value, scale) {
  const [red, green, blue] = scale.colour(value);
  if (text !== null) {
    cell.textContent = text;
    cell.title = text === minus(value) ? "" : String(value); // what rounding or a fraction hides
  }
  cell.style.background = `rgb(${red} ${green} ${blue})`;
  cell.style.color = 0.299 * red + 0.587 * green + 0.114 * blue > 130 ? "#000" : "#fff";
}

// ---- parts ---------------------------------------------------------------------------------------------

/** A field for one number: typed, stepped with ↑ ↓, or dragged up and down. `step()` is the size of a step. */
export class NumberField {
  constructor(label, step, propose) {
    this.input = make("input", { type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": label,
      class: "gb-conv-number" });
    Object.assign(this, { value: 0, format: weightText });
    this.move = (steps, fine) => propose(Number((this.value + steps * step() * (fine ? 0.1 : 1)).toPrecision(12)));
    this.input.addEventListener("input", () => {
      const typed = parseNumber(this.input.value);
      this.input.setAttribute("aria-invalid", typed === null);
      if (typed !== null) propose(typed);
    });
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("blur", () => this.write());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("pointerdown", (event) => this.grab(event));
  }

  onKey(event) {
    if (event.key === "Enter") this.write();
    const steps = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!steps) return;
    event.preventDefault();
    this.move(steps, event.shiftKey);
    this.write();
  }

  grab(start) {
    const ending = new AbortController();
    let last = start.clientY;
    this.input.setPointerCapture(start.pointerId);
    this.input.addEventListener("pointermove", (event) => {
      const steps = Math.trunc((last - event.clientY) / DRAG);
      if (!steps) return;
      last -= steps * DRAG;
      this.move(steps, event.shiftKey);
      this.write();
    }, { signal: ending.signal });
    for (const kind of ["pointerup", "pointercancel"]) this.input.addEventListener(kind, () => ending.abort(), { signal: ending.signal });
  }

  /** While somebody types "1/", the field is theirs; what the rest shows is the last number that made sense. */
  show(value, format = weightText) {
    Object.assign(this, { value, format });
    if (!this.input.matches(":focus") || parseNumber(this.input.value) !== value) this.write();
  }

  write() {
    this.input.value = this.format(this.value);
    this.input.title = `${minus(this.value)}. Type a number or a fraction such as 1/9; ↑ ↓ or dragging change it, with Shift in tenths`;
    this.input.setAttribute("aria-invalid", false);
  }
}

/** Squares with numbers, one frame over them, and a way to tell which square an event points at. */
export class Grid {
  constructor(attributes) {
    this.frame = make("div", { class: "gb-conv-frame" });
    this.root = make("div", { class: "gb-conv-grid", ...attributes });
    this.cells = [];
  }

  resize(rows, columns) {
    if (rows === this.rows && columns === this.columns) return;
    Object.assign(this, { rows, columns });
    this.cells = Array.from({ length: rows * columns }, () => make("span"));
    this.root.style.setProperty("--columns", columns);
    this.root.replaceChildren(...this.cells, this.frame);
  }

  at(row, column) {
    return this.cells[row * this.columns + column];
  }

  /** Numbers shrink with the cell, and vanish where nobody could read them. */
  fitText(cell, planes, write) {
    const widest = Math.max(...planes.flat(2).map((value) => ems(write(value))));
    const font = Math.min(0.44 * cell, (0.94 * cell) / widest, 13);
    this.root.style.setProperty("--font", `${font.toFixed(1)}px`);
    this.root.classList.toggle("gb-conv-mute", font < 7);
  }

  setFrame(row, column, side) {
    for (const [name, value] of Object.entries({ row, column, side })) this.frame.style.setProperty(`--${name}`, value);
  }

  locate(event) {
    const size = { height: this.rows, width: this.columns };
    return nearestPixel(pixelUnder(event, this.root, size), size);
  }
}
