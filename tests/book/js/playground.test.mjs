import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { NetworkAnswers, levelsOf, normalised } from "../../../book/live/network_answers.js";
import { UNet } from "../../../book/live/unet/network.js";
import { crc32, halfToNumber, readSafetensors } from "../../../book/live/unet/safetensors.js";
import { isBetter } from "../../../book/live/unet/webgpu.js";
import { readAddress, writeAddress } from "../../../book/playground/address.js";
import { shrunk, sizeOf, statisticsOf } from "../../../book/playground/own_picture.js";
import { inventedPixels } from "../../../book/playground/challenges.js";
import { RecordedSlice, strokesOf, textOf } from "../../../book/playground/recorded_slice.js";
import { readTiff } from "../../../book/playground/tiff.js";
import { tiling } from "../../../book/playground/u_board.js";

const MODELS = new URL("../../../data/models/", import.meta.url);
const BRUSH = { radius: 3, strength: 100, erase: false, channels: [1] };

function painted(size = 16) {
  const slice = new RecordedSlice(size);
  slice.load(new Uint8Array(3 * size * size).fill(10));
  for (const [row, column] of [[3, 4], [9, 9]]) {
    slice.begin();
    slice.dab([row, column], BRUSH);
    slice.line([row, column], [row + 3, column + 2], BRUSH);
    slice.commit();
  }
  return slice;
}

// ---- weights -----------------------------------------------------------------------------------------------------

test("half precision: the numbers of the standard", () => {
  const cases = [[0x3c00, 1], [0xc000, -2], [0x7bff, 65504], [0x0001, 2 ** -24], [0x0400, 2 ** -14], [0x3555, 0.333251953125], [0x8000, -0], [0xfc00, -Infinity]];
  for (const [bits, value] of cases) assert.equal(halfToNumber(bits), value);
  assert.ok(Number.isNaN(halfToNumber(0x7e01)));
});

test("the checksum is the one of the standard's test text", () => assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926));

test("weights that are cut off or exchanged are refused, with a sentence", async () => {
  const bytes = new Uint8Array(readFileSync(new URL("phantom-baseline.safetensors", MODELS)));
  for (const length of [0, 5, 100, 20000, bytes.length - 1]) {
    assert.throws(() => readSafetensors(bytes.slice(0, length)), { message: /cut off after \d+ bytes. Load the page again/ });
  }
  const broken = bytes.slice();
  broken[20] = 0;
  assert.throws(() => readSafetensors(broken), { message: /header is damaged/ });
  await assert.rejects(() => new NetworkAnswers().load("step-0001", bytes, crc32(bytes) ^ 1), { message: /step-0001.*checksum/ });
});

test("an answer computes anew only what has changed, and is what a fresh network says", async () => {
  const bytes = new Uint8Array(readFileSync(new URL("phantom-baseline.safetensors", MODELS)));
  const fresh = async (question) => {
    const answers = new NetworkAnswers();
    await answers.load("one", bytes, crc32(bytes));
    return answers.look({ network: "one", ...question });
  };
  const planes = Uint8Array.from({ length: 3 * 32 * 32 }, (_, at) => (at * 37) % 251);
  const question = { planes, statistics: [[100, 110, 120], [50, 55, 60]] };
  const answers = new NetworkAnswers();
  await answers.load("one", bytes, crc32(bytes));
  await answers.look({ network: "one", ...question });
  const passed = [];
  const network = answers.networks.one;
  for (const way of ["forward", "decode"]) network[way] = function (...given) { passed.push(way); return Object.getPrototypeOf(this)[way].apply(this, given); };
  for (const cut of [[2], [1, 2], []]) assert.deepEqual(await answers.look({ network: "one", ...question, cut }), await fresh({ ...question, cut }));
  await answers.look({ network: "one", ...question });
  assert.deepEqual(passed, ["decode", "decode", "decode"]);
  const other = { ...question, planes: planes.map((level) => 255 - level) };
  assert.deepEqual(await answers.look({ network: "one", ...other }), await fresh(other));
  assert.ok(passed.includes("forward"));
});

