// The loss that the network is trained with: binary cross-entropy + soft Dice loss, both over all pixels of the batch, as
// bce_dice_loss in unet_lib/training/losses.py.

import { zeros } from "./operations.js";

/** Of logits and masks (lists of maps; masks hold 0 and 1): { loss, gradients }, these towards the logits. */
export function bceDice(logits, masks) {
  const sums = { entropy: 0, overlap: 0, probability: 0, mask: 0, pixels: 0 };
  const probabilities = logits.map(({ values }, index) => values.map((logit, at) => addPixel(sums, logit, masks[index].values[at])));
  const above = 2 * sums.overlap + 1; // the added 1 keeps a batch without any tumour at a loss near 0
  const below = sums.probability + sums.mask + 1;
  const gradients = logits.map((maps, index) => {
    const result = zeros(maps.channels, maps.height, maps.width);
    const [p, mask] = [probabilities[index], masks[index].values];
    for (let at = 0; at < p.length; at++) {
      const dice = (above / below - 2 * mask[at]) / below; // of 1 − above / below, by the quotient rule
      result.values[at] = (p[at] - mask[at]) / sums.pixels + dice * p[at] * (1 - p[at]);
    }
    return result;
  });
  return { loss: sums.entropy / sums.pixels + 1 - above / below, gradients };
}

/** Count a pixel into the sums; its probability. */
function addPixel(sums, logit, mask) {
  const probability = 1 / (1 + Math.exp(-logit));
  // Not −log(probability): that would overflow where the network is sure and wrong.
  sums.entropy += Math.max(logit, 0) - logit * mask + Math.log1p(Math.exp(-Math.abs(logit)));
  sums.overlap += probability * mask;
  sums.probability += probability;
  sums.mask += mask;
  sums.pixels += 1;
  return probability;
}
