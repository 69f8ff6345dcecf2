import { z } from "zod";
import type { Column, ColumnKind } from "../frame/column.js";
import type { ColumnPlan } from "./row-plan.js";
import { isInherited } from "./row-schema.js";
import { presenceOf } from "./zod-inside.js";

/** Whether a row is valid; it is then changed to what its columns' schemas made of it. */
export type CheckRow = (row: unknown) => boolean;

/** Columns while they are written. */
export interface Draft {
  readonly values: Column["values"][];
  readonly masks: (Uint8Array | undefined)[];
  /**
   * The mask of all columns in which nothing is missing so far: a column gets a mask of its own with
   * its first missing value.
   */
  readonly zeros: Uint8Array;
}

/**
 * Writes rows that were checked into a draft made by `createDraft`, from row `start` on. All rows
 * before `start` have to be there already.
 */
export type FillDraft = (rows: readonly object[], draft: Draft, start: number) => void;

/** Reads one value with a column's own schema; `FAILED` when it is not valid. */
export type ReadValue = (value: unknown) => unknown;

export const FAILED = Symbol("failed");

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
export function createReader(schema: z.ZodType): ReadValue {
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

const EIGHT_BYTES: ReadonlySet<ColumnKind> = new Set(["float64", "int", "date", "bigint"]);

/** Empty columns for a number of rows. */
export function createDraft(plans: readonly ColumnPlan[], rows: number): Draft {
  // From nine rows on one block is cheaper than one allocation a column.
  const block = rows > 8 ? createBlock(plans, rows) : undefined;
  const zeros = new Uint8Array(rows);
  const values: Column["values"][] = [];
  const masks: (Uint8Array | undefined)[] = [];
  let at = 0;
  for (const { kind, nullable, optional } of plans) {
    const mayMiss = kind === "string" ? optional : kind !== "json" && (nullable || optional);
    masks.push(mayMiss ? zeros : undefined);
    if (kind === "string" || kind === "json") values.push([]);
    else if (kind === "boolean") values.push(new Uint8Array(rows));
    else {
      const Values = kind === "bigint" ? BigInt64Array : Float64Array;
      values.push(block === undefined ? new Values(rows) : new Values(block, at, rows));
      at += rows * 8;
    }
  }
  return { values, masks, zeros };
}

function createBlock(plans: readonly ColumnPlan[], rows: number): ArrayBuffer {
  return new ArrayBuffer(plans.filter(({ kind }) => EIGHT_BYTES.has(kind)).length * rows * 8);
}

/** The mask of a column in which something is missing, which it shares with no other. */
export function ownMask(draft: Draft, column: number): Uint8Array {
  const mask = draft.masks[column]!;
  return mask === draft.zeros ? (draft.masks[column] = new Uint8Array(draft.zeros.length)) : mask;
}

export function toColumns(plans: readonly ColumnPlan[], { values, masks }: Draft): Column[] {
  return plans.map(({ kind }, at) => {
    const missing = masks[at];
    const column =
      missing === undefined ? { kind, values: values[at] } : { kind, values: values[at], missing };
    return column as Column;
  });
}

/** Generates the loop over the rows, which writes all columns of a row at once. */
export function compileFill(plans: readonly ColumnPlan[]): FillDraft {
  const names = plans.map((_, at) => `const c${at} = values[${at}]; let m${at} = masks[${at}];`);
  const body = `const { values, masks, zeros } = draft;
    ${names.join("\n")}
    for (let i = start, at = 0; at < rows.length; i++, at++) {
      const row = rows[at];
      let v;
      ${plans.map(writeCell).join("\n")}
    }`;
  return new Function("rows", "draft", "start", body) as FillDraft;
}

function writeCell(plan: ColumnPlan, at: number): string {
  const { kind, nullable, optional } = plan;
  const read = `v = ${cellOf(plan)};`;
  const miss = (code: string): string =>
    `{ if (m${at} === zeros) m${at} = masks[${at}] = new Uint8Array(zeros.length); m${at}[i] = ${code}; }`;
  if (kind === "json") return `${read} c${at}.push(v);`;
  if (kind === "string") {
    if (!optional) return `${read} c${at}.push(v);`;
    return `${read} c${at}.push(v === undefined ? null : v);
      if (v === null || v === undefined) ${miss("v === null ? 1 : 2")}`;
  }
  const value = kind === "boolean" ? "v === true ? 1 : 0" : kind === "date" ? "v.getTime()" : "v";
  if (!nullable && !optional) return `${read} c${at}[i] = ${value};`;
  const empty = kind === "bigint" ? "0n" : kind === "boolean" ? "0" : "NaN";
  return `${read} if (v === null || v === undefined) { c${at}[i] = ${empty}; ${miss("v === null ? 1 : 2")} }
    else c${at}[i] = ${value};`;
}

/** The same writes without generated code: one loop a column. */
export function createFill(plans: readonly ColumnPlan[]): FillDraft {
  return (rows, draft, start) => {
    plans.forEach(({ name, kind }, at) => {
      const inherited = isInherited(name);
      rows.forEach((row, i) => {
        const absent = inherited && !Object.hasOwn(row, name);
        const value = absent ? undefined : (row as Record<string, unknown>)[name];
        const missing = value === null || value === undefined;
        if (missing && draft.masks[at] !== undefined) {
          ownMask(draft, at)[start + i] = value === null ? 1 : 2;
        }
        (draft.values[at] as unknown[])[start + i] = missing
          ? toEmpty(kind, value)
          : toSlot(kind, value);
      });
    });
  };
}

/** What stands in a column for a value that is missing. */
export function toEmpty(kind: ColumnKind, value: null | undefined): unknown {
  if (kind === "json") return value;
  if (kind === "string") return null;
  return kind === "bigint" ? 0n : kind === "boolean" ? 0 : Number.NaN;
}

/** What stands in a column for a value. */
export function toSlot(kind: ColumnKind, value: unknown): unknown {
  if (kind === "boolean") return value === true ? 1 : 0;
  return kind === "date" ? (value as Date).getTime() : value;
}
