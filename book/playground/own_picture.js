// A picture from the visitor's machine, prepared as the network expects. It never leaves the machine.

import { readTiff } from "./tiff.js";

export class PictureError extends Error {}

const MOST_PIXELS = 8192; // pixels a side
const MOST_BYTES = 64 * 2 ** 20;
const KINDS = "a PNG, JPEG or TIFF picture";

/** { planes, statistics, grey } of a File: three channels of `side`² grey levels. Throws PictureError. */
export async function ownPicture(file, side) {
  if (file.size > MOST_BYTES) throw new PictureError(`${file.name} has ${Math.round(file.size / 2 ** 20)} MB; at most 64 MB can be opened. Make it smaller first.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const picture = await decoded(bytes, file.name);
  const planes = shrunk(picture, side);
  if (planes.every((level) => level === planes[0])) throw new PictureError(`${file.name} has the same grey everywhere. Choose a picture with something to see.`);
  return { planes, statistics: statisticsOf(planes, side * side), grey: picture.grey };
}

async function decoded(bytes, name) {
  const size = sizeOf(bytes);
  if (!size) throw new PictureError(`${name} is not ${KINDS}. Save it as one, for instance as a screenshot.`);
  if (Math.max(size.width, size.height) > MOST_PIXELS) {
    throw new PictureError(`${name} has ${size.width} × ${size.height} pixels; at most ${MOST_PIXELS} a side can be opened. Make it smaller first.`);
  }
  try {
    return size.kind === "tiff" ? readTiff(bytes) : await drawn(bytes, size.kind);
  } catch (error) {
    throw new PictureError(`${name} cannot be opened (${error.message}). Save it as PNG and try again.`);
  }
}

/** Kind, width and height from a file's first bytes, before anything is decoded; null for another kind of file. */
export function sizeOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = String.fromCharCode(...bytes.subarray(0, 4));
  if (text === "\x89PNG" && bytes.length > 24) return { kind: "png", width: view.getUint32(16), height: view.getUint32(20) };
  if (text.startsWith("\xff\xd8")) return jpegSize(view);
  if (text === "II*\0" || text === "MM\0*") return { kind: "tiff", width: 1, height: 1 }; // readTiff checks its size
  return null;
}

/** From the frame header, which comes after other segments. */
function jpegSize(view) {
  for (let at = 2; at + 9 < view.byteLength && view.getUint8(at) === 0xff;) {
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { kind: "jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

async function drawn(bytes, kind) {
  const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${kind}` }));
  const { width, height } = bitmap;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, width, height); // black under what is transparent
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const channels = [0, 1, 2].map((channel) => Uint8Array.from({ length: width * height }, (_, at) => data[4 * at + channel]));
  return { width, height, channels, grey: channels[0].every((level, at) => level === channels[1][at] && level === channels[2][at]) };
}

/**
 * The picture's middle square, averaged down or repeated up to `side`². Red, green and blue become pre-contrast, FLAIR and
 * post-contrast, as in the data set; a grey picture is taken for FLAIR, and its copies for the other two, as there too.
 */
export function shrunk({ width, height, channels }, side) {
  const square = Math.min(width, height);
  const [left, top] = [Math.floor((width - square) / 2), Math.floor((height - square) / 2)];
  const edge = (at) => Math.floor((at * square) / side);
  const planes = new Uint8Array(3 * side * side);
  channels.forEach((levels, channel) => {
    for (let y = 0, at = channel * side * side; y < side; y++) {
      for (let x = 0; x < side; x++, at++) {
        let [sum, count] = [0, 0];
        for (let row = edge(y); row < Math.max(edge(y + 1), edge(y) + 1); row++) {
          for (let column = edge(x); column < Math.max(edge(x + 1), edge(x) + 1); column++, count++) sum += levels[(top + row) * width + left + column];
        }
        planes[at] = Math.round(sum / count);
      }
    }
  });
  return planes;
}

/** [means, standard deviations] of the channels over the head: what is brighter than the mean of all pixels; see data/intensity.py. */
export function statisticsOf(planes, area) {
  const pairs = Array.from({ length: planes.length / area }, (_, channel) => {
    const levels = planes.subarray(channel * area, (channel + 1) * area);
    const plain = levels.reduce((sum, level) => sum + level, 0) / area;
    const head = levels.filter((level) => level > plain);
    const mean = head.reduce((sum, level) => sum + level, 0) / Math.max(head.length, 1);
    const variance = head.reduce((sum, level) => sum + (level - mean) ** 2, 0) / Math.max(head.length, 1);
    return [mean, Math.sqrt(Math.max(variance, 1))];
  });
  return [0, 1].map((which) => pairs.map((pair) => pair[which]));
}
