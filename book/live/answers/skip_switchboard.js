// The skip switchboard's answers in a page without Python. The twin of skip_switchboard.py.

import { joined } from "./feature_answer.js";
import { PageAnswers, busiest, packed } from "./page_answers.js";
import { doubledMask } from "./skip_answers.js";

const FLAIR = 1;

export class SkipSwitchboardAnswers extends PageAnswers {
  changed(names) {
    if (["patient", "slice", "skips"].some((name) => names.includes(name))) this.respond();
  }

  async answer() {
    const { model } = this;
    const patient = await this.turned();
    const [name, number, skips] = ["patient", "slice", "skips"].map((one) => model.get(one));
    if (name !== patient.name) return; // the reader has turned on; the next answer is to that
    const { planes, mask, facts } = patient.slices[number];
    const other = await this.otherThan(name);
    const question = { network: model.get("network"), skips, mask, slice: { planes, statistics: patient.statistics }, other };
    const { maps, ...told } = await this.ask("skips", question);
    const side = 2 * Math.sqrt(mask.length);
    if (this.drawn !== mask) this.pixels = await packed(joined([doubledMask(planes.subarray(FLAIR * mask.length, (FLAIR + 1) * mask.length)), doubledMask(mask)]));
    this.drawn = mask;
    model.reply({ shown: { ...facts, height: side, width: side, other: other.text }, pixels: this.pixels, maps: await packed(maps),
      answer: { patient: name, slice: number, skips, ...told } }); // the view waits for `answer`
  }

  /** Whose maps are swapped in: the next patient's, of the slice with the largest tumour. */
  async otherThan(name) {
    const names = this.model.get("patients").map((one) => one.name);
    const next = await this.patientOf(names[(names.indexOf(name) + 1) % names.length]);
    const number = busiest(next.strip);
    return { planes: next.slices[number].planes, statistics: next.statistics, text: `${next.name}, slice ${number}` };
  }
}
