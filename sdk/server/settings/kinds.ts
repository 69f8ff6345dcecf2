import { isRange } from "../../http/client-origin.js";
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

const PERIODS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A span of time in seconds, with or without a unit. */
export function period(least = 1): Kind<number> {
  return {
    placeholder: "<time>",
    expected: `a time of at least ${least} seconds, such as 90s, 15m, 12h or 7d`,
    read(written) {
      const [, digits, unit = "s"] = /^(\d+(?:\.\d+)?)\s*([smhd])?$/.exec(String(written)) ?? [];
      const time = Number(digits) * PERIODS[unit]!;
      return time >= least ? time : undefined;
    },
  };
}

/** Shares from 0 to 1 by name: `name=share` in an option or a variable, a map in a file. */
export function shares(isName: (name: string) => boolean): Kind<Readonly<Record<string, number>>> {
  return {
    placeholder: "<name=share,...>",
    expected: "shares from 0 to 1 by stream or by stream and API, such as prediction=0.1",
    read(written) {
      const pairs: unknown =
        typeof written === "string"
          ? written.split(",").map((part) => part.trim().split("="))
          : written !== null && typeof written === "object"
            ? Object.entries(written)
            : undefined;
      if (!Array.isArray(pairs)) return undefined;
      const read = (pairs as unknown[][]).map(([name, share]) => [name, Number(share)] as const);
      const isGood = read.every(
        ([name, share]) => typeof name === "string" && isName(name) && share >= 0 && share <= 1,
      );
      return isGood ? (Object.fromEntries(read) as Record<string, number>) : undefined;
    },
  };
}

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
    print: (value) => (value === word ? word : printSetting(kind, value as T)),
  };
}

/** A value as help, logs and documentation show it. */
export function printSetting<T>(kind: Kind<T>, value: T): string {
  if (kind.print !== undefined) return kind.print(value);
  if (Array.isArray(value)) return value.join(",");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map((pair) => pair.join("="))
    .join(",");
}

/** The address of something that speaks HTTP. */
export const address: Kind<string> = {
  placeholder: "<url>",
  expected: "an address such as http://localhost:4318",
  read(written) {
    if (typeof written !== "string" || !/^https?:\/\//.test(written.trim())) return undefined;
    return URL.canParse(written.trim()) ? written.trim() : undefined;
  },
};

/** A part of a whole. */
export const share: Kind<number> = {
  placeholder: "<share>",
  expected: "a number from 0 to 1",
  read(written) {
    const number = toNumber(written);
    return number >= 0 && number <= 1 ? number : undefined;
  },
};

/** Headers by name: `name=value,name=value` as the variables of OpenTelemetry have them, a map in a file. */
export const headerList: Kind<Readonly<Record<string, string>>> = {
  placeholder: "<name=value,...>",
  expected: "headers such as authorization=Bearer ...,x-tenant=a",
  read(written) {
    const pairs =
      typeof written === "string"
        ? written.split(",").map((pair) => pair.split(/=(.*)/s, 2).map((part) => part.trim()))
        : typeof written === "object" && written !== null
          ? Object.entries(written)
          : [];
    const isHeader = ([name, value]: unknown[]): boolean =>
      typeof name === "string" && /^[\w-]+$/.test(name) && typeof value === "string";
    return pairs.length > 0 && pairs.every(isHeader)
      ? (Object.fromEntries(pairs) as Record<string, string>)
      : undefined;
  },
};

/** A range of addresses. */
export const addressRange: Kind<string> = {
  placeholder: "<range>",
  expected: "an address, a range such as 10.0.0.0/8, loopback or private",
  read: (written) => (typeof written === "string" && isRange(written) ? written : undefined),
};

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
