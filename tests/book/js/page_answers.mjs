// node page_answers.mjs FOLDER WIDGET STATE < moves: what the page answers to each move, as JSON. FOLDER is a site; STATE names the
// script with the widget's state as `lesson-page`. A move is { set: traits } or { paint: base64 of the planes, or null }. An answer
// is { told, bytes (base64) } of the explorer, and of the switchboard its traits, with bytes unpacked.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { runInThisContext } from "node:vm";
import { inflateSync } from "node:zlib";

import { FeatureExplorerAnswers } from "../../../book/live/answers/feature_explorer.js";
import { SkipSwitchboardAnswers } from "../../../book/live/answers/skip_switchboard.js";
import { PageModel, restored } from "../../../book/live/host.js";
import { delivered } from "../../../book/live/delivered.js";

const [folder, widget, state] = process.argv.slice(2);
const moves = JSON.parse(readFileSync(0, "utf-8"));
globalThis.document = { head: { append: (script) => { // a page's script runs when it is put there
  runInThisContext(readFileSync(script.src, "utf-8"), basename(script.src));
  script.onload();
} }, createElement: () => ({ remove() {} }) };

const model = new PageModel(restored((await delivered("lesson-page", state))[widget]));
const Answers = { feature_explorer: FeatureExplorerAnswers, skip_switchboard: SkipSwitchboardAnswers }[widget];
model.answers = new Answers(model, `${folder}/_static/live`);
const base64 = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
const event = { feature_explorer: "msg:custom", skip_switchboard: "change:answer" }[widget];

const found = [];
for (const [at, move] of moves.entries()) {
  const answered = new Promise((resolve) => model.on(event, (content, buffers) => resolve([content, buffers])));
  if ("set" in move) {
    model.set(move.set);
    model.save_changes();
  } else {
    const pixels = move.paint === null ? [] : [Uint8Array.from(Buffer.from(move.paint, "base64")).buffer];
    model.send({ kind: "paint", paint: `painted ${at}`, of: [model.get("patient"), model.get("slice")] }, undefined, pixels);
  }
  const [content, buffers] = await answered;
  if (widget === "feature_explorer") found.push({ told: content, bytes: base64(buffers[0]) });
  else {
    const unpack = (name) => base64(inflateSync(model.get(name)));
    found.push({ answer: model.get("answer"), shown: model.get("shown"), strip: model.get("strip"), maps: unpack("maps"), pixels: unpack("pixels") });
  }
}
process.stdout.write(JSON.stringify(found));
