import { findDifference, type Difference } from "./find-difference.js";
import { isJson, type SampleAnswer } from "./sample.js";

/**
 * The first place at which two answers differ, in the numbers of JSON by more than `tolerance`.
 * Lines of JSON, also those of event streams, are compared as JSON; other text and bytes as they are.
 */
export function compareAnswers(
  recorded: SampleAnswer,
  now: SampleAnswer,
  tolerance?: number,
): Difference | undefined {
  if (recorded.mediaType !== now.mediaType) {
    return { path: "its media type", recorded: recorded.mediaType, now: now.mediaType };
  }
  if (Buffer.compare(recorded.bytes, now.bytes) === 0) return undefined;
  if (isJson(recorded.mediaType)) {
    const read = now.bytes.length === 0 ? undefined : (parse(now.bytes) ?? notJson(now.bytes));
    return findDifference(parse(recorded.bytes), read, tolerance);
  }
  if (/^text\/|ndjson|jsonl/.test(recorded.mediaType)) {
    return findDifference(readLines(recorded.bytes), readLines(now.bytes), tolerance);
  }
  const print = ({ length }: Uint8Array): string => `${length} bytes`;
  return { path: "its bytes", recorded: print(recorded.bytes), now: print(now.bytes) };
}

function readLines(bytes: Uint8Array): unknown[] {
  return Buffer.from(bytes)
    .toString("utf8")
    .split("\n")
    .map((line) => {
      const value = parse(Buffer.from(line.replace(/^data: ?/, "")));
      return value === undefined ? line : value;
    });
}

function notJson(bytes: Uint8Array): string {
  return `no JSON: ${Buffer.from(bytes).toString("utf8")}`;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
