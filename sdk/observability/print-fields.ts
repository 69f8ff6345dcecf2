import { createRequire } from "node:module";
import type * as SafeStringify from "safe-stable-stringify";

/**
 * Fields as the inside of a JSON object, without its braces, in their order; what JSON has no form for
 * is left out.
 */
export function printFields(fields: Readonly<Record<string, unknown>>): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    const text = printValue(value);
    if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`);
  }
  return parts.join();
}

function printValue(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // It refers to itself, or holds a bigint: whatever somebody logs, there is a line.
    return printAnyhow(value);
  }
}

let safe: ReturnType<typeof SafeStringify.configure> | undefined;

function printAnyhow(value: unknown): string | undefined {
  safe ??= (
    createRequire(import.meta.url)("safe-stable-stringify") as typeof SafeStringify
  ).configure({ maximumDepth: 5, maximumBreadth: 100, circularValue: "[Circular]" });
  try {
    return safe(value);
  } catch {
    // Such as a `toJSON` that throws.
    return JSON.stringify("[cannot be printed]");
  }
}
