// The answer: probability of tumour, both borders, and how well they agree.

import { make } from "../shared/base.js";
import { Screen, sketchBorders } from "./feature_pictures.js";
import { stageWords } from "./feature_u.js";

const UNIT = { low: 0, high: 1 };

export class OutputPicture {
  /** `output` is the stage; `choose(name)` opens it. */
  constructor(output, choose) {
    this.screens = [0, 1].map((at) => new Screen({ role: "img", "data-part": at }));
    this.select = make("button", { type: "button", class: "gb-feat-open", "data-stage": "output", tabindex: -1, title: "Open the stage “output”",
      "aria-label": stageWords(output) }, "output");
    this.select.addEventListener("click", () => choose("output"));
    this.thinking = make("span", { class: "gb-feat-thinking", role: "status" });
    this.dice = make("span", { class: "gb-feat-score" });
    this.counts = make("div", { class: "gb-feat-counts" });
    const keys = [["reference", "expert"], ["network", "network"]].map(([name, words]) =>
      make("span", {}, make("i", { class: `gb-feat-key-${name}` }), words));
    this.node = make("section", { class: "gb-feat-output", "aria-label": "Output" },
      make("div", { class: "gb-row gb-feat-head" }, make("strong", {}, "Tumour?"), this.dice, this.thinking, this.select),
      make("div", { class: "gb-feat-two" }, this.screens[1].node, this.screens[0].node),
      make("div", { class: "gb-feat-keys" }, ...keys), this.counts);
  }

  draw(scene, painter, several) {
    const atStep = ({ step }) => (several ? ` at step ${step}` : "");
    const looks = [scene.look, scene.first];
    const pictures = looks.map((look) => look?.stagePictures.output);
    painter.paint(this.screens[0].pictures[0], pictures[0], scene.behind && pictures[1], UNIT);
    if (scene.beside) painter.paint(this.screens[1].pictures[0], pictures[1], null, UNIT);
    const score = ({ dice }) => make("b", {}, dice.toFixed(2));
    this.dice.replaceChildren("Dice ", ...(scene.first ? [score(scene.first), " → "] : []), score(scene.look));
    const { tp, fp, fn } = scene.look.counts;
    this.counts.replaceChildren(...[["found", tp], ["false alarm", fp], ["missed", fn]].map(([word, pixels]) => make("span", {}, `${word} ${pixels}`)));
    this.screens.forEach(({ node }, at) => looks[at] && node.setAttribute("aria-label", `Probability of tumour${atStep(looks[at])}`));
    this.select.setAttribute("aria-pressed", scene.shown.stage === "output");
  }

  drawLines(scene) {
    this.screens.forEach((screen, at) => (at === 0 || scene.beside) && screen.sketch(scene.size, (context, thin) => sketchBorders(context, thin, scene, at)));
  }
}
