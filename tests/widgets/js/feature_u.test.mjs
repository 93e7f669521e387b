import assert from "node:assert/strict";
import test from "node:test";

import { placeStages } from "../../../unet_lib/widgets/feature_explorer/feature_u.js";

/** The stages of a U-Net in the order the data passes them. */
function stages(depth, stem) {
  const levels = Array.from({ length: depth }, (_, at) => at + 1);
  return [...(stem ? ["stem"] : []), ...levels.flatMap((level) => [`encoder.${level}`, `pool.${level}`]), "bottleneck",
    ...levels.reverse().flatMap((level) => [`up.${level}`, `concat.${level}`, `decoder.${level}`]), "output"];
}

for (const [depth, stem] of [[1, false], [2, false], [4, false], [4, true]]) {
  test(`a U of ${depth} levels${stem ? " and a stem" : ""}: no two pictures touch, and arrows end at them`, () => {
    const names = stages(depth, stem);
    const { width, height, boxes, arrows } = placeStages(names);
    assert.deepEqual(Object.keys(boxes), names.slice(0, -1)); // the order in which the pulse runs
    const places = Object.values(boxes);
    const side = width - Math.max(...places.map(({ x }) => x));
    places.forEach((one, at) => {
      assert.ok(one.x >= 0 && one.y >= 0 && one.x + side <= width && one.y + side <= height);
      for (const other of places.slice(at + 1)) assert.ok(Math.abs(one.x - other.x) > side || Math.abs(one.y - other.y) > side);
    });
    // Of each level: pool and what follows, skip, up, and what follows.
    assert.equal(arrows.length, 5 * depth + 1);
    for (const { to, points } of arrows) {
      const [[x, y], { x: left, y: top }] = [points.at(-1), boxes[to]];
      assert.ok(x >= left && x <= left + side && y >= top && y <= top + side);
      points.slice(1).forEach(([x1, y1], at) => assert.ok(x1 === points[at][0] || y1 === points[at][1])); // no slanted line
    }
  });
}
