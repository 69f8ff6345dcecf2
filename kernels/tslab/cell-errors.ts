import { inspect } from "node:util";
import type { CellRecord } from "ekiben";
import type { Diagnostic } from "tslab/dist/converter.js";

/** The content of Jupyter's `error` message. */
export interface ErrorContent extends Record<string, unknown> {
  ename: string;
  evalue: string;
  traceback: string[];
}

export function toErrorContent(thrown: unknown): ErrorContent {
  if (isInterrupt(thrown)) {
    const evalue = "The cell was interrupted.";
    return { ename: "Interrupted", evalue, traceback: [`Interrupted: ${evalue}`] };
  }
  const traceback = print(thrown).split("\n");
  if (thrown instanceof Error) {
    return { ename: String(thrown.name), evalue: String(thrown.message), traceback };
  }
  return { ename: "Thrown", evalue: traceback[0] ?? "", traceback };
}

/** The way an error is shown, also one whose own properties throw. */
export function print(thrown: unknown): string {
  try {
    return inspect(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

function isInterrupt(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return (
    (thrown as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_INTERRUPTED" ||
    thrown.message === "Interrupted asynchronously"
  );
}

/** "Cannot find name", also where the compiler suggests another one. */
const UNKNOWN_NAME: ReadonlySet<number> = new Set([2304, 2552]);

/** What a cell that failed would have declared: its names are not there for the cells after it. */
export function toFailedDeclarations(
  diagnostics: readonly Diagnostic[],
  cells: readonly CellRecord[],
): string[] {
  const hints = diagnostics.flatMap(({ code, messageText }) => {
    const name = UNKNOWN_NAME.has(code) ? /'([^']+)'/u.exec(messageText)?.[1] : undefined;
    if (name === undefined) return [];
    const failed = cells.findLast((cell) => cell.status === "failed" && cell.bindings.has(name));
    if (failed === undefined) return [];
    const where = `cell [${failed.executionCount}]`;
    return [`${where} declares \`${name}\`, but it failed: mend it and run it again.`];
  });
  return [...new Set(hints)];
}

/** The findings of the compiler, each with its line of the cell. */
export function toCompileError(
  diagnostics: readonly Diagnostic[],
  source: string,
  label: string,
): ErrorContent {
  const lines = source.split("\n");
  const traceback: string[] = [];
  let previous: Diagnostic | undefined;
  let previousLine: string[] = [];
  for (const diagnostic of diagnostics) {
    const { line, character } = diagnostic.start;
    if (previous?.start.offset === diagnostic.start.offset) {
      // The compiler explains a finding in further ones at the same place.
      traceback.push(`  ${diagnostic.messageText}`);
      continue;
    }
    traceback.push(...previousLine);
    const place = `${diagnostic.fileName ?? label}:${line + 1}:${character + 1}`;
    traceback.push(`${place} - error TS${diagnostic.code}: ${diagnostic.messageText}`);
    const text = lines[line];
    const inCell = diagnostic.fileName === undefined && text !== undefined;
    previousLine = inCell ? [`    ${text}`, `    ${" ".repeat(character)}^`] : [];
    previous = diagnostic;
  }
  traceback.push(...previousLine);
  return {
    ename: "CompileError",
    evalue: diagnostics[0]?.messageText ?? "The cell does not compile.",
    traceback,
  };
}
