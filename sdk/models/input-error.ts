import { EkibenError, type ErrorFacts } from "../core/errors.js";

/** The error for data that a model cannot take; `model` is its name in the service. */
export function toInputError(model: string, facts: ErrorFacts): EkibenError {
  return new EkibenError("MODEL_INPUT_INVALID", {
    ...facts,
    detail: `The model ${JSON.stringify(model)} cannot take this input: ${facts.detail}`,
  });
}

/** One cell that does not fit, by row (from 0) and column or input. */
export interface BadCell {
  row: number;
  column: string;
  value: unknown;
  expected: string;
}

export function toCellError(model: string, { row, column, value, expected }: BadCell): EkibenError {
  const received = printValue(value);
  return toInputError(model, {
    detail: `row ${row} of ${JSON.stringify(column)} must be ${expected}, not ${received}.`,
    expected,
    received,
    issues: [{ message: `must be ${expected}`, row, column, expected, received }],
  });
}

/** A value for messages, short. */
export function printValue(value: unknown): string {
  if (value === null || value === undefined) return "missing";
  if (typeof value === "string") {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return `an object of ${value.constructor?.name ?? "no class"}`;
  if (Number.isNaN(value)) return "missing (NaN)";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return `a ${typeof value}`;
}
