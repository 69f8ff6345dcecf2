import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MIB = 2 ** 20;

/** Counts statuses by kind. */
export function createTally() {
  /** @type {Map<string, Map<number, number>>} */
  const kinds = new Map();
  return {
    add(kind, status) {
      if (!kinds.has(kind)) kinds.set(kind, new Map());
      const statuses = kinds.get(kind);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    },
    print() {
      const rows = Array.from(kinds, ([kind, statuses]) => {
        const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
        const sorted = [...statuses].toSorted(([one], [other]) => one - other);
        const parts = sorted.map(
          ([status, count]) => `${status === 0 ? "closed" : status}: ${count}`,
        );
        return `${kind.padEnd(16)} ${String(total).padStart(8)}  ${parts.join(", ")}`;
      });
      return [`${"kind".padEnd(16)} requests  answers`, ...rows.toSorted()].join("\n");
    },
  };
}

/** @param {any} start @param {any} end */
export function printMemory(start, end) {
  const print = ({ heapBytes, rssBytes, descriptors }) =>
    `heap and buffers ${(heapBytes / MIB).toFixed(1)} MiB, resident ${(rssBytes / MIB).toFixed(0)} MiB, descriptors ${descriptors ?? "unknown"}`;
  return `after the warm-up: ${print(start)}\nat the end:        ${print(end)}`;
}

/** Text of bytes from which nothing can be hidden. */
const show = (bytes, most) => JSON.stringify(bytes.toString("latin1").slice(0, most));

/**
 * Tells of a finding and writes its requests to a file that `--replay` takes.
 * @param {any} finding @param {{ seed: number, others: readonly any[] }} run
 */
export function printFinding({ message, request, before, answer }, { seed, others, failures }) {
  const lines = ["FINDING", `  ${message}`, `  seed ${seed}`];
  if (request !== undefined) {
    const file = join(mkdtempSync(join(tmpdir(), "ekiben-finding-")), "finding.json");
    const record = {
      message,
      seed,
      request: toRecord(request),
      before: before.map(toRecord),
      others: others.map(toRecord),
    };
    writeFileSync(file, JSON.stringify(record));
    lines.push(
      `  place ${request.place ?? "none"}, ${request.kind}: ${request.seed}`,
      `  changes: ${request.changes.join("; ") || "none"}`,
      `  request: ${show(request.bytes, 500)}`,
      ...(request.bytes.length > 600 ? [] : [`  base64: ${request.bytes.toString("base64")}`]),
      `  again: npm run fuzz -- --replay ${file}`,
    );
  }
  if (answer !== undefined) {
    lines.push(`  answer: ${JSON.stringify(answer.head)}`, `  body: ${show(answer.body, 1000)}`);
  }
  for (const line of failures.slice(0, 5)) lines.push(`  log: ${line.slice(0, 3000)}`);
  return lines.join("\n");
}

const toRecord = ({ bytes, ...request }) => ({ ...request, base64: bytes.toString("base64") });

/** The request of a finding, those before it on its connection, and those that were under way. */
export function readFinding(file) {
  const { message, request, before, others } = JSON.parse(readFileSync(file, "utf8"));
  return {
    message,
    request: fromRecord(request),
    before: before.map(fromRecord),
    others: others.map(fromRecord),
  };
}

const fromRecord = ({ base64, ...request }) => ({
  ...request,
  bytes: Buffer.from(base64, "base64"),
});
