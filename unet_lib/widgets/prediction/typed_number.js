// Numbers as people type them, and as they are read back to them.

const SCALES = { thousand: 1e3, million: 1e6, billion: 1e9 };
const TYPED = /^([+\-−]?)([\d.,_'\s]+)(e[+-]?\d+)?\s*(thousand|million|billion)?$/i;

/**
 * The number that a text says, or null: 7763041, "7,763,041", "7 763 041", "7.8 million", "7.8e6", "0.5", "0,5", and
 * the same with its unit. One comma that cannot part thousands is a decimal comma.
 */
export function typedNumber(text, unit = "") {
  const bare = text.trim();
  const ending = unit && bare.toLowerCase().endsWith(unit.toLowerCase()) ? unit.length : 0;
  const found = TYPED.exec(bare.slice(0, bare.length - ending).trim());
  if (!found) return null;
  const [, sign, digits, power = "", scale] = found;
  let plain = digits.replace(/[\s_']/g, "");
  if (/^\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain)) plain = plain.replaceAll(",", "");
  else if (/^\d*,\d+$/.test(plain)) plain = plain.replace(",", ".");
  const number = /\d/.test(plain) ? Number(plain + power) * (SCALES[scale?.toLowerCase()] ?? 1) : NaN;
  if (!Number.isFinite(number)) return null;
  return sign && sign !== "+" ? -number : number;
}

/** A number with its unit, as in "7,763,041 parameters". */
export function numberText(number, unit = "") {
  return `${number.toLocaleString("en-GB", { maximumSignificantDigits: 15 })} ${unit}`.trim();
}
