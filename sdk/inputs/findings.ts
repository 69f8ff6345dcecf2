import type { z } from "zod";

/** What one issue of zod says, in the words of an answer. */
export interface Finding {
  message: string;
  expected?: string;
  received: string;
}

const LONGEST = 40;
const LONGEST_NAME = 100;

/** A name that a sender chose, cut to a length that an answer can carry. */
export function shortName(name: string): string {
  return cut(name, LONGEST_NAME);
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** A value in a few words, such as `string "abc"` or `array of 3`. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `array of ${value.length}`;
  if (value instanceof Date)
    return `date ${Number.isNaN(value.getTime()) ? "" : value.toISOString()}`;
  switch (typeof value) {
    case "string":
      return `string ${JSON.stringify(cut(value, LONGEST))}`;
    case "number":
    case "boolean":
    case "bigint":
      return `${typeof value} ${value}`;
    default:
      return typeof value;
  }
}

/** Puts an issue of zod about a value into words. */
export function toFinding(issue: z.core.$ZodIssue, received: unknown): Finding {
  const got = describeValue(received);
  const expected = expectedOf(issue);
  const said = issue.message.replace(/^Invalid (input|option): /, "");
  const standard = issue.code === "invalid_type" && /^expected .*, received \S+( \S+)?$/.test(said);
  const message = `${standard ? said.replace(/, received .*/, "") : said}, received ${got}`;
  return { message, ...(expected === undefined ? {} : { expected }), received: got };
}

function expectedOf(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return (issue.expected as string) === "nonoptional" ? undefined : issue.expected;
    case "invalid_value":
      return issue.values.map((value) => JSON.stringify(value) ?? String(value)).join(" | ");
    case "invalid_format":
      return issue.format;
    case "too_small":
      return `${issue.inclusive ? ">=" : ">"}${issue.minimum}`;
    case "too_big":
      return `${issue.inclusive ? "<=" : "<"}${issue.maximum}`;
    default:
      return undefined;
  }
}

/** The value at a path inside another, reading own properties only. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value;
  for (const key of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Record<PropertyKey, unknown>)[key];
  }
  return inner;
}

/** A path as one writes it in JavaScript: `address.lines[0]`. */
export function printPath(path: readonly PropertyKey[]): string {
  return path
    .map((key) => {
      if (typeof key === "number") return `[${key}]`;
      const name = String(key);
      return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
    })
    .join("")
    .replace(/^\./, "");
}
