// The U-Net: which operation follows which. The same way through the same named blocks as in unet_lib/models/unet.py.

import { batchNorm, concatenate, convolution1x1, convolution3x3, maxPooling, relu, transposedConvolution, zeros } from "./operations.js";

export class UNet {
  /** `tensors` is name → numbers, as PyTorch names and orders them; `architecture` has base, depth, batch_norm, in_channels. */
  constructor(tensors, architecture) {
    Object.assign(this, { tensors, ...architecture });
    this.maps = {};
    this.levels = Array.from({ length: this.depth }, (_, index) => index + 1);
  }

  /** The weights of one part: { weight, bias, … }. */
  part(name) {
    const found = Object.entries(this.tensors).filter(([key]) => key.startsWith(`${name}.`));
    return Object.fromEntries(found.map(([key, numbers]) => [key.slice(name.length + 1), numbers]));
  }

  /**
   * The logits of a normalised image, { channels, height, width, values }. Every map on the way is kept in `maps` by its name,
   * from `encoder.1.conv1` to `output`. Skips whose levels are in `cut` hand on zeros.
   */
  forward(image, cut = []) {
    let x = image;
    for (const level of this.levels) {
      x = this.doubleConv(`encoder.${level}`, x);
      x = this.keep(`pool.${level}`, maxPooling(x));
    }
    this.doubleConv("bottleneck", x);
    return this.decode(cut);
  }

  /**
   * The decoder alone, from the maps that the encoder left: all that changes when a skip is cut, or when it hands on other
   * maps, given by level in `instead`.
   */
  decode(cut = [], instead = {}) {
    let x = this.maps.bottleneck;
    for (const level of [...this.levels].reverse()) {
      const up = this.part(`up.${level}`);
      x = this.keep(`up.${level}`, transposedConvolution(x, up.weight, up.bias));
      const skip = instead[level] ?? this.maps[`encoder.${level}`];
      x = this.keep(`concat.${level}`, concatenate(cut.includes(level) ? zeros(skip.channels, skip.height, skip.width) : skip, x));
      x = this.doubleConv(`decoder.${level}`, x);
    }
    const output = this.part("output");
    return this.keep("output", convolution1x1(x, output.weight, output.bias));
  }

  /** (3×3 convolution → batch norm? → ReLU) twice. */
  doubleConv(name, x) {
    for (const step of [1, 2]) {
      const conv = this.part(`${name}.conv${step}`);
      x = this.keep(`${name}.conv${step}`, convolution3x3(x, conv.weight, conv.bias));
      if (this.batch_norm) x = this.keep(`${name}.norm${step}`, batchNorm(x, this.part(`${name}.norm${step}`)));
      x = this.keep(`${name}.relu${step}`, relu(x));
    }
    return this.keep(name, x);
  }

  keep(name, maps) {
    this.maps[name] = maps;
    return maps;
  }
}
