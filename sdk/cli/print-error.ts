import { writeSync } from "node:fs";
import { EkibenError, type Issue } from "../core/errors.js";

/**
 * Writes an error for people: its code, what happened and what to do next. The stack is for who
 * asks for it; an error outside of the catalogue is shown whole, for it is a defect.
 */
export function printError(error: unknown, verbose: boolean): void {
  writeSync(2, describeError(error, verbose));
}

export function describeError(error: unknown, verbose: boolean): string {
  if (!(error instanceof EkibenError)) {
    const text = error instanceof Error ? (verbose ? error.stack : error.message) : String(error);
    const more = verbose ? "" : "\n  Run again with --verbose for the stack.";
    return `error INTERNAL: ${text}${more}\n`;
  }
  const { detail, hint, issues = [], issueCount = issues.length } = error.facts;
  const lines = [`error ${error.code}: ${detail}`];
  if (hint !== undefined) lines.push(...hint.split("\n").map((line) => `  ${line}`));
  if (issues.length > 1) lines.push(...issues.map(printIssue));
  if (issueCount > issues.length) lines.push(`  … and ${issueCount - issues.length} more`);
  if (verbose) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) lines.push(at.stack ?? "");
  }
  return `${lines.join("\n")}\n`;
}

function printIssue({ path, message }: Issue): string {
  return path === undefined || path === "" ? `  - ${message}` : `  - ${path}: ${message}`;
}
