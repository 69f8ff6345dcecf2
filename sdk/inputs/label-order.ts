const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/**
 * The keys of an object in JSON in the order in which they stand there, each once, where objects of
 * JavaScript list integers first. The bytes have to be JSON in UTF-8, with or without a byte order
 * mark; `path` names the object from outside in. Empty when there is no such object.
 */
export function findLabels(bytes: Uint8Array, path: readonly string[]): string[] {
  const text = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
  let place = skipBlanks(text, text[0] === 0xef ? 3 : 0);
  for (const name of path) {
    const found = findValue(text, place, name);
    if (found === undefined) return [];
    place = found;
  }
  const labels = new Set<string>();
  for (const { label } of readKeys(text, place)) labels.add(label);
  return [...labels];
}

function findValue(text: Buffer, open: number, name: string): number | undefined {
  for (const { label, place } of readKeys(text, open)) if (label === name) return place;
  return undefined;
}

/** The keys of the object that begins at a place, and where their values begin. */
function* readKeys(text: Buffer, open: number): Generator<{ label: string; place: number }> {
  let place = skipBlanks(text, open + 1);
  while (text[place] === QUOTE) {
    const end = skipText(text, place);
    const label = JSON.parse(text.toString("utf8", place, end)) as string;
    place = skipBlanks(text, skipBlanks(text, end) + 1);
    yield { label, place };
    place = skipBlanks(text, skipValue(text, place));
    if (text[place] !== COMMA) return;
    place = skipBlanks(text, place + 1);
  }
}

function skipBlanks(text: Buffer, start: number): number {
  let place = start;
  // JSON has no other byte up to the blank between its values.
  while (text[place]! <= 0x20) place++;
  return place;
}

/** The place after a string. */
function skipText(text: Buffer, open: number): number {
  let place = open + 1;
  while (place < text.length && text[place] !== QUOTE) place += text[place] === BACKSLASH ? 2 : 1;
  return place + 1;
}

/** The place after a value. */
function skipValue(text: Buffer, start: number): number {
  let depth = 0;
  let place = start;
  while (place < text.length) {
    const byte = text[place];
    if (byte === QUOTE) {
      place = skipText(text, place);
      if (depth === 0) return place;
      continue;
    }
    if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      // The bracket of what is around a number or a word.
      if (depth === 0) return place;
      if (--depth === 0) return place + 1;
    } else if (depth === 0 && byte === COMMA) return place;
    place++;
  }
  return place;
}
