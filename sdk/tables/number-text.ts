/** 10^0 to 10^22: the powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);
/** Below this every integer is a double. */
const EXACT = 2 ** 53;

const COMMA_NUMBER = /^[+-]?(?:\d+(?:,\d*)?|,\d+)(?:[eE][+-]?\d+)?$/;
const POINT_NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads a decimal number such as `-12.5`, `.5`, `+3` or `1e-7`, with blanks around it or not, as the
 * double nearest to it. It is `undefined` for any other text, also for `NaN`, for signs that group
 * digits and for what is too big for a double.
 *
 * Up to 2^53 the digits are an integer that no step has rounded, and powers of ten up to 10^22 are
 * doubles, so the one division at the end is the only rounding (W. Clinger, "How to read floating
 * point numbers accurately", 1990). Everything else goes through `Number`.
 *
 * @param decimal the sign before the fraction. @default "."
 */
export function readNumberText(text: string, decimal: "." | "," = "."): number | undefined {
  let place = 0;
  let code = text.charCodeAt(0);
  const negative = code === 0x2d;
  if (negative) code = text.charCodeAt(++place);
  const point = decimal === "." ? 0x2e : 0x2c;
  const first = place;
  let digits = 0;
  while (code >= 0x30 && code <= 0x39) {
    digits = digits * 10 + (code - 0x30);
    code = text.charCodeAt(++place);
  }
  let count = place - first;
  let scale = 0;
  if (code === point) {
    const from = ++place;
    code = text.charCodeAt(place);
    while (code >= 0x30 && code <= 0x39) {
      digits = digits * 10 + (code - 0x30);
      code = text.charCodeAt(++place);
    }
    scale = place - from;
    count += scale;
  }
  if (place === text.length && count > 0 && digits < EXACT && scale < POWERS.length) {
    const value = scale === 0 ? digits : digits / POWERS[scale]!;
    return negative ? -value : value;
  }
  return readLongNumber(text, decimal);
}

function readLongNumber(text: string, decimal: "." | ","): number | undefined {
  const bare = trimBlanks(text);
  if (!(decimal === "." ? POINT_NUMBER : COMMA_NUMBER).test(bare)) return undefined;
  const value = Number(decimal === "." ? bare : bare.replace(",", "."));
  return Number.isFinite(value) ? value : undefined;
}

/** Without spaces and tabs around it; `trim` takes further blanks away and a regular expression is not linear. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
