// The worker: messages { id, ask, … } come in, { id, … } or { id, error } go out. `ask` is "load", or one of ANSWERS.

import { explored } from "./answers/feature_answer.js";
import { markedIn } from "./answers/marked_answer.js";
import { SkipAnswers } from "./answers/skip_answers.js";
import { NetworkAnswers } from "./network_answers.js";

const answers = new NetworkAnswers();
const skips = {}; // by network

/** What can be asked of a network: the answer, and what of it need not be copied on its way. */
const ANSWERS = {
  async look(question) {
    const found = await answers.look(question);
    return [found, [found.probability.buffer, ...found.stages.map(({ levels }) => levels.buffer)]];
  },
  explore(question) {
    const found = explored(answers.networks[question.network], question);
    return [found, [found.bytes.buffer]];
  },
  mark(question) {
    const found = markedIn(answers.networks[question.network], question);
    return [found, [found.mask.buffer]];
  },
  skips(question) {
    const { network: name } = question;
    const found = (skips[name] ??= new SkipAnswers(answers.networks[name])).answer(question);
    return [found, [found.maps.buffer]];
  },
};

/** The answer to one message, and what of it need not be copied on its way. */
export async function answer({ id, ask, ...rest }) {
  try {
    if (ask === "load") {
      await answers.load(rest.network, rest.bytes, rest.checksum);
      return [{ id }, []];
    }
    const [found, moved] = await ANSWERS[ask](rest);
    return [{ id, ...found }, moved];
  } catch (error) {
    return [{ id, error: error.message }, []];
  }
}

if (globalThis.WorkerGlobalScope) globalThis.onmessage = async ({ data }) => globalThis.postMessage(...(await answer(data)));
