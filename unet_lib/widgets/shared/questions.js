// What the quiz and the prediction have in common: questions whose options are radio buttons.

import { keepKeys, make } from "./base.js";

/** Text with `code` between backticks, as nodes. */
export function inline(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

/** A radio button with its text and room for a mark, each by its name. */
export function radioOption(name, value, text) {
  const input = make("input", { type: "radio", name, value });
  const mark = make("span", { class: "gb-mark", "aria-hidden": "true" });
  const label = make("label", { class: "gb-option" }, input, make("span", {}, ...inline(text)), mark);
  return { label, input, mark };
}

/** The whole widget, within which the keys are its own. */
export function questionSheet(kind, name, ...children) {
  const attributes = { class: `gb gb-questions ${kind}`, role: "group", "aria-label": name };
  const root = make("div", attributes, ...children);
  keepKeys(root);
  // Below the last cell the notebook itself also listens for the arrow keys that choose a radio button.
  root.addEventListener("keydown", (event) => event.ctrlKey || event.metaKey || event.stopPropagation());
  return root;
}
