// The shape explorer's answers in a page without Python. The twin of shape_explorer.py.

import { fromBase64 } from "../delivered.js";
import { uLayout } from "./shape_layout.js";
import { planOf } from "./shape_plan.js";
import { misfit, misfitProblem, shapeCards, shapePanel, shapeSentence, toDecimals, whyNoMap } from "./shape_words.js";

const SETTINGS = ["depth", "base", "size", "in_channels", "batch_norm", "batch"];

/** `given` in the model are the settings of the network whose feature maps are `maps`: { stage: [text, picture] }. */
export class ShapeExplorerAnswers {
  constructor(model) {
    this.model = model;
  }

  changed(names) {
    const { model } = this;
    if (SETTINGS.some((name) => names.includes(name))) {
      const settings = Object.fromEntries(SETTINGS.map((name) => [name, model.get(name)]));
      const answer = explainShapes(settings, misfit(settings) ? model.get("answer").shown : settings, model.get("ranges"));
      const gone = !answer.panels.some(({ name }) => name === model.get("stage"));
      model.reply({ ...(gone && { stage: "bottleneck" }), answer });
      this.showFeature();
    } else if (names.includes("stage")) this.showFeature();
  }

  showFeature() {
    const { model } = this;
    const [stage, { shown }] = [model.get("stage"), model.get("answer")];
    const differing = Object.fromEntries(Object.entries(model.get("given")).filter(([name, value]) => shown[name] !== value));
    if (Object.keys(differing).length) {
      model.reply({ feature_png: new DataView(new ArrayBuffer(0)), feature: { stage: "", ...whyNoMap(differing) } });
    } else {
      const [text, picture] = model.get("maps")[stage];
      model.reply({ feature_png: new DataView(fromBase64(picture).buffer), feature: { stage, text } });
    }
  }
}

/** The settings asked for, what is wrong with them, and all about the plan `shown`: see `explain` in Python. */
export function explainShapes(settings, shown, ranges) {
  const stages = planOf(shown);
  const { width, height, ...parts } = uLayout(stages);
  return { asked: settings, shown, text: shapeSentence(stages, shown), problem: misfit(settings) ? misfitProblem(settings, ranges) : {},
    totals: shapeCards(stages, shown.batch), panels: stages.map((stage) => shapePanel(stage, shown.batch, shown.batch_norm)),
    drawing: { ...inTenths(parts), width, height } };
}

/** All numbers rounded; a tenth of a unit is finer than a screen shows. */
function inTenths(value) {
  if (typeof value === "number") return Number(toDecimals(value, 1));
  if (Array.isArray(value)) return value.map(inTenths);
  return typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inTenths(one)])) : value;
}
