// Feature maps as Python sends them, and as pictures: see part_of_answer in feature_answer.py.

/** One map: bytes between its lowest and its highest value. */
class FeatureMap {
  constructor(levels, low, high, { height, width }) {
    Object.assign(this, { levels, low, high, height, width });
  }

  /** The value at a pixel, to a 510th of the map's range. */
  value(row, column) {
    return this.low + (this.levels[row * this.width + column] * (this.high - this.low)) / 255;
  }
}

/** What one network says: a picture of every stage, and the chosen stage's channels. `take(n)` hands out bytes. */
class Look {
  constructor(told, take, stages, { stage, channel }) {
    Object.assign(this, told, { channel });
    const chosen = stages.find(({ name }) => name === stage);
    const area = chosen.height * chosen.width;
    this.stagePictures = Object.fromEntries(stages.map((one, at) => {
      const [low, high, least, most] = told.spans[at];
      return [one.name, Object.assign(new FeatureMap(take(one.height * one.width), low, high, one), { stageSpan: { low: least, high: most } })];
    }));
    this.channels = told.low.map((low, at) => new FeatureMap(take(area), low, told.high[at], chosen));
    this.exact = new Float32Array(take(4 * area).slice().buffer);
    this.sources = told.sources.map((source) => {
      const [height, width] = source.size;
      return { ...source, map: new FeatureMap(take(height * width), source.low, source.high, { height, width }) };
    });
    this.span = { low: Math.min(...told.low), high: Math.max(...told.high) };
  }

  /** How well a channel agrees with the mask: from 0 to 1, null where there is nothing to agree with. */
  agreementOf(channel) {
    return this.agreement.length > 1 ? this.agreement[channel] : channel === this.channel ? this.agreement[0] : null;
  }
}

/** From the lowest to the highest of two spans. */
const together = (one, other) => (other ? { low: Math.min(one.low, other.low), high: Math.max(one.high, other.high) } : one);

/** Draws maps in colours. `share` is how much of each picture, from the left, shows the map before. */
class MapPainter {
  constructor(palette) {
    this.palette = Uint32Array.from({ length: 256 }, (_, at) =>
      ((255 << 24) | (palette[3 * at + 2] << 16) | (palette[3 * at + 1] << 8) | palette[3 * at]) >>> 0);
    this.share = 0;
  }

  /** The colour of each byte of a map, if colours span `span`; without one, the map's own range. */
  inks(map, span) {
    const { low, high } = span ?? map;
    return Uint32Array.from({ length: 256 }, (_, level) => {
      const value = map.low + (level * (map.high - map.low)) / 255;
      return this.palette[high > low ? Math.round((255 * (value - low)) / (high - low)) : 0];
    });
  }

  paint(canvas, map, before = null, span = null) {
    const { width, height, levels } = map;
    const picture = new ImageData(width, height);
    const dots = new Uint32Array(picture.data.buffer);
    const inks = this.inks(map, span);
    for (let at = 0; at < levels.length; at++) dots[at] = inks[levels[at]];
    if (before && this.share) this.paintBefore(dots, before, span);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  paintBefore(dots, map, span) {
    const inks = this.inks(map, span);
    const end = Math.round(this.share * map.width);
    for (let at = 0; at < dots.length; at++) if (at % map.width < end) dots[at] = inks[map.levels[at]];
  }

  /** The palette from left to right. */
  paintLegend(canvas) {
    Object.assign(canvas, { width: 256, height: 1 });
    canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(this.palette.buffer.slice(0)), 256, 1), 0, 0);
  }
}

/** Values are squares where there is room for them; where there is not, leaving some out would draw false patterns. */
function smoothWhereShrunk(canvas, pixels, side) {
  canvas.style.imageRendering = pixels > side ? "auto" : "";
}

/** Canvases over each other, all as large as their box: pictures in their own pixels, and one for lines in front. */
class Screen {
  constructor(attributes, pictures = 1) {
    this.pictures = Array.from({ length: pictures }, () => make("canvas"));
    this.lines = make("canvas");
    this.node = make("div", { class: "gb-feat-screen", ...attributes }, ...this.pictures, this.lines);
  }

  resize() {
    this.side = this.node.clientWidth;
  }

  /** [row, column] under an event, for a picture of so many pixels; kept inside it. */
  locate(event, { height, width }) {
    const area = this.node.getBoundingClientRect();
    const within = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
    return [within((event.clientY - area.top) / area.height, height), within((event.clientX - area.left) / area.width, width)];
  }

  /** Lines anew, in units of a picture `across` pixels wide; `sketch` gets the context and a pixel's thickness. */
  sketch(across, sketch) {
    if (!this.side) return; // not on the page
    const context = freshContext(this.lines, this.side, this.side);
    context.scale(this.lines.width / across, this.lines.height / across);
    context.lineCap = "square";
    sketch(context, across / this.side);
  }
}

/** Other words, where they are others: the same words anew would make the browser lay out the page again. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Light within dark, seen on every colour. */
function trace(context, colour, thickness, stroke) {
  for (const [ink, wide] of [["rgba(0, 0, 0, 0.65)", thickness * 2.2], [colour, thickness]]) {
    context.strokeStyle = ink;
    context.lineWidth = wide;
    stroke();
  }
}
