// The state of the playground as the part of an address after "#", so that a view can be sent to somebody.

import { textOf } from "./recorded_slice.js";

/** What an address says; parts that are missing or make no sense are left out. `first` says what there is. */
export function readAddress(hash, { steps, patients, stages }) {
  const given = new URLSearchParams(hash.slice(1));
  const levels = stages.filter(({ name }) => name.startsWith("encoder.")).map((_, index) => index + 1);
  const state = {};
  const number = (name, fits) => given.has(name) && fits(Number(given.get(name))) && (state[name] = Number(given.get(name)));
  number("patient", (value) => value in patients);
  number("step", (value) => steps.includes(value));
  number("threshold", (value) => value >= 0.01 && value <= 0.99);
  if (given.has("cut")) state.cut = given.get("cut").split(",").map(Number).filter((level) => levels.includes(level));
  if (given.has("strokes")) state.strokes = given.get("strokes");
  return state;
}

/** The address of a state; strokes that are too many for one are left out. */
export function writeAddress({ patient, step, cut, threshold }, { strokes, size }) {
  const parts = { patient, step, threshold: threshold.toFixed(2), cut: cut.join(","), strokes: textOf(strokes, size) };
  return "#" + Object.entries(parts).filter(([, value]) => value !== "" && value !== null).map(([name, value]) => `${name}=${value}`).join("&");
}
