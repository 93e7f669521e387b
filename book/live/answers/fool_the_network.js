// The answers to who paints on a slice, in a page without Python. The twin of fool_the_network.py, for a head that fills the slice.

import { bytesOf, inflate } from "../../../unet_lib/widgets/shared/base.js";
import { packBits } from "../../../unet_lib/widgets/shared/mask_scores.js";
import { joined } from "./feature_answer.js";
import { PageAnswers } from "./page_answers.js";

export class FoolTheNetworkAnswers extends PageAnswers {
  changed(names) {
    if (names.includes("asked")) this.respond();
  }

  async answer() {
    const { model } = this;
    const [asked, painted] = [model.get("asked"), bytesOf(model.get("painted"))];
    const others = await (this.others ??= inflate(model.get("others")));
    const flair = halved(painted.length ? painted : await inflate(model.get("levels")));
    const planes = joined([others.subarray(0, flair.length), flair, others.subarray(flair.length)]);
    const { mask } = await this.ask("mark", { network: model.get("network"), planes, statistics: model.get("statistics") });
    const bits = packBits(mask);
    model.reply({ found_bits: new DataView(bits.buffer), now: mask.reduce((sum, one) => sum + one, 0), answered: asked }); // the view waits for `answered`
  }
}

/** A plane of grey levels at half its width: means of 2×2 pixels, those that end in a half to the even number, as PyTorch rounds. */
export function halved(levels) {
  const [side, half] = [Math.sqrt(levels.length), Math.sqrt(levels.length) / 2];
  return Uint8Array.from({ length: half * half }, (_, at) => {
    const corner = 2 * side * Math.floor(at / half) + 2 * (at % half);
    const sum = levels[corner] + levels[corner + 1] + levels[corner + side] + levels[corner + side + 1];
    const below = sum >> 2;
    return below + (sum % 4 > 2 || (sum % 4 === 2 && below % 2));
  });
}
