// node opened_widgets.mjs FOLDER WIDGET STATE < { moves, pictures }: what the page answers to each move, as JSON. FOLDER is a site;
// STATE names the script with the widget's state as `lesson-page`. A move is { set: traits } or { paint: base64 of the levels }. An
// answer holds the traits of TOLD, with bytes in base64. `pictures` decodes what a browser would: base64 of a WebP → base64 of its levels.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { runInThisContext } from "node:vm";

import { FoolTheNetworkAnswers } from "../../../book/live/answers/fool_the_network.js";
import { ShapeExplorerAnswers } from "../../../book/live/answers/shape_explorer.js";
import { SliceBrowserAnswers } from "../../../book/live/answers/slice_browser.js";
import { PageModel, restored } from "../../../book/live/host.js";
import { delivered } from "../../../book/live/delivered.js";

const TOLD = { slice_browser: ["patient", "slice", "strip", "pixel", "pixels", "shown"], fool_the_network: ["found_bits", "now", "answered"],
  shape_explorer: ["answer", "stage", "feature", "feature_png"] };
const LAST = { slice_browser: "shown", fool_the_network: "answered" }; // changes with the last of an answer's traits

const [folder, widget, state] = process.argv.slice(2);
const { moves, pictures } = JSON.parse(readFileSync(0, "utf-8"));

globalThis.Image = class {
  async decode() {
    this.levels = Buffer.from(pictures[this.src.split(",")[1]], "base64");
  }
};
const canvas = { getContext: () => ({ drawImage: ({ levels }) => (canvas.levels = levels), getImageData: () => ({
  data: Uint8ClampedArray.from({ length: 4 * canvas.levels.length }, (_, at) => canvas.levels[at >> 2]) }) }) };
globalThis.document = { head: { append: (script) => { // a page's script runs when it is put there
  runInThisContext(readFileSync(script.src, "utf-8"), basename(script.src));
  script.onload();
} }, createElement: (tag) => (tag === "canvas" ? canvas : { remove() {} }) };

const model = new PageModel(restored((await delivered("lesson-page", state))[widget]));
const Answers = { fool_the_network: FoolTheNetworkAnswers, shape_explorer: ShapeExplorerAnswers, slice_browser: SliceBrowserAnswers }[widget];
model.answers = new Answers(model, `${folder}/_static/live`);
await model.answers.ready?.();
const plain = (value) => (value instanceof DataView ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") : value);

const found = [];
for (const [at, move] of moves.entries()) {
  const answered = new Promise((resolve) => (widget in LAST ? model.on(`change:${LAST[widget]}`, resolve) : resolve()));
  if ("set" in move) model.set(move.set);
  else model.set({ painted: new DataView(Uint8Array.from(Buffer.from(move.paint, "base64")).buffer), asked: at + 1 });
  model.save_changes();
  await answered;
  found.push(Object.fromEntries(TOLD[widget].map((name) => [name, plain(model.get(name))])));
}
process.stdout.write(JSON.stringify(found));
