// Where the stages of a U-Net's plan stand when the U is drawn. The twin of `layout` in unet_lib/plotting/unet_layout.py, for networks
// without a stem and with the shape explorer's scale.

const FONT = 11;
const WIDTH = 720;
const [ROW_GAP, LEAST_GAP, MOST_GAP, U_MARGIN] = [44, 18, 62, 26];
const [ABOVE, BESIDE] = [6, 6];
const [CHANNEL_SCALE, PIXEL_SCALE] = [1.6, 5.6]; // units per square root of a channel and of a pixel; shape_explorer.py says the same

/** { width, height, boxes, arrows, labels } of these stages. */
export function uLayout(stages) {
  const plan = Object.fromEntries(stages.map((stage) => [stage.name, stage]));
  const depth = stages.filter(({ name }) => name.startsWith("encoder.")).length;
  const cells = cellsOf(depth);
  const heights = [];
  const widths = {};
  for (const [name, [, row]] of Object.entries(cells)) {
    heights[row] = Math.max(2, PIXEL_SCALE * Math.sqrt(sizedLike(plan, name).height));
    widths[name] = Math.max(2, CHANNEL_SCALE * Math.sqrt(drawnChannels(plan, name)));
  }
  const [columns, tops] = [columnsOf(plan, depth, cells, widths), topsOf(heights)];
  const boxes = {};
  for (const [name, [column, row]] of Object.entries(cells)) {
    const x = name.startsWith("concat.") ? boxes[name.replace("concat", "up")].x - widths[name] : columns[column] - widths[name] / 2;
    boxes[name] = { name, kind: plan[name]?.kind ?? "Image", x, y: tops[row], width: widths[name], height: heights[row] };
  }
  const all = Object.values(boxes);
  return { width: Math.max(WIDTH, Math.max(...all.map(({ x, width }) => x + width)) + U_MARGIN),
    height: Math.max(...all.map(({ y, height }) => y + height)) + U_MARGIN / 2,
    boxes: all, arrows: arrowsOf(boxes, depth), labels: labelsOf(plan, boxes, depth) };
}

/** Column and row of each box. */
function cellsOf(depth) {
  const cells = { input: [0, 0] };
  for (let k = 1; k <= depth; k++) Object.assign(cells, { [`encoder.${k}`]: [k, k - 1], [`pool.${k}`]: [k, k] });
  cells.bottleneck = [depth + 1, depth];
  for (let k = depth; k > 0; k--) {
    const column = 2 * depth + 1 - k; // the column of the decoder below, or of the bottleneck
    Object.assign(cells, { [`up.${k}`]: [column, k - 1], [`concat.${k}`]: [column, k - 1], [`decoder.${k}`]: [column + 1, k - 1] });
  }
  return { ...cells, output: [2 * depth + 2, 0] };
}

/** Channels that a box shows: of a `concat` the copied ones. */
function drawnChannels(plan, name) {
  if (name === "input") return plan["encoder.1"].in_channels;
  return plan[name].out_channels - (name.startsWith("concat.") ? plan[name.replace("concat", "up")].out_channels : 0);
}

/** The stage that has the size of a box: the output has the image's. */
const sizedLike = (plan, name) => plan[name === "input" ? "output" : name];

const sizeText = ({ height, width }) => `${height}×${width}`;

function topsOf(heights) {
  const tops = [U_MARGIN];
  for (const height of heights) tops.push(tops.at(-1) + height + ROW_GAP);
  return tops;
}

