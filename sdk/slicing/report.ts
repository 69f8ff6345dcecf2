import type { Captured, Kept } from "./capture.js";
import type { Effect } from "./find-effects.js";
import { importOf } from "./imports.js";
import { lineOf } from "./notebook.js";

/**
 * One line of what `save()` tells about a capture. `left`: a statement that stays behind.
 * `unknown`: a name that neither the notebook nor Node knows.
 */
export interface CaptureReportLine {
  readonly name: string;
  readonly kind: "import" | "source" | "value" | "model" | "type" | "left" | "unknown";
  readonly execution: number;
  /** The number of the cell in `[ ]`. */
  readonly cell: number;
  /** The line in the cell, from 1. */
  readonly line: number;
  /** Why it is there, or why not, in words. */
  readonly reason: string;
}

/** Says of everything that was captured, and of what was not, from which cell and by which rule. */
export function toReport(captured: Captured, effects: readonly Effect[]): CaptureReportLine[] {
  const lines: CaptureReportLine[] = [];
  for (const one of captured.kept.values()) {
    const kind = one.capture ?? (one.types || one.typeofs ? "type" : undefined);
    if (kind === undefined) continue;
    lines.push({
      name: one.name,
      kind,
      execution: one.execution,
      cell: one.cell.number,
      line: lineOf(one.cell.source, one.cell.declarations.get(one.name)![0]!.node.start),
      reason: reasonOf(one, kind),
    });
  }
  const named = new Set<string>();
  for (const { cell, reference } of captured.unknown) {
    const key = `${cell.id}:${reference.name}`;
    if (named.has(key)) continue;
    named.add(key);
    lines.push({
      name: reference.name,
      kind: "unknown",
      execution: cell.id,
      cell: cell.number,
      line: lineOf(cell.source, reference.start),
      reason: "no cell declares it and Node does not have it",
    });
  }
  for (const { cell, line, text, names } of effects) {
    const reason =
      names.length === 0
        ? "an import for its effect alone is not captured"
        : `the statement only has effects; it mentions ${names.join(", ")}`;
    lines.push({ name: text, kind: "left", execution: cell.id, cell: cell.number, line, reason });
  }
  return lines.sort((a, b) => a.execution - b.execution || a.line - b.line);
}

function reasonOf(one: Kept, kind: CaptureReportLine["kind"]): string {
  const by = one.path.at(-2);
  const needed = by === undefined ? "it is the service" : `${by} needs it`;
  switch (kind) {
    case "import":
      return `imported from ${JSON.stringify(importOf(one)?.specifier)}; ${needed}`;
    case "value":
      return `what the variable holds now; ${needed}`;
    case "model":
      return `a model, saved as files; ${needed}`;
    case "type":
      return "types mention it";
    default:
      return `its text in the cell; ${needed}`;
  }
}