test("a graphics card is used only if it is right and sooner, and left when it is taken away", async () => {
  const bytes = new Uint8Array(readFileSync(new URL("phantom-baseline.safetensors", MODELS)));
  const { tensors, metadata } = readSafetensors(bytes);
  const network = new UNet(tensors, JSON.parse(metadata.glass_box_unet).architecture);
  let clock = 0;
  const taking = (time, change = (value) => value) => ({ in_channels: 3, async forward(image) {
    clock += time;
    return { values: network.forward(image).values.map(change) };
  } });
  const better = (shaders) => isBetter(shaders, taking(50), () => clock);
  assert.equal(await better(taking(10)), true);
  assert.equal(await better(taking(10, (value) => value + 1)), false);
  assert.equal(await better(taking(60)), false);
  assert.equal(await better({ forward: async () => { throw new Error("lost"); } }), false);
  const answers = new NetworkAnswers();
  await answers.load("one", bytes, crc32(bytes));
  const question = { network: "one", planes: Uint8Array.from({ length: 3072 }, (_, at) => at % 251), statistics: [[100, 100, 100], [50, 50, 50]] };
  const wanted = await answers.look(question);
  answers.shaders.one = { forward: async () => { throw new Error("lost"); } };
  assert.deepEqual(await answers.look(question), wanted);
  assert.deepEqual(answers.shaders, {});
});

test("normalising subtracts the mean and divides by the deviation, channel by channel", () => {
  const { values } = normalised(Uint8Array.from([10, 20, 30, 40, 0, 1, 2, 3]), [[20, 1], [10, 2]]);
  assert.deepEqual([...values], [-1, 0, 1, 2, -0.5, 0, 0.5, 1]);
});

test("a stage's maps share a scale that a single peak does not set", () => {
  const values = new Float32Array(10000).fill(1).fill(0, 0, 5000);
  values[7] = 1000;
  const { levels, high } = levelsOf("encoder.1", { channels: 1, height: 100, width: 100, values });
  assert.ok(high < 1.3, `${high}`);
  assert.equal(levels[7], 255);
  assert.equal(levels[0], 0);
});

// ---- painting and addresses ----------------------------------------------------------------------------------------

test("strokes sent as text paint the same pixels", () => {
  const slice = painted();
  const other = new RecordedSlice(16);
  other.load(new Uint8Array(3 * 16 * 16).fill(10));
  other.replay(textOf(slice.strokes, 16));
  assert.deepEqual(other.planes, slice.planes);
  assert.equal(slice.strokes.length, 2);
});

test("undo and reset take strokes back, and undo takes a reset back", () => {
  const slice = painted();
  slice.undo();
  assert.equal(slice.strokes.length, 1);
  slice.reset();
  assert.equal(slice.strokes.length, 0);
  slice.undo();
  assert.equal(slice.strokes.length, 1);
});

test("what is no stroke is left out, and too many do not fit", () => {
  assert.deepEqual(strokesOf("b3-100-1-zzz_x_b0-1-1-000_<script>", 16), []);
  assert.equal(textOf(Array.from({ length: 80 }, () => ({ ...BRUSH, points: Array(9).fill([1, 1]) })), 16), null);
});

test("an address says the state again; nonsense in it is left out", () => {
  const first = { steps: [0, 10], patients: [{}, {}], stages: [{ name: "encoder.1" }, { name: "encoder.2" }, { name: "bottleneck" }] };
  const state = { patient: 1, step: 10, cut: [2], threshold: 0.25 };
  const slice = painted();
  const read = readAddress(writeAddress(state, slice), first);
  assert.deepEqual(read, { ...state, strokes: textOf(slice.strokes, 16) });
  assert.deepEqual(readAddress("#patient=7&step=11&threshold=2&cut=9,x", first), { cut: [] });
  assert.deepEqual(readAddress("", first), {});
});

test("maps are laid out side by side", () => {
  assert.deepEqual(tiling(8), { across: 4, down: 2 });
  assert.deepEqual(tiling(64), { across: 16, down: 4 });
  assert.ok(tiling(5).across * tiling(5).down >= 5);
});

// ---- pictures of one's own -------------------------------------------------------------------------------------------

