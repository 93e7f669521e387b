// What each skip is worth, measured: networks whose skip was cut after training beside networks trained without it.

import { make } from "../shared/base.js";

const HOW = [
  { how: "zeroed", words: "zeroed", title: "Trained with all skips, then zeros instead" },
  { how: "mean", words: "mean", title: "Trained with all skips, then each channel's mean instead" },
  { how: "retrained without", words: "retrained without", title: "Other networks, trained without it from the start" },
];
const TICKS = [0, 0.5, 1];

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (value) => `${(100 * value).toFixed(2)}%`;

/** "skip 1", "skips 1 and 3", "all skips", "none" */
export function namesOf(levels, depth) {
  if (!levels.length) return "none";
  if (levels.length === depth && depth > 1) return "all skips";
  return levels.length === 1 ? `skip ${levels[0]}` : `skips ${levels.slice(0, -1).join(", ")} and ${levels.at(-1)}`;
}

export class SkipWorth {
  /** `choose(levels)` is called where the reader asks for a row's skips to be zeroed. */
  constructor({ about, rows }, depth, choose) {
    Object.assign(this, { measured: rows, depth, choose });
    const all = Array.from({ length: depth }, (_, at) => at + 1);
    const usual = [[], ...all.map((level) => [level]), ...(depth > 1 ? [all] : [])];
    this.rows = usual.map((levels) => this.buildRow(levels));
    this.axis = this.buildAxis();
    const body = make("tbody", {}, ...this.rows.map(({ row }) => row), this.axis);
    this.verdict = make("p", { class: "gb-skips-words" });
    const heads = ["Off", "Dice by seed", ...HOW.map(({ words }) => words)];
    const head = make("tr", {}, ...heads.map((words, at) => make("th", { scope: "col", ...(at > 1 ? { title: HOW[at - 2].title } : {}) }, ...this.headOf(words, at))));
    this.table = make("table", { class: "gb-skips-table" }, make("thead", {}, head), body);
    this.node = make("section", { class: "gb-skips-worth", "aria-label": "Zeroed and retrained without" },
      make("h3", {}, "Zeroed is not the same as never there"), this.explain(about), this.verdict,
      ...(rows.length ? [make("div", { class: "gb-skips-scroll" }, this.table)] : []));
  }

  headOf(words, at) {
    return at > 1 ? [make("i", { class: `gb-skips-mark gb-skips-${HOW[at - 2].how.split(" ")[0]}` }), words] : [words];
  }

  explain(about) {
    const source = about ? [` Figures: ${about}.`] : [" No such networks were measured here."];
    return make("p", { class: "gb-skips-words" }, make("strong", {}, "Zeroed"), " is what the switches do: a network that learnt with all skips and was never taught to do without. ",
      make("strong", {}, "Retrained without"), " are other networks, which never had that skip and learnt to find another way.", ...source);
  }

  diceOf(how, levels) {
    const wanted = levels.length ? how : "all skips";
    return this.measured.find((row) => row.how === wanted && String(row.levels) === String(levels))?.dice ?? [];
  }

  /** After a switch: the row of the skips that are off now, and what was measured of them. Rows stay, as one may have the focus. */
  show(states) {
    const off = states.flatMap((state, at) => (state === "on" ? [] : [at + 1]));
    const isNow = ({ levels }) => String(levels) === String(off);
    this.extra?.row.remove();
    this.extra = this.rows.some(isNow) ? null : this.buildRow(off);
    if (this.extra) this.axis.before(this.extra.row);
    for (const one of [...this.rows, this.extra ?? []].flat()) {
      one.row.classList.toggle("gb-skips-now", isNow(one));
      one.button.setAttribute("aria-pressed", isNow(one));
    }
    if (this.measured.length) this.verdict.replaceChildren(...this.tell(off, [...new Set(states.filter((state) => state !== "on"))]));
  }

  buildRow(levels) {
    const button = make("button", { type: "button" }, namesOf(levels, this.depth));
    button.addEventListener("click", () => this.choose(levels));
    const lanes = levels.length ? HOW : [{ how: "all skips" }];
    const chart = make("div", { class: "gb-skips-lanes", "aria-hidden": "true" }, this.buildWhole(), ...lanes.map(({ how }) => this.buildLane(how, levels)));
    const cells = levels.length ? HOW.map(({ how }) => make("td", { class: "gb-number", "data-how": how }, ...this.cell(this.diceOf(how, levels))))
      : [make("td", { class: "gb-number", colspan: HOW.length, "data-how": "all skips" }, ...this.cell(this.diceOf("all skips", [])), " with all skips")];
    return { levels, button, row: make("tr", { "data-levels": levels.join(" ") }, make("th", { scope: "row" }, button), make("td", {}, chart), ...cells) };
  }

  /** A line through all rows where networks with all skips are, on average. */
  buildWhole() {
    const whole = this.diceOf("all skips", []);
    const line = make("i", { class: "gb-skips-whole" });
    if (whole.length) line.style.left = percent(meanOf(whole));
    return line;
  }

  buildLane(how, levels) {
    const marks = this.diceOf(how, levels).map((dice) => {
      const mark = make("i", { class: `gb-skips-mark gb-skips-${how.split(" ")[0]}` });
      mark.style.left = percent(dice);
      return mark;
    });
    return make("div", { class: "gb-skips-lane" }, ...marks);
  }

  cell(dice) {
    if (!dice.length) return [make("span", { class: "gb-skips-missing" }, "not measured")];
    const range = dice.length > 1 ? [" ", make("small", {}, `${Math.min(...dice).toFixed(2)} to ${Math.max(...dice).toFixed(2)}`)] : [];
    return [make("strong", {}, meanOf(dice).toFixed(2)), ...range];
  }

  buildAxis() {
    const ticks = TICKS.map((value) => {
      const tick = make("span", {}, String(value));
      tick.style.left = percent(value);
      return tick;
    });
    return make("tr", { class: "gb-skips-axis", "aria-hidden": "true" }, make("td"), make("td", {}, make("div", {}, ...ticks)), make("td", { colspan: HOW.length }));
  }

  /** In words, for the skips that are off now; `kinds` are the states they are in. */
  tell(off, kinds) {
    if (!off.length) return ["Switch a skip off, and its row is marked below."];
    const said = (dice) => (dice.length ? meanOf(dice).toFixed(2) : "not measured");
    const cut = kinds.length === 1 && kinds[0] !== "swapped" ? this.diceOf(kinds[0], off) : [];
    const how = kinds.length === 1 ? kinds[0] : "switched like this";
    return ["Off now: ", make("strong", {}, namesOf(off, this.depth)), `. Mean Dice with all skips: ${said(this.diceOf("all skips", []))}. The same networks, ${how}: `,
      make("strong", { "data-said": "cut" }, said(cut)), ". Retrained without: ", make("strong", { "data-said": "retrained" }, said(this.diceOf("retrained without", off))), "."];
  }
}
