import type { TicketQueue } from "./queue.js";
import type { Ticket } from "./ticket.js";

/** What leaves the queue at one wake-up. */
export interface Departure<Value, Result> {
  /** The next batch, in order of arrival; empty when nothing that waited can be answered in time. */
  readonly batch: readonly Ticket<Value, Result>[];
  readonly items: number;
  readonly aborted: readonly Ticket<Value, Result>[];
  readonly late: readonly Late<Value, Result>[];
}

export interface Late<Value, Result> {
  readonly ticket: Ticket<Value, Result>;
  /** The cost of the batch that the ticket would have been in; `undefined` when not known. */
  readonly estimateMs: number | undefined;
}

export interface Conditions {
  readonly now: number;
  /** The most items of a batch; a ticket with more goes alone. */
  readonly maxBatchSize: number;
  estimate(items: number): number | undefined;
  /** What an answer still takes after its batch: it is taken apart, printed and sent. */
  readonly answerMs: number;
  /**
   * Whether nothing runs. Then the last ticket is not given up for its estimate: after an estimate
   * that is too high nothing would ever run again, and so nothing would correct it.
   */
  readonly idle: boolean;
}

// Under overload every batch begins when its oldest job can just make it. What an event loop adds to
// a batch is hardly ever nothing, so without a share for it most such answers come a moment too late,
// all of their work for nothing.
const ESTIMATE_MARGIN = 1.05;

/**
 * Takes the oldest tickets up to the largest batch. The ticket that is due first, which is the oldest
 * unless one is hasty, is taken out as late when its deadline comes before the end of that batch, and
 * the batch is filled up with the tickets after it.
 */
export function takeBatch<Value, Result>(
  queue: TicketQueue<Value, Result>,
  conditions: Conditions,
): Departure<Value, Result> {
  const { now, maxBatchSize } = conditions;
  const batch: Ticket<Value, Result>[] = [];
  const aborted: Ticket<Value, Result>[] = [];
  const late: Late<Value, Result>[] = [];
  // Tickets of `batch` before `head` have been given up.
  let head = 0;
  let items = 0;
  let hasty = false;

  for (;;) {
    let next = queue.first;
    while (next !== undefined && (items === 0 || items + next.items <= maxBatchSize)) {
      queue.remove(next);
      if (next.job.signal?.aborted === true) {
        aborted.push(next);
      } else {
        batch.push(next);
        hasty ||= next.hasty;
        items += next.items;
      }
      next = queue.first;
    }
    const at = hasty ? findFirstDue(batch, head) : head;
    const due = batch[at];
    if (due === undefined) break;
    // Without a limit there is nothing to estimate.
    if (due.deadline === Number.POSITIVE_INFINITY) break;
    const estimateMs = conditions.estimate(items);
    if (now < due.deadline) {
      const end = now + (estimateMs ?? 0) * ESTIMATE_MARGIN + conditions.answerMs;
      if (end <= due.deadline) break;
      if (conditions.idle && head === batch.length - 1 && next === undefined) break;
    }
    late.push({ ticket: due, estimateMs });
    items -= due.items;
    if (at === head) head++;
    else batch.splice(at, 1);
  }

  return { batch: head === 0 ? batch : batch.slice(head), items, aborted, late };
}

function findFirstDue(batch: readonly { deadline: number }[], from: number): number {
  let first = from;
  for (let at = from + 1; at < batch.length; at++) {
    if (batch[at]!.deadline < batch[first]!.deadline) first = at;
  }
  return first;
}

/** Takes out the oldest tickets that have expired; one out of order has a timer of its own. */
export function takeExpired<Value, Result>(
  queue: TicketQueue<Value, Result>,
  now: number,
): Ticket<Value, Result>[] {
  const expired: Ticket<Value, Result>[] = [];
  while (queue.first !== undefined && queue.first.expires <= now) {
    expired.push(queue.first);
    queue.remove(queue.first);
  }
  return expired;
}
