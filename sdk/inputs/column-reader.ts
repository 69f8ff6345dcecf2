import type { ColumnKind } from "../frame/column.js";
import { fillNotSent } from "./cell-table.js";
import { ColumnTable } from "./column-table.js";
import {
  createDraft,
  createReader,
  FAILED,
  ownMask,
  toColumns,
  toEmpty,
  toSlot,
  type Draft,
} from "./row-code.js";
import type { ColumnPlan } from "./row-plan.js";
import type { SentCell } from "./sent-cell.js";

/** Columns with the values that JSON would have brought; `null` and NaN say that one is missing. */
export interface SentColumns {
  readonly rowCount: number;
  readonly columns: ReadonlyMap<string, ArrayLike<unknown>>;
}

/** Checks columns and makes a table of them; `undefined` when a row is not valid. */
export type ReadColumns = (sent: SentColumns) => ColumnTable | undefined;

/** Checks one column and writes it into a draft; false when a value is not valid. */
type ReadColumn = (values: ArrayLike<unknown>, draft: Draft, rowCount: number) => boolean;

/**
 * Makes the reader of columns for rows whose columns alone say whether they are valid. It takes what
 * the check of `row-code.ts` takes, and has nothing to explain.
 * @throws EvalError where code may not be generated.
 */
export function createColumnReader(
  plans: readonly ColumnPlan[],
  cells: readonly SentCell[],
  refuseUnknown: boolean,
): ReadColumns {
  const readers = plans.map((plan, at) =>
    plan.test === undefined ? createSchemaReader(plan, cells[at]!, at) : compileReader(plan, at),
  );
  const known = new Set(plans.map(({ name }) => name));
  return ({ rowCount, columns }) => {
    if (refuseUnknown && [...columns.keys()].some((name) => !known.has(name))) return undefined;
    const draft = createDraft(plans, rowCount);
    for (let at = 0; at < plans.length; at++) {
      const plan = plans[at]!;
      const values = columns.get(plan.name);
      if (values !== undefined) {
        if (!readers[at]!(values, draft, rowCount)) return undefined;
      } else if (plan.test !== undefined) {
        if (!plan.optional) return undefined;
        fillNotSent(draft, at, 0, rowCount);
      } else if (!readers[at]!([], draft, rowCount)) return undefined;
    }
    return new ColumnTable(toColumns(plans, draft), rowCount);
  };
}

const EMPTY: Readonly<Record<ColumnKind, string>> = {
  float64: "NaN",
  int: "NaN",
  date: "NaN",
  boolean: "0",
  bigint: "0n",
  string: "null",
  json: "null",
};

/** Generates the loop over a column whose rules are all known. */
function compileReader({ kind, nullable, optional, test }: ColumnPlan, at: number): ReadColumn {
  const code = nullable ? "1" : "2";
  const write = (value: string): string =>
    kind === "string" ? `out.push(${value});` : `out[i] = ${value};`;
  // Texts that may only be null have no mask.
  const marks = kind !== "string" || optional;
  const mark = marks
    ? `if (mask === zeros) mask = masks[${at}] = new Uint8Array(zeros.length); mask[i] = ${code};`
    : "";
  const missing =
    nullable || optional ? `${write(EMPTY[kind])} ${mark} continue;` : "return false;";
  // A value that was not sent is another thing than null where both may come.
  const absent = nullable ? "if (v === undefined) return false;" : "";
  const body = `
    const out = draft.values[${at}]; const { masks, zeros } = draft; let mask = masks[${at}];
    for (let i = 0; i < rowCount; i++) {
      const v = values[i];
      if (v === null || v === undefined || v !== v) { ${absent} ${missing} }
      if (!(${test})) return false;
      ${write(kind === "boolean" ? "v === true ? 1 : 0" : "v")}
    }
    return true;`;
  return new Function("values", "draft", "rowCount", body) as ReadColumn;
}

/** The loop over a column that its own schema checks, cell by cell. */
function createSchemaReader(plan: ColumnPlan, cell: SentCell, at: number): ReadColumn {
  const read = createReader(plan.schema);
  const { kind } = plan;
  const list = kind === "string" || kind === "json";
  return (values, draft, rowCount) => {
    const out = draft.values[at] as unknown[];
    const masked = draft.masks[at] !== undefined;
    for (let row = 0; row < rowCount; row++) {
      const value = read(toSent(values[row], cell));
      if (value === FAILED) return false;
      const missing = value === null || value === undefined;
      if (missing && masked) ownMask(draft, at)[row] = value === null ? 1 : 2;
      const slot = missing ? toEmpty(kind, value) : toSlot(kind, value);
      if (list) out.push(slot);
      else out[row] = slot;
    }
    return true;
  };
}

/** A value as a row would have it: formats of columns cannot leave a cell out but by `null`. */
export function toSent(value: unknown, cell: SentCell | undefined): unknown {
  const missing = value === null || Number.isNaN(value);
  if (!missing) return value;
  return cell !== undefined && !cell.nullable && cell.optional ? undefined : null;
}
