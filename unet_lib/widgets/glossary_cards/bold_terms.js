// Which entry of the glossary a bold text means.

const ENDINGS = [/$/, /s$/, /es$/];

/** Entries by their English and German terms. */
export function indexed(entries) {
  return new Map(entries.flatMap((entry) => [[plain(entry.german), entry], [plain(entry.term), entry]]));
}

/** The entry of a text, whatever its capitals, its full stop or its plural; undefined if it is no term. */
export function entryOf(text, index) {
  const word = plain(text);
  return ENDINGS.map((ending) => index.get(word.replace(ending, ""))).find(Boolean);
}

function plain(text) {
  return text.replaceAll("’", "'").replace(/\s+/g, " ").trim().replace(/[.,:;?!]$/, "").toLowerCase();
}
