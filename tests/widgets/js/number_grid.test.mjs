import assert from "node:assert/strict";
import test from "node:test";

import { equals, greyScale, inBrackets, longestTerm, minus, parseNumber, scaleFor, short, signScale, term,
  weightText, writer } from "../../../unet_lib/widgets/shared/number_grid.js";

test("numbers are written short, with a real minus", () => {
  assert.equal(minus(-3), "−3");
  assert.equal(short(-7, 2), "−7");
  assert.equal(short(1 / 3, 3), "0.333");
  assert.equal(short(3.14159, 2), "3.1");
  assert.equal(short(12.345, 2), "12");
  assert.equal(short(0.5, 3), "0.5");
  assert.equal(short(-0.001, 2), "−0.00"); // small, not none
});

test("numbers of a grid have equally many decimals", () => {
  const written = (numbers) => numbers.map(writer([numbers]));
  assert.deepEqual(written([1, -200]), ["1", "−200"]);
  assert.deepEqual(written([0.5, -3]), ["0.5", "−3.0"]);
  assert.deepEqual(written([1 / 3, 2]), ["0.33", "2.00"]);
  assert.deepEqual(written([1 / 3, 20]), ["0.3", "20.0"]);
});

test("weights are fractions where decimals would be endless", () => {
  assert.equal(weightText(1 / 9), "1/9");
  assert.equal(weightText(-2 / 7), "−2/7");
  assert.equal(weightText(0.25), "0.25");
  assert.equal(weightText(-2), "−2");
  assert.equal(weightText(Math.PI), "3.1");
});

test("what is typed is read as a number, or as none", () => {
  const read = { "7": 7, "−0,5": -0.5, "-2": -2, "1/9": 1 / 9, " 3 / 4 ": 0.75, "1e-3": 0.001 };
  for (const [text, value] of Object.entries(read)) assert.equal(parseNumber(text), value);
  for (const text of ["", "1/", "/3", "1/2/3", "1/0", "two", "−"]) assert.equal(parseNumber(text), null, text);
});

test("a term, and what it is equal to", () => {
  assert.equal(inBrackets("−2"), "(−2)");
  assert.equal(term(-2, 1 / 9), "(−2)·1/9");
  assert.equal(equals(87), "= 87");
  assert.equal(equals(1 / 3), "≈ 0.333");
  assert.equal(longestTerm([[[-12, 3]]], [[[1 / 9, 2]]]), "(−12)".length + "1/9".length + 4);
});

test("scales give each number its colour", () => {
  const grey = greyScale(50, 150);
  assert.deepEqual([0, 50, 100, 150, 200].map((value) => grey.colour(value)[0]), [0, 0, 128, 255, 255]);
  const signed = signScale(2);
  assert.deepEqual(signed.colour(0), [247, 247, 247]);
  assert.deepEqual(signed.colour(-2), [33, 102, 172]);
  assert.deepEqual(signed.colour(9), [178, 24, 43]);
  assert.deepEqual(signed.colour(1), [213, 136, 145]); // half-way from white to red
});

test("an output is grey as its input, or blue and red where something is negative", () => {
  assert.deepEqual(scaleFor([[3, -5]], [0, 255], false).ends, [-5, 0, 5]);
  assert.deepEqual(scaleFor([[3, 200]], [0, 255], false).ends, [0, 255]);
  assert.deepEqual(scaleFor([[3, 400]], [0, 255], false).ends, [0, 400]);
  assert.deepEqual(scaleFor([[0, 200]], [0, 255], true).ends, [0, 200]);
  assert.deepEqual(scaleFor([[0, 0]], [0, 255], true).ends, [0, 1]);
});
