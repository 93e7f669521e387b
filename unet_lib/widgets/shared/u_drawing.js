// The boxes, arrows and labels of plotting/unet_layout.py as SVG.

import { draw } from "./base.js";

export function drawBox({ kind, x, y, width, height }) {
  return draw("rect", { class: `gb-box-of-stage gb-kind-${kind}`, x, y, width, height });
}

export function drawArrow({ kind, start: [x0, y0], end: [x1, y1] }) {
  const size = kind === "conv" ? 4 : 6;
  const down = Math.sign(y1 - y0), right = Math.sign(x1 - x0);
  const side = (sign) => `${x1 - right * size + sign * down * size * 0.5},${y1 - down * size + sign * right * size * 0.5}`;
  return draw("g", { class: `gb-arrow gb-step-${kind}` },
    draw("line", { x1: x0, y1: y0, x2: x1 - right * size, y2: y1 - down * size }),
    draw("polygon", { points: `${x1},${y1} ${side(1)} ${side(-1)}` }));
}

export function drawLabel({ text, x, y, anchor, role }) {
  return draw("text", { class: `gb-says gb-role-${role}`, x, y, "text-anchor": anchor }, text);
}
