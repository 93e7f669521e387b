// node adam_steps.mjs GIVEN: five weights of 1 after steps of Adam along the given gradients, its rate falling.

import { Adam } from "../../../book/live/unet/adam.js";

const { rate, gradients } = JSON.parse(process.argv[2]);
const weights = new Float32Array(gradients[0].length).fill(1);
const adam = new Adam({ weights }, rate);
gradients.forEach((slopes, step) => {
  adam.learningRate = rate / (1 + step);
  adam.step({ weights: Float32Array.from(slopes) });
});
console.log(JSON.stringify([...weights]));
