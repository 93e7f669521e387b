// Weights from a safetensors file: eight bytes with the length of a JSON header, the header, the numbers.

export class WeightsError extends Error {}

const SIZES = { F16: 2, F32: 4 };
const LONGEST_HEADER = 1 << 20;

/** { tensors: name → Float32Array, metadata }. Whole numbers, of which inference uses none, are left out. Throws WeightsError. */
export function readSafetensors(bytes) {
  const header = readHeader(bytes);
  const start = 8 + header.length;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header.entries)) {
    if (!(dtype in SIZES)) continue;
    const count = shape.reduce((product, side) => product * side, 1);
    if (to - from !== count * SIZES[dtype] || start + to > bytes.length) throw cutOff(bytes.length);
    tensors[name] = toFloats(bytes.slice(start + from, start + to).buffer, dtype);
  }
  return { tensors, metadata: header.metadata };
}

function readHeader(bytes) {
  if (bytes.length < 8) throw cutOff(bytes.length);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > LONGEST_HEADER || 8 + length > bytes.length) throw cutOff(bytes.length);
  try {
    const { __metadata__: metadata = {}, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    return { length, entries, metadata };
  } catch {
    throw new WeightsError("The network's weights cannot be read: their header is damaged. Load the page again.");
  }
}

function cutOff(length) {
  return new WeightsError(`The network's weights are cut off after ${length} bytes. Load the page again.`);
}

function toFloats(buffer, dtype) {
  return dtype === "F32" ? new Float32Array(buffer) : Float32Array.from(new Uint16Array(buffer), halfToNumber);
}

/** A number in half precision: 1 bit sign, 5 bits exponent, 10 bits fraction. */
export function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** The checksum CRC-32, as Python's zlib.crc32 computes it. */
export function crc32(bytes) {
  let rest = ~0;
  for (const byte of bytes) rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return ~rest >>> 0;
}
