import type { FeedbackReport } from "./feedback.js";
import type { Distribution, FieldReport } from "./field-report.js";
import type { ReplayReport } from "./replay.js";

/** A report for people. */
export function printReport(report: ReplayReport): string {
  const { log, requests, statuses, outputs, feedback } = report;
  const skipped = Object.entries(requests.skipped);
  const lines = [
    `replayed ${requests.replayed} requests of ${log.lines} lines in ${log.files.length} files to ${report.target}`,
    ...skipped.map(([reason, count]) => `  not compared: ${count} (${reason})`),
    ...(requests.failed === 0 ? [] : [`  without an answer: ${requests.failed}`]),
    ...(log.damagedCount === 0
      ? []
      : [
          `  damaged lines: ${log.damagedCount} (${log.damaged.map(({ file, line }) => `${file}:${line}`).join(", ")}${log.damagedCount > log.damaged.length ? ", …" : ""})`,
        ]),
    "",
    `statuses: ${statuses.same} the same${statuses.changed.length === 0 ? "" : ", changed:"}`,
    ...statuses.changed.map(
      ({ from, to, count, example }) => `  ${from} became ${to}: ${count}, such as ${example}`,
    ),
    `outputs: ${outputs.exact} exact, ${outputs.within} within the tolerance, ${outputs.different} different`,
    ...Object.entries(report.fields).flatMap(([path, field]) => printField(path, field)),
  ];
  if (report.latencyMs !== undefined) {
    lines.push("", "milliseconds", ...printBoth(report.latencyMs.before, report.latencyMs.after));
  }
  if (feedback !== undefined) {
    lines.push("", ...printJoined(feedback));
    for (const name of ["accuracy", "mae", "rmse"] as const) {
      const both = feedback[name];
      if (both === undefined) continue;
      lines.push(`  ${name.padEnd(8)} before ${print(both.before)}  after ${print(both.after)}`);
    }
  }
  return lines.join("\n");
}

function printJoined({ joined, unmatched }: FeedbackReport): string[] {
  if (joined + unmatched === 0) return ["feedback: none is in the log"];
  const counts = `feedback: ${joined} requests joined, ${unmatched} not`;
  return joined > 0 ? [counts] : [counts, "  none of it is about a request that was replayed"];
}

const MOST_PAIRS = 12;

function printField(path: string, field: FieldReport): string[] {
  const { count, exact, within, different, missing, largest, before, after, confusion } = field;
  const lines = [
    "",
    `${path}: ${count} values, ${exact} exact, ${within} within, ${different} different${missing === 0 ? "" : `, ${missing} in one answer only`}`,
  ];
  if (largest !== undefined) {
    const { difference, requestId } = largest;
    lines.push(
      `  largest difference ${print(difference)}: ${print(largest.before)} became ${print(largest.after)} in ${requestId}`,
    );
  }
  if (before !== undefined && after !== undefined) lines.push(...printBoth(before, after));
  if (confusion !== undefined && (different > 0 || confusion.length > 1)) {
    for (const pair of confusion.slice(0, MOST_PAIRS)) {
      const became = pair.before === pair.after ? "stayed" : `became ${pair.after}`;
      lines.push(`  ${pair.before} ${became}: ${pair.count}`);
    }
    if (confusion.length > MOST_PAIRS) lines.push(`  and ${confusion.length - MOST_PAIRS} more`);
  }
  return lines;
}

function printBoth(before: Distribution, after: Distribution): string[] {
  const row = (name: string, of: Distribution): string =>
    `  ${name}  mean ${print(of.mean)}  min ${print(of.min)}  p5 ${print(of.p5)}  p50 ${print(of.p50)}  p95 ${print(of.p95)}  max ${print(of.max)}`;
  return [row("before", before), row("after ", after)];
}

function print(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}
