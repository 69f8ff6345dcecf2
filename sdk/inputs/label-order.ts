const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/**
 * The keys of an object in JSON text in the order in which they stand there, each once, where objects
 * of JavaScript list integers first. The text has to be JSON; `path` names the object from outside
 * in. Empty when there is no such object.
 */
export function findLabels(text: string, path: readonly string[]): string[] {
  let place = skipBlanks(text, 0);
  for (const name of path) {
    const found = findValue(text, place, name);
    if (found === undefined) return [];
    place = found;
  }
  const labels = new Set<string>();
  for (const { label } of readKeys(text, place)) labels.add(label);
  return [...labels];
}

function findValue(text: string, open: number, name: string): number | undefined {
  for (const { label, place } of readKeys(text, open)) if (label === name) return place;
  return undefined;
}

/** The keys of the object that begins at a place, and where their values begin. */
function* readKeys(text: string, open: number): Generator<{ label: string; place: number }> {
  let place = skipBlanks(text, open + 1);
  while (text.charCodeAt(place) === QUOTE) {
    const end = skipText(text, place);
    const raw = text.slice(place + 1, end - 1);
    const label = raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
    place = skipBlanks(text, skipBlanks(text, end) + 1);
    yield { label, place };
    place = skipBlanks(text, skipValue(text, place));
    if (text.charCodeAt(place) !== COMMA) return;
    place = skipBlanks(text, place + 1);
  }
}

function skipBlanks(text: string, start: number): number {
  let place = start;
  // Above the blank there is no white space in JSON.
  while (text.charCodeAt(place) <= 0x20) place++;
  return place;
}

/** The place after a string. */
function skipText(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  for (;;) {
    let before = close - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((close - before) % 2 === 1) return close + 1;
    close = text.indexOf('"', close + 1);
  }
}

/** The place after a value. */
function skipValue(text: string, start: number): number {
  let depth = 0;
  let place = start;
  while (place < text.length) {
    const code = text.charCodeAt(place);
    if (code === QUOTE) {
      place = skipText(text, place);
      if (depth === 0) return place;
      continue;
    }
    if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      // The bracket of what is around a number or a word.
      if (depth === 0) return place;
      if (--depth === 0) return place + 1;
    } else if (depth === 0 && code === COMMA) return place;
    place++;
  }
  return place;
}
