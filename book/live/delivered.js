// Data that comes as scripts. A page opened from a disk may not fetch files, but it may run scripts that lie beside it: each
// calls glassBox.deliver(name, data).

export class DeliveryError extends Error {}

const arrived = {}; // name → the data
const waiting = {}; // name → Promise

globalThis.glassBox = { ...globalThis.glassBox, deliver: (name, data) => (arrived[name] = data) };

/** What the script at `url` delivers as `name`; asked for once. Rejects with a DeliveryError. */
export function delivered(name, url) {
  if (name in arrived) return Promise.resolve(arrived[name]);
  waiting[name] ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: url });
    const fail = (what) => {
      delete waiting[name]; // it may be tried again
      script.remove();
      reject(new DeliveryError(`${url} ${what}. Load the page again; if that does not help, the site is not complete.`));
    };
    script.onload = () => (name in arrived ? resolve(arrived[name]) : fail("does not hold what it should"));
    script.onerror = () => fail("cannot be loaded");
    document.head.append(script);
  });
  return waiting[name];
}

/** The bytes of a text in base64. */
export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** The pixels of a picture in base64 PNG: { width, height, rgba }. */
export const fromPng = (text) => fromPicture(text, "png");

/** The same of any kind of picture that browsers know. */
export async function fromPicture(text, kind) {
  const image = new Image();
  image.src = `data:image/${kind};base64,${text}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return { width: image.width, height: image.height, rgba: context.getImageData(0, 0, image.width, image.height).data };
}
