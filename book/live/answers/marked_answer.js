// What a network marks in one slice. The twin of Predictor.probabilities and masks for a network that looks at half of the pixels.

import { normalised } from "../network_answers.js";
import { UNet } from "../unet/network.js";
import { marked } from "./skip_answers.js";

/** The mask at twice the width of `planes`, grey levels channel by channel; `statistics` are the patient's. */
export function markedIn({ tensors, ...network }, { planes, statistics }) {
  return marked(new UNet(tensors, network).forward(normalised(planes, statistics)));
}
