// Bold terms of the text get a dotted line; whoever points at one, tabs to it or taps it sees what it means.

import { make } from "../shared/base.js";
import { entryOf, indexed } from "./bold_terms.js";

const TEXTS = ".jp-MarkdownOutput strong, article strong"; // in JupyterLab, in the book
const CONTROLS = "a, button, summary, label, .gb";
const DELAY = 150; // milliseconds to move the pointer from the term onto its card

class GlossaryCard {
  constructor() {
    this.card = make("div", { class: "gb gb-glossary", role: "tooltip", id: "gb-glossary", hidden: "" });
    (document.querySelector("main") ?? document.body).append(this.card); // else it would lie outside all landmarks
    new MutationObserver(() => (this.marking ??= setTimeout(() => this.mark(), DELAY)))
      .observe(document.body, { childList: true, subtree: true });
    const listen = (kind, react, capture = false) => document.addEventListener(kind, react, capture);
    listen("pointerover", (event) => event.pointerType === "mouse" && this.point(event.target));
    listen("pointerdown", (event) => this.press(event));
    listen("focusin", (event) => this.focus(event.target));
    listen("keydown", (event) => this.press(event), true);
    listen("scroll", () => this.place(), true);
    addEventListener("resize", () => this.place());
  }

  use(entries) {
    this.index = indexed(entries);
    this.mark();
  }

  /** JupyterLab draws cells anew as they scroll into view, so this comes again whenever the page changes. */
  mark() {
    this.marking = null;
    for (const bold of document.querySelectorAll(TEXTS)) {
      if (bold.dataset.gbTerm || bold.closest(CONTROLS) || bold.querySelector(CONTROLS)) continue;
      const entry = entryOf(bold.textContent, this.index);
      if (!entry) continue;
      bold.dataset.gbTerm = entry.term;
      for (const [name, value] of [["role", "button"], ["tabindex", "0"], ["aria-expanded", "false"]]) {
        bold.setAttribute(name, value);
      }
    }
  }

  point(target) {
    clearTimeout(this.leaving);
    const bold = target.closest("[data-gb-term]");
    if (bold) this.show(bold);
    else if (this.bold && !this.card.contains(target) && this.bold !== document.activeElement) {
      this.leaving = setTimeout(() => this.hide(), DELAY);
    }
  }

  focus(target) {
    if (target.matches("[data-gb-term]")) this.show(target);
    else if (!this.bold?.matches(":hover")) this.hide(); // a click on a term gives the focus to its cell
  }

  /** A tap or a key: Escape closes the card, and so does whatever happens elsewhere; on a term both open and close. */
  press(event) {
    const bold = event.target.closest?.("[data-gb-term]");
    const typed = event.type === "keydown";
    if (typed && event.key === "Escape") this.hide();
    else if (typed && bold && ["Enter", " "].includes(event.key)) {
      event.preventDefault();
      event.stopImmediatePropagation(); // JupyterLab would open the cell's source
      if (this.bold) this.hide();
      else this.show(bold);
    } else if (!typed && !bold && !this.card.contains(event.target)) this.hide();
    else if (!typed && bold && event.pointerType !== "mouse") this.show(bold);
  }

  show(bold) {
    if (this.bold === bold) return;
    this.hide();
    this.bold = bold;
    const { term, german, meaning, lesson } = this.index.get(bold.dataset.gbTerm.toLowerCase());
    this.card.replaceChildren(make("b", {}, term), " ", make("i", { lang: "de" }, german), make("p", {}, meaning),
      make("span", { class: "gb-label" }, `Lesson ${lesson}`));
    this.card.hidden = false;
    bold.setAttribute("aria-expanded", "true");
    bold.setAttribute("aria-describedby", this.card.id);
    this.place();
  }

  hide() {
    clearTimeout(this.leaving);
    this.card.hidden = true;
    this.bold?.setAttribute("aria-expanded", "false");
    this.bold?.removeAttribute("aria-describedby");
    this.bold = null;
  }

  /** Below the term, or above it where there is no room; gone with a term that has left the page. */
  place() {
    if (!this.bold) return;
    const { left, top, bottom, width } = this.bold.getBoundingClientRect();
    if (!width || bottom < 0 || top > innerHeight) return this.hide();
    const { offsetWidth, offsetHeight } = this.card;
    const below = bottom + 6 + offsetHeight <= innerHeight;
    this.card.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - offsetWidth - 8))}px`;
    this.card.style.top = `${below ? bottom + 6 : top - 6 - offsetHeight}px`;
  }
}

/** One card for the whole page, however often this is called; the last call's entries hold. */
export function explainBoldTerms(entries) {
  globalThis.glassBoxGlossary ??= new GlossaryCard();
  globalThis.glassBoxGlossary.use(entries);
}

export default { initialize: ({ model }) => explainBoldTerms(model.get("entries")) };
