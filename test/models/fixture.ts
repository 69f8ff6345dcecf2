import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { OutputTensor } from "../../sdk/models/output-tensor.js";

export const FIXTURES = join(import.meta.dirname, "../fixtures");

export type FixtureRecord = Record<string, unknown>;
interface Tolerance {
  abs: number;
  rel: number;
}

interface FixtureCard {
  onnx: {
    inputs: {
      name: string;
      dtype: string;
      shape: (number | string | null)[];
      features?: string[];
    }[];
    batch?: "dynamic" | "fixed-1";
    ragged?: boolean;
  };
  framework: string;
  framework_version: string;
  task: string;
  classes?: (string | number)[];
  outputs: Record<string, { tolerance: Tolerance | "exact" }>;
}

/** A model that a real framework wrote, with rows and what the framework answered for them. */
export interface Fixture {
  id: string;
  file: string;
  card: FixtureCard;
  records: FixtureRecord[];
  expected: Record<string, unknown[]>;
}

function readJson<Value>(id: string, name: string): Value {
  return JSON.parse(readFileSync(join(FIXTURES, id, name), "utf8")) as Value;
}

export function loadFixture(id: string): Fixture {
  const card = readJson<FixtureCard>(id, "card.json");
  const { outputs } = readJson<{ outputs: Record<string, unknown[]> }>(id, "expected.json");
  // What is a map by class in Python is a row with one column a class here.
  const toRow = (value: unknown): unknown =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? card.classes!.map((name) => (value as Record<string, unknown>)[String(name)])
      : value;
  return {
    id,
    file: join(FIXTURES, id, "model.onnx"),
    card,
    records: readJson(id, "inputs.json"),
    expected: Object.fromEntries(
      Object.entries(outputs).map(([name, rows]) => [name, rows.map(toRow)]),
    ),
  };
}

/** The fixtures that have an ONNX file. */
export const ONNX_FIXTURES: readonly string[] = readdirSync(FIXTURES).filter((name) =>
  existsSync(join(FIXTURES, name, "model.onnx")),
);

/** Compares rows of all outputs with the framework's own answers, in the card's tolerance. */
export function expectRows(
  fixture: Fixture,
  answer: Record<string, unknown>,
  rows: readonly number[],
): void {
  for (const [name, { tolerance }] of Object.entries(fixture.card.outputs)) {
    const output = answer[name] as OutputTensor<number>;
    expect(output?.dims[0], `${fixture.id} ${name} rows`).toBe(rows.length);
    rows.forEach((row, i) => {
      const wanted = [fixture.expected[name]![row]].flat(9);
      const got = Array.from(output.row(i) as ArrayLike<unknown>);
      expect(got.length, `${fixture.id} ${name} row ${row} length`).toBe(wanted.length);
      wanted.forEach((value, k) => {
        if (!isClose(got[k], value, tolerance)) {
          expect.fail(
            `${fixture.id} ${name} row ${row}[${k}]: got ${String(got[k])}, expected ${String(value)}`,
          );
        }
      });
    });
  }
}

function isClose(got: unknown, wanted: unknown, tolerance: Tolerance | "exact"): boolean {
  if (typeof wanted === "string") return got === wanted;
  if (wanted === null) return Number.isNaN(got);
  if (typeof wanted !== "number" || typeof got !== "number") return false;
  if (tolerance === "exact") return got === wanted;
  return Math.abs(got - wanted) <= tolerance.abs + tolerance.rel * Math.abs(wanted);
}

/** The values of some rows as one object a run, one nested list an input. */
export function toInputs(fixture: Fixture, rows: readonly number[]): Record<string, never> {
  return Object.fromEntries(
    fixture.card.onnx.inputs.map(({ name, features }) => [
      name,
      rows.map((row) => {
        const record = fixture.records[row]!;
        const value = features === undefined ? record[name] : features.map((f) => record[f]);
        return (Array.isArray(value) ? value : [value]) as never;
      }),
    ]),
  ) as Record<string, never>;
}

/** Whether every input is a single value of the record, so that rows fit into a plain table. */
export function isTabular({ records }: Fixture): boolean {
  return Object.values(records[0]!).every((value) => !Array.isArray(value));
}

/** Groups of rows that may share a run: all, or those of one shape where rows differ. */
export function groupRows({ card, records }: Fixture): number[][] {
  const groups = new Map<string, number[]>();
  records.forEach((record, row) => {
    const shape = card.onnx.ragged
      ? JSON.stringify(Object.values(record).map((value) => (value as unknown[]).length))
      : "";
    groups.set(shape, [...(groups.get(shape) ?? []), row]);
  });
  return [...groups.values()];
}