/** A TIFF file of a single strip. */
function tiff({ width = 4, height = 2, samples = 3, compression = 1, little = true, lengthens = 0 }) {
  const entries = [[256, width], [257, height], [258, 8], [259, compression], [273, 8], [277, samples], [279, width * height * samples]];
  const pixels = width * height * samples;
  const view = new DataView(new ArrayBuffer(8 + pixels + 2 + 12 * entries.length + 4));
  view.setUint16(0, little ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, little);
  view.setUint32(4, 8 + pixels, little);
  for (let at = 0; at < pixels; at++) view.setUint8(8 + at, at);
  view.setUint16(8 + pixels, entries.length, little);
  entries.forEach(([tag, value], index) => {
    const at = 10 + pixels + 12 * index;
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, 4, little);
    view.setUint32(at + 4, 1, little);
    view.setUint32(at + 8, value, little);
  });
  return new Uint8Array(view.buffer, 0, view.byteLength - lengthens);
}

test("TIFF: both byte orders, one and three channels", () => {
  for (const little of [true, false]) {
    assert.deepEqual([...readTiff(tiff({ little })).channels[1]], [1, 4, 7, 10, 13, 16, 19, 22]);
    const grey = readTiff(tiff({ samples: 1, little }));
    assert.ok(grey.grey);
    assert.deepEqual(grey.channels[2], grey.channels[0]);
  }
});

test("TIFF: what cannot be read is refused, with a reason", () => {
  assert.throws(() => readTiff(tiff({ compression: 5 })), /uncompressed/);
  assert.throws(() => readTiff(tiff({ width: 20000 })), /20000 × 2 pixels/);
  assert.throws(() => readTiff(tiff({}).slice(0, 40)), /damaged/);
  const far = tiff({});
  new DataView(far.buffer).setUint32(8 + 24 + 2 + 12 * 6 + 8, 5, true); // a strip too short
  assert.throws(() => readTiff(far), /cut off/);
});

test("a file's kind and size are read before it is decoded", () => {
  const png = new Uint8Array(33);
  png.set([0x89, 0x50, 0x4e, 0x47]);
  new DataView(png.buffer).setUint32(16, 20000);
  new DataView(png.buffer).setUint32(20, 300);
  assert.deepEqual(sizeOf(png), { kind: "png", width: 20000, height: 300 });
  const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc2, 0, 11, 8, 1, 0, 2, 0, 3, 0, 0, 0]);
  assert.deepEqual(sizeOf(jpeg), { kind: "jpeg", width: 512, height: 256 });
  for (const junk of ["%PDF-1.7", "GIF89a", "", "\xff\xd8\xff"]) assert.equal(sizeOf(Uint8Array.from(junk, (letter) => letter.charCodeAt(0))), null);
});

test("a picture's middle square is averaged down, or repeated up", () => {
  const channels = [Uint8Array.from({ length: 24 }, (_, at) => 10 * (at % 6))]; // 6 wide, 4 high: columns 0 10 20 30 40 50
  assert.deepEqual([...shrunk({ width: 6, height: 4, channels: [...channels, ...channels, ...channels] }, 2)].slice(0, 4), [15, 35, 15, 35]);
  const one = [0, 1, 2].map(() => Uint8Array.from([7]));
  assert.deepEqual([...shrunk({ width: 1, height: 1, channels: one }, 2)], Array(12).fill(7));
});

test("intensity statistics are over what is brighter than the mean", () => {
  assert.deepEqual(statisticsOf(Uint8Array.from([0, 0, 0, 0, 100, 140, 0, 0]), 8), [[120], [20]]);
  assert.deepEqual(statisticsOf(new Uint8Array(4), 4), [[0], [1]]);
});

test("invented pixels are new, and lie away from the reference", () => {
  const side = 20;
  const at = (...pixels) => Uint8Array.from({ length: side * side }, (_, index) => Number(pixels.some(([row, column]) => index === row * side + column)));
  const marked = at([0, 0], [10, 10], [10, 5], [19, 19]);
  assert.equal(inventedPixels(marked, at([19, 19]), at([10, 10]), side), 1); // only the one in the corner
  assert.equal(inventedPixels(marked, at(), at(), side), 4);
});
