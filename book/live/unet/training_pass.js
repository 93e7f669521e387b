// A batch on its way through the U-Net and back. Forward, every step writes down how its gradient goes back; backward, these
// notes are run from the last to the first. Blocks and weights are named as in network.js.

import { concatenateBackward, convolution1x1Input, convolution1x1Weights, convolution3x3Input, convolution3x3Weights, convolutionBias, maxPoolingBackward, reluBackward, transposedConvolutionInput, transposedConvolutionWeights } from "./backward.js";
import { trainBatchNorm, trainBatchNormBackward } from "./batch_norm.js";
import { bceDice } from "./loss.js";
import { concatenate, convolution1x1, convolution3x3, maxPooling, relu, transposedConvolution, zeros } from "./operations.js";

/**
 * The loss of a batch, and `gradients`: name → what each weight's change would do to the loss. `network` is a UNet; `images` and
 * `masks` are lists of maps. Skips whose levels are in `cut` hand on zeros. The running averages of the batch norms move on.
 */
export function lossAndGradients(network, images, masks, cut = []) {
  const pass = new TrainingPass(network);
  const logits = pass.forward(images, cut);
  const { loss, gradients } = bceDice(logits.maps, masks);
  pass.backward(logits, gradients);
  return { loss, gradients: pass.gradients };
}

/** Between two steps there is a node: the `maps` of every slice of the batch, and later their `gradients`. */
class TrainingPass {
  constructor(network) {
    this.network = network;
    this.gradients = {};
    this.notes = [];
  }

  forward(images, cut) {
    let x = { maps: images, isInput: true };
    const skips = {};
    for (const level of this.network.levels) {
      skips[level] = this.doubleConv(`encoder.${level}`, x);
      x = this.pool(skips[level]);
    }
    x = this.doubleConv("bottleneck", x);
    for (const level of [...this.network.levels].reverse()) {
      x = this.join(skips[level], this.up(`up.${level}`, x), cut.includes(level));
      x = this.doubleConv(`decoder.${level}`, x);
    }
    return this.output(x);
  }

  backward(last, gradients) {
    last.gradients = gradients;
    for (const goBack of this.notes.reverse()) goBack();
  }

  doubleConv(name, x) {
    for (const step of [1, 2]) {
      x = this.convolve(`${name}.conv${step}`, x);
      if (this.network.batch_norm) x = this.norm(`${name}.norm${step}`, x);
      x = this.rectify(x);
    }
    return x;
  }

  convolve(name, x) {
    const { weight, bias = null } = this.network.part(name);
    const sums = this.sumsOf(name);
    const y = { maps: x.maps.map((maps) => convolution3x3(maps, weight, bias)) };
    return this.note(y, () => {
      y.gradients.forEach((gradient, index) => {
        convolution3x3Weights(x.maps[index], gradient, sums.weight);
        if (bias) convolutionBias(gradient, sums.bias);
      });
      if (!x.isInput) give(x, y.gradients.map((gradient) => convolution3x3Input(gradient, weight)));
    });
  }

  norm(name, x) {
    const part = this.network.part(name);
    const sums = this.sumsOf(name);
    const kept = trainBatchNorm(x.maps, part);
    const y = { maps: kept.batch };
    return this.note(y, () => give(x, trainBatchNormBackward(kept, y.gradients, part.weight, sums)));
  }

  rectify(x) {
    const y = { maps: x.maps.map(relu) };
    return this.note(y, () => give(x, y.gradients.map((gradient, index) => reluBackward(y.maps[index], gradient))));
  }

  pool(x) {
    const y = { maps: x.maps.map(maxPooling) };
    return this.note(y, () => give(x, y.gradients.map((gradient, index) => maxPoolingBackward(x.maps[index], gradient))));
  }

  up(name, x) {
    const { weight, bias } = this.network.part(name);
    const sums = this.sumsOf(name);
    const y = { maps: x.maps.map((maps) => transposedConvolution(maps, weight, bias)) };
    return this.note(y, () => {
      y.gradients.forEach((gradient, index) => {
        transposedConvolutionWeights(x.maps[index], gradient, sums.weight);
        convolutionBias(gradient, sums.bias);
      });
      give(x, y.gradients.map((gradient) => transposedConvolutionInput(gradient, weight)));
    });
  }

  /** The skip's channels, then those from below; a cut skip hands on zeros, and hears nothing. */
  join(skip, x, isCut) {
    const handedOn = skip.maps.map((maps) => (isCut ? zeros(maps.channels, maps.height, maps.width) : maps));
    const y = { maps: handedOn.map((maps, index) => concatenate(maps, x.maps[index])) };
    return this.note(y, () => {
      const parts = y.gradients.map((gradient) => concatenateBackward(gradient, handedOn[0].channels));
      if (!isCut) give(skip, parts.map(([above]) => above));
      give(x, parts.map(([, below]) => below));
    });
  }

  output(x) {
    const { weight, bias } = this.network.part("output");
    const sums = this.sumsOf("output");
    const y = { maps: x.maps.map((maps) => convolution1x1(maps, weight, bias)) };
    return this.note(y, () => {
      y.gradients.forEach((gradient, index) => {
        convolution1x1Weights(x.maps[index], gradient, sums.weight);
        convolutionBias(gradient, sums.bias);
      });
      give(x, y.gradients.map((gradient) => convolution1x1Input(gradient, weight)));
    });
  }

  note(y, goBack) {
    this.notes.push(goBack);
    return y;
  }

  /** Zeros to add a part's gradients to: { weight, bias }. */
  sumsOf(name) {
    const learnt = Object.entries(this.network.part(name)).filter(([key]) => !key.startsWith("running_"));
    return Object.fromEntries(learnt.map(([key, values]) => [key, (this.gradients[`${name}.${key}`] = new Float32Array(values.length))]));
  }
}

/** Add gradients to a node's; the encoder's maps hear from two sides, from the pooling and from the skip. */
function give(node, gradients) {
  if (!node.gradients) {
    node.gradients = gradients;
    return;
  }
  node.gradients.forEach(({ values }, index) => {
    for (let at = 0; at < values.length; at++) values[at] += gradients[index].values[at];
  });
}
