// What stands behind a widget of a page where JupyterLab has Python: the phantoms and the network that the site brings along.

import { delivered, fromBase64 } from "../delivered.js";
import { NetworkClient } from "../network_client.js";

/** Answers one question at a time, by the subclass's `answer()`; of those that come meanwhile only the newest. */
export class PageAnswers {
  /** `folder` is where the scripts of the lessons' widgets lie. */
  constructor(model, folder) {
    Object.assign(this, { model, folder, patient: model.get("patient"), patients: {}, silence: model.get("silence") });
  }

  /** After the reader has changed something. */
  changed() {
    this.respond();
  }

  async respond() {
    this.asked = true;
    if (this.answering) return;
    this.answering = true;
    while (this.asked) {
      this.asked = false;
      await this.answer().catch(({ message }) => this.model.reply({ silence: message }));
    }
    this.answering = false;
  }

  /** The patient on show, { name, strip, facts, statistics, slices }; one the reader has just turned to opens at the largest tumour. */
  async turned() {
    const name = this.model.get("patient");
    const patient = await this.patientOf(name);
    if (name !== this.patient) {
      this.patient = name;
      this.model.reply({ strip: patient.strip, slice: busiest(patient.strip) });
    }
    return patient;
  }

  patientOf(name) {
    return (this.patients[name] ??= delivered(`patient-${name}`, `${this.folder}/patients/${name}.js`).then(unpacked));
  }

  /** What the worker answers to a question of this kind; see ANSWERS in network_worker.js. */
  async ask(kind, question) {
    this.client ??= this.connect();
    return (await this.client).about(kind, question);
  }

  async connect() {
    const folder = `${this.folder}/../../playground/data`;
    await delivered("worker", `${folder}/worker.js`);
    return new NetworkClient({ folder, loading: (name) => this.model.reply({ silence: name ? "The network is loading …" : this.silence }) });
  }
}

/** The number of the slice with most tumour; the middle one where there is none. */
export function busiest(strip) {
  const [number, most] = strip.reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  return most ? number : strip[Math.floor(strip.length / 2)][0];
}

/** The file of weights at a step of training. */
export const networkAt = (step) => `step-${String(step).padStart(4, "0")}`;

/** A patient as phantom_slices.py packs it, with `slices` by number: { planes, mask, facts }. */
async function unpacked({ pixels, size, facts, ...patient }) {
  const bytes = await through(new DecompressionStream("deflate"), fromBase64(pixels));
  const area = size ** 2;
  const slices = facts.map((own, at) => {
    const start = 4 * area * at;
    return [own.number, { planes: bytes.slice(start, start + 3 * area), mask: bytes.slice(start + 3 * area, start + 4 * area), facts: own }];
  });
  return { ...patient, slices: Object.fromEntries(slices) };
}

/** The bytes as a view like a model's, packed as Python's zlib.compress would. */
export async function packed(bytes) {
  return new DataView((await through(new CompressionStream("deflate"), bytes)).buffer);
}

async function through(transform, bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(transform)).arrayBuffer());
}
