import type { Kind } from "./setting.js";

/** A whole number; the placeholder names what it counts. */
export function wholeNumber(placeholder: string, least: number, most: number): Kind<number> {
  return {
    placeholder: `<${placeholder}>`,
    expected: `a whole number from ${least} to ${most}`,
    read(written) {
      const number = toNumber(written);
      return Number.isInteger(number) && number >= least && number <= most ? number : undefined;
    },
  };
}

/** Seconds, with or without a fraction. */
export function seconds(least = 0, most = 86_400): Kind<number> {
  return {
    placeholder: "<seconds>",
    expected: `a number of seconds from ${least} to ${most}`,
    read(written) {
      const number = toNumber(written);
      return number >= least && number <= most ? number : undefined;
    },
  };
}

const ON: readonly unknown[] = [true, "true", "1", "yes", "on"];
const OFF: readonly unknown[] = [false, "false", "0", "no", "off"];

/** On or off. */
export const onOff: Kind<boolean> = {
  expected: "true or false",
  read(written) {
    if (ON.includes(written)) return true;
    return OFF.includes(written) ? false : undefined;
  },
};

/** One of these words. */
export function oneOf<const Word extends string>(
  placeholder: string,
  words: readonly Word[],
): Kind<Word> {
  return {
    placeholder: `<${placeholder}>`,
    expected: `one of ${words.join(", ")}`,
    read: (written) => words.find((word) => word === written),
  };
}

/** Any text that is not empty. */
export function text(placeholder: string): Kind<string> {
  return {
    placeholder: `<${placeholder}>`,
    expected: "text",
    read(written) {
      if (typeof written === "number") return String(written);
      return typeof written === "string" && written.trim() !== "" ? written.trim() : undefined;
    },
  };
}

/** A kind, or a word with a meaning of its own. */
export function orWord<T, const Word extends string>(kind: Kind<T>, word: Word): Kind<T | Word> {
  return {
    placeholder: kind.placeholder?.replace(">", `|${word}>`) ?? `<${word}>`,
    expected: `${kind.expected}, or ${word}`,
    read: (written) => (written === word ? word : kind.read(written)),
  };
}

/** Several of a kind: separated by commas in an option or a variable, a list in a file. */
export function listOf<T>(item: Kind<T>): Kind<readonly T[]> {
  return {
    placeholder: item.placeholder?.replace(">", ",...>") ?? "<value,...>",
    expected: `one or more, separated by commas, each ${item.expected}`,
    read(written) {
      const parts =
        typeof written === "string" ? written.split(",").map((part) => part.trim()) : written;
      if (!Array.isArray(parts)) return undefined;
      const values = parts.map((part) => item.read(part));
      return values.length > 0 && values.every((value) => value !== undefined) ? values : undefined;
    },
  };
}

function toNumber(written: unknown): number {
  if (typeof written === "number") return written;
  return typeof written === "string" && /^\d+(\.\d+)?$/.test(written.trim())
    ? Number(written)
    : Number.NaN;
}
