import { findClosestName, printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";
import { findField, readOutputFields, toFieldName } from "./output-fields.js";
import { createReadLog, readLogLines, type ReadLog } from "./read-log.js";
import { readCall } from "./recorded-call.js";

export interface FeedbackOptions {
  readonly files: readonly string[];
  /** The field of the feedback that holds the truth. */
  readonly label: string;
  /** The field of the outputs that is compared with it, such as `churn` or `[].churn`. */
  readonly output: string;
  /** From which number on an output means true, where the label is true or false. @default 0.5 */
  readonly threshold?: number;
}

/** How near to the truth the outputs were, before and after. */
export interface FeedbackReport {
  /** Requests that have a label and an output in both answers. */
  readonly joined: number;
  /** Values that were compared: a request may have several items. */
  readonly values: number;
  /** Feedback to requests that were not replayed, or without what was asked for. */
  readonly unmatched: number;
  readonly accuracy?: { readonly before: number; readonly after: number };
  readonly mae?: { readonly before: number; readonly after: number };
  readonly rmse?: { readonly before: number; readonly after: number };
}

/** Names of fields that a message may have to choose from. */
const MOST_NAMES = 200;

/**
 * The labels by request; the last feedback to a request counts.
 * @throws SETTING_INVALID when there is feedback, and none has the field
 */
export async function readLabels(
  { files, label }: FeedbackOptions,
  read: ReadLog = createReadLog(),
): Promise<Map<string, unknown>> {
  const labels = new Map<string, unknown>();
  const names = new Set<string>();
  let records = 0;
  for await (const fields of readLogLines(files, read)) {
    const id = fields["http.request.id"];
    const body = fields["ekiben.feedback.body"];
    if (typeof id !== "string" || typeof body !== "string") continue;
    if (fields["ekiben.feedback.change"] !== undefined) continue;
    const said = JSON.parse(body) as Record<string, unknown>;
    records++;
    if (Object.hasOwn(said, label)) labels.set(id, said[label]);
    else if (labels.size === 0 && names.size < MOST_NAMES) {
      for (const name of Object.keys(said)) names.add(name);
    }
  }
  if (labels.size === 0 && records > 0) throw refuseLabel(label, records, [...names]);
  return labels;
}

function refuseLabel(label: string, records: number, names: readonly string[]): EkibenError {
  const those =
    records === 1 ? "the one feedback record has no" : `none of ${records} feedback records has a`;
  return new EkibenError("SETTING_INVALID", {
    detail: `--label: ${those} field "${label}".`,
    hint: printChoice(records, label, names),
    received: label,
  });
}

/**
 * Sees to it that the outputs of the log have the field, before anything is sent: it reads as far as
 * the first request with feedback that has it.
 * @throws SETTING_INVALID when there are answers with feedback, and none has it
 */
export async function checkOutput(
  files: readonly string[],
  labels: ReadonlyMap<string, unknown>,
  { output, api }: { output: string; api: string | undefined },
): Promise<void> {
  const names = new Set<string>();
  let answers = 0;
  if (labels.size === 0) return;
  for await (const line of readLogLines(files, createReadLog())) {
    if (!labels.has(line["http.request.id"] as string)) continue;
    const call = readCall(line);
    if (typeof call === "string" || call.status >= 300) continue;
    if (api !== undefined && call.api !== api) continue;
    const fields = readOutputFields(call.answer.mediaType, call.answer.bytes);
    if (findField(fields, output) !== undefined) return;
    answers++;
    for (const path of fields.keys())
      if (names.size < MOST_NAMES) names.add(toFieldName(path) || path);
  }
  if (answers === 0) return;
  const those =
    answers === 1
      ? "the one recorded answer with feedback has no"
      : `none of ${answers} recorded answers with feedback has a`;
  throw new EkibenError("SETTING_INVALID", {
    detail: `--output: ${those} field "${output}".`,
    hint: printChoice(answers, output, [...names]),
    received: output,
  });
}

function printChoice(records: number, wanted: string, names: readonly string[]): string {
  const closest = findClosestName(wanted, names);
  const meant = closest === undefined ? "" : ` Did you mean "${closest}"?`;
  return `${records === 1 ? "It has" : "They have"} ${printNames(names) || "none"}.${meant}`;
}

/** Compares outputs with labels as they come. */
export class FeedbackTally {
  #joined = 0;
  #values = 0;
  #numbers = 0;
  readonly #hits = { before: 0, after: 0 };
  readonly #absolute = { before: 0, after: 0 };
  readonly #squared = { before: 0, after: 0 };

  constructor(
    private readonly labels: ReadonlyMap<string, unknown>,
    private readonly threshold = 0.5,
  ) {}

  add(requestId: string, before: readonly unknown[] = [], after: readonly unknown[] = []): void {
    if (!this.labels.has(requestId)) return;
    const label = this.labels.get(requestId);
    const truths: unknown[] = Array.isArray(label) ? label : [label];
    if (truths.length !== before.length || truths.length !== after.length) return;
    this.#joined++;
    for (const [at, truth] of truths.entries()) {
      this.#values++;
      this.#count("before", truth, before[at]);
      this.#count("after", truth, after[at]);
      if (typeof truth === "number") this.#numbers++;
    }
  }

  #count(side: "before" | "after", truth: unknown, output: unknown): void {
    if (typeof truth === "number" && typeof output === "number") {
      const error = Math.abs(truth - output);
      this.#absolute[side] += error;
      this.#squared[side] += error * error;
    }
    const said =
      typeof truth === "boolean" && typeof output === "number" ? output >= this.threshold : output;
    if (said === truth) this.#hits[side]++;
  }

  report(): FeedbackReport {
    const share = (sums: { before: number; after: number }, root = false) => {
      const of = (sum: number): number =>
        root ? Math.sqrt(sum / this.#values) : sum / this.#values;
      return { before: of(sums.before), after: of(sums.after) };
    };
    const areNumbers = this.#values > 0 && this.#numbers === this.#values;
    return {
      joined: this.#joined,
      values: this.#values,
      unmatched: this.labels.size - this.#joined,
      ...(this.#values === 0 || areNumbers ? {} : { accuracy: share(this.#hits) }),
      ...(areNumbers ? { mae: share(this.#absolute), rmse: share(this.#squared, true) } : {}),
    };
  }
}
