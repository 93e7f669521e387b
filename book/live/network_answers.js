// What a network says of a slice: the answers that a worker gives to the page. It knows nothing of either.

import { UNet } from "./unet/network.js";
import { channelOf, sigmoid } from "./unet/operations.js";
import { WeightsError, crc32, readSafetensors } from "./unet/safetensors.js";
import { WebGpuUNet, isBetter, openDevice } from "./unet/webgpu.js";

const BRIGHTEST = 0.998; // of a stage's values are below the brightest colour; a single peak would leave the rest dark
const FINE = 4096; // bins to find it

/** Networks by name, and the last image each of them saw: only what has changed is computed anew. */
export class NetworkAnswers {
  constructor() {
    Object.assign(this, { networks: {}, shaders: {}, device: undefined });
  }

  /** Keep the network in these bytes of a safetensors file. Throws WeightsError if they are not those of the checksum. */
  async load(name, bytes, checksum) {
    if (crc32(bytes) !== checksum) throw new WeightsError(`The network's weights (${name}) are damaged: their checksum is another. Load the page again.`);
    const { tensors, metadata } = readSafetensors(bytes);
    const { architecture } = JSON.parse(metadata.glass_box_unet);
    this.networks[name] = new UNet(tensors, architecture);
    await this.bringToGpu(name, tensors, architecture);
  }

  /** The same network on the graphics card, if there is one that computes the same, and sooner. */
  async bringToGpu(name, tensors, architecture) {
    const isFirst = this.device === undefined;
    if (isFirst) this.device = await openDevice();
    if (!this.device) return;
    const shaders = new WebGpuUNet(tensors, architecture, this.device);
    if (isFirst && !(await isBetter(shaders, this.networks[name]))) this.device = null;
    else this.shaders[name] = shaders;
  }

  /**
   * The stages' maps as bytes, and each pixel's probability of tumour. `planes` are grey levels, channel by channel;
   * `statistics` the patient's [means, standard deviations] of the channels; `cut` the levels whose skip hands on zeros.
   */
  async look({ network: name, planes, statistics, cut = [] }) {
    try {
      return await this.lookWith(this.shaders[name] ?? this.networks[name], planes, statistics, cut);
    } catch (error) {
      if (!this.shaders[name]) throw error;
      Object.assign(this, { shaders: {}, device: null }); // the graphics card was taken away
      return this.lookWith(this.networks[name], planes, statistics, cut);
    }
  }

  async lookWith(network, planes, statistics, cut) {
    for (const other of Object.values(this.networks)) if (other !== network) Object.assign(other, { maps: {}, seen: null });
    const seen = `${statistics} ${crc32(planes)}`;
    if (network.seen !== seen) await network.forward(normalised(planes, statistics), cut);
    else if (network.cut !== String(cut)) await network.decode(cut);
    Object.assign(network, { seen, cut: String(cut) });
    const stages = stagesOf(network).map((stage) => levelsOf(stage, network.maps[stage]));
    return { probability: sigmoid(network.maps.output).values, stages };
  }
}

/** Encoder, bottleneck and decoder in the order in which data passes. */
export function stagesOf({ levels }) {
  return [...levels.map((level) => `encoder.${level}`), "bottleneck", ...[...levels].reverse().map((level) => `decoder.${level}`)];
}

/** (grey level − mean) / deviation, channel by channel. */
export function normalised(planes, [means, stds]) {
  const side = Math.sqrt(planes.length / means.length);
  const image = { channels: means.length, height: side, width: side, values: new Float32Array(planes.length) };
  means.forEach((mean, channel) => {
    const [from, to] = [channelOf({ ...image, values: planes }, channel), channelOf(image, channel)];
    for (let at = 0; at < from.length; at++) to[at] = (from[at] - mean) / stds[channel];
  });
  return image;
}

/** A stage's maps as bytes on one scale, from 0 to `high`. */
export function levelsOf(name, { channels, height, values }) {
  const high = binnedQuantile(values, BRIGHTEST);
  const levels = Uint8Array.from(values, (value) => Math.min(Math.round((255 * value) / high), 255));
  return { name, channels, side: height, levels, high };
}

function binnedQuantile(values, fraction) {
  const most = values.reduce((largest, value) => (value > largest ? value : largest), 0) || 1;
  const bins = new Uint32Array(FINE + 1);
  for (const value of values) bins[Math.ceil((FINE * value) / most)]++;
  let left = (1 - fraction) * values.length;
  let bin = FINE;
  while (bin > 1 && left >= bins[bin]) left -= bins[bin--];
  return (most * bin) / FINE;
}
