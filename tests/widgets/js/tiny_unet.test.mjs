import assert from "node:assert/strict";
import test from "node:test";

import { LINES, curve, middle, placesIn } from "../../../unet_lib/widgets/backpropagation/graph_layout.js";
import { brief, howComputed, reasonOf, remarkOn, symbol } from "../../../unet_lib/widgets/backpropagation/graph_words.js";
import { GRAPH, STEPS, TO_LOSS, backward, forward, localsOf, nextOperation, nudgedLosses, partsOf,
  previousOperation } from "../../../unet_lib/widgets/backpropagation/tiny_unet.js";

const NUMBERS = { x: [1, 2, 3, 0], t: [0, 1, 1, 0], w: [-0.5, 1, 0.5], wb: [-1], v: [1, 0.5, 0.5], vb: [0.5], k: [0.5, -0.5], kb: [0.5],
  q: [0.5, -1], qb: [-0.5] };
const VALUES = forward(NUMBERS);
const GRADIENTS = backward(VALUES);

test("each gradient is what nudging measures", () => {
  for (const name of Object.keys(GRAPH)) {
    const [up, down] = nudgedLosses(NUMBERS, name, 1e-4);
    assert.ok(Math.abs((up - down) / 2e-4 - GRADIENTS[name]) < 1e-6, name);
  }
});

test("local derivatives by hand", () => {
  assert.deepEqual(localsOf("c1", VALUES), [1, -0.5, 2, 1, 3, 0.5, 1]); // weight, number, …, bias
  assert.deepEqual(localsOf("c3", VALUES), [3, -0.5, 0, 1, 0, 0.5, 1]); // padding on the right is 0
  assert.deepEqual([localsOf("a2", VALUES), localsOf("a3", VALUES)], [[1], [0]]);
  assert.deepEqual(localsOf("m0", VALUES), [0, 1]);
  assert.deepEqual(localsOf("L0", VALUES), [0.25, 0.25, 0.25, 0.25]);
});

test("a fork has two parts, and they add up", () => {
  const parts = partsOf("a1", VALUES, GRADIENTS);
  assert.deepEqual(parts.map(({ by, local }) => [by, local]), [["m0", 1], ["s1", 1]]);
  assert.equal(parts[0].part + parts[1].part, GRADIENTS.a1);
});

test("a network that is too sure still has a loss and a gradient", () => {
  const values = forward({ ...NUMBERS, qb: [-99], q: [99, -99], x: [99, 99, 99, 99] });
  for (const number of Object.values({ ...values, ...backward(values) })) assert.ok(Number.isFinite(number));
});

test("operations begin and end where their numbers do", () => {
  assert.equal(STEPS[TO_LOSS - 1].name, "L0");
  assert.deepEqual([nextOperation(0), nextOperation(2), nextOperation(4)], [4, 4, 8]);
  assert.deepEqual([previousOperation(8), previousOperation(6), previousOperation(0)], [4, 4, 0]);
  assert.equal(nextOperation(STEPS.length), STEPS.length);
  let [at, stops] = [0, 0];
  for (; at < STEPS.length; stops++) at = nextOperation(at);
  assert.equal(stops, 26); // 11 forward, 15 back
});

test("sums, maxima and losses written out", () => {
  assert.deepEqual(howComputed("c1", VALUES), ["c₁ = w₀·x₀ + w₁·x₁ + w₂·x₂ + b", "= (−0.5)·1 + 1·2 + 0.5·3 + (−1)", "= 2"]);
  assert.equal(howComputed("c0", VALUES)[0], "c₀ = w₀·0 + w₁·x₀ + w₂·x₁ + b");
  assert.deepEqual(howComputed("m0", VALUES), ["m₀ = max(a₀, a₁)", "= max(1, 2)", "= 2"]);
  assert.deepEqual(howComputed("p1", VALUES), ["p₁ = 1 / (1 + e^−z₁)", "= 1 / (1 + e^(−1))", "≈ 0.731"]);
  assert.deepEqual(howComputed("x0", VALUES), []);
  assert.deepEqual([symbol("l2"), symbol("L0"), symbol("vb0")], ["ℓ₂", "L", "b"]);
  assert.deepEqual([0, 0.12607, -0.0000123, 12345].map(brief), ["0", "0.126", "−1.2e−5", "1.2e+4"]);
});

test("each local derivative has its reason", () => {
  const reasons = (name) => partsOf(name, VALUES, GRADIENTS).map(({ by, at, local }) => reasonOf(by, at, local));
  assert.deepEqual(reasons("w0"), ["padding", "number x₀", "number x₁", "number x₂"]);
  assert.deepEqual(reasons("x1"), ["weight w₂", "weight w₁", "weight w₀"]);
  assert.deepEqual([...reasons("c3"), ...reasons("a0")], ["ReLU is closed", "loses the maximum", "a copy"]);
  assert.match(remarkOn("a1", partsOf("a1", VALUES, GRADIENTS)), /fork/);
});

for (const room of [720, 844, 1064]) {
  test(`no two boxes meet in ${room} px`, () => {
    const { boxes, height } = placesIn(room);
    const all = Object.values(boxes);
    assert.equal(all.length, Object.keys(GRAPH).length);
    for (const [at, one] of all.entries()) {
      assert.ok(one.x >= 0 && one.x + one.width <= room && one.y + one.height <= height);
      for (const two of all.slice(at + 1))
        assert.ok(one.x + one.width <= two.x || two.x + two.width <= one.x || one.y + one.height <= two.y || two.y + two.height <= one.y);
    }
  });
}

test("a line runs from edge to edge", () => {
  const [from, to] = [{ x: 0, y: 0, width: 40, height: 30 }, { x: 100, y: 60, width: 40, height: 30 }];
  assert.equal(curve(from, to), "M40 15C70 15 70 75 100 75");
  assert.deepEqual(middle(from, to), { x: 70, y: 45, room: 60 });
  assert.equal(LINES.length, 10 + 4 + 4 + 4 + 2 + 4 + 4 + 8 + 4 + 4 + 4); // c, a, m, d, r, u, s, z, p, l, L
});
