/** 2^27 + 1, which cuts a double into two halves of 26 bits (G. Veltkamp, 1968). */
const SPLITTER = 134_217_729;
/** Ten times this, and nine, is still below 2^53. */
const HEAD = 9e14;
/** With more digits behind the head the error terms would be no integers that a double holds. */
const MOST_TAIL = 1e7;

/**
 * The double nearest to an integer of 16 to about 22 digits divided by a power of ten that a double
 * holds exactly, or NaN when it cannot be told which of two doubles that is; `text` holds the
 * digits from `first` to `end`, with or without a point among them.
 *
 * All but one step are exact, by the error-free sum and product of T. Dekker ("A floating-point
 * technique for extending the available precision", 1971): the integer is `sum + rest`, the quotient
 * of `sum` is `quotient + remainder / divisor`. So the true number is `quotient` and a correction,
 * which is computed with two roundings, each of at most 2^-53 of it. The true correction lies
 * between the two bounds that are 2^-50 of it away, and rounding keeps order: when both bounds lead
 * to one double, the true number does.
 */
export function divideDecimal(
  text: Uint8Array,
  first: number,
  end: number,
  divisor: number,
): number {
  let head = 0;
  let tail = 0;
  let scale = 1;
  for (let place = first; place < end; place++) {
    const digit = text[place]! - 0x30;
    if (digit < 0) continue;
    if (head < HEAD) head = head * 10 + digit;
    else if (scale < MOST_TAIL) {
      tail = tail * 10 + digit;
      scale *= 10;
    } else return Number.NaN;
  }
  const product = head * scale;
  const sum = product + tail;
  const rest = productError(head, scale, product) + (tail - (sum - product));
  const quotient = sum / divisor;
  const back = quotient * divisor;
  const remainder = sum - back - productError(quotient, divisor, back);
  const correction = (remainder + rest) / divisor;
  const margin = correction * 2 ** -50;
  const low = quotient + (correction - margin);
  return low === quotient + (correction + margin) ? low : Number.NaN;
}

/** What rounding took from `product`, the double of `a * b`: exactly, far from the ends of the range. */
function productError(a: number, b: number, product: number): number {
  const bigA = SPLITTER * a;
  const highA = bigA - (bigA - a);
  const lowA = a - highA;
  const bigB = SPLITTER * b;
  const highB = bigB - (bigB - b);
  const lowB = b - highB;
  return highA * highB - product + highA * lowB + lowA * highB + lowA * lowB;
}
