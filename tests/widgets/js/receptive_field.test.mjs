import assert from "node:assert/strict";
import test from "node:test";

import { receptiveFields, squareAround } from "../../../unet_lib/widgets/receptive_field/receptive_field.js";

const CONVOLUTION = [3, 1, 1, 1]; // kernel, stride, dilation, padding
const POOLING = [2, 2, 1, 0];

test("jump and field grow layer by layer", () => {
  assert.deepEqual(receptiveFields([CONVOLUTION, CONVOLUTION, POOLING, CONVOLUTION]), [
    { jump: 1, field: 1, start: 0 }, { jump: 1, field: 3, start: -1 }, { jump: 1, field: 5, start: -2 },
    { jump: 2, field: 6, start: -2 }, { jump: 2, field: 10, start: -4 }]);
});

test("dilation stretches a kernel", () => {
  assert.equal(receptiveFields([[3, 1, 4, 4]]).at(-1).field, 9);
});

test("the square that the value over a pixel sees", () => {
  const fields = receptiveFields([CONVOLUTION, POOLING]);
  assert.deepEqual(squareAround([5, 8], fields[0]), { top: 5, left: 8, side: 1 });
  assert.deepEqual(squareAround([5, 8], fields[1]), { top: 4, left: 7, side: 3 });
  assert.deepEqual(squareAround([5, 8], fields[2]), { top: 3, left: 7, side: 4 });
});
