// Predict, then see. The choice is locked here; what came out arrives with `verdict`, once a later cell compares.

import { follow, make, rendering } from "../shared/base.js";
import { inline, questionSheet, radioOption } from "../shared/questions.js";
import { numberText, typedNumber } from "./typed_number.js";

let sheets = 0; // radio buttons of two views of one prediction must not share a name

class PredictionView {
  constructor(model, el, signal) {
    this.model = model;
    this.choices = model.get("choices");
    this.unit = model.get("unit");
    this.build(el);
    follow(model, signal, ["locked", "verdict"], () => this.show());
    this.show();
  }

  get locked() {
    return this.model.get("locked");
  }

  build(el) {
    const question = this.model.get("question");
    const title = make("span", { class: "gb-label" }, "Predict");
    const answers = this.choices.length ? this.buildChoices() : [this.buildNumber()];
    const legend = make("legend", {}, title, " ", ...inline(question));
    this.button = make("button", { type: "submit" }, "Lock it in");
    this.verdict = make("p", { class: "gb-verdict", role: "status" });
    const foot = make("div", { class: "gb-questions-foot" }, this.button, this.verdict);
    const form = make("form", {}, make("fieldset", {}, legend, ...answers), foot);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.lock();
    });
    form.addEventListener("input", () => this.read());
    el.append(questionSheet("gb-prediction", `Prediction: ${question}`, form));
  }

  buildChoices() {
    const name = `gb-prediction-${(sheets += 1)}`;
    this.options = this.choices.map((text, at) => radioOption(name, at, text));
    for (const { input } of this.options) {
      input.addEventListener("click", (event) => this.locked !== null && event.preventDefault());
    }
    return this.options.map((option) => option.label);
  }

  buildNumber() {
    this.field = make("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false" });
    const unit = make("span", {}, ...inline(this.unit));
    return make("label", { class: "gb-typed" }, make("span", {}, "Your number"), this.field, unit);
  }

  /** What is chosen or typed now; null if nothing is. */
  now() {
    if (this.field) return typedNumber(this.field.value, this.unit);
    const at = this.options.findIndex((option) => option.input.checked);
    return at < 0 ? null : at;
  }

  /** A number is read back as it is typed, so that nobody locks in another one than they meant. */
  read() {
    const number = this.field ? this.now() : null;
    const plain = number === null || String(number) === this.field.value.trim();
    this.verdict.textContent = plain ? "" : `Read as ${numberText(number, this.unit)}.`;
  }

  lock() {
    const answer = this.now();
    if (this.locked !== null) return;
    if (answer === null) {
      const first = this.field ? "Type a number such as 1200 or 0.5" : "Choose an answer";
      this.verdict.textContent = `${first} first, or go on without.`;
    } else {
      this.model.set("locked", answer);
      this.model.save_changes();
    }
  }

  show() {
    if (this.locked === null) return;
    const { state, headline, truth, right } = this.model.get("verdict");
    this.button.textContent = "Locked in";
    this.button.setAttribute("aria-disabled", "true");
    if (this.field) this.showNumber();
    else this.options.forEach((option, at) => this.showOption(option, at, right));
    this.verdict.dataset.state = state ?? "";
    if (state) this.verdict.replaceChildren(make("strong", {}, headline), " ", ...inline(truth));
    else this.verdict.textContent = "A cell below compares it with what comes out.";
  }

  showNumber() {
    this.field.readOnly = true;
    this.field.value = numberText(this.locked);
  }

  showOption({ label, input, mark }, at, right) {
    const yours = at === this.locked;
    input.setAttribute("aria-disabled", "true");
    input.checked = yours;
    label.dataset.yours = yours;
    label.dataset.state = right === undefined ? "" : at === right ? "right" : yours ? "wrong" : "";
    const symbol = { right: "✓", wrong: "✗" }[label.dataset.state];
    mark.replaceChildren(...(yours ? [make("span", { class: "gb-chip" }, "your prediction")] : []),
      ...(symbol ? [symbol] : []));
  }
}

export default { render: rendering(PredictionView) };
