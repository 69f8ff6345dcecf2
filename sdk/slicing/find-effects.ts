import type { Captured } from "./capture.js";
import { findDeclarations, innerStatement } from "./find-declarations.js";
import type { Node, Program } from "oxc-parser";
import { type Cell, keyOf, lineOf, type Notebook, standsIn } from "./notebook.js";
import type { NameResolver } from "./resolve-names.js";

/** A statement that stays behind although it mentions what was captured. */
export interface Effect {
  readonly cell: Cell;
  /** The line in the cell, from 1. */
  readonly line: number;
  /** The first line of the statement. */
  readonly text: string;
  /** The captured names that it mentions; empty for an import that only runs a module. */
  readonly names: readonly string[];
}

/** Finds what the program leaves out on purpose: statements that only have effects. */
export function findEffects(
  notebook: Notebook,
  resolver: NameResolver,
  captured: Captured,
): Effect[] {
  const effects: Effect[] = [];
  for (const cell of notebook.cells.values()) {
    for (const statement of cell.statements) {
      const bare = statement.type === "ImportDeclaration" && statement.specifiers.length === 0;
      if (!bare && isDeclaration(statement)) continue;
      const names = new Set<string>();
      for (const reference of cell.references) {
        if (!standsIn(reference, statement)) continue;
        const meaning = resolver.whileRunning(cell, reference);
        if (meaning.kind !== "binding") continue;
        const one = captured.kept.get(keyOf(meaning.binding));
        if (one?.capture !== undefined && one.capture !== "import") names.add(reference.name);
      }
      if (!bare && names.size === 0) continue;
      effects.push({
        cell,
        line: lineOf(cell.source, statement.start),
        text: firstLine(cell.source.slice(statement.start, statement.end)),
        names: [...names],
      });
    }
  }
  return effects;
}

function isDeclaration(statement: Node): boolean {
  if (statement.type === "ImportDeclaration") return true;
  const inner = innerStatement(statement);
  if (inner.type.endsWith("Statement")) return false;
  return findDeclarations({ body: [inner] } as unknown as Program).length > 0;
}

function firstLine(text: string): string {
  const line = text.split(/\r?\n/, 1)[0]!.trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
