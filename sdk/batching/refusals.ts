import type { Cancellable } from "../core/cancellation.js";
import { EkibenError } from "../core/errors.js";
import type { ShedReason } from "./batch.js";
import type { CostFit } from "./fit.js";
import type { Limits } from "./limits.js";
import type { Ticket } from "./ticket.js";

/** The size and the moments of a ticket. */
type Waiting = Pick<Ticket<unknown, unknown>, "job" | "items" | "queued" | "expires" | "deadline">;

/** What the messages of refusals tell: the queue and what its work costs. */
export interface Load {
  name: string;
  limits: Limits;
  fit: CostFit;
  queuedRequests: number;
  queuedItems: number;
  queuedBytes: number;
  running: number;
}

/**
 * Seconds until what waits now has been worked off: full batches by the fit, as many at once as
 * there are slots, and the batches that run now counted as full. At least one second.
 */
function toRetryAfter({ limits, fit, queuedItems, running }: Load): number {
  const full = fit.estimate(limits.maxBatchSize) ?? 0;
  const batches = queuedItems / limits.maxBatchSize + running;
  return Math.max(1, Math.ceil((full * batches) / limits.concurrency / 1000));
}

const toQueueText = ({ queuedRequests, queuedItems }: Load): string =>
  `${count(queuedRequests, "request")} with ${count(queuedItems, "item")} ` +
  `${queuedRequests === 1 ? "waits" : "wait"}`;

const count = (amount: number, noun: string): string =>
  `${amount} ${noun}${amount === 1 ? "" : "s"}`;

const milliseconds = (ms: number): string => `${Number(ms.toFixed(ms < 10 ? 1 : 0))} ms`;

export function queueFull(load: Load, items: number): EkibenError {
  const limit = load.limits.maxQueueItems;
  return new EkibenError("QUEUE_FULL", {
    detail: `The queue of "${load.name}" has no room for ${count(items, "item")}: ${toQueueText(load)}, the limit is ${limit} items.`,
    expected: limit,
    received: load.queuedItems + items,
    retryAfter: toRetryAfter(load),
  });
}

export function queueBytesFull(load: Load, bytes: number): EkibenError {
  const limit = load.limits.maxQueueBytes;
  return new EkibenError("QUEUE_FULL", {
    detail: `The queue of "${load.name}" has no room for ${count(bytes, "byte")}: ${toQueueText(load)}, which hold ${count(load.queuedBytes, "byte")}, the limit is ${limit} bytes.`,
    expected: limit,
    received: load.queuedBytes + bytes,
    retryAfter: toRetryAfter(load),
  });
}

/** `estimateMs` is the cost of the batch that the job would be in, `undefined` when not known. */
export function deadlineUnreachable(
  load: Load,
  ticket: Waiting,
  { now, estimateMs }: { now: number; estimateMs?: number | undefined },
): EkibenError {
  const { job, queued, expires, deadline } = ticket;
  const arrived = job.arrived ?? queued;
  const limitMs = deadline === expires ? load.limits.maxLatencyMs : deadline - arrived;
  const who = deadline === expires ? "" : ", the time that its client gives it";
  const way =
    queued - arrived < 1 ? "" : `the request took ${milliseconds(queued - arrived)} to get here, `;
  const waited = `${way}${way === "" ? "the request" : "it"} has waited ${milliseconds(now - queued)}`;
  const queue = load.queuedRequests === 0 ? "" : `, ${toQueueText(load)}`;
  const obstacle =
    estimateMs !== undefined && estimateMs >= limitMs
      ? `${toBatchText(load, ticket, { estimateMs, limitMs })}, more than that by itself; ${waited}`
      : `${waited}, ${toEstimateText(estimateMs, deadline - now)}`;
  return new EkibenError("DEADLINE_UNREACHABLE", {
    detail: `"${load.name}" cannot answer within ${milliseconds(limitMs)}${who}: ${obstacle}${queue}.`,
    expected: Math.round(limitMs),
    received: Math.round(now - arrived + (estimateMs ?? 0)),
    retryAfter: toRetryAfter(load),
  });
}

/** Of a batch that is too slow for any request: whether the job needs the others for that. */
function toBatchText(
  { fit }: Load,
  { items }: Waiting,
  { estimateMs, limitMs }: { estimateMs: number; limitMs: number },
): string {
  const ownMs = fit.estimate(items) ?? 0;
  return ownMs >= limitMs
    ? `a batch of its ${count(items, "item")} would take about ${milliseconds(ownMs)}`
    : `the batch that it would be in would take about ${milliseconds(estimateMs)}`;
}

function toEstimateText(estimateMs: number | undefined, leftMs: number): string {
  if (estimateMs === undefined) return "the cost of a batch is not known yet";
  const text = `its batch would take about ${milliseconds(estimateMs)}`;
  return estimateMs < leftMs ? `${text} and leave too little time for its answer` : text;
}

export const draining = (name: string): EkibenError =>
  new EkibenError("SERVER_DRAINING", {
    detail: `"${name}" takes no more requests because it is being stopped.`,
    retryAfter: 1,
  });

/** The reason that was given to `abort()`; without one, that the client has gone. */
export function toAbortReason(signal: Cancellable): unknown {
  const reason: unknown = signal.reason;
  const given = !(reason instanceof DOMException && reason.name === "AbortError");
  if (given && reason !== undefined) return reason;
  return new EkibenError("CLIENT_CLOSED", {
    detail: "The client went before the request was answered.",
    cause: reason,
  });
}

/** Under which reason a job is counted that was given up. */
export function toAbortShed(reason: unknown): ShedReason {
  return reason instanceof EkibenError && reason.code === "REQUEST_TIMEOUT" ? "timeout" : "aborted";
}

export const wrongOutcomeCount = (name: string, jobs: number, outcomes: unknown): EkibenError => {
  const received = Array.isArray(outcomes) ? outcomes.length : `no list but ${typeof outcomes}`;
  return new EkibenError("INTERNAL", {
    detail: `A batch of "${name}" with ${count(jobs, "job")} came back with ${typeof received === "number" ? count(received, "outcome") : received}.`,
    expected: jobs,
    received,
  });
};

export const missingOutcome = (): EkibenError =>
  new EkibenError("INTERNAL", { detail: "A batch came back without an outcome for this job." });

export const itemCountInvalid = (name: string, items: unknown): EkibenError =>
  new EkibenError("INTERNAL", {
    detail: `A job of "${name}" does not say how many items it holds.`,
    expected: "a whole number from 0",
    received: typeof items === "number" ? String(items) : typeof items,
  });
