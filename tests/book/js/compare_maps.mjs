// node compare_maps.mjs WEIGHTS EXPECTED: the largest error of each map of unet.js beside PyTorch's, relative to the map's
// largest value, as JSON. EXPECTED holds the image, and every map under "maps." and, with skips cut, under "cut <levels>.".

import { readFileSync } from "node:fs";

import { UNet } from "../../../book/live/unet/network.js";
import { readSafetensors } from "../../../book/live/unet/safetensors.js";

const [weights, expected] = process.argv.slice(2).map((path) => readSafetensors(new Uint8Array(readFileSync(path))));
const { architecture } = JSON.parse(weights.metadata.glass_box_unet);
const side = Math.sqrt(expected.tensors.image.length / architecture.in_channels);
const network = new UNet(weights.tensors, architecture);
network.forward({ channels: architecture.in_channels, height: side, width: side, values: expected.tensors.image });

const errors = compared("maps.");
for (const level of network.levels) {
  network.decode([level]);
  Object.assign(errors, compared(`cut ${level}.`));
}
console.log(JSON.stringify(errors));

function compared(prefix) {
  const wanted = Object.entries(expected.tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(wanted.map(([name, values]) => [name, difference(network.maps[name.slice(prefix.length)].values, values)]));
}

function difference(found, wanted) {
  if (found.length !== wanted.length) throw new Error(`expected ${wanted.length} values; got ${found.length}`);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  return found.reduce((most, value, at) => Math.max(most, Math.abs(value - wanted[at])), 0) / largest;
}
