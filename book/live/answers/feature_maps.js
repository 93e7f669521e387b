// What the feature explorer shows of one network and one slice. The twin of feature_maps.py in unet_lib/widgets/feature_explorer.

import { normalised } from "../network_answers.js";
import { UNet } from "../unet/network.js";
import { channelOf } from "../unet/operations.js";
import { crc32 } from "../unet/safetensors.js";

const MOST_SOURCES = 6;
const LOOKS = 6; // looks, about 7 MB each
const SEQUENCES = ["pre-contrast", "FLAIR", "post-contrast"];

const remembered = new Map(); // newest last

/** One forward pass: the normalised image (`input`), what every stage hands on, and of its two convolutions what the first does. */
export function lookAt(name, network, { planes, statistics, stages }) {
  const key = `${name} ${statistics} ${crc32(planes)}`;
  const maps = remembered.get(key) ?? passThrough(network, normalised(planes, statistics), stages);
  remembered.delete(key);
  remembered.set(key, maps);
  if (remembered.size > LOOKS) remembered.delete(remembered.keys().next().value);
  return maps;
}

function passThrough(network, image, stages) {
  const pass = new UNet(network.tensors, network); // its maps are its own
  pass.forward(image);
  const names = stages.flatMap(({ name, kind }) => (kind === "DoubleConv" ? [`${name}.relu1`, name] : [name]));
  return { input: image, ...Object.fromEntries(names.map((name) => [name, pass.maps[name]])) };
}

/** Every channel's values, as views. */
export const channelsOf = (maps) => Array.from({ length: maps.channels }, (_, channel) => channelOf(maps, channel));

/** The lowest and the highest of the values. */
export function rangeOf(values) {
  let [low, high] = [values[0], values[0]];
  for (const value of values) {
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  return [low, high];
}

/** A channel as bytes, its lowest value 0 and its highest 255; all 0 if they are the same. */
export function quantised(values) {
  const [low, high] = rangeOf(values);
  const scale = 255 / (high > low ? high - low : 1);
  const levels = new Uint8Array(values.length);
  for (let at = 0; at < levels.length; at++) levels[at] = Math.round((values[at] - low) * scale);
  return { levels, low, high };
}

/** The mean of a channel's squared values. */
export function energyOf(values) {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum / values.length;
}

/** One picture for a whole stage: the mean over its channels, or the channel with most energy. */
export function representative(maps, kind) {
  const channels = channelsOf(maps);
  if (kind === "mean") return channels[0].map((_, at) => channels.reduce((sum, values) => sum + values[at], 0) / channels.length);
  const energies = channels.map(energyOf);
  return channels[energies.indexOf(Math.max(...energies))];
}

/** A mask at a map's size: 1 for a cell with any tumour in it. */
export function coarseMask(mask, side, width) {
  const [cell, coarse] = [side / width, new Uint8Array(width * width)];
  mask.forEach((tumour, at) => {
    if (tumour) coarse[Math.floor(at / side / cell) * width + Math.floor((at % side) / cell)] = 1;
  });
  return coarse;
}

/**
 * ROC AUC: the chance that a pixel inside the tumour is brighter than one outside, both drawn at random; a tie counts half. null
 * where there is no tumour, or nothing else. `tumour` holds 0 or 1 for each value.
 */
export function rocAuc(values, tumour) {
  const [outside, inside] = [0, 1].map((kind) => values.filter((_, at) => tumour[at] === kind).sort());
  if (!inside.length || !outside.length) return null;
  let [darker, notBrighter, wins] = [0, 0, 0]; // of those outside, than the value inside
  for (const value of inside) {
    while (outside[darker] < value) darker++;
    while (outside[notBrighter] <= value) notBrighter++;
    wins += (darker + notBrighter) / 2;
  }
  return wins / (inside.length * outside.length);
}

/**
 * The strongest maps that a channel of `stage` is made of, as feature_maps.py tells them: { stage, channel, label, title, map, width,
 * kernel, strength }. A stage of two convolutions is made of what the second reads.
 */
export function sourcesOf(network, stages, stage, channel, maps) {
  const position = stages.indexOf(stage);
  const before = position ? stages[position - 1].name : "input";
  if (stage.kind === "Concat") {
    const skip = stage.name.replace("concat", "encoder");
    const ours = maps[skip].channels;
    return [channel < ours ? handedOn(skip, channel, maps) : handedOn(before, channel - ours, maps)];
  }
  if (stage.kind === "MaxPool2d") return [handedOn(before, channel, maps)];
  const twice = stage.kind === "DoubleConv";
  const read = maps[twice ? `${stage.name}.relu1` : before];
  const { weight } = network.part(twice ? `${stage.name}.conv2` : stage.name);
  const found = kernelsOf(weight, stage, read.channels, channel).map((kernel, at) => ({
    ...(twice ? inside(stage, at, read) : handedOn(before, at, maps)), kernel,
    strength: kernel.flat().reduce((sum, one) => sum + Math.abs(one), 0) * Math.sqrt(energyOf(channelOf(read, at))) }));
  return found.sort((one, other) => other.strength - one.strength).slice(0, MOST_SOURCES);
}

/** A channel of a stage, or of the image. */
function handedOn(name, channel, maps) {
  const label = name === "input" ? `input, ${SEQUENCES[channel]}` : `${name}, channel ${channel}`;
  return { stage: name === "input" ? "" : name, channel, label, title: label, map: channelOf(maps[name], channel),
    width: maps[name].width, kernel: null, strength: 0 };
}

/** A channel between the two convolutions of a stage. */
function inside({ name }, channel, maps) {
  return { stage: "", channel, label: `inside, channel ${channel}`, title: `channel ${channel} after the first convolution of ${name}`,
    map: channelOf(maps, channel), width: maps.width };
}

/** The weights that lead to an output channel, for each input; a transposed convolution counts its inputs first. */
function kernelsOf(weight, { kind, channels }, inputs, channel) {
  const area = weight.length / channels / inputs;
  const side = Math.sqrt(area);
  return Array.from({ length: inputs }, (_, input) => {
    const from = area * (kind === "Up" ? input * channels + channel : channel * inputs + input);
    const kernel = Array.from(weight.subarray(from, from + area));
    return Array.from({ length: side }, (_, row) => kernel.slice(row * side, (row + 1) * side));
  });
}
