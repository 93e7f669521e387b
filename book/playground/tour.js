// A walk through the page in seven steps; it can be left at any time.

import { make, steadyButton } from "../../unet_lib/widgets/shared/base.js";

const STOPS = [
  [".gb-feat-input", "A slice of a head", "This is one MRI slice, in the sequence FLAIR. A tumour is bright in it. The patient is a phantom, made by a program, so we know where its tumour is: inside the orange line, the reference."],
  [".pg-output", "The network's answer", "Blue is what the network marks as tumour. For every pixel it estimates a probability; a pixel is marked if that reaches the threshold."],
  [".pg-u", "How it got there", "Each small picture is one feature map: what one filter makes of the slice. On the way down the maps get smaller and more numerous, on the way up larger and fewer. Drawn like this, the network has the shape of a U."],
  [".gb-feat-paint", "Fool it", "Paint a bright blob on the healthy side. Every map is recomputed, here in your browser. Does the network mark a second tumour?"],
  [".gb-feat-training", "Before and after training", "Move the slider to the left: the same network with fewer steps of training behind it. At step 0 its weights are random."],
  [".pg-skip", "Skip connections", "The dashed arrows are skip connections: they hand maps from the way down to the way up. Cut one. Which can the network do without, and which not?"],
  [".pg-chooser", "Your turn", "Take another slice, open a picture of your own, or try a challenge. The address bar holds what you see: copy it to show somebody."],
];

export class Tour {
  constructor({ page }) {
    this.page = page;
    this.title = make("h2", {});
    this.words = make("p", {});
    this.count = make("span", { class: "pg-count" });
    this.back = steadyButton("Back", "The step before", () => this.go(this.at - 1));
    this.next = steadyButton("Next", "The next step", () => (this.at + 1 < STOPS.length ? this.go(this.at + 1) : this.leave()));
    this.end = steadyButton("Leave", "End the tour (Escape)", () => this.leave());
    this.node = make("section", { class: "pg-card pg-tour", role: "dialog", "aria-label": "Guided tour", hidden: "" }, this.title, this.words,
      make("div", { class: "gb-row" }, this.count, this.back, this.next, this.end));
    this.node.addEventListener("keydown", ({ key }) => key === "Escape" && this.leave());
    document.querySelector("#tour").addEventListener("click", () => this.go(0));
  }

  go(at) {
    if (at < 0) return;
    this.at = at;
    const [selector, title, words] = STOPS[at];
    this.title.textContent = title;
    this.words.textContent = words;
    this.count.textContent = `${at + 1} of ${STOPS.length}`;
    this.back.setAttribute("aria-disabled", at === 0);
    this.next.textContent = at + 1 < STOPS.length ? "Next" : "Done";
    this.point(this.page.querySelector(selector));
    this.node.hidden = false;
    this.next.focus({ preventScroll: true });
  }

  /** A frame around what is spoken of, and the card beside it. */
  point(target) {
    this.page.querySelectorAll(".pg-pointed").forEach((node) => node.classList.remove("pg-pointed"));
    target.classList.add("pg-pointed");
    target.scrollIntoView({ block: "center", behavior: "instant" });
    const { left, width, top } = target.getBoundingClientRect();
    this.node.dataset.side = left + width / 2 < innerWidth / 2 ? "right" : "left";
    this.node.dataset.end = top > innerHeight / 2 ? "top" : "bottom";
  }

  leave() {
    this.node.hidden = true;
    this.page.querySelectorAll(".pg-pointed").forEach((node) => node.classList.remove("pg-pointed"));
    document.querySelector("#tour").focus();
  }
}
