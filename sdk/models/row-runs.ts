import { toInputError } from "./input-error.js";
import type { RawOutput } from "./output-tensor.js";
import { stackRows, takeRows } from "./row-tensors.js";
import type { Feed } from "./tensor-value.js";
import type { Tensor, TensorSlot } from "../tensor/tensor.js";
import { joinOutputs, type OutputPart } from "./joined-output.js";

/** How rows may share the runs of a model. */
export interface RowPolicy {
  /** Rows that one run takes; `null`: any number. */
  readonly size: number | null;
  /** Whether a run of several rows answers each as if it were alone. */
  readonly shared: boolean;
}

export type Feeds = Readonly<Record<string, Tensor>>;

/** One run of a model. */
interface RowRun {
  /** The rows that it answers, in their order. */
  readonly rows: readonly number[];
  /** Rows that it is given: more than those where it is filled. */
  readonly ran: number;
  readonly feeds: Feeds;
}

/** Whether any number of rows can be given: they are put into runs of the size that the model has. */
export function takesAnyRows({ size, shared }: RowPolicy): boolean {
  return size === null || size === 1 || shared;
}

/** Feeds that go in as they are, in one run. */
export function areOneRun(
  feeds: Readonly<Record<string, Feed>>,
  policy: RowPolicy,
): feeds is Feeds {
  if (policy.size === null ? !policy.shared : takesAnyRows(policy)) return false;
  return !Object.values(feeds).some((feed) => Array.isArray(feed));
}

/**
 * Puts rows into runs: those of one shape together where they may be, and in pieces where a run takes
 * so many. The last piece is filled with its last row, whose answers are dropped.
 * @throws MODEL_INPUT_INVALID when inputs differ in their number of rows.
 */
export function planRuns(
  model: string,
  slots: readonly TensorSlot[],
  feeds: Readonly<Record<string, Feed>>,
  policy: RowPolicy,
): { count: number; runs: readonly RowRun[] } {
  const perRow = slots.filter((slot) => hasRows(slot, feeds[slot.name]!, policy));
  const count = countRows(model, perRow, feeds);
  const most = policy.size ?? (policy.shared ? count : 1);
  const runs: RowRun[] = [];
  for (const group of groupByShape(perRow, feeds, count)) {
    for (let at = 0; at < group.length; at += most) {
      const rows = group.slice(at, at + most);
      const filled = [...rows];
      while (policy.size !== null && filled.length < most) filled.push(rows.at(-1)!);
      const taken = perRow.map(({ name }) => [name, takeFeed(feeds[name]!, filled)] as const);
      runs.push({
        rows,
        ran: filled.length,
        feeds: { ...(feeds as Feeds), ...Object.fromEntries(taken) },
      });
    }
  }
  return { count, runs };
}

/**
 * Runs the model on all rows and puts the answers back into their order.
 * @throws MODEL_INPUT_INVALID; MODEL_RUN_FAILED when answers of different shapes cannot be joined.
 */
export async function runRows(
  plan: { count: number; runs: readonly RowRun[] },
  outputs: readonly TensorSlot[],
  run: (feeds: Feeds) => Promise<RawOutput[]>,
): Promise<RawOutput[]> {
  const parts: OutputPart[][] = outputs.map(() => []);
  for (const { rows, ran, feeds } of plan.runs) {
    const answer = await run(feeds);
    answer.forEach((output, k) => parts[k]!.push({ rows, ran, output }));
  }
  return outputs.map(({ name }, k) => joinOutputs(name, parts[k]!, plan.count));
}

/** A value that is the same for all rows, such as a temperature, is declared with a fixed size. */
export function hasRows(slot: TensorSlot, feed: Feed, { size }: RowPolicy): boolean {
  if (isList(feed) || size !== null) return true;
  if (slot.shape.length === 0) return feed.dims.length > 0;
  return slot.shape[0] === null;
}

function isList(feed: Feed): feed is readonly Tensor[] {
  return Array.isArray(feed);
}

function countOf(feed: Feed): number {
  return isList(feed) ? feed.length : feed.dims[0]!;
}

function countRows(
  model: string,
  slots: readonly TensorSlot[],
  feeds: Readonly<Record<string, Feed>>,
): number {
  const [first] = slots;
  if (first === undefined) return 1;
  const count = countOf(feeds[first.name]!);
  const odd = slots.find(({ name }) => countOf(feeds[name]!) !== count);
  if (odd === undefined) return count;
  throw toInputError(model, {
    detail: `the input ${JSON.stringify(first.name)} has ${count} rows, and ${JSON.stringify(odd.name)} has ${countOf(feeds[odd.name]!)}.`,
    hint: "Give as many rows to every input.",
    expected: count,
    received: countOf(feeds[odd.name]!),
  });
}

function groupByShape(
  slots: readonly TensorSlot[],
  feeds: Readonly<Record<string, Feed>>,
  count: number,
): number[][] {
  const ragged = slots.map(({ name }) => feeds[name]!).filter(isList);
  const groups = new Map<string, number[]>();
  for (let row = 0; row < count; row += 1) {
    const shape = ragged.map((feed) => feed[row]!.dims.join()).join(";");
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

function takeFeed(feed: Feed, rows: readonly number[]): Tensor {
  return isList(feed) ? stackRows(rows.map((row) => feed[row]!)) : takeRows(feed, rows);
}
