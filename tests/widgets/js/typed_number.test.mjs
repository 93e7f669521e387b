import assert from "node:assert/strict";
import test from "node:test";

import { numberText, typedNumber } from "../../../unet_lib/widgets/prediction/typed_number.js";

test("numbers are read as people write them", () => {
  const read = {
    "7763041": 7763041, "7,763,041": 7763041, "7 763 041": 7763041, "7_763_041": 7763041, "1,234.5": 1234.5, "12.": 12,
    "7.8 million": 7.8e6, "2 Thousand": 2000, "1billion": 1e9, "7.8e6": 7.8e6, "1E-3": 0.001, "+3": 3, "-3": -3, "−3": -3,
    " 0.5 ": 0.5, "0,5": 0.5, ".5": 0.5, ",5": 0.5, "0": 0,
  };
  for (const [text, number] of Object.entries(read)) assert.equal(typedNumber(text), number, text);
});

test("the unit may stand behind", () => {
  assert.equal(typedNumber("80%", "%"), 80);
  assert.equal(typedNumber("7.8 million Parameters", "parameters"), 7.8e6);
  assert.equal(typedNumber("80%"), null);
});

test("anything else is no number", () => {
  for (const text of ["", " ", "many", "1.2.3", "1,2,3", "1,23,456", "3 apples", "-", ".", ",", "e5", "1e999", "--1", "1/2",
    "million"]) {
    assert.equal(typedNumber(text), null, text);
  }
});

test("numbers are read back in full", () => {
  assert.equal(numberText(7763041, "parameters"), "7,763,041 parameters");
  assert.equal(numberText(0.1 + 0.2), "0.3");
  assert.equal(numberText(-12), "-12");
});
