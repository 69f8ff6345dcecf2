import type { RawOutput } from "./output-tensor.js";
import { stackRows } from "./row-tensors.js";
import type { ExampleRows } from "./onnx-example.js";
import type { Feeds } from "./row-runs.js";
import { sliceRows, type NumberArray, type Tensor } from "../tensor/tensor.js";

/**
 * How far the answers for one row may differ between two runs and still be one answer: batches are
 * added up in another order. A model whose rows know of each other is off by far more.
 */
const CLOSE = { abs: 1e-4, rel: 1e-2 };

type Run = (feeds: Feeds) => Promise<readonly RawOutput[]>;

/**
 * Tries whether rows that share a run answer as they do alone. `undefined`: the trial tells nothing,
 * because the model does not take these rows, answers something else each time, or does not answer
 * row by row.
 */
export async function tryRowsApart(
  run: Run,
  rows: ExampleRows,
  size: number | null,
): Promise<boolean | undefined> {
  if (size === 1) return true;
  try {
    return size === null ? await tryAnySize(run, rows) : await tryFixedSize(run, rows, size);
  } catch {
    return undefined;
  }
}

async function tryAnySize(run: Run, rows: ExampleRows): Promise<boolean | undefined> {
  const first = await run(rows([0]));
  const again = await run(rows([0]));
  const second = await run(rows([1]));
  const both = await run(rows([0, 1]));
  const told = both.map(
    (output, k) => output.dims[0] === 2 && first[k]!.dims[0] === 1 && second[k]!.dims[0] === 1,
  );
  const alone = first.map((output, k) =>
    told[k] ? stackRows([output as Tensor, second[k] as Tensor]) : output,
  );
  return compare({ told, first, again, alone, together: both });
}

/** Row 0 in the company of some rows and of others. */
async function tryFixedSize(
  run: Run,
  rows: ExampleRows,
  size: number,
): Promise<boolean | undefined> {
  const withOthers = (other: number): Feeds =>
    rows(Array.from({ length: size }, (_, i) => (i === 0 ? 0 : other)));
  const first = await run(withOthers(1));
  const again = await run(withOthers(1));
  const other = await run(withOthers(2));
  const told = first.map((output) => output.dims[0] === size);
  const row = (outputs: readonly RawOutput[]): readonly RawOutput[] =>
    outputs.map((output, k) => (told[k] ? sliceRows(output as Tensor, 0, 1) : output));
  return compare({ told, first, again, alone: row(first), together: row(other) });
}

interface Answers {
  /** The outputs that have their rows in the first dimension. */
  told: readonly boolean[];
  first: readonly RawOutput[];
  again: readonly RawOutput[];
  alone: readonly RawOutput[];
  together: readonly RawOutput[];
}

function compare({ told, first, again, alone, together }: Answers): boolean | undefined {
  if (!told.includes(true)) return undefined;
  const same = (a: readonly RawOutput[], b: readonly RawOutput[]): boolean => {
    // A label may change with the last digit of the numbers that it is made of: they decide.
    const numbers = a.map(({ data }, k) => told[k] && isFloats(data));
    const decide = numbers.includes(true) ? numbers : told;
    return a.every((output, k) => !decide[k] || areClose(output, b[k]!));
  };
  if (!same(first, again)) return undefined;
  return same(alone, together);
}

function isFloats(data: unknown): boolean {
  return data instanceof Float32Array || data instanceof Float64Array;
}

function areClose(a: RawOutput, b: RawOutput): boolean {
  if (String(a.dims) !== String(b.dims)) return false;
  const [left, right] = [a.data, b.data] as [NumberArray, NumberArray];
  if (!isFloats(left)) return left.every((value, i) => value === right[i]);
  return left.every((value, i) => {
    const other = right[i]!;
    if (Object.is(value, other) || value === other) return true;
    return Math.abs(value - other) <= CLOSE.abs + CLOSE.rel * Math.abs(other);
  });
}
