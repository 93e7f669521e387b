// One value under the pointer: what it is, in words, and what it sees of the slice, as a frame.

import { PURPLE, WHITE } from "../shared/colours.js";
import { minus, short } from "../shared/number_grid.js";
import { trace } from "./feature_pictures.js";

const HINT = "Point at any picture: its value, and what it sees of the slice.";

export class PointedValue {
  /** `scene()` is what is on show; `changed()` is called with the words when another value, or none, is pointed at. */
  constructor(scene, changed) {
    Object.assign(this, { scene, changed });
    this.leave();
  }

  /** A value of a stage's small picture; of the output, its probability. */
  ofStage(name, row, column, which) {
    const scene = this.scene();
    const stage = scene.stage(name);
    const value = scene.lookAt(which, column / stage.width).stagePictures[name].value(row, column);
    const what = name === "output" ? "probability" : scene.shown.boxes === "mean" ? "mean of its channels" : "strongest channel";
    this.tell(stage, null, row, column, `${name}, ${what}`, `≈ ${short(value, 3)}`, () => this.ofStage(name, row, column, which));
  }

  /** A value of a channel: exact in the large picture. */
  ofChannel(channel, row, column, which, exact) {
    const scene = this.scene();
    const stage = scene.stage();
    const look = scene.lookAt(which, column / stage.width);
    const value = exact ? look.exact[row * stage.width + column] : look.channels[channel]?.value(row, column);
    if (value === undefined) return this.leave(); // the stage has changed beneath the pointer
    this.tell(stage, channel, row, column, `${stage.name}, channel ${channel}`, exact ? exactly(value) : `≈ ${short(value, 3)}`,
      () => this.ofChannel(channel, row, column, which, exact));
  }

  /** Grey levels of the slice. */
  ofInput(text, again) {
    this.show({ text, again });
  }

  tell(stage, channel, row, column, name, value, again) {
    const scene = this.scene();
    // The first channels of a concatenation are a copy, and have seen no more than their original.
    const skip = stage.kind === "Concat" && channel !== null ? scene.stage(stage.name.replace("concat", "encoder")) : null;
    const { fields } = channel < skip?.channels ? skip : stage;
    const [rows, columns, side] = [fields[row], fields[column], scene.size / stage.height];
    const sees = `sees ${rows[1] - rows[0] + 1}×${columns[1] - columns[0] + 1} pixels of the slice`;
    this.show({ text: `${name}, row ${row}, column ${column}: ${value}; ${sees}`, again, rows, columns, cell: [column * side, row * side, side, side] });
  }

  leave() {
    this.show({ text: HINT, again: () => {} });
  }

  show(pixel) {
    this.pixel = pixel;
    this.changed(pixel.text);
  }

  get text() {
    return this.pixel.text;
  }

  /** After another answer: the same place, whatever its value is now. */
  again() {
    this.pixel.again();
  }

  sketch(context, thin) {
    const { rows, columns, cell } = this.pixel;
    if (!rows) return;
    const [[top, bottom], [left, right]] = [rows, columns].map(([first, last]) => // what is beyond the edge is padding
      [Math.max(first, thin), Math.min(last + 1, this.scene().size - thin)]);
    trace(context, PURPLE, 1.8 * thin, () => context.strokeRect(left, top, right - left, bottom - top));
    trace(context, WHITE, 1.4 * thin, () => context.strokeRect(...cell));
  }
}

/** To the digits that tell one float32 from the next. */
const exactly = (value) => minus(Number(value.toPrecision(7)));
