import type { InputHints } from "../inputs/input.js";
import type { EncodedBody } from "./encoded-body.js";
import { printJson } from "./json-text.js";

const JSON_TYPE = "application/json";

type Row = Record<string, unknown>;

/** Rows as JSON in the orient that the input reads. */
export function encodeTable({ orient, columns = [] }: InputHints, value: unknown): EncodedBody {
  const items = Array.isArray(value) ? value.length : undefined;
  // What is no list of rows is sent as it is: the service says what is wrong.
  const table = isRows(value) ? toOrient(value, orient, columns) : value;
  return {
    content: printJson(table),
    mediaType: JSON_TYPE,
    ...(items === undefined ? {} : { items }),
  };
}

function isRows(value: unknown): value is Row[] {
  return (
    Array.isArray(value) &&
    value.every((row) => typeof row === "object" && row !== null && !Array.isArray(row))
  );
}

function toOrient(rows: Row[], orient: string | undefined, known: readonly string[]): unknown {
  const cell = (row: Row, name: string): unknown =>
    Object.hasOwn(row, name) ? (row[name] ?? null) : null;
  switch (orient) {
    case "values":
      return rows.map((row) => known.map((name) => cell(row, name)));
    case "index":
      return Object.fromEntries(rows.entries());
    case "split": {
      const names = listNames(rows, known);
      const data = rows.map((row) => names.map((name) => cell(row, name)));
      return { columns: names, index: Array.from(rows.keys()), data };
    }
    case "columns":
      return Object.fromEntries(
        listNames(rows, known).map((name) => [
          name,
          Object.fromEntries(rows.map((row, at) => [at, cell(row, name)])),
        ]),
      );
    default:
      return rows;
  }
}

/** The columns that rows have, those that are known first; without rows all that are known. */
function listNames(rows: readonly Row[], known: readonly string[]): string[] {
  const keys = new Set(rows.flatMap((row) => Object.keys(row)));
  return rows.length === 0
    ? [...known]
    : [...new Set([...known.filter((name) => keys.has(name)), ...keys])];
}
