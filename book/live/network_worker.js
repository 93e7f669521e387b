// The worker: messages { id, ask: "load" | "look", … } come in, { id, … } or { id, error } go out.

import { NetworkAnswers } from "./network_answers.js";

const answers = new NetworkAnswers();

/** The answer to one message, and what of it need not be copied on its way. */
export function answer({ id, ask, ...rest }) {
  try {
    if (ask === "load") {
      answers.load(rest.network, rest.bytes, rest.checksum);
      return [{ id }, []];
    }
    const look = answers.look(rest);
    return [{ id, ...look }, [look.probability.buffer, ...look.stages.map(({ levels }) => levels.buffer)]];
  } catch (error) {
    return [{ id, error: error.message }, []];
  }
}

if (globalThis.WorkerGlobalScope) globalThis.onmessage = ({ data }) => globalThis.postMessage(...answer(data));
