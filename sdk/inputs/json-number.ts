import { divideDecimal } from "./long-decimal.js";

/** 10^0 to 10^22: the powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);
const MOST_POWER = POWERS.length - 1;
/** Below this every integer is a double. */
const EXACT = 2 ** 53;

/**
 * Reads the JSON number that starts at a place in a text and writes it into a cell: the same double,
 * bit for bit, as `JSON.parse` makes of it. Returns the place after it, or -1 where no number of
 * JSON starts and where it is too big for a double; what follows the number is not looked at.
 *
 * A number is read as an integer of all its digits and a power of ten. While that integer stays
 * below 2^53 no step of reading it was rounded (it only grows, so it cannot come back from above),
 * and powers up to 10^22 are doubles. Then one multiplication or division is the only rounding, and
 * IEEE 754 rounds that to the double nearest to the true number, which is what JSON.parse returns
 * (W. Clinger, "How to read floating point numbers accurately", 1990). Longer ones go to
 * `divideDecimal`, and what is left to `Number`, which reads decimal text as JSON.parse does.
 */
export function readNumber(text: Buffer, start: number, cells: Float64Array, at: number): number {
  let place = start;
  let byte = text[place]!;
  const negative = byte === 0x2d;
  if (negative) byte = text[++place]!;
  const first = place;
  let digits = 0;
  while (byte >= 0x30 && byte <= 0x39) {
    digits = digits * 10 + (byte - 0x30);
    byte = text[++place]!;
  }
  if (place === first || (text[first] === 0x30 && place > first + 1)) return -1;
  let power = 0;
  if (byte === 0x2e) {
    const point = place;
    byte = text[++place]!;
    while (byte >= 0x30 && byte <= 0x39) {
      digits = digits * 10 + (byte - 0x30);
      byte = text[++place]!;
    }
    power = point + 1 - place;
    if (power === 0) return -1;
  }
  const end = place;
  if (byte === 0x65 || byte === 0x45) {
    byte = text[++place]!;
    const minus = byte === 0x2d;
    if (minus || byte === 0x2b) byte = text[++place]!;
    const from = place;
    let exponent = 0;
    while (byte >= 0x30 && byte <= 0x39) {
      exponent = exponent * 10 + (byte - 0x30);
      byte = text[++place]!;
    }
    if (place === from) return -1;
    power += minus ? -exponent : exponent;
  }
  let value = Number.NaN;
  if (power <= 0 && power >= -MOST_POWER) {
    if (digits < EXACT) value = power === 0 ? digits : digits / POWERS[-power]!;
    else value = divideDecimal(text, first, end, POWERS[-power]!);
  } else if (power > 0 && power <= MOST_POWER && digits < EXACT) {
    value = digits * POWERS[power]!;
  }
  if (Number.isNaN(value)) {
    value = Number(text.toString("latin1", first, place));
    if (value === Number.POSITIVE_INFINITY) return -1;
  }
  cells[at] = negative ? -value : value;
  return place;
}
