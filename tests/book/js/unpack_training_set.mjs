// node unpack_training_set.mjs SET: its slices, as JSON.

import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

import { slicesOf } from "../../../book/live/training_data.js";

const set = JSON.parse(readFileSync(process.argv[2]));
const slices = slicesOf(set, new Uint8Array(inflateSync(Buffer.from(set.pixels, "base64"))));
console.log(JSON.stringify(slices, (_, value) => (ArrayBuffer.isView(value) ? [...value] : value)));
