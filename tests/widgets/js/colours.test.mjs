import assert from "node:assert/strict";
import test from "node:test";

import { css, inkOf, paletteInks } from "../../../unet_lib/widgets/shared/colours.js";

test("an ink has red in the lowest byte and alpha in the highest", () => {
  assert.equal(inkOf([1, 2, 3]), 0xff030201);
  assert.equal(inkOf([255, 0, 0], 0.5), 0x800000ff);
});

test("a palette is read three bytes a colour", () => {
  assert.deepEqual(paletteInks(Uint8Array.of(1, 2, 3, 4, 5, 6)), Uint32Array.of(0xff030201, 0xff060504));
});

test("a colour as CSS writes it", () => {
  assert.equal(css([230, 159, 0]), "rgba(230, 159, 0, 1)");
  assert.equal(css([0, 0, 0], 0.6), "rgba(0, 0, 0, 0.6)");
});
