// Three challenges; the page itself sees whether one is met.

import { make, steadyButton } from "../../unet_lib/widgets/shared/base.js";

const ENOUGH = 40; // pixels of a tumour that is not there
const AWAY = 5; // pixels from the true one, at least
const HIDDEN = 0.1; // of the reference may still be found

const CHALLENGES = [
  { title: "Make it see a tumour that is not there", words: `Paint until the network marks ${ENOUGH} more pixels that lie away from the orange line.`,
    state: ({ invented }) => ({ text: `${invented} of ${ENOUGH} pixels`, done: invented >= ENOUGH }) },
  { title: "Hide this one", words: "Paint until the network finds less than a tenth of the tumour. The brush “erase” paints the grey of the surrounding tissue.",
    state: ({ score, touched }) => ({ text: `${Math.round((100 * score.both) / Math.max(score.reference, 1))} % found`, done: touched && score.reference > 0 && score.both < HIDDEN * score.reference }) },
  { title: "Which skip does it need?", words: "Cut one skip connection at a time and read the Dice score. Which cut costs most in this slice?",
    state: ({ tried, worst, picked }) => ({ text: tried.map(([level, dice]) => `without skip ${level}: ${dice.toFixed(2)}`).join(", ") || "none tried yet",
      done: picked !== undefined && picked === worst, wrong: picked !== undefined && picked !== worst }) },
];

export class Challenges {
  constructor(playground) {
    Object.assign(this, { playground, tried: new Map(), at: 0 });
    this.title = make("h2", {});
    this.words = make("p", {});
    this.state = make("p", { class: "pg-state", role: "status" });
    this.picks = make("div", { class: "gb-row" });
    this.next = steadyButton("Next challenge", "The next of three", () => this.go((this.at + 1) % CHALLENGES.length));
    this.end = steadyButton("Close", "Close the challenges (Escape)", () => this.leave());
    this.node = make("section", { class: "pg-card pg-challenges", role: "dialog", "aria-label": "Challenges", hidden: "" }, this.title, this.words, this.state, this.picks,
      make("div", { class: "gb-row" }, this.next, this.end));
    this.node.addEventListener("keydown", ({ key }) => key === "Escape" && this.leave());
    document.querySelector("#challenges").addEventListener("click", () => this.go(this.at));
  }

  go(at) {
    this.at = at;
    this.picked = undefined;
    this.title.textContent = `${at + 1}. ${CHALLENGES[at].title}`;
    this.words.textContent = CHALLENGES[at].words;
    this.picks.replaceChildren(...(at === 2 ? this.playground.u.skips.map((_, index) => this.buildPick(index + 1)) : []));
    this.node.hidden = false;
    this.check();
  }

  buildPick(level) {
    return steadyButton(`skip ${level}`, `Say that skip ${level} costs most`, () => {
      this.picked = level;
      this.check();
    });
  }

  leave() {
    this.node.hidden = true;
    document.querySelector("#challenges").focus();
  }

  /** After every answer of the network. */
  check() {
    const { score, input, state, u, own, side, mask, marked, markedBefore } = this.playground;
    const slice = JSON.stringify([state.patient, state.step, state.threshold, input.brush.strokes.length, Boolean(own)]);
    if (slice !== this.slice) Object.assign(this, { slice, tried: new Map(), picked: undefined });
    if (state.cut.length === 1 && String(u.cut) === String(state.cut)) this.tried.set(state.cut[0], score.dice);
    if (this.node.hidden) return;
    const tried = [...this.tried].sort(([one], [other]) => one - other);
    const all = tried.length === u.skips.length;
    const worst = all ? tried.reduce((least, one) => (one[1] < least[1] ? one : least))[0] : null;
    const invented = input.brush.touched ? inventedPixels(marked, markedBefore, mask, side) : 0;
    const { text, done, wrong } = CHALLENGES[this.at].state({ score, invented, touched: input.brush.touched, tried, worst, picked: all ? this.picked : undefined });
    this.node.classList.toggle("pg-done", done);
    this.state.textContent = done ? `Done! ${text}` : wrong ? `Another one costs more: ${text}` : this.at === 2 && this.picked && !all ? `Try all three first. ${text}` : text;
  }
}

/** Pixels that are marked, were not before anything was painted, and lie away from the reference. */
export function inventedPixels(marked, before, mask, side) {
  const near = (at) => {
    const [row, column] = [Math.floor(at / side), at % side];
    for (let y = Math.max(row - AWAY, 0); y <= Math.min(row + AWAY, side - 1); y++) {
      for (let x = Math.max(column - AWAY, 0); x <= Math.min(column + AWAY, side - 1); x++) if (mask[y * side + x]) return true;
    }
    return false;
  };
  return marked.reduce((count, inside, at) => count + Number(inside && !before[at] && !near(at)), 0);
}
