import { setTimeout as sleep } from "node:timers/promises";
import { toShare } from "../observability/records/sample.js";
import {
  checkOutput,
  FeedbackTally,
  readLabels,
  type FeedbackOptions,
  type FeedbackReport,
} from "./feedback.js";
import { distribute, FieldTally, type Distribution, type FieldReport } from "./field-report.js";
import { findField, readOutputFields, type OutputFields } from "./output-fields.js";
import { createReadLog, readLogLines, type ReadLog } from "./read-log.js";
import { readCall, type RecordedCall, type SkipReason } from "./recorded-call.js";
import type { Target, TargetAnswer } from "./target.js";

export interface ReplayOptions {
  /** Prediction logs, the oldest first. */
  files: readonly string[];
  target: Target;
  /** How much numbers may differ, absolutely below 1 and as a share above. @default 1e-6 */
  tolerance?: number;
  /** The share of the requests that are sent, always the same ones. @default 1 */
  sample?: number;
  /** The most requests that are sent. @default no limit */
  limit?: number;
  /** @default 8 */
  concurrency?: number;
  /** Only requests to this API. */
  api?: string;
  feedback?: FeedbackOptions;
}

/** What replaying a log has shown. */
export interface ReplayReport {
  target: string;
  log: Pick<ReadLog, "files" | "lines" | "damaged" | "damagedCount">;
  requests: {
    replayed: number;
    /** Records that were not compared, by reason. */
    skipped: Partial<Record<SkipReason, number>>;
    /** Requests that got no answer at all. */
    failed: number;
  };
  statuses: {
    same: number;
    changed: { from: number; to: number; count: number; example: string }[];
  };
  /** Requests whose outputs were compared: those that were answered with outputs both times. */
  outputs: { exact: number; within: number; different: number };
  fields: Record<string, FieldReport>;
  latencyMs?: { before: Distribution; after: Distribution };
  feedback?: FeedbackReport;
}

/**
 * Sends the recorded inputs of a prediction log to another service and compares what it answers with
 * what was answered then. Never more than `concurrency` requests are under way, and no more than
 * that many records are in memory.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { target, tolerance = 1e-6, sample = 1, limit = Infinity, concurrency = 8 } = options;
  const read = createReadLog();
  const skipped: Partial<Record<SkipReason, number>> = {};
  const changed = new Map<string, { from: number; to: number; count: number; example: string }>();
  const outputs = { exact: 0, within: 0, different: 0 };
  const fields = new Map<string, FieldTally>();
  const latency: { before: number[]; after: number[] } = { before: [], after: [] };
  const feedback = options.feedback && (await openFeedback(options.feedback, options));
  let replayed = 0;
  let failed = 0;
  let same = 0;

  const skip = (reason: SkipReason): void => void (skipped[reason] = (skipped[reason] ?? 0) + 1);

  async function ask(call: RecordedCall, path: string): Promise<void> {
    let answer;
    try {
      answer = await sendPatiently(target, call, path);
    } catch {
      failed++;
      return;
    }
    replayed++;
    if (Number.isFinite(call.durationMs)) {
      latency.before.push(call.durationMs);
      latency.after.push(answer.durationMs);
    }
    if (answer.status !== call.status) {
      const key = `${call.status} ${answer.status}`;
      const known = changed.get(key);
      if (known !== undefined) known.count++;
      else changed.set(key, { from: call.status, to: answer.status, count: 1, example: call.id });
      return;
    }
    same++;
    if (call.status >= 300) return;
    const before = readOutputFields(call.answer.mediaType, call.answer.bytes);
    const after = readOutputFields(answer.mediaType, answer.bytes);
    outputs[compare(call.id, before, after)]++;
    const { output } = options.feedback ?? {};
    if (output !== undefined) {
      feedback!.add(call.id, findField(before, output), findField(after, output));
    }
  }

  function compare(id: string, before: OutputFields, after: OutputFields): keyof typeof outputs {
    let worst: keyof typeof outputs = "exact";
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      let tally = fields.get(path);
      if (tally === undefined) fields.set(path, (tally = new FieldTally(tolerance)));
      const found = tally.add(id, before.get(path) ?? [], after.get(path) ?? []);
      if (found === "different" || worst === "exact") worst = found;
    }
    return worst;
  }

  const running = new Set<Promise<void>>();
  let sent = 0;
  for await (const line of readLogLines(options.files, read)) {
    const call = readCall(line);
    if (typeof call === "string") {
      skip(call);
      continue;
    }
    if (options.api !== undefined && call.api !== options.api) continue;
    if (toShare(call.id) >= sample) continue;
    const path = target.toPath(call);
    if (path === undefined) {
      skip("no such API");
      continue;
    }
    if (sent >= limit) break;
    sent++;
    const work: Promise<void> = ask(call, path).finally(() => running.delete(work));
    running.add(work);
    if (running.size >= concurrency) await Promise.race(running);
  }
  await Promise.all(running);

  return {
    target: target.name,
    log: read,
    requests: { replayed, skipped, failed },
    statuses: { same, changed: [...changed.values()].sort((a, b) => b.count - a.count) },
    outputs,
    fields: Object.fromEntries(
      Array.from(fields, ([path, tally]): [string, FieldReport] => [path, tally.report()]).sort(
        ([a], [b]) => (a < b ? -1 : 1),
      ),
    ),
    ...(latency.before.length === 0
      ? {}
      : { latencyMs: { before: distribute(latency.before), after: distribute(latency.after) } }),
    ...(feedback === undefined ? {} : { feedback: feedback.report() }),
  };
}

async function openFeedback(
  feedback: FeedbackOptions,
  { files, api }: ReplayOptions,
): Promise<FeedbackTally> {
  const labels = await readLabels(feedback);
  await checkOutput(files, labels, { output: feedback.output, api });
  return new FeedbackTally(labels, feedback.threshold);
}

const MOST_REFUSALS = 5;
const MOST_WAIT_MS = 5000;

/** Sends a request again that was refused for want of room: that says nothing of the model. */
async function sendPatiently(
  target: Target,
  call: RecordedCall,
  path: string,
): Promise<TargetAnswer> {
  for (let refusals = 0; ; refusals++) {
    const answer = await target.send(call, path);
    if (answer.retryAfterMs === undefined || refusals === MOST_REFUSALS) return answer;
    await sleep(Math.min(answer.retryAfterMs, MOST_WAIT_MS));
  }
}

/** Whether the answers are those of before: some were compared, none differs, none is missing. */
export function isSame({ requests, statuses, outputs }: ReplayReport): boolean {
  return (
    requests.replayed > 0 &&
    requests.failed === 0 &&
    (requests.skipped["no such API"] ?? 0) === 0 &&
    statuses.changed.length === 0 &&
    outputs.different === 0
  );
}
