import type { z } from "zod";
import { EkibenError, type Issue } from "../core/errors.js";
import { findClosestName } from "../core/closest-name.js";
import { describeValue, printPath, shortName, toFinding, valueAt } from "./findings.js";
import { createPrepare, type RowSchema } from "./row-schema.js";

const MOST_SHOWN = 20;
/** More findings than this are not looked for: the sender learns nothing from them. */
const MOST_COUNTED = 1000;

/**
 * The error for rows that are not valid: which rows and columns, what was expected, what came.
 * `first` is the first bad row. `isValid` may change a row that is valid, never one that is not.
 */
export function explainRows(
  schema: RowSchema,
  rows: readonly unknown[],
  first: number,
  isValid: (row: unknown) => boolean,
): EkibenError {
  const missing = findMissingColumns(schema, rows);
  const issues = [...missing.values()];
  const prepare = createPrepare(schema);
  let count = issues.length;
  let badRows = 0;
  for (let row = first; row < rows.length; row++) {
    const value = rows[row];
    if (isValid(value)) continue;
    badRows += 1;
    if (count >= MOST_COUNTED) continue;
    for (const issue of explainRow(schema, prepare(value), row)) {
      if (issue.column !== undefined && missing.has(issue.column)) continue;
      count += 1;
      if (issues.length < MOST_SHOWN) issues.push(issue);
    }
  }
  const atLeast =
    count >= MOST_COUNTED ? ` At least ${count} findings; no more were looked for.` : "";
  return new EkibenError("INPUT_INVALID", {
    detail: `${badRows} of ${rows.length} ${rows.length === 1 ? "row is" : "rows are"} not valid; first: ${printIssue(issues[0])}.${atLeast}`,
    issues: issues.slice(0, MOST_SHOWN),
    issueCount: count,
  });
}

function printIssue(issue: Issue | undefined): string {
  if (issue === undefined) return "unknown";
  if (issue.row === undefined) return issue.message;
  const column = issue.column === undefined ? "" : `, column ${JSON.stringify(issue.column)}`;
  const path = issue.path === undefined ? "" : ` at ${issue.path}`;
  return `row ${issue.row}${column}${path}: ${issue.message}`;
}

function explainRow(schema: RowSchema, value: unknown, row: number): Issue[] {
  const issues = schema.wire.safeParse(value).error?.issues ?? [];
  const found = issues.flatMap((issue) => toIssues(issue, value, row, schema.names));
  return found.length > 0 ? found : [{ row, message: "the row does not match the schema" }];
}

function toIssues(
  issue: z.core.$ZodIssue,
  value: unknown,
  row: number,
  known: readonly string[],
): Issue[] {
  if (issue.code === "unrecognized_keys" && issue.path.length === 0) {
    return issue.keys.map((name) => ({
      row,
      column: shortName(name),
      message: "the schema has no such column",
      received: describeValue(valueAt(value, [name])),
    }));
  }
  const [column, ...path] = issue.path;
  if (column === undefined) return [{ row, ...toFinding(issue, value) }];
  const name = String(column);
  if (path.length === 0 && !Object.hasOwn(value as object, name)) {
    const { expected } = toFinding(issue, undefined);
    return [
      {
        row,
        column: name,
        message: `the column is missing in row ${row}`,
        ...(expected === undefined ? {} : { expected }),
        received: "nothing",
      },
    ];
  }
  const finding = toFinding(issue, valueAt(value, issue.path));
  return [
    {
      row,
      column: known.includes(name) ? name : shortName(name),
      ...(path.length === 0 ? {} : { path: printPath(path) }),
      ...finding,
    },
  ];
}

/** The needed columns that no row has, each with one finding instead of one a row. */
function findMissingColumns(schema: RowSchema, rows: readonly unknown[]): Map<string, Issue> {
  const found = new Map<string, Issue>();
  const objects = rows.filter(
    (row): row is object => typeof row === "object" && row !== null && !Array.isArray(row),
  );
  const [first] = objects;
  if (first === undefined || objects.length !== rows.length) return found;
  const needed = schema.names.filter((name) => !Object.hasOwn(first, name));
  const absent = needed.filter((name) => objects.every((row) => !Object.hasOwn(row, name)));
  if (absent.length === 0) return found;
  const complaints = schema.wire.safeParse(createPrepare(schema)(first)).error?.issues ?? [];
  const sent = Object.keys(first).filter((name) => !schema.names.includes(name));
  for (const issue of complaints) {
    const column = String(issue.path[0]);
    if (issue.path.length !== 1 || !absent.includes(column) || found.has(column)) continue;
    const closest = findClosestName(column, sent);
    const { expected } = toFinding(issue, undefined);
    const suggestion =
      closest === undefined ? "" : `; did you mean ${JSON.stringify(closest)}, which was sent`;
    const where = rows.length === 1 ? "" : ` in all ${rows.length} rows`;
    found.set(column, {
      column,
      message: `column ${JSON.stringify(column)} is missing${where}${suggestion}`,
      ...(expected === undefined ? {} : { expected }),
      received: "nothing",
    });
  }
  return found;
}
