import type { Danfojs } from "./danfojs.js";
import { createUnknownColumn, isProbe } from "./unknown-column.js";

/** What danfojs keeps in a DataFrame. */
interface Inside {
  $data: unknown[][];
  $index: (string | number)[];
  $columns: string[];
  $dtypes: string[];
  $config: { isLowMemoryMode: boolean };
}

type ReadColumn = (this: Inside, name: string, asSeries?: boolean) => unknown;
type SeriesClass = new (
  data: unknown[],
  options: object,
) => Pick<Inside, "$index"> & {
  $data: unknown[];
};

/** Copies of columns that were read, by name, and of the index; each is checked before its next use. */
class Kept {
  readonly columns = new Map<string, unknown[]>();
  index: Inside["$index"] | undefined;
}

/** By the object, since nothing of ours may show among its properties. */
const kept = new WeakMap<object, Kept>();
const prototypes = new WeakMap<object, object>();

/**
 * The prototype of a DataFrame of ours that is in use: danfojs's, but a column that does not exist is
 * an error, and one that was read before is not copied again.
 */
export function findUsedPrototype({ DataFrame: constructor }: Danfojs): object {
  const { prototype } = constructor;
  let found = prototypes.get(prototype);
  if (found === undefined) {
    found = createPrototype(prototype, constructor);
    prototypes.set(prototype, found);
  }
  return found;
}

/** What danfojs reads in its loops: found before the guard, which is slower. */
const OFTEN_READ = ["values", "index", "columns", "shape", "dtypes", "config"];

function createPrototype(prototype: object, constructor: Danfojs["DataFrame"]): object {
  const guard = new Proxy(prototype, {
    get(target, key, receiver: object) {
      if (key in target || typeof key === "symbol" || isProbe(key)) {
        return Reflect.get(target, key, receiver);
      }
      const { $columns: columns } = receiver as Partial<Inside>;
      // Somebody looks at the prototype itself.
      if (columns === undefined) return undefined;
      throw createUnknownColumn(key, columns.map(String));
    },
    // So that `instanceof` finds danfojs's class.
    getPrototypeOf: (target) => target,
  });
  const { $getColumnData: readColumn } = prototype as { $getColumnData: ReadColumn };
  const { constructor: series } = new constructor([[1]], { columns: ["a"] }).column("a");
  const used = Object.create(guard, {
    $getColumnData: {
      value: createColumnReader(readColumn, series as unknown as SeriesClass),
      writable: true,
      configurable: true,
    },
  }) as object;
  for (const key of OFTEN_READ) {
    Object.defineProperty(used, key, {
      get(this: object): unknown {
        return Reflect.get(prototype, key, this);
      },
      configurable: true,
    });
  }
  return used;
}

/**
 * danfojs's own reader copies the column and the index and looks for doubles in the index, at each
 * access: 7 ms for 20,000 rows. This one makes a Series of its own each time too, and copies of the
 * cells and of the index only when those that were handed out last are no longer equal to the
 * DataFrame's. Comparing sees every change, also of rows that somebody holds, or of the copies.
 */
function createColumnReader(readColumn: ReadColumn, constructor: SeriesClass): ReadColumn {
  return function $getColumnData(name, asSeries = true) {
    const { $data: rows, $index: index, $config: config } = this;
    const at = this.$columns.indexOf(name);
    if (at === -1) throw createUnknownColumn(String(name), this.$columns.map(String));
    const plain = config.isLowMemoryMode && rows.length > 0 && index.length === rows.length;
    if (!asSeries || !plain) return readColumn.call(this, name, asSeries);
    let own = kept.get(this);
    if (own === undefined) kept.set(this, (own = new Kept()));
    const before = own.columns.get(name);
    const cells = before !== undefined && holds(before, rows, at) ? before : copy(rows, at);
    // What danfojs would not take for the cells of a Series it shall say itself.
    if (cells[0] !== null && !CELLS.has(typeof cells[0])) return readColumn.call(this, name);
    own.columns.set(name, cells);
    if (own.index === undefined || !equals(own.index, index)) own.index = [...index];
    const dtypes = [this.$dtypes[at]];
    const series = new constructor([], { columns: [name], dtypes, config: { ...config } });
    series.$data = cells;
    series.$index = own.index;
    return series;
  };
}

const CELLS: ReadonlySet<string> = new Set(["number", "string", "boolean"]);

function copy(rows: readonly unknown[][], at: number): unknown[] {
  const cells: unknown[] = [];
  for (let row = 0; row < rows.length; row++) cells.push(rows[row]![at]);
  return cells;
}

function holds(cells: readonly unknown[], rows: readonly unknown[][], at: number): boolean {
  if (cells.length !== rows.length) return false;
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row];
    const now = rows[row]![at];
    // As `Object.is`, which takes three times as long here: NaN is NaN, and -0 is not 0.
    if (cell !== now ? cell === cell || now === now : cell === 0 && !Object.is(cell, now)) {
      return false;
    }
  }
  return true;
}

function equals(one: readonly unknown[], other: readonly unknown[]): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
