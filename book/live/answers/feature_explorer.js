// The feature explorer's answers in a page without Python. The twin of feature_explorer.py.

import { joined } from "./feature_answer.js";
import { PageAnswers, networkAt } from "./page_answers.js";

const ASKED = ["patient", "slice", "step", "stage", "channel", "compare", "boxes", "order"];

export class FeatureExplorerAnswers extends PageAnswers {
  constructor(model, folder) {
    super(model, folder);
    Object.assign(this, { painted: null, paint: "" });
  }

  changed(names) {
    if (names.includes("patient") || names.includes("slice")) Object.assign(this, { painted: null, paint: "" });
    if (names.some((name) => ASKED.includes(name))) this.respond();
  }

  /** A painted slice, named by its `paint`; without pixels the slice as it was. Or a view that wants to `look`. */
  message({ kind, of, paint }, [pixels]) {
    if (kind === "paint" && ["patient", "slice"].every((name, at) => this.model.get(name) === of[at])) {
      Object.assign(this, { paint, painted: pixels ? new Uint8Array(pixels) : null });
    }
    this.respond();
  }

  async answer() {
    const { model } = this;
    const patient = await this.turned();
    const [stages, steps] = [model.get("stages"), model.get("steps")];
    const { channels } = stages.find(({ name }) => name === model.get("stage"));
    if (model.get("channel") >= channels) model.reply({ channel: channels - 1 });
    const shown = { ...Object.fromEntries(ASKED.map((name) => [name, model.get(name)])), paint: this.paint };
    if (shown.patient !== patient.name) return; // the reader has turned on; the next answer is to that
    const { planes, mask } = patient.slices[shown.slice];
    const question = { ...shown, stages, planes: this.painted ?? planes, mask, statistics: patient.statistics };
    const parts = [];
    for (const step of shown.compare === "off" ? [shown.step] : [shown.step, steps[0]]) {
      parts.push({ step, ...await this.ask("explore", { ...question, network: networkAt(step) }) });
    }
    model.tell({ kind: "answer", shown, parts: parts.map(({ step, told }) => ({ step, ...told })) },
      joined([question.planes, mask, ...parts.map(({ bytes }) => bytes)]));
  }
}
