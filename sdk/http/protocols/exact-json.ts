const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
/** Integers of fewer digits are exact in a double. */
const FEWEST_DIGITS = 16;

/** Whether JSON text may hold an integer that a double does not. */
export function mayHoldLargeIntegers(text: string): boolean {
  return /\d{16}/.test(text);
}

/**
 * Parses JSON text, which must be valid, with every integer beyond 2^53 as its decimal text: a
 * double would stand for several of them.
 */
export function parseExactJson(text: string): unknown {
  let quoted = "";
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = skipString(text, at);
      continue;
    }
    if (code !== MINUS && !isDigit(code)) {
      at += 1;
      continue;
    }
    const start = at;
    do at += 1;
    while (continuesNumber(text.charCodeAt(at)));
    if (at - start < FEWEST_DIGITS) continue;
    const number = text.slice(start, at);
    if (!/^-?\d+$/.test(number) || Number.isSafeInteger(Number(number))) continue;
    quoted += `${text.slice(copied, start)}"${number}"`;
    copied = at;
  }
  return JSON.parse(quoted + text.slice(copied));
}

/** The place after the string that starts at `start`. */
function skipString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at + 1;
  }
  return text.length;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function continuesNumber(code: number): boolean {
  // A point, an exponent and its sign.
  return (
    isDigit(code) ||
    code === 0x2e ||
    code === 0x65 ||
    code === 0x45 ||
    code === 0x2b ||
    code === MINUS
  );
}
