// The page's side of the network: it fetches weights when they are first asked for, and hands questions to the worker.

import { delivered, fromBase64 } from "./delivered.js";
import { answer } from "./network_worker.js";

export class NetworkClient {
  /** `folder` holds the weights' scripts; `loading(name)` is told when they are asked for, `loading(null)` when they are there. */
  constructor({ folder, loading }) {
    Object.assign(this, { folder, loading, loaded: {}, count: 0, open: {} });
    this.worker = startWorker((data) => this.hear(data), () => this.fallBack());
  }

  /** Whether a worker answers; if not, the page itself does, and cannot draw meanwhile. */
  get hasWorker() {
    return Boolean(this.worker);
  }

  /** The network's answer; see NetworkAnswers.look. Rejects with an Error whose message can be shown. */
  look(question) {
    return this.about("look", question);
  }

  /** The answer of the worker's `kind`, by the network that the question names, which is loaded first. Rejects likewise. */
  async about(kind, question) {
    await this.load(question.network);
    return this.ask({ ask: kind, ...question });
  }

  load(network) {
    this.loaded[network] ??= this.fetch(network).catch((error) => {
      delete this.loaded[network];
      throw error;
    });
    return this.loaded[network];
  }

  async fetch(network) {
    this.loading(network);
    try {
      const { data, checksum } = await delivered(network, `${this.folder}/${network}.js`);
      await this.ask({ ask: "load", network, bytes: fromBase64(data), checksum });
    } finally {
      this.loading(null);
    }
  }

  ask(message) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.open[id] = { message: { id, ...message }, resolve, reject };
      this.send(this.open[id].message);
    });
  }

  send(message) {
    if (this.worker) this.worker.postMessage(message);
    else setTimeout(async () => this.hear((await answer(message))[0])); // after the page has drawn
  }

  hear({ id, error, ...rest }) {
    const { resolve, reject } = this.open[id];
    delete this.open[id];
    if (error) reject(new Error(error));
    else resolve(rest);
  }

  /** The worker could not start or has ended: what it was asked is answered here, with weights loaded again. */
  fallBack() {
    Object.assign(this, { worker: null, loaded: {} });
    for (const { message, reject } of Object.values(this.open)) {
      if (message.ask === "load") this.send(message);
      else this.load(message.network).then(() => this.send(message), reject);
    }
  }
}

/** A worker from the text that the page brought along, which also works from a disk; null where there are no workers. */
function startWorker(hear, fail) {
  try {
    const url = URL.createObjectURL(new Blob([globalThis.glassBox.workerText], { type: "text/javascript" }));
    const worker = new Worker(url);
    worker.onmessage = ({ data }) => hear(data);
    worker.onerror = fail;
    return worker;
  } catch {
    return null;
  }
}
