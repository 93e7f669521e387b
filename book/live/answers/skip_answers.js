// What a network answers while some of its skips hand on something else. The twin of skip_answers.py and `_ask` in
// skip_switchboard.py, in unet_lib/widgets/skip_switchboard.

import { normalised } from "../network_answers.js";
import { UNet } from "../unet/network.js";
import { channelOf, sigmoid, zeros } from "../unet/operations.js";
import { crc32 } from "../unet/safetensors.js";
import { counted, joined } from "./feature_answer.js";

const KEPT = { passes: 3, answers: 64 }; // 12 MB and 130 kB each

/** One network's. Remembers what the encoder made of the last slices, and the last answers. */
export class SkipAnswers {
  constructor(network) {
    Object.assign(this, { network, passes: new Map(), answers: new Map() });
  }

  /**
   * `slice` and `other` are { planes, statistics }, the slice and the one whose maps are swapped in; `mask` the expert's; `skips` each
   * skip's state, uppermost first. Returns { counts, whole, lost, gained, maps } as the widget's `answer`, and its `maps` unpacked:
   * levels of the probability, mask, and mask with all skips on, twice as wide as the slice.
   */
  answer({ slice, other, mask, skips }) {
    const [now, whole] = [skips, skips.map(() => "on")].map((states) => this.ask(slice, other, states));
    const reference = doubledMask(mask);
    const count = (one, another) => one.mask.reduce((sum, tumour, at) => sum + (tumour & (1 - another.mask[at])), 0);
    const inOrder = ({ tp, fp, fn, tn }) => [tp, fp, fn, tn];
    return { counts: inOrder(counted(now.mask, reference)), whole: inOrder(counted(whole.mask, reference)), lost: count(whole, now),
      gained: count(now, whole), maps: joined([now.levels, now.mask, whole.mask]) };
  }

  /** The answer with the skips in these states: { levels, mask }. */
  ask(slice, other, states) {
    const swapped = states.includes("swapped") ? keyOf(other) : "";
    return recall(this.answers, KEPT.answers, `${keyOf(slice)} ${states} ${swapped}`, () => {
      const pass = this.pass(slice);
      const instead = {};
      states.forEach((state, at) => {
        const handed = pass.maps[`encoder.${at + 1}`];
        if (state === "swapped") instead[at + 1] = this.pass(other).maps[`encoder.${at + 1}`];
        else if (state !== "on") instead[at + 1] = state === "mean" ? means(handed) : zeros(handed.channels, handed.height, handed.width);
      });
      return marked(pass.decode([], instead));
    });
  }

  /** The network after its way down for this slice. */
  pass(slice) {
    return recall(this.passes, KEPT.passes, keyOf(slice), () => {
      const pass = new UNet(this.network.tensors, this.network);
      pass.forward(normalised(slice.planes, slice.statistics));
      return pass;
    });
  }
}

const keyOf = ({ planes, statistics }) => `${statistics} ${crc32(planes)}`;

/** What is kept under `key`, made if it is not there; of `most` the one that was used longest ago goes. */
function recall(kept, most, key, make) {
  const found = kept.get(key) ?? make();
  kept.delete(key);
  kept.set(key, found);
  if (kept.size > most) kept.delete(kept.keys().next().value);
  return found;
}

/** Each channel's mean, everywhere. */
export function means(maps) {
  const result = zeros(maps.channels, maps.height, maps.width);
  for (let channel = 0; channel < maps.channels; channel++) {
    const values = channelOf(maps, channel);
    channelOf(result, channel).fill(values.reduce((sum, value) => sum + value, 0) / values.length);
  }
  return result;
}

/** The probability, 255 being 1, and the mask, at twice the width of the logits. */
export function marked(logits) {
  const { values } = sigmoid(doubled(logits));
  return { levels: Uint8Array.from(values, (chance) => Math.round(255 * chance)), mask: Uint8Array.from(values, (chance) => chance >= 0.5) };
}

/** A map at twice its width, bilinearly; pixel centres stay where they are, as in PyTorch with align_corners=False. */
export function doubled({ width, values }) {
  const result = zeros(1, 2 * width, 2 * width);
  const near = Array.from({ length: 2 * width }, (_, at) => { // the two pixels next to each, and how much of the second
    const place = Math.max((at - 0.5) / 2, 0);
    return [Math.floor(place), Math.min(Math.floor(place) + 1, width - 1), place % 1];
  });
  let at = 0;
  for (const [above, below, down] of near) {
    for (const [left, right, across] of near) {
      const row = (start) => values[start * width + left] * (1 - across) + values[start * width + right] * across;
      result.values[at++] = row(above) * (1 - down) + row(below) * down;
    }
  }
  return result;
}

/** A mask, or a plane of grey levels, at twice its width: every pixel four times. */
export function doubledMask(plane) {
  const side = Math.sqrt(plane.length);
  return Uint8Array.from({ length: 4 * plane.length }, (_, at) => plane[(at / (2 * side) >> 1) * side + (at % (2 * side) >> 1)]);
}
