// A chart with both axes from 0 to 1. It is drawn in screen pixels, so that its text keeps its size on every width.

import { draw, make } from "../shared/base.js";

const ROOM = { left: 38, right: 14, top: 8, bottom: 34 };

export class UnitChart {
  /** `across` and `up` name the axes; `ticks` are the numbers written along the vertical one. */
  constructor({ name, across, up, height, ticks }) {
    Object.assign(this, { across, up, height, ticks, width: 0 });
    this.axes = draw("g", { class: "gb-chart-axes" });
    this.lines = draw("g");
    this.marks = draw("g");
    this.svg = draw("svg", { role: "img" }, this.axes, this.lines, this.marks);
    this.caption = make("figcaption");
    this.figure = make("figure", { class: "gb-chart", "data-chart": name }, this.caption, this.svg);
  }

  resize(width) {
    this.width = width;
    for (const [name, value] of Object.entries({ width, height: this.height })) this.svg.setAttribute(name, value);
    const [left, right, top, bottom] = [this.x(0), this.x(1), this.y(1), this.y(0)];
    const level = (value) => [
      draw("line", { x1: left, x2: right, y1: this.y(value), y2: this.y(value) }),
      draw("text", { x: left - 6, y: this.y(value) + 4, class: "gb-chart-end" }, String(value))];
    const foot = (value) => [
      draw("line", { x1: this.x(value), x2: this.x(value), y1: top, y2: bottom }),
      draw("text", { x: this.x(value), y: bottom + 15, class: "gb-chart-middle" }, String(value))];
    const middle = (top + bottom) / 2;
    this.axes.replaceChildren(...this.ticks.flatMap(level), ...[0, 0.2, 0.4, 0.6, 0.8, 1].flatMap(foot),
      draw("text", { x: (left + right) / 2, y: this.height - 3, class: "gb-chart-middle" }, this.across),
      draw("text", { x: 10, y: middle, class: "gb-chart-middle", transform: `rotate(-90 10 ${middle})` }, this.up));
  }

  x(value) {
    return ROOM.left + value * (this.width - ROOM.left - ROOM.right);
  }

  y(value) {
    return this.height - ROOM.bottom - value * (this.height - ROOM.bottom - ROOM.top);
  }

  /** Lines, each a class and its points [x, y]. */
  setLines(lines) {
    const path = (points) => points.map(([x, y], at) => `${at ? "L" : "M"}${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join("");
    this.lines.replaceChildren(...lines.map(([name, points]) => draw("path", { class: name, d: path(points) })));
  }

  dot(name, [x, y], radius) {
    return draw("circle", { class: name, cx: this.x(x), cy: this.y(y), r: radius });
  }

  diamond(name, [x, y], radius) {
    const [left, top] = [this.x(x), this.y(y)];
    return draw("path", { class: name, d: `M${left},${top - radius}l${radius},${radius}l${-radius},${radius}l${-radius},${-radius}z` });
  }

  upright(name, x) {
    return draw("line", { class: name, x1: this.x(x), x2: this.x(x), y1: this.y(1), y2: this.y(0) });
  }

  /** Where an event points at, as numbers on the axes. */
  locate(event) {
    const area = this.svg.getBoundingClientRect();
    return [(event.clientX - area.left - this.x(0)) / (this.x(1) - this.x(0)),
      (event.clientY - area.top - this.y(0)) / (this.y(1) - this.y(0))];
  }
}
