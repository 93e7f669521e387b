// One network's part of an answer to the feature explorer. The twin of part_of_answer in feature_answer.py.

import { channelOf, sigmoid } from "../unet/operations.js";
import { channelsOf, coarseMask, energyOf, lookAt, quantised, rangeOf, representative, rocAuc, sourcesOf } from "./feature_maps.js";

/**
 * { told, bytes }: a description, and the pictures in a row, as part_of_answer in Python says. `planes` are grey levels, `mask` holds 0
 * and 1, `stages` is the plan, and `stage`, `channel`, `boxes`, `order` are the widget's traits.
 */
export function explored(network, question) {
  const { stages, stage: name, channel, mask, boxes, order } = question;
  const maps = lookAt(question.network, network, question);
  const stage = stages.find((one) => one.name === name);
  const found = channelsOf(maps[name]);
  const pictures = stages.slice(0, -1).map((one) => quantised(representative(maps[one.name], boxes)));
  const channels = found.map(quantised);
  const sources = sourcesOf(network, stages, stage, channel, maps).map((one) => ({ ...one, ...quantised(one.map) }));
  const coarse = coarseMask(mask, stages.at(-1).width, stage.width);
  const chance = sigmoid(maps.output).values;
  const counts = counted(chance.map((one) => one >= 0.5), mask);
  const told = {
    spans: [...pictures.map(({ low, high }, at) => [low, high, ...rangeOf(maps[stages[at].name].values)]), [0, 1, 0, 1]],
    low: channels.map(({ low }) => low), high: channels.map(({ high }) => high),
    energy: found.map(energyOf), roc_auc: (order === "roc_auc" ? found : [found[channel]]).map((values) => rocAuc(values, coarse)),
    counts, dice: diceOf(counts), sources: sources.map(described),
  };
  const exact = channelOf(maps[name], channel);
  const parts = [...pictures.map(({ levels }) => levels), Uint8Array.from(chance, (one) => Math.round(255 * one)),
    ...channels.map(({ levels }) => levels), new Uint8Array(exact.buffer, exact.byteOffset, exact.byteLength),
    ...sources.map(({ levels }) => levels)];
  return { told, bytes: joined(parts) };
}

/** TP, FP, FN, TN of a mask by the expert's; both hold 0 and 1. */
export function counted(mask, reference) {
  const counts = [0, 0, 0, 0];
  mask.forEach((tumour, at) => counts[2 * tumour + reference[at]]++);
  const [tn, fn, fp, tp] = counts;
  return { tp, fp, fn, tn };
}

/** 2·TP / (2·TP + FP + FN); 1 where both masks are empty. */
export function diceOf({ tp, fp, fn }) {
  return tp + fp + fn ? (2 * tp) / (2 * tp + fp + fn) : 1;
}

/** All bytes in a row. */
export function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    bytes.set(part, at);
    return at + part.length;
  }, 0);
  return bytes;
}

/** A source without its map. */
function described({ stage, channel, label, title, strength, low, high, kernel, width }) {
  return { stage, channel, label, title, strength, low, high, kernel, size: [width, width] };
}
