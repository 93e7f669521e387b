// The quiz. Everything it needs is in the model's traits, so it also works in a saved notebook without a kernel.

import { follow, make, rendering } from "../shared/base.js";
import { inline, questionSheet, radioOption } from "../shared/questions.js";

let views = 0; // radio buttons of two views of one quiz must not share a name

class QuizView {
  constructor(model, el, signal) {
    this.model = model;
    this.questions = model.get("questions");
    this.prefix = `gb-quiz-${(views += 1)}`;
    this.build(el);
    follow(model, signal, ["answers"], () => this.show());
    this.show();
  }

  build(el) {
    this.parts = this.questions.map((question, index) => this.buildQuestion(question, index));
    this.score = make("p", { class: "gb-score", "aria-live": "polite" });
    const heading = make("p", { class: "gb-quiz-title" }, ...inline(this.model.get("title")));
    const forms = this.parts.map((part) => part.form);
    el.append(questionSheet("gb-quiz", `Quiz: ${this.model.get("title")}`, heading, ...forms, this.score));
  }

  buildQuestion(question, index) {
    const name = `${this.prefix}-${index}`;
    const options = question.options.map((option, choice) => radioOption(name, choice, option.text));
    // Never disabled: a button that is loses the focus, and with it a keyboard user their position.
    const button = make("button", { type: "submit" }, "Check");
    const verdict = make("p", { class: "gb-verdict", role: "status" });
    const count = make("span", { class: "gb-label" }, `${index + 1} of ${this.questions.length}`);
    const legend = make("legend", {}, count, " ", ...inline(question.question));
    const fieldset = make("fieldset", {}, legend, ...options.map((option) => option.label));
    const form = make("form", {}, fieldset, make("div", { class: "gb-questions-foot" }, button, verdict));
    form.addEventListener("change", () => verdict.replaceChildren()); // it judged the option chosen before
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.check(index);
    });
    return { form, options, verdict };
  }

  check(index) {
    const choice = this.parts[index].options.findIndex((option) => option.input.checked);
    const answers = this.model.get("answers");
    const tried = answers[index] ?? [];
    if (choice < 0) {
      this.parts[index].verdict.textContent = "Choose an answer first.";
    } else if (choice === tried.at(-1)) {
      this.showQuestion(index);
    } else {
      this.model.set("answers", { ...answers, [index]: [...tried, choice] });
      this.model.save_changes();
    }
  }

  show() {
    this.parts.forEach((_, index) => this.showQuestion(index));
    const tries = this.questions.map((_, index) => this.model.get("answers")[index] ?? []);
    const right = (index, choice) => choice !== undefined && this.questions[index].options[choice].right;
    const solved = tries.filter((tried, index) => tried.some((choice) => right(index, choice))).length;
    const first = tries.filter((tried, index) => right(index, tried[0])).length;
    this.score.textContent = `${solved} of ${this.questions.length} right, ${first} at the first try.`;
  }

  /** The last option checked is judged; earlier ones keep their mark. */
  showQuestion(index) {
    const { options, verdict } = this.parts[index];
    const tried = this.model.get("answers")[index] ?? [];
    const last = this.questions[index].options[tried.at(-1)];
    options.forEach(({ label, input, mark }, choice) => {
      const state = !tried.includes(choice) ? "" : this.questions[index].options[choice].right ? "right" : "wrong";
      label.dataset.state = state;
      mark.textContent = { right: "✓", wrong: "✗" }[state] ?? "";
      if (tried.length && choice === tried.at(-1)) input.checked = true;
    });
    if (!last) return;
    verdict.dataset.state = last.right ? "right" : "wrong";
    const word = make("strong", {}, last.right ? "✓ Right." : "✗ Not yet.");
    verdict.replaceChildren(word, " ", ...inline(last.feedback));
  }
}

export default { render: rendering(QuizView) };
