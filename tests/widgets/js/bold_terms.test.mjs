import assert from "node:assert/strict";
import test from "node:test";

import { entryOf, indexed } from "../../../unet_lib/widgets/glossary_cards/bold_terms.js";

const entries = ["channel", "loss", "ground truth", "Holm's method", "bias"].map((term) => ({ term, german: `${term}-de` }));
const index = indexed(entries);
const found = (text) => entryOf(text, index)?.term;

test("a term is found with capitals, a full stop, a line break, a curly apostrophe", () => {
  assert.equal(found("Channel."), "channel");
  assert.equal(found(" ground\n truth:"), "ground truth");
  assert.equal(found("Holm’s method"), "Holm's method");
});

test("a plural is found, and a term that ends in s is not cut", () => {
  assert.equal(found("channels"), "channel");
  assert.equal(found("losses"), "loss");
  assert.equal(found("loss"), "loss");
  assert.equal(found("bias"), "bias");
});

test("the German name leads to the same entry", () => assert.equal(found("Channel-DE"), "channel"));

test("what is no term is none", () => {
  for (const text of ["", "s", "not", "channel loss", "the loss", "Predict"]) assert.equal(found(text), undefined);
});
