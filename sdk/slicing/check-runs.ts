import type { Captured, Kept } from "./capture.js";
import { placeOf } from "./check-source.js";
import type { Declaration } from "./find-declarations.js";
import type { Change } from "./find-changes.js";
import { findRun, type Run, type RunUse } from "./find-runs.js";
import {
  type BindingId,
  type Cell,
  keyOf,
  type Notebook,
  statementAt,
  standsIn,
} from "./notebook.js";
import { refuse } from "./refuse.js";
import type { NameResolver } from "./resolve-names.js";

/** What evaluating a declaration needed, by the keys of the variables. */
export type Needs = ReadonlyMap<Declaration, ReadonlySet<string>>;

/**
 * Checks that evaluating each kept declaration again gives what it gave in the kernel: the names
 * that it met then must mean the same now and hold the same, and what it made must not go on
 * changing variables that nobody else can see.
 */
export function checkRuns(
  { kept }: Captured,
  {
    notebook,
    resolver,
    changes,
  }: {
    notebook: Notebook;
    resolver: NameResolver;
    changes: ReadonlyMap<string, readonly Change[]>;
  },
): Needs {
  const needs = new Map<Declaration, Set<string>>();
  const classesOf = (binding: BindingId): readonly BindingId[] | undefined => {
    const one = kept.get(keyOf(binding));
    return one?.capture === "value" ? one.classes : one?.capture === "model" ? [] : undefined;
  };
  const isSource = (binding: BindingId): boolean => kept.get(keyOf(binding))?.capture === "source";
  const callers = createCallers(notebook, resolver);

  for (const one of kept.values()) {
    if (one.capture !== "source") continue;
    for (const declaration of one.cell.declarations.get(one.name)!) {
      if (declaration.typeOnly || needs.has(declaration)) continue;
      const found = new Set<string>();
      needs.set(declaration, found);
      if (declaration.kind === "function") continue;
      const run = findRun(one.cell, declaration, { notebook, resolver, classesOf });
      checkRun(one, run);
      for (const use of run.uses) {
        if (use.meaning.kind !== "binding") continue;
        found.add(keyOf(use.meaning.binding));
        if (isSource(use.meaning.binding)) continue;
        if (use.reference.write || use.reference.mutates) refuseRepeated(one, use);
        const later = (changes.get(keyOf(use.meaning.binding)) ?? []).find((change) =>
          ranAfter(change, one.cell, declaration, callers),
        );
        if (later !== undefined) refuseChanged(one, use, later);
      }
    }
  }
  return needs;
}

function checkRun({ name, cell }: Kept, { stale, early, hidden }: Run): void {
  if (stale !== undefined) {
    refuse(
      `\`${stale.reference.name}\` has been declared again since cell [${cell.number}] made \`${name}\` with it.`,
      { hint: `Run cell [${cell.number}] again.` },
    );
  }
  if (early !== undefined) {
    refuse(
      `\`${name}\` of cell [${cell.number}] was made with \`${early.reference.name}\`, which the cell declares only afterwards.`,
      {
        hint: `Declare \`${early.reference.name}\` before \`${name}\` and run cell [${cell.number}] again.`,
      },
    );
  }
  if (hidden !== undefined) {
    refuse(
      `\`${name}\` of cell [${cell.number}] keeps the variable \`${hidden.name}\` inside of a function, and what it holds now cannot be read.`,
      { hint: `Declare \`${hidden.name}\` at the top level of a cell.` },
    );
  }
}

function refuseRepeated({ name, cell }: Kept, { reference }: RunUse): never {
  refuse(
    `Making \`${name}\` of cell [${cell.number}] changes \`${reference.name}\`, and the bundle would change it once more.`,
    { hint: `Compute what \`${name}\` needs in a \`const\` of its own before it.` },
  );
}

function refuseChanged({ name, cell }: Kept, { reference }: RunUse, change: Change): never {
  refuse(
    `\`${name}\` of cell [${cell.number}] was made with \`${reference.name}\`, which ${
      change.atOnce
        ? `${placeOf(change)} has changed`
        : `a function of ${placeOf(change)} may have changed`
    } since.`,
    { hint: `Run cell [${cell.number}] again, or give the changed value a name of its own.` },
  );
}

/** Whether a change may have happened after a declaration was evaluated. */
function ranAfter(change: Change, cell: Cell, { node }: Declaration, callers: Callers): boolean {
  const { reference } = change;
  const after = (other: Cell, start: number): boolean =>
    other.id > cell.id || (other.id === cell.id && start > node.start);
  if (change.atOnce) {
    // A loop around both runs as one statement.
    return after(change.cell, statementAt(change.cell, reference.start)?.end ?? reference.start);
  }
  if (reference.write) return true;
  return callers(change).some((call) => after(call.cell, call.start));
}

type Callers = (change: Change) => readonly { cell: Cell; start: number }[];

/** Finds the calls, made as cells ran, of the functions in which a change stands. */
function createCallers(notebook: Notebook, resolver: NameResolver): Callers {
  return (change) => {
    const changing = new Set<string>(declaredAround(change.cell, change.reference.start));
    const calls: { cell: Cell; start: number }[] = [];
    for (let grown = true; grown;) {
      grown = false;
      calls.length = 0;
      for (const cell of notebook.cells.values()) {
        for (const reference of cell.references) {
          if (reference.called === undefined) continue;
          const atOnce = cell.atOnce.has(reference.unit);
          const meaning = atOnce
            ? resolver.whileRunning(cell, reference)
            : resolver.now(cell, reference);
          if (meaning.kind !== "binding" || !changing.has(keyOf(meaning.binding))) continue;
          if (atOnce) calls.push({ cell, start: reference.start });
          for (const key of declaredAround(cell, reference.start)) {
            if (!changing.has(key)) {
              changing.add(key);
              grown = true;
            }
          }
        }
      }
    }
    return calls;
  };
}

function declaredAround(cell: Cell, start: number): string[] {
  const keys: string[] = [];
  for (const [name, declarations] of cell.declarations) {
    if (declarations.some(({ node }) => standsIn({ start }, node))) {
      keys.push(keyOf({ execution: cell.id, name }));
    }
  }
  return keys;
}