/** The middles of the columns: input, encoders, bottleneck, decoders, output. */
function columnsOf(plan, depth, cells, widths) {
  const halves = Array(2 * depth + 3).fill(0);
  for (const [name, [column]] of Object.entries(cells)) {
    if (!name.startsWith("concat.")) halves[column] = Math.max(halves[column], widths[name] / 2);
  }
  // Above the bottleneck stand the last upsampled maps, and left of them the copied ones.
  const extra = Math.max(0, widths[`up.${depth}`] / 2 + widths[`concat.${depth}`] - halves[depth + 1]);
  const label = 0.63 * FONT * sizeText(plan.output).length + 8;
  const room = WIDTH - label - 2 * U_MARGIN - extra - 2 * halves.reduce((sum, half) => sum + half, 0);
  const gap = Math.min(MOST_GAP, Math.max(LEAST_GAP, room / (halves.length - 1)));
  let x = U_MARGIN + label + Math.max(0, room - gap * (halves.length - 1)) / 2;
  return halves.map((half, column) => {
    const middle = x + half + (column === depth + 1 ? extra : 0);
    x = middle + half + gap;
    return middle;
  });
}

const middleOf = ({ x, y, width, height }) => [x + width / 2, y + height / 2];

function arrowsOf(boxes, depth) {
  const right = (kind, a, b) => ({ kind, start: [a.x + a.width + 2, middleOf(a)[1]], end: [b.x - 2, middleOf(b)[1]], stage: kind === "skip" ? b.name : "" });
  const down = (a, b) => ({ kind: "pool", start: [middleOf(a)[0], a.y + a.height + 2], end: [middleOf(a)[0], b.y - 2], stage: b.name });
  const upwards = (a, b) => ({ kind: "up", start: [middleOf(b)[0], a.y - 2], end: [middleOf(b)[0], b.y + b.height + 2], stage: b.name });
  const arrows = [right("conv", boxes.input, boxes["encoder.1"])];
  for (let k = 1; k <= depth; k++) {
    const [below, inner] = ["decoder", "encoder"].map((part) => boxes[k === depth ? "bottleneck" : `${part}.${k + 1}`]);
    const [encoder, pool, up] = ["encoder", "pool", "up"].map((part) => boxes[`${part}.${k}`]);
    arrows.push(down(encoder, pool), right("conv", pool, inner), upwards(below, up), right("skip", encoder, boxes[`concat.${k}`]),
      right("conv", up, boxes[`decoder.${k}`]));
  }
  return [...arrows, right("conv", boxes["decoder.1"], boxes.output)];
}

function labelsOf(plan, boxes, depth) {
  const channels = (name, anchor = "middle") => ({ text: String(drawnChannels(plan, name)),
    x: middleOf(boxes[name])[0] + { start: BESIDE, middle: 0, end: -BESIDE }[anchor], // beside an arrow at the top
    y: boxes[name].y - ABOVE, anchor, role: "channels", stage: name in plan ? name : "" });
  const size = (name) => ({ text: sizeText(sizedLike(plan, name)), x: boxes[name].x - 8, y: middleOf(boxes[name])[1] + FONT / 3, anchor: "end",
    role: "size", stage: "" });
  const labels = [channels("input"), size("input"), channels("bottleneck", "start"), channels("output")];
  for (let k = 1; k <= depth; k++) {
    const [encoder, up, copy] = ["encoder", "up", "concat"].map((part) => boxes[`${part}.${k}`]);
    const step = encoder.y + encoder.height + 19;
    const [left, right] = [encoder.x + encoder.width, copy.x];
    labels.push(channels(encoder.name), channels(`pool.${k}`, "end"), size(`pool.${k}`),
      { text: `${drawnChannels(plan, copy.name)}+${drawnChannels(plan, up.name)}`, x: up.x, y: up.y - ABOVE, anchor: "middle", role: "channels", stage: copy.name },
      channels(`decoder.${k}`, k === 1 ? "middle" : "start"),
      { text: "÷2", x: middleOf(encoder)[0] + BESIDE, y: step, anchor: "start", role: "pool", stage: "" },
      { text: "×2", x: middleOf(up)[0] - BESIDE, y: step, anchor: "end", role: "up", stage: "" });
    if (right - encoder.x - encoder.width > 6 * FONT) {
      labels.push({ text: "skip", x: (left + right) / 2, y: middleOf(up)[1] - 5, anchor: "middle", role: "skip", stage: "" });
    }
  }
  return labels;
}
