// The chosen stage, beside the U: its channels as a grid, one of them large, and what is known of that one.

import { make, nearestPixel, radioChoice } from "../shared/base.js";
import { REFERENCE } from "../shared/colours.js";
import { short } from "../shared/number_grid.js";
import { ChannelGrid, Histogram, SourceList } from "./channel_view.js";
import { Screen, sketchWipe, trace, write } from "./feature_pictures.js";

const AUC = "Area under the ROC curve: the chance that a pixel of tumour is brighter than a pixel outside it. 1 is always, 0 never; 0.5 tells nothing.";
const SQUARE = "The mean of a channel's squared values, also called its energy: large where much lights up.";
const NOTES = { index: "", energy: "Mean square, or energy: large where much lights up.",
  roc_auc: "ROC AUC: is tumour brighter than the rest? 1 is always, 0 never; 0.5 tells nothing." };

export class StageDetail {
  /** `on` has set(traits), point(channel, row, column, which, exact) and leave(); `drawOn` draws the slice. */
  constructor({ painter, group, drawOn, on }) {
    Object.assign(this, { painter, group, drawOn, on });
    this.title = make("h3", {}, make("code"), " ", make("span"));
    this.order = radioChoice(group, "Sorted by", [["index", "number"], ["energy", "mean square"], ["roc_auc", "ROC AUC"]], (order) => on.set({ order }));
    [this.order.field.children[2].title, this.order.field.children[3].title] = [SQUARE, AUC];
    this.note = make("p", { class: "gb-feat-note" });
    this.grid = new ChannelGrid({ choose: (channel) => on.set({ channel }), leave: () => on.leave(),
      point: (channel, which, row, column) => on.point(channel, row, column, which, false) });
    this.node = make("section", { class: "gb-feat-stage", "aria-label": "The chosen stage" }, this.title, this.order.part, this.note,
      this.grid.node, make("div", { class: "gb-feat-one" }, this.buildLarge(), this.buildFacts()));
  }

