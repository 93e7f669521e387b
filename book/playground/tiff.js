// A reader of the TIFF files that MRI slices come in: 8 bits a channel, uncompressed, one or three channels.

const LARGEST_SIDE = 8192;
const TAGS = { 256: "width", 257: "height", 258: "bits", 259: "compression", 273: "offsets", 277: "samples", 279: "counts", 284: "planar" };
const NUMBER_SIZES = { 1: 1, 3: 2, 4: 4 }; // bytes of the kinds of number that are used here

/** { width, height, channels, grey }. Throws an Error with a reason. */
export function readTiff(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tags = readTags(view, bytes[0] === 0x49);
  const { width: [width], height: [height], bits = [1], compression: [compression] = [1], samples: [samples] = [1], planar: [planar] = [1], offsets, counts } = tags;
  if (Math.max(width, height) > LARGEST_SIDE) throw new Error(`${width} × ${height} pixels; at most ${LARGEST_SIDE} a side`);
  if (compression !== 1 || planar !== 1 || bits.some((count) => count !== 8) || ![1, 3].includes(samples)) {
    throw new Error("only uncompressed TIFF with 8 bits a channel and 1 or 3 channels can be read");
  }
  const pixels = new Uint8Array(width * height * samples);
  let filled = 0;
  offsets.forEach((offset, strip) => {
    const part = bytes.subarray(offset, offset + counts[strip]).subarray(0, pixels.length - filled);
    pixels.set(part, filled);
    filled += part.length;
  });
  if (filled < pixels.length) throw new Error("it is cut off");
  const channels = [0, 1, 2].map((channel) => Uint8Array.from({ length: width * height }, (_, at) => pixels[at * samples + (channel % samples)]));
  return { width, height, channels, grey: samples === 1 };
}

function readTags(view, little) {
  try {
    const tags = {};
    const start = view.getUint32(4, little);
    for (let entry = 0; entry < view.getUint16(start, little); entry++) {
      const at = start + 2 + 12 * entry;
      const name = TAGS[view.getUint16(at, little)];
      if (name) tags[name] = readNumbers(view, little, at);
    }
    if (tags.width && tags.height && tags.offsets && tags.counts) return tags;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new Error("it is damaged, or a kind of TIFF that is not known here");
}

function readNumbers(view, little, at) {
  const size = NUMBER_SIZES[view.getUint16(at + 2, little)];
  const count = view.getUint32(at + 4, little);
  if (!size || count > view.byteLength) throw new RangeError();
  const start = size * count <= 4 ? at + 8 : view.getUint32(at + 8, little);
  const read = { 1: (where) => view.getUint8(where), 2: (where) => view.getUint16(where, little), 4: (where) => view.getUint32(where, little) }[size];
  return Array.from({ length: count }, (_, index) => read(start + size * index));
}
