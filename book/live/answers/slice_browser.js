// The slice browser's answers in a page without Python. The twin of slice_browser.py; slices come as browser_slices.py packs them.

import { inflate } from "../../../unet_lib/widgets/shared/base.js";
import { unpackBits } from "../../../unet_lib/widgets/shared/mask_scores.js";
import { delivered, fromBase64, fromPicture } from "../delivered.js";
import { joined } from "./feature_answer.js";
import { PageAnswers, busiest, packed } from "./page_answers.js";

export class SliceBrowserAnswers extends PageAnswers {
  changed(names) {
    if (names.includes("patient") || names.includes("slice")) this.respond();
  }

  /** The first slice, before there is a view. */
  ready() {
    return this.answer();
  }

  /** A patient the reader has just turned to opens at the largest tumour. */
  async answer() {
    const { model } = this;
    const name = model.get("patient");
    const patient = await this.patientOf(name);
    const turned = name !== this.patient;
    const number = turned ? busiest(patient.strip) : model.get("slice");
    const { planes, mask, facts } = await (patient.open[number] ??= opened(patient.slices.find((one) => one.facts.number === number)));
    const pixels = await packed(joined([planes, mask]));
    if (name !== model.get("patient")) return; // the reader has turned on; the next answer is to that
    this.patient = name;
    const side = Math.sqrt(mask.length);
    const first = turned ? { strip: patient.strip, slice: number, pixel: borderPixel(mask) } : {};
    model.reply({ ...first, pixels, shown: { ...facts, height: side, width: side } });
  }

  patientOf(name) {
    return (this.patients[name] ??= delivered(`browser-${name}`, `${this.folder}/browser/${name}.js`)
      .then((patient) => ({ ...patient, open: {} })));
  }
}

/** { planes, mask, facts } of a slice: its picture holds the three channels one below the other. */
async function opened({ picture, mask, facts }) {
  const { rgba } = await fromPicture(picture, "webp");
  const planes = Uint8Array.from({ length: rgba.length / 4 }, (_, at) => rgba[4 * at]);
  const bits = await inflate(fromBase64(mask));
  return { planes, mask: unpackBits(bits, planes.length / 3), facts };
}

/** A pixel worth a first look: the tumour's left edge half-way down it; else the middle of the picture. */
export function borderPixel(mask) {
  const side = Math.sqrt(mask.length);
  const leftmost = Array.from({ length: side }, (_, row) => [row, mask.subarray(row * side, (row + 1) * side).indexOf(1)]);
  const rows = leftmost.filter(([, column]) => column >= 0);
  return rows.length ? rows[Math.floor(rows.length / 2)] : [side / 2, side / 2];
}
