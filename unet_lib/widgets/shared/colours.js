// Colours that mean the same in several widgets, as [red, green, blue].

/** The tumour in the slice browser; base.py says the same. */
export const TUMOUR = [255, 171, 26];
/** The reference mask and the network's; masks.py says the same. */
export const REFERENCE = [230, 159, 0];
export const NETWORK = [86, 180, 233];
export const WHITE = [255, 255, 255];
/** Two more of Okabe and Ito's palette. */
export const GREEN = [0, 158, 115];
export const PURPLE = [204, 121, 167];

export const css = ([red, green, blue], alpha = 1) => `rgba(${red}, ${green}, ${blue}, ${alpha})`;

/** As one pixel of an ImageData's buffer, which has red in the lowest byte; `alpha` from 0 to 1. */
export const inkOf = ([red, green, blue], alpha = 1) => ((Math.round(255 * alpha) << 24) | (blue << 16) | (green << 8) | red) >>> 0;

/** The inks of a palette, given as bytes: red, green, blue, red, … */
export const paletteInks = (palette) => Uint32Array.from({ length: palette.length / 3 }, (_, at) => inkOf(palette.subarray(3 * at, 3 * at + 3)));
