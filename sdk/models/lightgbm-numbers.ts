import { LightgbmFault } from "./lightgbm-fault.js";

/** What numbers are made of, with `inf` and `nan`; this keeps out `0x1f` and the like. */
const NUMBERS = /^[-+.\deEinfaNIF ]*$/;

/**
 * The numbers of a line, between one or more blanks, in double precision.
 * @param where names the line in faults
 * @throws LightgbmFault when there are not `count` of them, or one is no number.
 */
export function readNumbers(text: string, count: number, where: string): Float64Array {
  // A number takes a digit and a blank: a count beyond that must not become memory.
  if (count > text.length) throw toCountFault(where, count, countWords(text));
  const numbers = new Float64Array(count);
  if (!NUMBERS.test(text)) throw toNumberFault(where, text);
  let found = 0;
  for (let at = 0; at < text.length;) {
    const blank = text.indexOf(" ", at);
    const end = blank === -1 ? text.length : blank;
    if (end > at) {
      if (found === count) throw toCountFault(where, count, countWords(text));
      numbers[found] = toNumber(text.slice(at, end), where);
      found += 1;
    }
    at = end + 1;
  }
  if (found !== count) throw toCountFault(where, count, found);
  return numbers;
}

/**
 * Whole numbers of a line, each from `least` to `most`.
 * @throws LightgbmFault
 */
export function readIntegers(
  text: string,
  count: number,
  where: string,
  [least, most]: readonly [number, number],
): Float64Array {
  const numbers = readNumbers(text, count, where);
  for (const value of numbers) {
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new LightgbmFault(
      `${where} holds ${value}, which is no whole number from ${least} to ${most}`,
    );
  }
  return numbers;
}

function toNumber(word: string, where: string): number {
  const value = Number(word);
  if (!Number.isNaN(value)) return value;
  switch (word.toLowerCase()) {
    case "inf":
    case "+inf":
      return Number.POSITIVE_INFINITY;
    case "-inf":
      return Number.NEGATIVE_INFINITY;
    case "nan":
    case "-nan":
      return Number.NaN;
    default:
      throw toNumberFault(where, word);
  }
}

function countWords(text: string): number {
  return text.split(" ").filter((word) => word !== "").length;
}

function toNumberFault(where: string, text: string): LightgbmFault {
  return new LightgbmFault(`${where} holds ${JSON.stringify(text.slice(0, 40))}, not numbers`);
}

function toCountFault(where: string, expected: number, found: number): LightgbmFault {
  return new LightgbmFault(`${where} has ${found} values where ${expected} belong`);
}
