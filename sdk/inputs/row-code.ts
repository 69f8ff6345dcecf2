import { z } from "zod";
import type { Column, ColumnKind } from "../frame/column.js";
import type { ColumnPlan } from "./row-plan.js";
import { isInherited } from "./row-schema.js";
import { presenceOf } from "./zod-inside.js";

/** Whether a row is valid; it is then changed to what its columns' schemas made of it. */
export type CheckRow = (row: unknown) => boolean;

/** Writes rows that were checked into columns made by `createColumns`. */
export type FillColumns = (rows: readonly object[], columns: readonly Column[]) => void;

/** Reads one value with a column's own schema; `FAILED` when it is not valid. */
type ReadValue = (value: unknown) => unknown;

const FAILED = Symbol("failed");

/**
 * Generates the check of a row. It agrees with zod on every row that JSON can bring, and throws
 * where code may not be generated.
 */
export function compileCheck(plans: readonly ColumnPlan[], refuseUnknown: boolean): CheckRow {
  const readers: ReadValue[] = [];
  const checks: string[] = [];
  const writes: string[] = [];
  for (const plan of plans) {
    const cell = cellOf(plan);
    if (plan.test === undefined) {
      const at = readers.push(createReader(plan.schema)) - 1;
      checks.push(`const s${at} = read[${at}](${cell}); if (s${at} === FAILED) return false;`);
      writes.push(`if (s${at} !== ${cell}) row[${JSON.stringify(plan.name)}] = s${at};`);
    } else {
      const missing = `${plan.nullable ? "v !== null && " : ""}${plan.optional ? "v !== undefined && " : ""}`;
      checks.push(`{ const v = ${cell}; if (${missing}!(${plan.test})) return false; }`);
    }
  }
  const body = `return (row) => {
    if (typeof row !== "object" || row === null || Array.isArray(row)) return false;
    ${checks.join("\n")}
    ${refuseUnknown ? "for (const name in row) if (!known.has(name)) return false;" : ""}
    ${writes.join("\n")}
    return true;
  };`;
  const known = new Set(plans.map(({ name }) => name));
  return new Function("read", "FAILED", "known", body)(readers, FAILED, known) as CheckRow;
}

function cellOf({ name }: ColumnPlan): string {
  const key = JSON.stringify(name);
  return isInherited(name)
    ? `(Object.hasOwn(row, ${key}) ? row[${key}] : undefined)`
    : `row[${key}]`;
}

/** What zod does with the property of an object: JSON cannot say `undefined`, so that is absence. */
function createReader(schema: z.ZodType): ReadValue {
  const compiled = z.compile(schema);
  const { optin, optout } = presenceOf(schema);
  return (value) => {
    if (value === undefined) {
      if (optin === undefined) return FAILED;
      if (optin === "optional" && optout === "optional") return undefined;
      const absent = compiled.safeParse(undefined);
      if (absent.success) return absent.data;
      return optout === "optional" ? undefined : FAILED;
    }
    const result = compiled.safeParse(value);
    return result.success ? result.data : FAILED;
  };
}

/** Empty columns for a number of rows. */
export function createColumns(plans: readonly ColumnPlan[], rows: number): Column[] {
  const wide = plans.filter(({ kind }) => EIGHT_BYTES.has(kind)).length;
  // From nine rows on one block is cheaper than one allocation a column.
  const block = rows > 8 ? new ArrayBuffer(wide * rows * 8) : undefined;
  let at = 0;
  return plans.map(({ kind, nullable, optional }) => {
    const offset = at;
    if (EIGHT_BYTES.has(kind)) at += rows * 8;
    const missing = (allowed: boolean): { missing?: Uint8Array } =>
      allowed ? { missing: new Uint8Array(rows) } : {};
    switch (kind) {
      case "float64":
      case "int":
      case "date": {
        const values = block ? new Float64Array(block, offset, rows) : new Float64Array(rows);
        return { kind, values, ...missing(nullable || optional) };
      }
      case "bigint": {
        const values = block ? new BigInt64Array(block, offset, rows) : new BigInt64Array(rows);
        return { kind, values, ...missing(nullable || optional) };
      }
      case "boolean":
        return { kind, values: new Uint8Array(rows), ...missing(nullable || optional) };
      case "string":
        return { kind, values: [], ...missing(optional) };
      case "json":
        return { kind, values: [] };
    }
  });
}

const EIGHT_BYTES: ReadonlySet<ColumnKind> = new Set(["float64", "int", "date", "bigint"]);

/** Generates the loop over the rows, which writes all columns of a row at once. */
export function compileFill(plans: readonly ColumnPlan[]): FillColumns {
  const names = plans.map(
    (_, at) => `const c${at} = columns[${at}].values, m${at} = columns[${at}].missing;`,
  );
  const body = `${names.join("\n")}
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      let v;
      ${plans.map(writeCell).join("\n")}
    }`;
  return new Function("rows", "columns", body) as FillColumns;
}

function writeCell(plan: ColumnPlan, at: number): string {
  const { kind, nullable, optional } = plan;
  const empty = { float64: "NaN", int: "NaN", date: "NaN", bigint: "0n", boolean: "0" } as const;
  const cell = `v = ${cellOf(plan)};`;
  if (kind === "json") return `${cell} c${at}.push(v);`;
  if (kind === "string") {
    const put = optional ? `c${at}.push(v === undefined ? null : v);` : `c${at}.push(v);`;
    const mask = optional
      ? ` if (v === undefined) m${at}[i] = 2; else if (v === null) m${at}[i] = 1;`
      : "";
    return `${cell} ${put}${mask}`;
  }
  const put = `c${at}[i] = ${kind === "boolean" ? "v === true ? 1 : 0" : kind === "date" ? "v.getTime()" : "v"};`;
  if (!nullable && !optional) return `${cell} ${put}`;
  const mask = nullable && optional ? "v === null ? 1 : 2" : nullable ? "1" : "2";
  return `${cell} if (v === null || v === undefined) { c${at}[i] = ${empty[kind]}; m${at}[i] = ${mask}; } else ${put}`;
}

/** The same writes without generated code: one loop a column. */
export function createFill(plans: readonly ColumnPlan[]): FillColumns {
  return (rows, columns) => {
    plans.forEach(({ name }, at) => {
      const column = columns[at]!;
      const inherited = isInherited(name);
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i] as Record<string, unknown>;
        putCell(column, i, inherited && !Object.hasOwn(row, name) ? undefined : row[name]);
      }
    });
  };
}

function putCell(column: Column, row: number, value: unknown): void {
  const missing = value === null ? 1 : value === undefined ? 2 : 0;
  if (missing !== 0 && column.missing !== undefined) column.missing[row] = missing;
  if (column.kind === "json") (column.values as unknown[]).push(value);
  else if (column.kind === "string") (column.values as unknown[]).push(value ?? null);
  else if (column.kind === "bigint")
    column.values[row] = (value as bigint | null | undefined) ?? 0n;
  else if (column.kind === "boolean") column.values[row] = value === true ? 1 : 0;
  else if (missing !== 0) column.values[row] = Number.NaN;
  else column.values[row] = column.kind === "date" ? (value as Date).getTime() : (value as number);
}