  buildLarge() {
    const help = "The chosen channel over the slice; arrow keys go from value to value";
    this.larges = [0, 1].map((at) => new Screen({ role: at ? "img" : "application", "aria-label": help, "data-part": at, ...(at ? {} : { tabindex: 0 }) }, 2));
    this.opacity = make("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Opacity of the map over the slice" });
    this.ends = make("div", { class: "gb-feat-ends gb-number" });
    return make("div", { class: "gb-feat-large" }, make("div", { class: "gb-feat-two" }, this.larges[1].node, this.larges[0].node),
      make("div", { class: "gb-feat-bar" }, this.painter.legend(), this.ends), make("label", { class: "gb-feat-slide" }, "slice", this.opacity, "map"));
  }

  buildFacts() {
    this.facts = make("p", { class: "gb-feat-quiet" });
    this.histogram = new Histogram();
    this.sources = new SourceList((stage, channel) => this.on.set({ stage, channel }));
    const values = make("div", {}, this.facts, this.histogram.node);
    const made = this.sources.node;
    const tab = radioChoice(this.group, "About this channel", ["values", "made of"], (shown) => {
      values.hidden = shown !== "values";
      made.hidden = shown !== "made of";
    });
    tab.show("values");
    made.hidden = true;
    return make("div", { class: "gb-feat-facts" }, tab.field, make("div", { class: "gb-feat-scroll" }, values, made));
  }

  connect(listen, signal, stage, channel) {
    listen(this.opacity, "input", () => this.on.set({ opacity: Number(this.opacity.value) }));
    this.larges.forEach((screen, which) => screen.listen(signal, stage, (row, column) => {
      this.spot = [row, column];
      this.on.point(channel(), row, column, which, true);
    }, () => this.on.leave()));
  }

  /** With an arrow key from value to value of the large map. */
  move([down, right], { height, width }, channel) {
    const [row, column] = this.spot ?? [Math.floor(height / 2), Math.floor(width / 2)];
    this.spot = nearestPixel([row + down, column + right], { height, width });
    this.on.point(channel, ...this.spot, 0, true);
  }

  // ---- showing --------------------------------------------------------------------------------------------

  showSettings(order, opacity) {
    this.order.show(order);
    this.opacity.value = opacity;
    for (const screen of this.larges) screen.pictures[1].style.opacity = opacity;
  }

  drawUnder() {
    for (const screen of this.larges) this.drawOn(screen.pictures[0]);
  }

  draw(scene) {
    const stage = scene.stage();
    const many = stage.channels > 1 ? "channels" : "channel";
    write(this.title.firstChild, stage.name);
    write(this.title.lastChild, `${stage.channels} ${many} of ${stage.height}×${stage.width}; each value sees up to ${stage.field}×${stage.field} pixels of the slice`);
    this.drawGrid(scene, stage);
    this.drawLarge(scene, stage);
  }

  drawGrid(scene, stage) {
    const { look, beside, behind, shown: { order: by, channel: chosen } } = scene;
    const { energy } = look;
    const fromChance = (channel) => Math.abs((look.rocAucOf(channel) ?? 0.5) - 0.5);
    const keys = { index: (channel) => channel, energy: (channel) => -energy[channel], roc_auc: (channel) => -fromChance(channel) };
    const order = energy.map((_, channel) => channel).sort((one, other) => keys[by](one) - keys[by](other) || one - other);
    const numbers = { index: () => "", energy: (channel) => short(energy[channel], 2), roc_auc: (channel) => look.rocAucOf(channel)?.toFixed(2) ?? "" };
    const words = (channel) => [`${channel}${by === "index" ? "" : ` · ${numbers[by](channel)}`}`,
      `channel ${channel}, mean square ${short(energy[channel], 3)}${by === "roc_auc" ? `, ROC AUC ${numbers[by](channel) || "unknown"}` : ""}`];
    const span = scene.spanOf(stage.name);
    const paint = ([now, then], channel) => {
      this.painter.paint(now, look.channels[channel], behind?.channels[channel], span);
      if (beside) this.painter.paint(then, beside.channels[channel], null, span);
    };
    this.grid.draw({ order, chosen, words, paint, pair: Boolean(beside), name: stage.name });
    const none = by === "roc_auc" && look.roc_auc.every((value) => value === null);
    write(this.note, none ? "No tumour on this slice, so there is no ROC AUC." : NOTES[by]);
  }

  drawLarge(scene, stage) {
    const { look, beside, behind, first, shown: { channel } } = scene;
    const span = scene.spanOf(stage.name);
    [look, beside].forEach((one, at) => one && this.painter.paint(this.larges[at].pictures[1], one.channels[channel], at ? null : behind?.channels[channel], span));
    const rocAuc = look.rocAucOf(channel);
    const fact = (words, title) => make("span", { title }, words);
    this.facts.replaceChildren(make("strong", {}, `channel ${channel}`), fact(`mean square ${short(look.energy[channel], 2)}`, SQUARE),
      ...(rocAuc === null ? [] : [fact(`ROC AUC against the mask ${rocAuc.toFixed(2)}`, AUC)]));
    const ends = span ?? look.channels[channel];
    this.ends.replaceChildren(make("span", {}, short(ends.low, 2)), make("span", {}, beside && !span ? `step ${look.step}` : ""), make("span", {}, short(ends.high, 2)));
    this.histogram.draw(look.exact, first?.exact);
    const focused = this.sources.draw(stage, look.sources, this.painter);
    if (focused) this.larges[0].node.focus(); // where what was chosen is to be seen
  }

  /** The expert's border, the wipe, and what `sketch` adds. */
  drawLines(scene, sketch) {
    this.larges.forEach((screen, at) => (at === 0 || scene.beside) && screen.sketch(scene.size, (context, thin) => {
      trace(context, REFERENCE, 1.2 * thin, () => context.stroke(scene.border));
      sketch(context, thin);
      sketchWipe(context, thin, scene);
    }));
  }
}
