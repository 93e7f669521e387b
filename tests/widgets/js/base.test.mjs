import assert from "node:assert/strict";
import test from "node:test";
import { deflateSync } from "node:zlib";

import { bytesOf, inflate, nearestPixel, pixelUnder } from "../../../unet_lib/widgets/shared/base.js";

test("inflate gives back what zlib packed", async () => {
  const packed = new Uint8Array(deflateSync(Uint8Array.of(0, 255, 7, 7, 7)));
  assert.deepEqual(await inflate(new DataView(packed.buffer)), Uint8Array.of(0, 255, 7, 7, 7));
});

test("bytesOf reads the part of a buffer that is meant", () => {
  assert.deepEqual(bytesOf(new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2)), Uint8Array.of(2, 3));
});

test("a pixel is where the pointer is, and the nearest one where that is outside", () => {
  const node = { getBoundingClientRect: () => ({ left: 100, top: 50, width: 80, height: 40 }) }; // 10 × 10 dots a pixel
  const size = { height: 4, width: 8 };
  assert.deepEqual(pixelUnder({ clientX: 100, clientY: 50 }, node, size), [0, 0]);
  assert.deepEqual(pixelUnder({ clientX: 179, clientY: 71 }, node, size), [2, 7]);
  assert.deepEqual(pixelUnder({ clientX: 95, clientY: 90 }, node, size), [4, -1]);
  assert.deepEqual(nearestPixel([4, -1], size), [3, 0]);
  assert.deepEqual(nearestPixel([1, 5], size), [1, 5]);
});
